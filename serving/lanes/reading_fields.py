"""The fields of a RAG answer that say how it was read: outcome, language, citations, passages that disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoring.rag.anchors import AnchoredValue
from scoring.rag.citation_marks import CitationMark, check_citations
from scoring.rag.language import language_support
from scoring.rag.score import RagDecision, RagFacts
from scoring.types import SupportUnit
from serving.api.lane_types import LaneInput
from serving.lanes.render import compact


def reading_fields(
    request: LaneInput, facts: RagFacts, decision: RagDecision, marks: Sequence[CitationMark]
) -> dict[str, Any]:
    """``outcome``, ``abstention``, ``language`` and its support, ``citation_checks``, ``conflicts``; None: nothing to say."""
    kind = facts.kind
    return {
        "outcome": None if kind is None else kind.outcome.value,
        "abstention": _abstention(facts),
        "language": facts.language,
        "language_support": language_support(facts.language).value,
        "citation_checks": _citation_checks(request, facts, decision, marks),
        "conflicts": [_conflict(facts, at) for at in range(len(facts.conflicts))] or None,
    }


def _abstention(facts: RagFacts) -> dict[str, Any] | None:
    found = facts.kind.abstention if facts.kind is not None else None
    if found is None:
        return None
    evidence = None
    if found.unit_index is not None and found.span is not None:
        evidence = _place(facts.units[found.unit_index], found.span)
    return compact({"justified": found.justified, "reason": found.reason, "evidence": evidence})


def _citation_checks(
    request: LaneInput, facts: RagFacts, decision: RagDecision, marks: Sequence[CitationMark]
) -> list[dict[str, Any]] | None:
    cited = [[citation.unit_index for citation in judged.citations] for judged in decision.claims]
    verdicts = [judged.verdict for judged in decision.claims]
    checks = check_citations(marks, facts.claims, verdicts, cited, facts.units)
    return [
        compact(
            {
                "text": request.response_text[slice(*check.mark)].strip(),
                "char_start": check.mark[0],
                "char_end": check.mark[1],
                "claim_index": check.claim_index,
                "number": check.number,
                "state": check.state.value,
                "unit_index": check.unit_index,
                "better_unit_index": check.better_unit,
            }
        )
        for check in checks
    ] or None


def _conflict(facts: RagFacts, at: int) -> dict[str, Any]:
    conflict = facts.conflicts[at]
    return {
        "claim_index": conflict.claim_index,
        "values": [_value(facts.units, one) for one in (conflict.first, conflict.second)],
    }


def _value(units: Sequence[SupportUnit], value: AnchoredValue) -> dict[str, Any]:
    return _place(units[value.unit_index], value.literal.span)


def _place(unit: SupportUnit, span: tuple[int, int]) -> dict[str, Any]:
    start, end = span
    return compact(
        {
            "unit_index": unit.index,
            "source_id": unit.source_id,
            "char_start": start,
            "char_end": end,
            "text": unit.text[start:end],
        }
    )
