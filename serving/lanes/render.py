"""The JSON of a lane's answer. Keys whose value is None are left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scoring.attribution import attribution_json, source_shares
from scoring.bands import BandCuts, precision_of_band
from scoring.coverage import UnitUsage, usage_ratios
from scoring.heatmap import HeatCuts, HeatmapSpan, heatmap_data, heatmap_html, heatmap_spans, unsupported_spans
from scoring.rag.claims import ClaimJudgement
from scoring.rag.evidence import EvidenceLink, evidence_links
from scoring.rag.rulings import Ruling
from scoring.rag.score import RagDecision
from scoring.types import Band, SupportUnit, UsageState, Verdict
from serving.api.lane_types import AlignReply, LaneInput

API_VERSION = "groundlane-rag-1"
DocumentWriter = Callable[[Mapping[str, Any]], bytes]
"""JSON bytes of a document; :mod:`serving.lanes.json_bytes` has the server's. Handed in, so that the lane needs no library."""
_DIGITS = 4


def rounded(value: float | None) -> float | None:
    """Four decimals; None stays None."""
    return None if value is None else round(float(value), _DIGITS)


def compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without its None values."""
    return {key: value for key, value in document.items() if value is not None}


def render(document: Mapping[str, Any], started_s: float, write: DocumentWriter) -> bytes:
    """The answer's bytes as ``write`` makes them, with the time it took since ``started_s`` (``time.perf_counter``)."""
    timed = {**document, "latency_ms": round((time.perf_counter() - started_s) * 1000.0, 3)}
    return write(compact(timed))


def rag_document(
    request: LaneInput,
    units: Sequence[SupportUnit],
    reply: AlignReply,
    decision: RagDecision,
) -> dict[str, Any]:
    """The answer's fields, before None values are dropped."""
    score = decision.score
    ratios = usage_ratios(decision.usages)
    alignment = reply.alignment
    length = len(request.response_text)
    spans = heatmap_spans(alignment.token_spans, alignment.content, decision.support, length, decision.heat_cuts)
    doubtful = [
        (judged.claim.char_start, judged.claim.char_end)
        for judged in decision.claims
        if judged.verdict is not Verdict.SUPPORTED
    ]
    shares = source_shares(units, decision.usages)
    return {
        "success": True,
        "request_id": request.request_id,
        "score": rounded(score.headline),
        "primary_metric": request.primary_metric,
        "band": score.band.value,
        "reason": score.reasons[0],
        "reasons": list(score.reasons),
        "structured_score": _breakdown(decision, request.include_triangular_diagnostics),
        "nli_aggregate": next((rounded(s.value) for s in score.signals if s.name == "nli"), None),
        "context_coverage_ratio": rounded(decision.coverage),
        "context_usage_ratio": ratios and rounded(ratios[UsageState.USED]),
        "context_unused_ratio": ratios and rounded(ratios[UsageState.UNUSED]),
        "context_uncertain_ratio": ratios and rounded(ratios[UsageState.UNCERTAIN]),
        "support_units_usage": {
            state.value: sum(usage.state is state for usage in decision.usages) for state in UsageState
        },
        "support_units": [_unit_json(unit, usage) for unit, usage in zip(units, decision.usages, strict=True)],
        "claims": [claim_json(judged, units, request.response_text) for judged in decision.claims],
        "unsupported_spans": [
            {"start": start, "end": end, "text": request.response_text[start:end], "support": rounded(value)}
            for start, end, value in unsupported_spans(spans, request.response_text, doubtful)
        ],
        "top_evidence": [
            _evidence_json(link, request.response_text, units)
            for link in evidence_links(alignment, decision.support, request.evidence_limit)
        ],
        "file_attribution": attribution_json(shares),
        **_heatmap(request, spans, decision.heat_cuts),
        "scoring_mode": "rag",
        "profile": request.profile,
        "effective_profile": request.profile,
        "session_id": request.session_id,
        "version": API_VERSION,
    }


def band_precision_json(band: Band, cuts: BandCuts | None) -> dict[str, Any] | None:
    """The precision that a green or red band was held to; None for amber and unknown, which promise none."""
    held = precision_of_band(band, cuts)
    return None if held is None else compact(asdict(held))


def _heatmap(request: LaneInput, spans: Sequence[HeatmapSpan], cuts: HeatCuts) -> dict[str, Any]:
    if request.heatmap_format == "none":
        return {}
    if request.heatmap_format == "data":
        return {"heatmap": heatmap_data(spans, cuts)}
    return {
        "heatmap": heatmap_data(spans, cuts),
        "heatmap_html": heatmap_html(request.response_text, spans, "groundedness of the response"),
    }


def _breakdown(decision: RagDecision, with_triangular: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "reverse_context": rounded(decision.reverse_context),
        "signals": [
            compact({"name": s.name, "value": rounded(s.value), "reason": s.reason}) for s in decision.score.signals
        ],
    }
    if with_triangular and decision.triangular is not None:
        document["triangular"] = {
            "score": rounded(decision.triangular.score),
            "query_response": rounded(decision.triangular.query_response),
            "query_context": rounded(decision.triangular.query_context),
            "agreement": rounded(decision.triangular.agreement),
        }
    return compact(document)


def _unit_json(unit: SupportUnit, usage: UnitUsage) -> dict[str, Any]:
    return compact(
        {
            "index": unit.index,
            "source_id": unit.source_id,
            "usage_state": usage.state.value,
            "coverage_score": rounded(usage.coverage_score),
            "coverage": rounded(usage.coverage),
            "token_share": rounded(usage.token_share),
            "char_start": unit.char_start,
            "char_end": unit.char_end,
            "speaker": unit.speaker,
            "timestamp": unit.timestamp,
            "metadata": unit.metadata,
        }
    )


def claim_json(judged: ClaimJudgement, units: Sequence[SupportUnit], response: str) -> dict[str, Any]:
    """One claim of ``response`` with its verdict and what it rests on."""
    claim = judged.claim
    return compact(
        {
            "text": response[claim.char_start : claim.char_end],
            "char_start": judged.claim.char_start,
            "char_end": judged.claim.char_end,
            "verdict": judged.verdict.value,
            "score": rounded(judged.score),
            "reasons": list(judged.reasons) or None,
            "source_value": source_value_json(judged.ruling, units),
            "citations": [
                compact(
                    {
                        "unit_index": citation.unit_index,
                        "source_id": units[citation.unit_index].source_id,
                        "char_start": citation.char_start,
                        "char_end": citation.char_end,
                        "text": units[citation.unit_index].text[citation.char_start : citation.char_end],
                    }
                )
                for citation in judged.citations
            ],
        }
    )


def source_value_json(ruling: Ruling | None, units: Sequence[SupportUnit]) -> dict[str, Any] | None:
    """What stands in the source instead of a claim's value, and where; None where no rule found such a value."""
    if ruling is None or ruling.source_value is None:
        return None
    place = ruling.span or (None, None)
    unit = None if ruling.unit_index is None else units[ruling.unit_index]
    return compact(
        {
            "text": ruling.source_value,
            "unit_index": ruling.unit_index,
            "source_id": None if unit is None else unit.source_id,
            "char_start": place[0],
            "char_end": place[1],
            "rule": ruling.code.value,
        }
    )


def _evidence_json(link: EvidenceLink, response: str, units: Sequence[SupportUnit]) -> dict[str, Any]:
    start, end = link.response_span
    unit_start, unit_end = link.unit_span
    unit = units[link.unit_index]
    return compact(
        {
            "response_start": start,
            "response_end": end,
            "response_text": response[start:end],
            "unit_index": link.unit_index,
            "source_id": unit.source_id,
            "unit_start": unit_start,
            "unit_end": unit_end,
            "unit_text": unit.text[unit_start:unit_end],
            "similarity": rounded(link.similarity),
            "support": rounded(link.support),
        }
    )


def diagnostics(reply: AlignReply, decision: RagDecision, phases_ms: Mapping[str, float]) -> dict[str, Any]:
    """The ``diagnostics`` of a verbose answer: times by phase and every token."""
    alignment = reply.alignment
    return {
        "phases_ms": {name: round(value, 3) for name, value in phases_ms.items()},
        "tokens": [
            {
                "start": int(start),
                "end": int(end),
                "content": bool(content),
                "similarity": rounded(best),
                "z": rounded(z),
                "support": rounded(support),
                "unit_index": int(unit),
            }
            for (start, end), content, best, z, support, unit in zip(
                alignment.token_spans.tolist(),
                alignment.content,
                alignment.best,
                alignment.z,
                decision.support,
                alignment.best_unit,
                strict=True,
            )
        ],
        "context_tokens": reply.context_tokens,
        "cached_tokens": reply.cached_tokens,
        "response_tokens": reply.response_tokens,
        "encoder": {"name": reply.model.name, "device": reply.model.device, "dtype": reply.model.dtype},
        "encoder_batch_requests": reply.batch_requests,
    }
