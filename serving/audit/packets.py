"""Packets for an outside reviewer, what comes back, and the DRAFT cases made of it.

A packet holds metadata; texts only where they were asked for. A review holds verdicts from a closed vocabulary on the packet's
own candidates. Nothing of it labels anything by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from scoring.evals.statistics import wilson
from scoring.feedback.types import RootCause
from scoring.types import Band
from serving.api.errors import ValidationFailedError
from serving.audit.summaries import read_review_texts
from serving.evals.cases import Case, read_case
from serving.evals.reading import Fields, sha256_of
from serving.redaction.patterns import redact, redact_json

PACKET_VERSION: Final = 1
VERDICTS: Final = ("agree", "disagree", "unsure")
CAUSES: Final = tuple(cause.value for cause in RootCause)
_BANDS: Final = tuple(band.value for band in Band)
_MOST_NOTE: Final = 200
_QUOTED_WORDS: Final = 4
_QUOTES: Final = frozenset('"“”„«»`‘‚')
_WORD: Final = re.compile(r"\w+")
_HOW: Final = (
    "Answer with a JSON object: packet_sha256 of this packet, and verdicts, a list of {id, verdict, correct_band?, cause?, "
    "severity?, note?}. A note is your own words, 200 characters at most: it quotes nothing."
)


@dataclass(frozen=True)
class Verdict:
    """A reviewer's word on one candidate. ``correct_band``: what the band should have been."""

    candidate: str
    verdict: str
    correct_band: str | None = None
    cause: str | None = None
    severity: int | None = None


def make_packet(candidates: Mapping[str, Any], review_texts: Sequence[Path] = ()) -> dict[str, Any]:
    """A packet of :func:`serving.audit.summaries.find_candidates`; with texts only where ``review_texts`` are given."""
    rows, clusters = [], []
    for cluster in candidates["clusters"]:
        clusters.append({name: value for name, value in cluster.items() if name != "examples"})
        for example in cluster["examples"]:
            identity = sha256_of([cluster["cluster"], example["request"], example["time"]])[:16]
            rows.append({"id": identity, "cluster": cluster["cluster"], "why": cluster["why"], "decision": example})
    texts = read_review_texts(review_texts, {row["decision"]["request"] for row in rows})
    for row in rows:
        found = texts.get(row["decision"]["request"])
        if found is not None:
            row["text"] = found["line"]["body"]
    content = {
        "packet": PACKET_VERSION,
        "decisions": candidates["decisions"],
        "clusters": clusters,
        "candidates": rows,
        "answer": {"how": _HOW, "verdict": list(VERDICTS), "correct_band": list(_BANDS), "cause": list(CAUSES)},
    }
    return {"packet_sha256": sha256_of(content), **content}


def read_packet(path: Path) -> dict[str, Any]:
    """A packet as it was made. Raises ValidationFailedError when its hash is not that of its content."""
    value = _json(path)
    if not isinstance(value, dict) or value.get("packet") != PACKET_VERSION:
        raise ValidationFailedError(f"{path.name}: is no packet of version {PACKET_VERSION}")
    content = {name: item for name, item in value.items() if name != "packet_sha256"}
    if sha256_of(content) != value.get("packet_sha256"):
        raise ValidationFailedError(f"{path.name}: was changed after it was made; make the packet again")
    return value


def read_review(path: Path, packet: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdicts of a review. Raises ValidationFailedError for an unknown id, a word outside the schema, a note that quotes."""
    fields = Fields(_json(path), path.name)
    if fields.text("packet_sha256") != packet["packet_sha256"]:
        raise ValidationFailedError(f"{path.name}: is the review of another packet")
    by_id = {row["id"]: row for row in packet["candidates"]}
    found: dict[str, Verdict] = {}
    for index, value in enumerate(fields.take("verdicts", list)):
        verdict = _verdict(Fields(value, f"{path.name}.verdicts[{index}]"), by_id)
        if verdict.candidate in found:
            raise ValidationFailedError(f"{path.name}.verdicts[{index}].id: {verdict.candidate} was judged before")
        found[verdict.candidate] = verdict
    fields.end()
    if not found:
        raise ValidationFailedError(f"{path.name}.verdicts: is empty")
    return tuple(found.values())


def review_summary(packet: Mapping[str, Any], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Counts by cluster, with the interval of the share that disagrees. ``unsure`` is in no share."""
    cluster_of = {row["id"]: row["cluster"] for row in packet["candidates"]}
    grouped: dict[str, list[Verdict]] = {}
    for one in verdicts:
        grouped.setdefault(cluster_of[one.candidate], []).append(one)
    rows = []
    for cluster in packet["clusters"]:
        judged = grouped.get(cluster["cluster"])
        if judged:
            named = {name: cluster[name] for name in ("cluster", "why", "lane", "band", "reason_codes", "decisions")}
            rows.append({**named, **_counted(judged)})
    return {
        "packet_sha256": packet["packet_sha256"],
        "candidates": len(packet["candidates"]),
        "all": _counted(verdicts),
        "clusters": rows,
        "labels": "none: a review is evidence, and becomes a label or a case only by `audit import` and its curation",
    }


def review_markdown(found: Mapping[str, Any]) -> str:
    """The counts for people."""
    lines = [
        "# Review",
        "",
        f"{found['all']['reviewed']} of {found['candidates']} candidates. No label was written.",
        "",
        "| cluster | why | band | codes | decisions | agree | disagree | unsure | share that disagrees (95%) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found["clusters"]:
        share = one["disagree_share"]
        told = "" if share is None else f"{share['value']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
        codes = " ".join(one["reason_codes"])
        cells = (
            one["cluster"],
            one["why"],
            one["band"],
            codes,
            one["decisions"],
            *(one[name] for name in VERDICTS),
            told,
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def draft_cases(
    packet: Mapping[str, Any], verdicts: Sequence[Verdict], review_texts: Sequence[Path]
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Cases of the candidates that the review disagrees with, and why others were left out.

    They have what was asked, said and retrieved, redacted once more, and the groundedness grader; an expectation is a person's to
    write, so each is a DRAFT.
    """
    rows = {row["id"]: row for row in packet["candidates"]}
    chosen = [one for one in verdicts if one.verdict == "disagree"]
    texts = read_review_texts(review_texts, {rows[one.candidate]["decision"]["request"] for one in chosen})
    cases: dict[str, Case] = {}
    skipped: list[str] = []
    for one in chosen:
        row = rows[one.candidate]
        found = texts.get(row["decision"]["request"])
        if found is None or found["meta"]["cut"]:
            why = "its review text was cut" if found else "there is no review text of it"
            skipped.append(f"candidate {one.candidate}: {why}")
            continue
        case = _case(row, one, found["line"]["body"])
        cases[case.task_id] = case
    return tuple(cases.values()), tuple(skipped)


def _case(row: Mapping[str, Any], verdict: Verdict, body: Mapping[str, Any]) -> Case:
    kept, _ = redact_json(dict(body), privacy_mode=True)
    units = kept.get("support_units") or [{"text": kept.get("raw_context") or ""}]
    good = verdict.correct_band == Band.GREEN.value
    document: dict[str, Any] = {
        "task_id": f"audit-{row['decision']['request'][:16]}",
        "input_messages": kept.get("query_text") or "(no question was recorded)",
        "reference_answer": kept["response_text"] if good else None,
        "recorded_failure": None if good else kept["response_text"],
        "relevant_docs": [
            {"document_id": f"passage-{index}", "snippet": unit["text"]}
            for index, unit in enumerate(units, 1)
            if unit["text"]
        ],
        "graders": ["phantom" if row["decision"].get("lane") == "code" else "groundedness"],
        "failure_category": verdict.cause,
        "severity": verdict.severity or 3,
        "source": "manual",
        "track": "golden" if good else "regression",
        "cluster_key": row["cluster"],
    }
    return read_case({name: value for name, value in document.items() if value is not None}, f"candidate {row['id']}")


def _verdict(fields: Fields, by_id: Mapping[str, Mapping[str, Any]]) -> Verdict:
    identity = fields.text("id")
    if identity not in by_id:
        raise ValidationFailedError(f"{fields.where}.id: the packet has no such candidate")
    _check_note(fields.text("note", None), by_id[identity], f"{fields.where}.note")
    severity = fields.take("severity", int, None)
    if severity is not None and not 1 <= severity <= 5:
        raise ValidationFailedError(f"{fields.where}.severity: is 1 to 5")
    verdict = Verdict(
        candidate=identity,
        verdict=_word(fields, "verdict", VERDICTS, ...),
        correct_band=_word(fields, "correct_band", _BANDS, None),
        cause=_word(fields, "cause", CAUSES, None),
        severity=severity,
    )
    fields.end()
    return verdict


def _word(fields: Fields, name: str, allowed: Sequence[str], default: Any) -> Any:
    """A word of a vocabulary; one that is not is not repeated, as it may be a text."""
    value = fields.text(name, default)
    if value is not None and value not in allowed:
        raise ValidationFailedError(f"{fields.where}.{name}: is none of {', '.join(allowed)}")
    return value


def _check_note(note: str | None, row: Mapping[str, Any], where: str) -> None:
    """Refuse a note that is long, has quotation marks or secrets, or shares four words in a row with the candidate's text."""
    if note is None:
        return
    if len(note) > _MOST_NOTE:
        raise ValidationFailedError(f"{where}: has {len(note)} characters; {_MOST_NOTE} may be")
    if _QUOTES & set(note) or redact(note, privacy_mode=True).counts:
        raise ValidationFailedError(f"{where}: quotes or holds a secret; say it in your own words")
    said = _runs(note)
    if said & {run for text in _texts(row.get("text")) for run in _runs(text)}:
        raise ValidationFailedError(f"{where}: repeats the text under review; say it in your own words")


def _runs(text: str) -> set[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return {tuple(words[at : at + _QUOTED_WORDS]) for at in range(len(words) - _QUOTED_WORDS + 1)}


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def _counted(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in verdicts)
    sure = counts["agree"] + counts["disagree"]
    share = wilson(counts["disagree"], sure) if sure else None
    return {
        "reviewed": len(verdicts),
        **{name: counts[name] for name in VERDICTS},
        "disagree_share": None
        if share is None
        else {"value": round(share.value, 4), "low": round(share.low, 4), "high": round(share.high, 4), "n": share.n},
        "causes": dict(sorted(Counter(one.cause for one in verdicts if one.cause).items())),
        "correct_bands": dict(sorted(Counter(one.correct_band for one in verdicts if one.correct_band).items())),
    }


def _json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"{path.name}: not JSON: {error}") from None
