"""What scores rows: the lanes that the server runs, with every model in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from serving.api.errors import ApiError, InternalError, PayloadTooLargeError, ValidationFailedError
from serving.api.lane_types import LaneAnswer, LaneInput
from serving.api.schemas import CodeRequest, LaneRequest, RagRequest, RollupRequest, parse_body
from serving.batch.inputs import Row
from serving.batch.parts import error_line, output_line
from serving.config.load import Config
from serving.http.routes.lanes import check_limits
from serving.lanes.rollup import RollupInput, RollupLane

_TENANT: Final = "local"
_DEADLINE_S: Final = 600.0
# A row that trips over a defect is an error row; the run goes on.
_DEFECTS: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)

ScoreBody = Callable[[bytes, str], Awaitable[bytes]]


@dataclass(frozen=True)
class LocalLane:
    """A lane in this process: ``score(body, request_id)`` gives the answer's JSON. Raises ApiError."""

    score: ScoreBody
    close: Callable[[], None]


def _scoring(
    score_input: Callable[[LaneInput], Awaitable[LaneAnswer]], schema: type[LaneRequest], config: Config
) -> ScoreBody:
    async def score(body: bytes, request_id: str) -> bytes:
        request = parse_body(schema, body)
        _refuse_job(request.return_job)
        check_limits(request, config.limits)
        answer = await score_input(request.lane_input(request.request_id or request_id, _TENANT, _DEADLINE_S))
        return answer.body

    return score


def _rag(config: Config) -> LocalLane:
    from serving.lanes.factory import local_rag_lane  # loads torch, which the rollup lane does without

    lane = local_rag_lane(config)
    return LocalLane(_scoring(lane.score, RagRequest, config), lane.close)


def _code(config: Config) -> LocalLane:
    from serving.lanes.factory import code_lane, local_rag_lane

    rag = local_rag_lane(config)
    return LocalLane(_scoring(code_lane(config, rag).score, CodeRequest, config), rag.close)


def _rollup(config: Config) -> LocalLane:
    lane = RollupLane()

    async def score(body: bytes, request_id: str) -> bytes:
        request = parse_body(RollupRequest, body)
        _refuse_job(request.return_job)
        turns = tuple(request.turns)
        answer = await lane.score(
            RollupInput(request.request_id or request_id, turns, request.session_id, request.heatmap_format)
        )
        return answer.body

    return LocalLane(score, lambda: None)


_LANES: Final[Mapping[str, Callable[[Config], LocalLane]]] = {"rag": _rag, "code": _code, "rollup": _rollup}


class LaneWorker:
    """Loads its models once, then scores rows."""

    def __init__(self, config: Config, lane: str) -> None:
        self._lane = _LANES[lane](config)
        self._body_bytes = config.limits.body_bytes
        self._runner = asyncio.Runner()

    def score(self, rows: Sequence[Row]) -> list[bytes]:
        """One output row for each, in order. All go in together: the models batch them by their token budget."""
        return self._runner.run(self._score(rows))

    def close(self) -> None:
        """End the models' threads."""
        self._lane.close()
        self._runner.close()

    async def _score(self, rows: Sequence[Row]) -> list[bytes]:
        return list(await asyncio.gather(*map(self._score_row, rows)))

    async def _score_row(self, row: Row) -> bytes:
        try:
            if len(row.body) > self._body_bytes:
                raise PayloadTooLargeError(f"the row has {len(row.body)} bytes, the limit is {self._body_bytes}")
            answer = await self._lane.score(row.body, row.row_id)
        except ApiError as error:
            return error_line(row, error)
        except _DEFECTS as error:
            return error_line(row, InternalError(f"unexpected {type(error).__name__}"))
        return output_line(row, {"result": orjson.Fragment(answer)})


def _refuse_job(return_job: bool) -> None:
    if return_job:
        raise ValidationFailedError("return_job: a batch keeps no jobs; leave the field out")
