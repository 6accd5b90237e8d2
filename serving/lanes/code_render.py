"""What the code lane adds to the RAG lane's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parsers.rules.findings import Finding, FindingStatus
from parsers.rules.paths import UnknownPath
from scoring.attribution import SourceShare, attribution_json
from scoring.code.score import CodeScore, chunk_ownership, file_attribution
from scoring.heatmap import HeatmapSpan, heatmap_data, heatmap_html, heatmap_spans
from scoring.rag.score import RagDecision
from scoring.types import Alignment, Band
from serving.api.lane_types import LaneInput
from serving.lanes.code_analysis import CodeAnalysis, PlacementReport
from serving.lanes.render import compact, rounded

CODE_VERSION = "groundlane-code-1"
EDIT_DOES_NOT_APPLY = "edit_does_not_apply"


@dataclass(frozen=True, eq=False)
class CodeResult:
    """Everything one answer shows about its code. ``owners``: one entry per context file with a path."""

    analysis: CodeAnalysis
    score: CodeScore
    decision: RagDecision
    alignment: Alignment
    owners: tuple[SourceShare, ...]
    headline: float | None
    band: Band


def code_shares(
    findings: Sequence[Finding], paths: Sequence[str], shares: Sequence[SourceShare]
) -> tuple[SourceShare, ...]:
    """Owner shares of the context's files: by the names they define, beside the text that matches them."""
    by_path = {share.source_id: share for share in shares}
    text = {path: share.owner_share for path, share in by_path.items()}
    owned = []
    for file in file_attribution(findings, list(dict.fromkeys(paths)), text):
        known = by_path.get(file.path)
        units, used = (known.units, known.used_units) if known else (0, 0)
        owned.append(SourceShare(file.path, file.owner_share, units, used, file.reason_codes))
    rest = [share for share in shares if share.source_id not in set(paths)]
    return (*owned, *rest)


def code_fields(request: LaneInput, result: CodeResult) -> dict[str, Any]:
    """The fields that replace or join those of the RAG lane."""
    reasons = [*result.score.reasons, *(result.decision.score.reasons if result.score.probability is None else ())]
    fields: dict[str, Any] = {
        "score": rounded(result.headline),
        "band": result.band.value,
        "reason": reasons[0],
        "reasons": reasons,
        "scoring_mode": "code",
        "version": CODE_VERSION,
        "file_attribution": attribution_json(result.owners),
        "code_lane": _code_lane(result),
        **_heatmap(request, result),
    }
    if request.emit_chunk_ownership:
        spans = [(block.start, block.end) for block in result.analysis.blocks]
        fields["chunk_ownership"] = [
            {
                "start": owned.span[0],
                "end": owned.span[1],
                "owners": [{"path": path, "share": rounded(share)} for path, share in owned.owners],
            }
            for owned in chunk_ownership(spans, result.analysis.findings)
        ]
    return fields


def _code_lane(result: CodeResult) -> dict[str, Any]:
    score, analysis = result.score, result.analysis
    return compact(
        {
            "phantom_probability": rounded(score.probability),
            "verdict": score.verdict.value,
            "features": {name: rounded(value) for name, value in score.features.items()},
            "left_out": dict(score.left_out),
            "symbols": [_symbol(found) for found in analysis.findings],
            "counts": {status.value: sum(f.status is status for f in analysis.findings) for status in FindingStatus},
            "libraries": _libraries(analysis),
            "placements": [_placement(placed) for placed in analysis.placements],
            "unknown_paths": [_unknown_path(found) for found in analysis.unknown_paths],
            "parse": {
                "context_files": analysis.files,
                "blocks": [
                    compact(
                        {
                            "language": block.language,
                            "path": block.path,
                            "form": block.form,
                            "char_start": block.start,
                            "char_end": block.end,
                            "definitions": block.definitions,
                            "references": block.references,
                            "errors": block.errors,
                            "incomplete": block.incomplete,
                        }
                    )
                    for block in analysis.blocks
                ],
            },
        }
    )


def _libraries(analysis: CodeAnalysis) -> dict[str, Any] | None:
    """The indexed packages that the response was judged with, and versions that were asked for in vain."""
    libraries = analysis.libraries
    if not libraries.used and not libraries.not_indexed:
        return None
    missing = [
        {"name": name, "version": version, "indexed": list(there)} for name, version, there in libraries.not_indexed
    ]
    return {"used": list(libraries.used), "not_indexed": missing}


def _placement(placed: PlacementReport) -> dict[str, Any]:
    """Where a block was placed; `edit` says whether a search/replace pair or a diff applies there."""
    fields: dict[str, Any] = {"block": placed.block, "path": placed.path, "why": placed.why, "doubt": placed.doubt}
    if placed.owner is not None:
        fields["class"] = placed.owner
    if placed.applies is not None:
        fields["edit"] = "applies" if placed.applies else EDIT_DOES_NOT_APPLY
    if placed.nearest is not None:
        fields["nearest"] = {"line": placed.nearest[0], "text": placed.nearest[1]}
    return compact(fields)


def _symbol(found: Finding) -> dict[str, Any]:
    return compact(
        {
            "name": found.name,
            "kind": found.kind.value,
            "line": found.line,
            "char_start": found.span[0],
            "char_end": found.span[1],
            "status": found.status.value,
            "reason": found.reason,
            "suggestion": found.suggestion,
            "defined_in": found.defined_in,
            "place": found.place if found.place != "code" else None,
        }
    )


def _unknown_path(found: UnknownPath) -> dict[str, Any]:
    """A path in the prose that is not among the files; ``nearest`` is the file that it is most like."""
    start, end = found.span
    return compact({"path": found.path, "char_start": start, "char_end": end, "nearest": found.nearest})


def _heatmap(request: LaneInput, result: CodeResult) -> dict[str, Any]:
    if request.heatmap_format == "none":
        return {}
    spans = marked(_support_spans(request, result), result.analysis.findings)
    fields: dict[str, Any] = {"heatmap": heatmap_data(spans, result.decision.heat_cuts)}
    if request.heatmap_format == "html":
        fields["heatmap_html"] = heatmap_html(request.response_text, spans, "names that do not exist, and support")
    return fields


def _support_spans(request: LaneInput, result: CodeResult) -> tuple[HeatmapSpan, ...]:
    decision = result.decision
    alignment = result.alignment
    length = len(request.response_text)
    return heatmap_spans(alignment.token_spans, alignment.content, decision.support, length, decision.heat_cuts)


def marked(spans: Sequence[HeatmapSpan], findings: Sequence[Finding]) -> tuple[HeatmapSpan, ...]:
    """The same tiling with phantoms and drift cut out as spans of their own."""
    flags = sorted({found.span for found in findings if found.flagged})
    tiled: list[HeatmapSpan] = []
    for span in spans:
        position = span.start
        for start, end in flags:
            if end <= position or start >= span.end:
                continue
            start, end = max(start, position), min(end, span.end)
            if start > position:
                tiled.append(HeatmapSpan(position, start, span.state, span.value))
            if tiled and tiled[-1].state == "phantom" and tiled[-1].end == start:
                tiled[-1] = HeatmapSpan(tiled[-1].start, end, "phantom", 0.0)
            else:
                tiled.append(HeatmapSpan(start, end, "phantom", 0.0))
            position = end
        if position < span.end:
            tiled.append(HeatmapSpan(position, span.end, span.state, span.value))
    return tuple(tiled)
