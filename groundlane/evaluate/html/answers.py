"""An answer coloured by its claims, beside its sources with what the claims cite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from groundlane.evaluate.summary import Judged

_CLASSES: Final = ("supported", "contradicted", "unsupported")


@dataclass(frozen=True)
class Mark:
    """``text[start:end]`` is of the class ``kind``; ``note`` says it in words."""

    start: int
    end: int
    kind: str
    note: str


def marked(text: str, marks: Iterable[Mark]) -> str:
    """The text as HTML with its marks; one that overlaps an earlier mark or leaves the text is cut to what is left."""
    parts, position = [], 0
    for mark in sorted(marks, key=lambda each: (each.start, -each.end)):
        start, end = max(mark.start, position), min(mark.end, len(text))
        if start >= end:
            continue
        parts.append(escape(text[position:start]))
        parts.append(
            f'<mark class="{mark.kind}"><span class="unseen">[{escape(mark.note)}: </span>'
            f'{escape(text[start:end])}<span class="unseen">]</span></mark>'
        )
        position = end
    return "".join([*parts, escape(text[position:])])


def example(judged: Judged, number: int) -> str:
    """One example: what the server says, the answer beside its sources, what is wrong with it."""
    answer = judged.answer or {}
    claims = answer.get("claims") or ()
    request = judged.row.request or {}
    question = request.get("query_text")
    score = "no score" if judged.score is None else f"score {judged.score:.2f}"
    groups = "".join(f" · {escape(column)}: {escape(value)}" for column, value in judged.row.groups.items())
    asked = f'<p class="asked"><strong>Question</strong> {escape(question)}</p>' if question else ""
    told = marked(judged.row.answer, _of_claims(claims))
    return (
        f'<article aria-labelledby="example-{number}"><h3 id="example-{number}">{escape(judged.row.place)}: '
        f"{escape(judged.verdict)}, {score}</h3>"
        f'<p class="meta">{escape(judged.reason)}{groups}{_label(judged)}</p>{asked}<div class="pair">'
        f'<section aria-label="answer of example {number}" tabindex="0"><h4>Answer</h4>'
        f'<div class="text">{told}</div>{_faults(claims)}</section>'
        f'<section aria-label="sources of example {number}" tabindex="0"><h4>Sources</h4>'
        f"{_sources(request, answer)}</section></div></article>"
    )


def _label(judged: Judged) -> str:
    if judged.row.label is None:
        return ""
    return f" · people found it {'hallucinated' if judged.row.label else 'grounded'}"


def _of_claims(claims: Sequence[Mapping[str, Any]]) -> list[Mark]:
    return [
        Mark(claim["char_start"], claim["char_end"], claim["verdict"], claim["verdict"])
        for claim in claims
        if claim["verdict"] in _CLASSES
    ]


def _faults(claims: Sequence[Mapping[str, Any]]) -> str:
    faults = [
        f"<li><strong>{escape(claim['verdict'])}</strong> {escape(' '.join(claim['text'].split()))}"
        f"{''.join(f'<br><small>{escape(reason)}</small>' for reason in claim.get('reasons') or ())}</li>"
        for claim in claims
        if claim["verdict"] in _CLASSES[1:]
    ]
    return f'<ul class="faults">{"".join(faults)}</ul>' if faults else ""


def _sources(request: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    cited = _cited(answer)
    if "raw_context" in request:
        starts = {unit["index"]: unit.get("char_start") or 0 for unit in answer.get("support_units") or ()}
        marks = [
            Mark(starts[index] + mark.start, starts[index] + mark.end, mark.kind, mark.note)
            for index, those in cited.items()
            if index in starts
            for mark in those
        ]
        return f'<div class="text">{marked(request["raw_context"], marks)}</div>'
    return "".join(
        f'<div class="text"><b class="source">{escape(unit.get("source_id") or f"Source {index + 1}")}</b>'
        f"{marked(unit['text'], cited.get(index, ()))}</div>"
        for index, unit in enumerate(request.get("support_units") or ())
    )


def _cited(answer: Mapping[str, Any]) -> dict[int, list[Mark]]:
    """What the claims rest on, and what contradicts them, by unit. What contradicts comes first where both overlap."""
    found: dict[int, list[Mark]] = {}
    for claim in answer.get("claims") or ():
        against = claim.get("source_value")
        if against and against.get("char_end") is not None:
            mark = Mark(against["char_start"], against["char_end"], "contradicted", "says otherwise")
            found.setdefault(against["unit_index"], []).append(mark)
        elif claim["verdict"] == "supported":
            for citation in claim.get("citations") or ():
                mark = Mark(citation["char_start"], citation["char_end"], "supported", "cited")
                found.setdefault(citation["unit_index"], []).append(mark)
    return {index: _without_overlap(marks) for index, marks in found.items()}


def _without_overlap(marks: Sequence[Mark]) -> list[Mark]:
    """What contradicts keeps its place; a citation around it is shown left and right of it."""
    kept = [mark for mark in marks if mark.kind == "contradicted"]
    for mark in (mark for mark in marks if mark.kind != "contradicted"):
        start = mark.start
        for other in sorted((each for each in kept if each.kind == "contradicted"), key=lambda each: each.start):
            if other.start < mark.end and other.end > start:
                kept.append(Mark(start, max(start, other.start), mark.kind, mark.note))
                start = other.end
        kept.append(Mark(start, max(start, mark.end), mark.kind, mark.note))
    return [mark for mark in kept if mark.start < mark.end]
