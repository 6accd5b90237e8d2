"""Two queues over the same work: what nobody waits for gives way, on a thread of lower priority."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.priority import lower_priority, thread_niceness
from models.row_pool import shared_pool
from serving.api.lane_types import AlignRequest
from serving.config.load import load_config
from serving.inference.priorities import BACKGROUND_NICENESS, PATIENCE_S, PriorityQueues
from serving.lanes.factory import alignment_service, verification_service

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")


async def test_a_background_round_under_way_holds_up_nobody() -> None:
    begun, go = threading.Event(), threading.Event()

    def work(pieces: Sequence[str]) -> list[int]:
        if "slow" in pieces:
            begun.set()
            go.wait(10)
        return [thread_niceness()] * len(pieces)

    queues: PriorityQueues[str, int] = PriorityQueues(work, 10, "t", shared=False)
    background = asyncio.create_task(queues.submit(["slow"], [1], background=True))
    assert await asyncio.to_thread(begun.wait, 10)
    urgent = await queues.submit(["quick"], [1], background=False)
    assert not background.done()
    go.set()
    here = thread_niceness()
    assert urgent.results == [here]
    assert (await background).results == [min(19, here + BACKGROUND_NICENESS)]
    queues.close()


async def test_what_waited_long_enough_is_the_next_in_turn() -> None:
    now = 0.0
    rounds: list[tuple[int, list[int]]] = []
    go = threading.Event()

    def work(pieces: Sequence[int]) -> list[int]:
        nonlocal now
        if thread_niceness() == here:
            go.wait(10)
        else:
            now += 0.6 * PATIENCE_S
        rounds.append((thread_niceness() - here, list(pieces)))
        return list(pieces)

    here = thread_niceness()
    queues: PriorityQueues[int, int] = PriorityQueues(work, 8, "t", shared=False, clock=lambda: now)
    first, *others = [asyncio.create_task(queues.submit([n], [7], background=False)) for n in range(100, 104)]
    background = asyncio.create_task(queues.submit(range(8), [1] * 8, background=True))
    await asyncio.sleep(0.2)
    go.set()
    assert (await background).results == list(range(8))
    await asyncio.gather(first, *others)
    nicer = min(19, here + BACKGROUND_NICENESS) - here
    behind = [pieces for niceness, pieces in rounds if niceness == nicer]
    urgent = [piece for niceness, pieces in rounds if not niceness for piece in pieces]
    assert behind == [[0], [1, 2]], "growing rounds, until it has waited long enough"
    assert urgent.index(3) < urgent.index(101), "its rest goes before what came in the meantime"
    queues.close()


async def test_where_cores_are_busy_background_rounds_stay_small() -> None:
    rounds: list[list[int]] = []

    def work(pieces: Sequence[int]) -> list[int]:
        rounds.append(list(pieces))
        time.sleep(0.3)
        return list(pieces)

    queues: PriorityQueues[int, int] = PriorityQueues(work, 8, "t", shared=False, clock=lambda: 0.0)
    assert (await queues.submit(range(4), [1] * 4, background=True)).results == list(range(4))
    assert rounds == [[0], [1], [2], [3]]
    queues.close()


async def test_where_the_device_has_no_priorities_rounds_are_shared() -> None:
    rounds: list[list[int]] = []
    go = threading.Event()

    def work(pieces: Sequence[int]) -> list[int]:
        go.wait(10)
        rounds.append(list(pieces))
        return list(pieces)

    queues: PriorityQueues[int, int] = PriorityQueues(work, 10, "t", shared=True)
    tasks = [asyncio.create_task(queues.submit([n], [1], background=n % 2 == 0)) for n in range(4)]
    await asyncio.sleep(0.05)
    go.set()
    assert [outcome.results for outcome in await asyncio.gather(*tasks)] == [[n] for n in range(4)]
    assert len(rounds) <= 2, "urgent and background requests share rounds"
    queues.close()


def test_packs_run_with_the_priority_of_the_thread_that_asks() -> None:
    found: list[int] = []

    def asked() -> None:
        lower_priority(3)
        found.extend(shared_pool(2).map(lambda pack: [thread_niceness()] * len(pack), [1, 2, 3, 4], [300] * 4))

    here = thread_niceness()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asked).result()
    assert found == [min(19, here + 3)] * 4
    assert shared_pool(2).map(lambda pack: [thread_niceness()] * len(pack), [1, 2], [300] * 2) == [here] * 2
    assert thread_niceness() == here


async def test_priority_changes_no_number() -> None:
    """Both classes at once, through the bundled models: as each alone."""
    config = load_config(environment={})
    service = alignment_service(config)
    verification = verification_service(config)
    assert verification is not None
    texts = [f"The bridge over river {n} was opened in 19{n}2 for {n} million euros." for n in range(8)]
    pairs = [(text, texts[0]) for text in texts]

    def request(background: bool) -> AlignRequest:
        return AlignRequest("t", texts[0], tuple(texts[1:]), ((0, 9),), None, 256, background=background)

    (near, far), (first, second) = (
        await asyncio.gather(*(service.align(request(background)) for background in (False, True))),
        await asyncio.gather(*(verification.verify(pairs, f"{flag}", flag) for flag in (False, True))),
    )
    assert np.array_equal(near.alignment.claim_unit, far.alignment.claim_unit)
    assert np.array_equal(near.alignment.best, far.alignment.best)
    assert first.verdicts == second.verdicts
    service.close()
    verification.close()
