"""From the three premise lanes of a request to support units, within the limits. Nothing is ever cut off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.tokenization import Tokenizer
from scoring.segmentation import SegmentationMode, make_units, unit_spans
from scoring.types import Span, SupportUnit
from serving.api.errors import NotFoundError, PayloadTooLargeError
from serving.api.lane_types import LaneInput, UnitInput
from serving.inference.kept import Kept, digest_of

_KEPT_CONTEXTS = 64
_KEPT_SPANS = 64_000


class UnitCutter:
    """Cuts requests into at most ``max_units`` units each; keeps, by tenant and content, where contexts were cut before."""

    def __init__(self, max_units: int) -> None:
        self._max_units = max_units
        self._kept: Kept[tuple[str, str | None, str, int, bytes], list[Span]] = Kept(_KEPT_CONTEXTS, _KEPT_SPANS, len)

    def units(
        self,
        request: LaneInput,
        tokenizer: Tokenizer | None,
        files: Sequence[tuple[int, int, str | None]] = (),
    ) -> tuple[SupportUnit, ...]:
        """The request's units: stored chunks first, then those cut from ``raw_context``, or the structured ones.

        ``tokenizer`` None: parts of ``raw_context`` become units whole. ``files``: (start, end, source id) of the parts of
        ``raw_context`` that no unit may cross; none: it is one part.
        """
        if len(request.chunks) != len(request.chunk_ids):
            names = ", ".join(map(repr, request.chunk_ids))
            raise NotFoundError(
                f"unknown chunk_ids: {names}", "Chunks live in a server's store; send their texts instead."
            )
        chunks = [UnitInput(chunk.text, chunk.source_id, metadata=chunk.metadata) for chunk in request.chunks]
        given = [*chunks, *request.support_units]
        units = tuple(
            SupportUnit(i, unit.text, unit.source_id, None, None, unit.speaker, unit.timestamp, unit.metadata)
            for i, unit in enumerate(given)
        )
        if request.raw_context:
            for start, end, source_id in files or ((0, len(request.raw_context), None),):
                spans = [(start, end)] if tokenizer is None else self._spans(request, tokenizer, start, end)
                units += make_units(request.raw_context, spans, len(units), source_id)
        if len(units) > self._max_units:
            raise PayloadTooLargeError(
                f"{len(units)} support units, the limit is {self._max_units}",
                "Raise raw_context_chunk_tokens, use segmentation_mode 'sentence_packed', or send less context.",
            )
        return units

    def _spans(self, request: LaneInput, tokenizer: Tokenizer, first: int, last: int) -> list[Span]:
        """Spans, in ``raw_context``, of the units of its characters ``first:last``."""
        text = (request.raw_context or "")[first:last]
        mode, most_tokens = request.segmentation_mode, request.raw_context_chunk_tokens
        key = (request.tenant, request.model, mode, most_tokens, digest_of([text]))
        spans = self._kept.get_or_make(key, lambda: _cut(text, tokenizer, mode, most_tokens))
        return [(first + start, first + end) for start, end in spans]


def _cut(text: str, tokenizer: Tokenizer, mode: str, most_tokens: int) -> list[Span]:
    starts = np.asarray(tokenizer.encode(text).char_spans, dtype=np.int64).reshape(-1, 2)[:, 0]
    return unit_spans(text, SegmentationMode(mode), most_tokens, starts)
