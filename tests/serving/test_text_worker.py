"""Long texts are read in a process that is killed at the deadline and replaced, and answer what threads would."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from serving.api.errors import DeadlineExceededError, OverloadedError, PayloadTooLargeError
from serving.api.lane_types import LaneInput
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane
from serving.lanes.rag import RagLane
from serving.lanes.text_steps import TextSteps
from serving.lanes.text_worker import TextWorkers

SENTENCE = "The Lindau Bridge opened on 4 May 1932 and is 1,149 metres long. "
LONG = SENTENCE * (20_000 // len(SENTENCE) + 1)
PATIENT_S = 600.0
"""A deadline that no machine misses, however busy."""
PLAIN = LaneInput("r", "t", "The bridge opened in 1933 [1].")
WITHOUT_MARK = "The bridge opened in 1933    ."
"""A mark becomes spaces, so that offsets stay."""


class SlowSteps(TextSteps):
    """Steps that compute without end, as a defect would, and that fail in the ways a step may."""

    def __reduce__(self) -> tuple[Any, ...]:
        return SlowSteps, ({}, 1)

    def endless(self, began: str) -> None:
        Path(began).touch()
        while True:
            pass

    def refused(self) -> None:
        raise PayloadTooLargeError("513 support units, the limit is 512", "Send less.")

    def hungry(self) -> int:
        return len(bytearray(8 << 30))

    def suicidal(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def workers() -> Iterator[TextWorkers]:
    built = TextWorkers(SlowSteps({}, 1), 1)
    yield built
    built.close()


@pytest.fixture(scope="module")
def lane() -> Iterator[RagLane]:
    built = local_rag_lane(
        load_config(None, {"limits.text_workers": 1, "limits.worker_characters": 20_000}, environment={})
    )
    yield built
    built.close()


async def test_a_step_without_end_is_killed_at_its_deadline_and_its_process_replaced(
    workers: TextWorkers, tmp_path: Path
) -> None:
    assert (await workers.call("plain", PLAIN))[1].response_text == WITHOUT_MARK
    (first,) = workers.processes
    began = tmp_path / "began"
    endless = asyncio.ensure_future(workers.call("endless", str(began)))
    while not began.exists():
        await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await endless
    assert (await workers.call("plain", PLAIN))[1].response_text == WITHOUT_MARK
    assert not psutil.pid_exists(first)
    (second,) = workers.processes
    assert second != first


async def test_who_waits_for_a_turn_no_longer_costs_no_process(workers: TextWorkers, tmp_path: Path) -> None:
    began = tmp_path / "began"
    endless = asyncio.ensure_future(workers.call("endless", str(began)))
    while not began.exists():
        await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await workers.call("plain", PLAIN)
    assert not endless.done()
    endless.cancel()
    assert (await workers.call("plain", PLAIN))[0]


@pytest.mark.parametrize(
    ("step", "error", "says"),
    [
        pytest.param("refused", PayloadTooLargeError, "513 support units", id="typed"),
        pytest.param("hungry", OverloadedError, "more memory", id="memory"),
        pytest.param("suicidal", OverloadedError, "ended before it was done", id="dead"),
    ],
)
async def test_errors_arrive_typed_and_the_next_call_is_answered(
    workers: TextWorkers, step: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await workers.call(step)
    assert (await workers.call("plain", PLAIN))[0]


async def test_the_process_changes_nothing_of_the_answer(lane: RagLane) -> None:
    asked = LaneInput("r", "t", "The Lindau Bridge opened in 1933 [1].", raw_context=LONG, deadline_s=PATIENT_S)
    assert lane.texts.workers is not None
    assert lane.texts.workers.processes == ()
    there: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
    assert len(lane.texts.workers.processes) == 1
    workers, lane.texts.workers = lane.texts.workers, None
    here: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
    lane.texts.workers = workers
    assert list(there) == list(here)
    for field in here.keys() - {"latency_ms", "request_id"}:
        assert there[field] == here[field], field


async def test_a_long_text_without_end_is_a_timeout_and_the_next_one_is_scored(
    lane: RagLane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = TextWorkers(SlowSteps({}, 1), 1)
    await workers.call("plain", PLAIN)  # started by now, so that the deadline is the step's alone
    monkeypatch.setattr(lane.texts, "workers", workers)
    monkeypatch.setattr(workers, "call", lambda *_: TextWorkers.call(workers, "endless", str(tmp_path / "began")))
    with pytest.raises(DeadlineExceededError):
        await lane.score(LaneInput("r", "t", "x", raw_context=LONG, deadline_s=1.0))
    workers.close()
    assert workers.processes == ()
    monkeypatch.undo()
    assert (
        await lane.score(
            LaneInput("r", "t", "The Lindau Bridge opened in 1932.", raw_context=LONG, deadline_s=PATIENT_S)
        )
    ).band is not None


async def test_short_texts_start_no_process() -> None:
    built = local_rag_lane(
        load_config(None, {"limits.text_workers": 1, "limits.worker_characters": 20_000}, environment={})
    )
    try:
        await built.score(LaneInput("r", "t", "The Lindau Bridge opened in 1932.", raw_context=SENTENCE * 20))
        assert built.texts.workers is not None
        assert built.texts.workers.processes == ()
    finally:
        built.close()
