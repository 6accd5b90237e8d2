"""Long texts are read away from the event loop, short ones on it, those of background requests on a thread that gives way."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from models.priority import thread_niceness
from serving.api.lane_types import LaneInput
from serving.config.load import load_config
from serving.inference.priorities import BACKGROUND_NICENESS
from serving.lanes import off_loop, premises, text_steps
from serving.lanes.factory import local_rag_lane
from serving.lanes.rag import RagLane

SENTENCE = "The Lindau Bridge opened on 4 May 1932 and is 1,149 metres long. "
READERS = (
    (premises.UnitCutter, "units"),
    (text_steps, "text_facts"),
    (text_steps, "decide"),
    (text_steps, "rag_document"),
    (text_steps, "reading_fields"),
    (text_steps, "verbatim_claims"),
)


@pytest.fixture(scope="module")
def lane() -> Iterator[RagLane]:
    built = local_rag_lane(load_config(environment={}))
    yield built
    built.close()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """By step, the thread that it ran on last."""
    return _watch(monkeypatch, threading.get_ident)


@pytest.fixture
def niceness(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """By step, the niceness of the thread that it ran on last."""
    return _watch(monkeypatch, thread_niceness)


def _watch(monkeypatch: pytest.MonkeyPatch, look: Callable[[], int]) -> dict[str, int]:
    seen: dict[str, int] = {}

    def watched(name: str, step: Any) -> Any:
        def run(*given: Any, **named: Any) -> Any:
            seen[name] = look()
            return step(*given, **named)

        return run

    for module, name in READERS:
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    return seen


async def _score(lane: RagLane, context: str, background: bool = False) -> dict[str, Any]:
    answer = "The Lindau Bridge opened in 1933 after a long wait."
    asked = LaneInput("r", "t", answer, raw_context=context, background=background)
    document: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
    return document


async def test_a_long_context_is_read_on_a_thread(lane: RagLane, threads: dict[str, int]) -> None:
    await _score(lane, SENTENCE * (off_loop.THREAD_CHARACTERS // len(SENTENCE) + 1))
    assert set(threads) == {name for _, name in READERS}
    assert threading.get_ident() not in threads.values()


async def test_a_short_context_is_read_where_it_is(lane: RagLane, threads: dict[str, int]) -> None:
    await _score(lane, SENTENCE)
    assert set(threads.values()) == {threading.get_ident()}


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
async def test_a_background_request_gives_way(lane: RagLane, niceness: dict[str, int]) -> None:
    await _score(lane, SENTENCE, background=True)
    assert set(niceness) == {name for _, name in READERS}
    assert set(niceness.values()) == {min(19, thread_niceness() + BACKGROUND_NICENESS)}


async def test_the_thread_changes_no_number(lane: RagLane, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await _score(lane, SENTENCE * 20)
    monkeypatch.setattr(off_loop, "THREAD_CHARACTERS", 0)
    away = await _score(lane, SENTENCE * 20)
    behind = await _score(lane, SENTENCE * 20, background=True)
    for field in ("score", "band", "claims", "support_units"):
        assert away[field] == here[field] == behind[field]
