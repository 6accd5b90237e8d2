"""Which parts of the context the verifier reads for a claim: passages of a sentence or a record field, under a token budget.

The alignment names, for every content token of the claim, the characters of the context that match it best. A passage's votes are
the similarities of the tokens it holds the match of; the passages with most votes are read, in the order of the context.
That follows a claim that rests on several places, which a ranking by whole units does not. Records (JSON) are read as
"key: value" lines, since half the tokens of JSON are punctuation.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.types import NliScores
from parsers.values.markup import decode_references, has_references
from scoring.rag.evidence import claim_tokens
from scoring.segmentation import sentence_spans
from scoring.types import Alignment, Claim, Span, SupportUnit

DEFAULT_BUDGET_TOKENS = 192
"""Tokens of one premise: with question and claim about 240, six claims in some 70 ms on two cores."""

_MAX_PASSAGE_CHARACTERS = 320
_SHORT_ANSWER_WORDS = 12
_LONG_VALUE_CHARACTERS = 120
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_NEIGHBOUR_SHARE = 0.1
_WORDS_FOR = {"true": "yes", "false": "no", "null": "unknown"}


@dataclass(frozen=True)
class Passage:
    """``text``: what the verifier reads of characters ``start:end`` of document ``document``."""

    document: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Passages:
    """All passages of a context in order, and where each unit lies: ``origin[u]`` is (document, first character)."""

    items: tuple[Passage, ...]
    origin: tuple[tuple[int, int], ...]

    @cached_property
    def canonical(self) -> tuple[int, ...]:
        """The passages' numbers with the documents sorted by their texts, an order that no request decides."""
        texts: dict[int, list[str]] = {}
        for item in self.items:
            texts.setdefault(item.document, []).append(item.text)
        return tuple(sorted(range(len(self.items)), key=lambda i: (texts[self.items[i].document], i)))


def pack_premises(
    claim_unit_row: NDArray[np.floating[Any]] | Sequence[float],
    unit_texts: Sequence[str],
    token_counts: Sequence[int],
    budget_tokens: int = DEFAULT_BUDGET_TOKENS,
    max_units: int = 64,
) -> tuple[int, ...]:
    """Numbers of the units to read for one claim, in the order of the context, within budget and ``max_units``.

    ``claim_unit_row``: (units,) how well each matches the claim. Best first; one that no longer fits is passed over. The best
    unit is always among them, even above the budget (the verifier then reads it in windows); blank units never.
    """
    if not len(claim_unit_row) == len(unit_texts) == len(token_counts):
        raise ValueError(f"{len(claim_unit_row)} scores, {len(unit_texts)} texts, {len(token_counts)} token counts")
    chosen: list[int] = []
    used = 0
    for number in np.argsort(-np.asarray(claim_unit_row, dtype=np.float64), kind="stable").tolist():
        if not unit_texts[number].strip():
            continue
        if chosen and (used + token_counts[number] > budget_tokens or len(chosen) >= max_units):
            continue
        chosen.append(number)
        used += token_counts[number]
    return tuple(sorted(chosen))


def context_passages(units: Sequence[SupportUnit], raw_context: str | None = None) -> Passages:
    """The passages of all units. Units cut from ``raw_context`` are read there as one document, others each alone."""
    items: list[Passage] = []
    origin: list[tuple[int, int]] = []
    document = -1
    raw_document: int | None = None
    for unit in units:
        inside = raw_context is not None and unit.char_start is not None
        if inside and raw_document is not None:
            origin.append((raw_document, unit.char_start or 0))
            continue
        document += 1
        text = raw_context if inside and raw_context is not None else unit.text
        items.extend(Passage(document, start, end, _resolved(words)) for start, end, words in _split(text))
        origin.append((document, (unit.char_start or 0) if inside else 0))
        raw_document = document if inside else raw_document
    return Passages(tuple(items), tuple(origin))


def passage_scores(alignment: Alignment, claim: Claim, passages: Passages) -> NDArray[np.float64]:
    """(passages,) summed similarity of the claim's content tokens whose best match lies in the passage.

    A tenth of a passage's votes goes to each neighbour in its document: pronouns and headings are resolved next door.
    """
    keys = [(item.document, item.start) for item in passages.items]
    votes = np.zeros(len(keys))
    for token in claim_tokens(alignment, claim).tolist():
        unit = int(alignment.best_unit[token])
        if unit < 0 or not keys:
            continue
        document, offset = passages.origin[unit]
        at = bisect_right(keys, (document, offset + int(alignment.best_span[token, 0]))) - 1
        votes[max(at, 0)] += max(0.0, float(alignment.best[token]))
    scores = votes.copy()
    for step in (1, -1):
        for i in range(max(0, -step), len(keys) - max(0, step)):
            if passages.items[i].document == passages.items[i + step].document:
                scores[i] += _NEIGHBOUR_SHARE * votes[i + step]
    return scores


def claim_premise(
    alignment: Alignment,
    claim: Claim,
    passages: Passages,
    token_counts: Sequence[int],
    budget_tokens: int = DEFAULT_BUDGET_TOKENS,
) -> str:
    """What the verifier reads for ``claim``, passages joined by line breaks; empty only without passages.

    Documents stand by their best passage, so that their order in the request changes nothing; passages of one keep its order.
    ``token_counts``: tokens of each passage's text, with the verifier's tokenizer.
    """
    order = passages.canonical
    scores = passage_scores(alignment, claim, passages)[list(order)]
    items = [passages.items[i] for i in order]
    texts = [item.text for item in items]
    chosen = pack_premises(scores, texts, [token_counts[i] for i in order], budget_tokens, len(texts))
    best: dict[int, float] = {}
    for i in chosen:
        best[items[i].document] = max(best.get(items[i].document, 0.0), float(scores[i]))
    return "\n".join(texts[i] for i in sorted(chosen, key=lambda i: -best[items[i].document]))


def with_question(question: str | None, premise: str) -> str:
    """The premise as the verifier was trained to read it: the question, where there is one, stands first."""
    return f"{question.strip()}\n{premise}" if question and question.strip() else premise


def with_asked(question: str | None, claims: Sequence[Claim]) -> str:
    """What is put before the only claim of a short answer ("Blackstar") so that it states something; else nothing.

    The characters of token support that the verifier gives then start that much later, see :func:`without_asked`.
    """
    asked = (question or "").strip()
    if not asked or len(claims) != 1 or len(claims[0].text.split()) > _SHORT_ANSWER_WORDS:
        return ""
    return f"{asked} "


def without_asked(verdict: NliScores, asked: str) -> NliScores:
    """The verdict on ``asked`` + claim as one on the claim: token support in its own characters."""
    shift = len(asked)
    if not shift:
        return verdict
    own = tuple((start - shift, end - shift, value) for start, end, value in verdict.token_support if start >= shift)
    return replace(verdict, token_support=own)


def count_tokens(passages: Passages, count: Callable[[str], int]) -> tuple[int, ...]:
    """Tokens of each passage plus one for the line break between passages."""
    return tuple(count(item.text) + 1 for item in passages.items)


def _resolved(text: str) -> str:
    return decode_references(text).text if has_references(text) else text


def _split(text: str) -> Iterator[tuple[int, int, str]]:
    if _is_record(text):
        yield from _fields(text)
    else:
        for span in sentence_spans(text):
            yield from ((a, b, text[a:b]) for a, b in _short(text, span))


def _short(text: str, span: Span) -> Iterator[Span]:
    """The span in parts of at most some 320 characters, cut at white space where there is any."""
    start, end = span
    while end - start > _MAX_PASSAGE_CHARACTERS:
        limit = start + _MAX_PASSAGE_CHARACTERS
        cut = text.rfind(" ", start + _MAX_PASSAGE_CHARACTERS // 2, limit)
        cut = limit if cut < 0 else cut + 1
        yield start, cut
        start = cut
    yield start, end


def _is_record(text: str) -> bool:
    """Whether the text is one JSON object or array."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _fields(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, "key: value") of the leaves of a JSON text; plain leaves of a nested object share one line."""
    line: tuple[int, int, str] | None = None
    for (start, value_start, end), path, value in _leaves(text):
        parent = path[-2] if len(path) > 1 else ""
        key = _readable(path[-1]) or "value"
        if len(value) > _LONG_VALUE_CHARACTERS:
            if line is not None:
                yield line
                line = None
            yield from _long_value(text, (value_start, end), key)
            continue
        head = _readable(parent)
        piece = f"{key}: {value}"
        if line is not None and head and line[2].startswith(head + " - ") and len(line[2]) < _LONG_VALUE_CHARACTERS:
            line = (line[0], end, f"{line[2]}, {piece}")
            continue
        if line is not None:
            yield line
        line = (start, end, f"{head} - {piece}" if head else piece)
    if line is not None:
        yield line


def _long_value(text: str, span: Span, key: str) -> Iterator[tuple[int, int, str]]:
    for a, b in sentence_spans(text[span[0] : span[1]]):
        for start, end in _short(text, (span[0] + a, span[0] + b)):
            words = text[start:end].replace("\\n", " ").replace('\\"', '"').strip('" ')
            if words:
                yield start, end, f"{key}: {words}"


def _leaves(text: str) -> Iterator[tuple[tuple[int, int, int], tuple[str, ...], str]]:
    """((start of the key, of its value, end), keys from the outside in, value as words) of each scalar of a JSON text."""
    path: list[str] = []
    opened: list[bool] = []  # for each open container: is it an object
    key: str | None = None
    key_start: int | None = None
    awaiting_key = False
    for match in _JSON_TOKEN.finditer(text):
        mark = match.group()
        if mark in "{[":
            path.append(key or "")
            opened.append(mark == "{")
            key, key_start, awaiting_key = None, None, mark == "{"
        elif mark in "}]":
            path.pop()
            opened.pop()
        elif mark == ",":
            key, key_start, awaiting_key = None, None, opened[-1]
        elif mark == ":":
            awaiting_key = False
        elif awaiting_key:
            key, key_start = json.loads(mark), match.start()
        else:
            names = tuple(part for part in (*path, key or "") if part)
            value = mark[1:-1].strip() if mark[0] == '"' else _WORDS_FOR.get(mark, mark)
            start = match.start() if key_start is None else key_start
            yield (start, match.start(), match.end()), names if key else (*names, ""), value or "empty"


def _readable(key: str) -> str:
    """``OutdoorSeating`` -> ``Outdoor Seating``."""
    return _CAMEL.sub(" ", key).strip()
