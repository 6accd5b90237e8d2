"""The rollup lane: many turns to one scoreboard. CPU only, no model, stateless."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from scoring.rollup.scoreboard import HeatmapFormat, RollupError, rollup
from serving.api.errors import ValidationFailedError
from serving.api.lane_types import LaneAnswer


@dataclass(frozen=True)
class RollupInput:
    """A validated rollup request."""

    request_id: str
    turns: tuple[Mapping[str, Any], ...]
    session_id: str | None = None
    heatmap_format: HeatmapFormat = "data"


class RollupLane:
    """Aggregates turns; holds no state between requests. ``config_sha256``: for the answer's ``versions``."""

    def __init__(self, config_sha256: str | None = None) -> None:
        self._versions = {} if config_sha256 is None else {"versions": {"config_sha256": config_sha256}}

    async def score(self, request: RollupInput) -> LaneAnswer:
        """The rendered scoreboard; a malformed turn is a 400 that names it."""
        started_s = time.perf_counter()
        try:
            result = rollup(request.turns, session_id=request.session_id, heatmap_format=request.heatmap_format)
        except RollupError as error:
            raise ValidationFailedError(str(error)) from None
        fields = {key: value for key, value in asdict(result).items() if value is not None}
        if not fields["warnings"]:
            del fields["warnings"]
        elapsed_ms = (time.perf_counter() - started_s) * 1000.0
        document = {
            "success": True,
            "request_id": request.request_id,
            "scoring_mode": "rollup",
            **fields,
            **self._versions,
            "latency_ms": round(elapsed_ms, 3),
        }
        return LaneAnswer(orjson.dumps(document), None, 0, 0, {"rollup": elapsed_ms})
