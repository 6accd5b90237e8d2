"""Alignments of one lane that are under way at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serving.api.lane_types import AlignRequest


class Handle:
    """Stands for a deployment handle: counts what is under way."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.align = self

    async def answer(self) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.01)
        finally:
            self.now -= 1
        return "aligned"

    def remote(self, request: AlignRequest) -> Any:
        return asyncio.ensure_future(self.answer())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (2, 2), (None, 6)])
async def test_more_wait_for_their_turn_and_a_cancelled_one_gives_it_back(at_once: int | None, most: int) -> None:
    from serving.ray.handles import HandleAligner

    handle: Any = Handle()
    aligner = HandleAligner(handle, at_once)
    request = AlignRequest("t", "answer", ("unit",), ((0, 6),), None, 256)
    tasks = [asyncio.create_task(aligner.align(request)) for _ in range(6)]
    await asyncio.sleep(0.005)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[1:] == ["aligned"] * 5
    assert handle.most == most
    assert handle.now == 0


class Noting:
    """A labelled fake of a handle whose methods note what they are asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.align = self.verify = self

    def remote(self, *arguments: Any) -> Any:
        self.asked.append(arguments)
        return asyncio.ensure_future(asyncio.sleep(0))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
@pytest.mark.parametrize("lane_is_background", [False, True])
@pytest.mark.parametrize("request_is_background", [False, True])
async def test_a_background_lane_or_request_lets_others_go_first(
    lane_is_background: bool, request_is_background: bool
) -> None:
    from serving.ray.handles import HandleAligner, HandleVerifier

    handle: Any = Noting()
    request = AlignRequest("t", "answer", ("unit",), ((0, 6),), None, 256, background=request_is_background)
    await HandleAligner(handle, background=lane_is_background).align(request)
    await HandleVerifier(handle, lane_is_background).verify([("p", "c")], "t", request_is_background)
    (aligned,), verified = handle.asked
    assert aligned.background == verified[2] == (lane_is_background or request_is_background)
