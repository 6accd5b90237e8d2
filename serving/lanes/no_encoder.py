"""The aligner of a lane that runs without an encoder: it aligns nothing, at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.types import ModelInfo
from scoring.types import Alignment
from serving.api.lane_types import AlignReply, AlignRequest

NO_MODEL = ModelInfo("none", "none", "none", "none")
_RESTS_ON_ALIGNMENT = (
    "claims",
    "context_coverage_ratio",
    "context_uncertain_ratio",
    "context_unused_ratio",
    "context_usage_ratio",
    "support_units",
    "support_units_usage",
    "top_evidence",
    "unsupported_spans",
)


class NoAligner:
    """An :class:`~serving.api.lane_types.Aligner` that finds no tokens."""

    async def align(self, request: AlignRequest) -> AlignReply:
        """An alignment of zero response tokens with the request's units."""
        units, claims = len(request.units), len(request.claims)
        nothing = Alignment(
            token_spans=np.zeros((0, 2), np.int32),
            content=np.zeros(0, np.bool_),
            best=np.zeros(0, np.float32),
            best_unit=np.zeros(0, np.int32),
            best_span=np.zeros((0, 2), np.int32),
            z=np.zeros(0, np.float32),
            unit_coverage=np.full(units, -1.0, np.float32),
            unit_z=np.zeros(units, np.float32),
            unit_share=np.zeros(units, np.float32),
            claim_unit=np.full((claims, units), -1.0, np.float32),
        )
        return AlignReply(nothing, NO_MODEL, 0, 0)

    async def ready(self) -> None:
        """At once."""

    def close(self) -> None:
        """Nothing is held."""


def without_alignment(document: dict[str, Any]) -> dict[str, Any]:
    """The answer with every field that rests on the alignment set to None, which leaves it out."""
    return document | dict.fromkeys(_RESTS_ON_ALIGNMENT)
