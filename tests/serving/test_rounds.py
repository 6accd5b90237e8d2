"""The round queue: everything that waits is taken together, in bounded rounds; cancelled work is dropped."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from serving.rounds import RoundQueue, Waiting


class Recorder:
    """Work that waits for permission, so that a test can fill the queue behind it."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, entries: Sequence[Waiting[int, int]]) -> list[int]:
        self.go.wait(10)
        items = [entry.item for entry in entries]
        self.rounds.append(items)
        if 13 in items:
            raise ValueError("unlucky")
        return [item * 2 for item in items]


async def filled(queue: RoundQueue[int, int], items: Sequence[int], size: int = 1) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(queue.submit(item, size)) for item in items]
    await asyncio.sleep(0.05)
    return tasks


async def test_what_waits_goes_together_and_keeps_its_order() -> None:
    work = Recorder()
    queue: RoundQueue[int, int] = RoundQueue(work, round_size=3, name="t")
    tasks = await filled(queue, range(8))
    work.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert all(len(batch) <= 3 for batch in work.rounds)
    assert len(work.rounds) <= 4
    queue.close()


async def test_an_item_larger_than_a_round_still_runs() -> None:
    work = Recorder()
    work.go.set()
    queue: RoundQueue[int, int] = RoundQueue(work, round_size=3, name="t")
    assert await queue.submit(1, 100) == 2
    queue.close()


async def test_cancelled_work_is_dropped() -> None:
    work = Recorder()
    queue: RoundQueue[int, int] = RoundQueue(work, round_size=1, name="t")
    tasks = await filled(queue, [1, 2, 3])
    tasks[1].cancel()
    await asyncio.sleep(0)
    work.go.set()
    assert await asyncio.gather(tasks[0], tasks[2]) == [2, 6]
    assert work.rounds == [[1], [3]]
    queue.close()


async def test_a_failed_round_fails_its_items_and_no_others() -> None:
    work = Recorder()
    queue: RoundQueue[int, int] = RoundQueue(work, round_size=1, name="t")
    tasks = await filled(queue, [1, 13, 2])
    work.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert (results[0], results[2]) == (2, 4)
    with pytest.raises(ValueError, match="unlucky"):
        await tasks[1]
    queue.close()
