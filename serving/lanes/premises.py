"""From the three premise lanes of a request to support units, within the limits. Nothing is ever cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.tokenization import Tokenizer
from scoring.segmentation import SegmentationMode, make_units, unit_spans
from scoring.types import Span, SupportUnit
from serving.api.errors import NotFoundError, PayloadTooLargeError
from serving.api.lane_types import LaneInput, UnitInput


def support_units(
    request: LaneInput,
    tokenizer: Tokenizer | None,
    max_units: int,
    files: Sequence[tuple[int, int, str | None]] = (),
) -> tuple[SupportUnit, ...]:
    """The request's units: stored chunks first, then those cut from ``raw_context``, or the structured ones.

    ``tokenizer`` None: parts of ``raw_context`` become units whole. ``files``: (start, end, source id) of the parts of
    ``raw_context`` that no unit may cross; none: it is one part.
    """
    if len(request.chunks) != len(request.chunk_ids):
        names = ", ".join(map(repr, request.chunk_ids))
        raise NotFoundError(f"unknown chunk_ids: {names}", "Chunks live in a server's store; send their texts instead.")
    chunks = [UnitInput(chunk.text, chunk.source_id, metadata=chunk.metadata) for chunk in request.chunks]
    given = [*chunks, *request.support_units]
    units = tuple(
        SupportUnit(i, unit.text, unit.source_id, None, None, unit.speaker, unit.timestamp, unit.metadata)
        for i, unit in enumerate(given)
    )
    if request.raw_context:
        for start, end, source_id in files or ((0, len(request.raw_context), None),):
            spans = [(start, end)] if tokenizer is None else _raw_spans(request, tokenizer, start, end)
            units += make_units(request.raw_context, spans, len(units), source_id)
    if len(units) > max_units:
        raise PayloadTooLargeError(
            f"{len(units)} support units, the limit is {max_units}",
            "Raise raw_context_chunk_tokens, use segmentation_mode 'sentence_packed', or send less context.",
        )
    return units


def _raw_spans(request: LaneInput, tokenizer: Tokenizer, first: int, last: int) -> list[Span]:
    """Spans, in ``raw_context``, of the units of its characters ``first:last``."""
    text = (request.raw_context or "")[first:last]
    starts = np.asarray(tokenizer.encode(text).char_spans, dtype=np.int64).reshape(-1, 2)[:, 0]
    spans = unit_spans(text, SegmentationMode(request.segmentation_mode), request.raw_context_chunk_tokens, starts)
    return [(first + start, first + end) for start, end in spans]
