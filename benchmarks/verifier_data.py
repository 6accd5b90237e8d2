"""Claims with the premises the lane would read for them: ``python -m benchmarks.verifier_data --answers FILE --out FILE``.

From answers with their contexts (fields as in docs/training.md) to the prepared rows that ``models.training`` reads:
``{src, group, split, premise, claim, start, label, unsupported, group_label}``. Units, alignment, passages and packing are
those of the server, so that training sees what the lane will send. Answers without spans get ``label`` null and a
``group_label``.
"""

from __future__ import annotations

import argparse
import difflib
import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from models.encoder import TransformerEncoder
from models.registry import EncoderSpec, load_encoder
from models.training.examples import DataError, read_lines
from scoring.maxsim import PackedUnits, align, pack_units
from scoring.rag.premises import (
    DEFAULT_BUDGET_TOKENS,
    Passages,
    claim_premise,
    context_passages,
    count_tokens,
    with_question,
)
from scoring.segmentation import SegmentationMode, make_units, split_claims, unit_spans
from scoring.types import Alignment, Claim

WINDOW_TOKENS = 256
_CONFLICT = "Conflict"
_EDIT = "Edit"
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\S+")
_SAME_ANSWER = 0.6
_STEM = 5
_FEW_WORDS = 4.0
_HALLUCINATED_CLAIMS, _FAITHFUL_CLAIMS = 3, 2
_TRAIN_THIRDS = (0, 1)


@dataclass(frozen=True, eq=False)
class Context:
    """One context, cut and encoded once for all its answers."""

    passages: Passages
    token_counts: tuple[int, ...]
    packed: PackedUnits


class Preparer:
    """Builds premises with one encoder; contexts are kept by text."""

    def __init__(self, encoder: TransformerEncoder, budget_tokens: int = DEFAULT_BUDGET_TOKENS) -> None:
        self._encoder = encoder
        self._budget_tokens = budget_tokens
        self._contexts: dict[str, Context] = {}
        self._null_bank = encoder.encode(["nothing"])[0]

    def context(self, text: str) -> Context:
        """Passages and vectors of a context."""
        if text not in self._contexts:
            tokens = self._encoder.tokenizer.encode(text)
            starts = tokens.char_spans[:, 0].astype(np.int64)
            units = make_units(text, unit_spans(text, SegmentationMode.SENTENCE_PACKED, WINDOW_TOKENS, starts))
            passages = context_passages(units, text)
            packed = pack_units(self._encoder.encode([unit.text for unit in units]))
            self._contexts[text] = Context(passages, count_tokens(passages, self._encoder.tokenizer.count), packed)
        return self._contexts[text]

    def premises(self, context: str, question: str | None, response: str) -> list[tuple[Claim, str]]:
        """Each claim of the response and the premise that the verifier reads for it."""
        prepared = self.context(context)
        claims = split_claims(response)
        alignment = self._align(response, prepared, claims)
        return [
            (
                claim,
                with_question(
                    question,
                    claim_premise(alignment, claim, prepared.passages, prepared.token_counts, self._budget_tokens),
                ),
            )
            for claim in claims
        ]

    def _align(self, response: str, context: Context, claims: Sequence[Claim]) -> Alignment:
        vectors = self._encoder.encode([response], window_tokens=WINDOW_TOKENS)[0]
        spans = [(claim.char_start, claim.char_end) for claim in claims]
        return align(vectors, context.packed, spans, pack_units([self._null_bank]))


def clipped_spans(spans: Sequence[dict[str, Any]], claim: Claim) -> list[tuple[int, int, str]]:
    """The parts of annotated spans that lie in the claim, in its own characters, with their kind."""
    inside = []
    for span in spans:
        start, end = max(span["start"], claim.char_start), min(span["end"], claim.char_end)
        if start < end:
            inside.append((start - claim.char_start, end - claim.char_start, span.get("label_type") or ""))
    return inside


def claim_label(spans: Sequence[tuple[int, int, str]]) -> str:
    """Entailment without spans, contradiction if one is a conflict, not entailed if one is an edit, else neutral."""
    if not spans:
        return "entailment"
    if any(kind == _EDIT for _, _, kind in spans):
        return "not_entailment"
    return "contradiction" if any(_CONFLICT in kind for _, _, kind in spans) else "neutral"


def prepared_rows(answers: Sequence[dict[str, Any]], preparer: Preparer, name: str) -> Iterator[dict[str, Any]]:
    """Rows of all claims of all answers, in order."""
    for number, answer in enumerate(track(answers, description=name)):
        spans = answer.get("spans")
        for claim, premise in preparer.premises(answer["context"], answer.get("question"), answer["response"]):
            inside = None if spans is None else clipped_spans(spans, claim)
            yield {
                "src": f"{name}_{answer['task']}",
                "group": f"{name}:{number}",
                "source_id": answer.get("source_id"),
                "split": answer.get("split"),
                "premise": premise,
                "claim": claim.text,
                "start": claim.char_start,
                "label": None if inside is None else claim_label(inside),
                "unsupported": None if inside is None else [[a, b] for a, b, _ in inside],
                "kinds": None if inside is None else sorted({kind for _, _, kind in inside}),
                "group_label": answer["hallucinated"] if inside is None else None,
                "answer_label": answer["hallucinated"],
            }


def doubt(row: dict[str, Any]) -> float:
    """Share of the claim's words that the premise lacks, numbers counted twice: a guess at what may be wrong."""
    premise = {word[:_STEM] for word in _WORD.findall(row["premise"].lower())}
    words = [word for word in _WORD.findall(row["claim"].lower()) if len(word) > 2 or word.isdigit()]
    weights = [2.0 if word[0].isdigit() else 1.0 for word in words]
    missing = sum(w for word, w in zip(words, weights, strict=True) if word[:_STEM] not in premise)
    return missing / max(_FEW_WORDS, sum(weights))


def most_doubtful(rows: Sequence[dict[str, Any]], if_hallucinated: int, if_faithful: int) -> list[dict[str, Any]]:
    """Of each answer that only has a label as a whole, the claims to learn from: those with most :func:`doubt`.

    In a hallucinated answer one of them is likely the wrong one; in a faithful answer they are the hard supported ones.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    kept = []
    for members in groups.values():
        if members[0]["group_label"] is None:
            kept.extend(members)
            continue
        limit = if_hallucinated if members[0]["group_label"] else if_faithful
        kept.extend(sorted(members, key=lambda row: (-doubt(row), row["start"]))[:limit])
    return kept


def balanced(answers: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """All hallucinated answers of each task and as many faithful ones, drawn and ordered by the seed."""
    drawn = list(answers)
    random.Random(seed).shuffle(drawn)
    kept = []
    for task in sorted({row["task"] for row in drawn}):
        wrong = [row for row in drawn if row["task"] == task and row["hallucinated"]]
        right = [row for row in drawn if row["task"] == task and not row["hallucinated"]]
        kept.extend(wrong + right[: len(wrong)])
    return kept


def edit_spans(before: str, after: str) -> list[dict[str, Any]]:
    """The words of ``after`` that ``before`` does not have in their place; of words taken out, the word that follows."""
    words, kept = list(_TOKEN.finditer(after)), [match.group() for match in _TOKEN.finditer(before)]
    if not words:
        return []
    spans = []
    matcher = difflib.SequenceMatcher(None, kept, [match.group() for match in words], autojunk=False)
    for change, _, _, start, end in matcher.get_opcodes():
        if change == "equal":
            continue
        first = min(start, len(words) - 1)
        last = max(first, end - 1)
        spans.append({"start": words[first].start(), "end": words[last].end(), "label_type": _EDIT})
    return spans


def with_edits(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pairs of a faithful answer and, right after it, the same answer with one thing made wrong, as answers with spans.

    A faithful answer that stands before several edits is kept once; answers without a partner stay as they are.
    """
    found: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(answers):
        partner = answers[number - 1] if number else None
        following = answers[number + 1] if number + 1 < len(answers) else None
        if row["hallucinated"] and _partners(partner, row):
            found.append({**row, "spans": edit_spans((partner or {})["response"], row["response"])})
        elif not row["hallucinated"] and _partners(row, following):
            if (row["context"], row["response"]) not in seen:
                found.append({**row, "spans": []})
            seen.add((row["context"], row["response"]))
        else:
            found.append(row)
    return found


def _partners(faithful: dict[str, Any] | None, wrong: dict[str, Any] | None) -> bool:
    if faithful is None or wrong is None or faithful["hallucinated"] or not wrong["hallucinated"]:
        return False
    if faithful["context"] != wrong["context"]:
        return False
    matcher = difflib.SequenceMatcher(None, faithful["response"].split(), wrong["response"].split(), autojunk=False)
    return matcher.ratio() >= _SAME_ANSWER


def in_part(row: dict[str, Any], part: str) -> bool:
    """Whether a row is of the ``train`` two thirds or the ``dev`` third of a set without a split, by its context."""
    third = hashlib.sha256(row["context"].encode()).digest()[0] % 3
    return (third in _TRAIN_THIRDS) == (part == "train")


def read_answers(path: Path, contexts_from: Path | None) -> list[dict[str, Any]]:
    """Answers of a file; those without a context get it, and the question, by ``source_id`` from ``contexts_from``."""
    known = {row["source_id"]: row for row in read_lines(contexts_from)} if contexts_from is not None else {}
    answers = []
    for row in read_lines(path):
        if "context" not in row:
            if row["source_id"] not in known:
                raise DataError(f"{path}: no context for source {row['source_id']!r}; give --contexts-from.")
            origin = known[row["source_id"]]
            row = {**row, "context": origin["context"], "question": origin.get("question")}
        answers.append({"task": row.get("src", "answer"), **row})
    return answers


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verifier_data", description=__doc__)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--contexts-from", type=Path, help="where answers without context find it, by source_id")
    parser.add_argument("--split", help="keep rows of this split only")
    parser.add_argument(
        "--part", choices=("train", "dev"), help="two thirds or one third of the contexts, by their hash"
    )
    parser.add_argument(
        "--edits", action="store_true", help="a wrong answer that edits the faithful one before it has spans"
    )
    parser.add_argument("--name", required=True, help="name of the set; rows are called NAME_TASK")
    parser.add_argument("--balance-seed", type=int, help="keep as many faithful answers as hallucinated ones")
    parser.add_argument("--most-doubtful", action="store_true", help="keep few claims of answers without spans")
    parser.add_argument("--budget-tokens", type=int, default=DEFAULT_BUDGET_TOKENS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        answers = read_answers(options.answers, options.contexts_from)
    except DataError as error:
        parser.exit(2, f"error: {error}\n")
    if options.split is not None:
        answers = [row for row in answers if row.get("split") == options.split]
    if options.part is not None:
        answers = [row for row in answers if in_part(row, options.part)]
    if options.edits:
        answers = with_edits(answers)
    if options.balance_seed is not None:
        answers = balanced(answers, options.balance_seed)
    preparer = Preparer(load_encoder(EncoderSpec()), options.budget_tokens)
    rows = list(prepared_rows(answers, preparer, options.name))
    if options.most_doubtful:
        rows = most_doubtful(rows, _HALLUCINATED_CLAIMS, _FAITHFUL_CLAIMS)
    with gzip.open(options.out, "wt", encoding="utf-8", compresslevel=4) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
