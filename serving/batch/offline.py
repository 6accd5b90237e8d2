"""Scoring without a server: JSON lines in, JSON lines out, in this process, through the same lanes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from serving.api.errors import ApiError, ValidationFailedError, envelope
from serving.api.schemas import RagRequest, parse_body
from serving.config.load import Config

_AT_A_TIME = 8
_DEADLINE_S = 600.0


def score_lines(lines: Iterable[str], config: Config) -> Iterator[str]:
    """The answer of every line, in order; a line that cannot be scored gives its error envelope.

    A line is the body of a lane request; ``"lane"`` beside the fields names the lane (``rag`` when absent).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported below
    from serving.lanes.factory import local_rag_lane

    lane = local_rag_lane(config)
    numbered = enumerate(lines, 1)
    with asyncio.Runner() as runner:
        try:
            while batch := list(islice(numbered, _AT_A_TIME)):
                yield from runner.run(_score_batch(lane, batch))
        finally:
            lane.close()


async def _score_batch(lane: Any, batch: list[tuple[int, str]]) -> list[str]:
    return list(await asyncio.gather(*(_score_line(lane, number, line) for number, line in batch)))


async def _score_line(lane: Any, number: int, line: str) -> str:
    request_id = f"line-{number}"
    try:
        document = _parse(line)
        name = document.pop("lane", "rag")
        if name != "rag":
            raise ValidationFailedError(f"lane: {name!r} is not scored offline; use 'rag'")
        body = parse_body(RagRequest, orjson.dumps(document))
        answer = await lane.score(body.lane_input(body.request_id or request_id, "local", _DEADLINE_S))
    except ApiError as error:
        return orjson.dumps(envelope(error, request_id)).decode()
    return bytes(answer.body).decode()


def _parse(line: str) -> dict[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValidationFailedError("a line is one JSON object: the body of a lane request")
    return document
