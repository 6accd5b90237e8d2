"""The round queue: what waits is taken together, in bounded rounds; long requests share them; cancelled work is dropped."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.inference.rounds import Outcome, Place, RoundQueue


class Recorder:
    """Work that waits for permission, so that a test can fill the queue behind it."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, pieces: Sequence[int]) -> list[int]:
        self.go.wait(10)
        self.rounds.append(list(pieces))
        if 13 in pieces:
            raise ValueError("unlucky")
        return [piece * 2 for piece in pieces]


def queue_of(work: Recorder, round_size: int) -> RoundQueue[int, int]:
    return RoundQueue(work, round_size, name="t")


async def filled(queue: RoundQueue[int, int], requests: Sequence[Sequence[int]]) -> list[asyncio.Task[Outcome[int]]]:
    tasks = [asyncio.create_task(queue.submit(pieces, [1] * len(pieces))) for pieces in requests]
    await asyncio.sleep(0.05)
    return tasks


async def test_what_waits_goes_together_and_keeps_its_order() -> None:
    work = Recorder()
    queue = queue_of(work, 3)
    tasks = await filled(queue, [[number] for number in range(8)])
    work.go.set()
    outcomes = await asyncio.gather(*tasks)
    assert [outcome.results for outcome in outcomes] == [[number * 2] for number in range(8)]
    assert all(len(pieces) <= 3 for pieces in work.rounds)
    assert len(work.rounds) <= 4
    assert max(outcome.shared for outcome in outcomes) == 3
    assert all(outcome.queue_ms >= 0.0 and outcome.work_ms > 0.0 for outcome in outcomes)
    queue.close()


async def test_a_piece_larger_than_a_round_still_runs() -> None:
    work = Recorder()
    work.go.set()
    queue = queue_of(work, 3)
    assert (await queue.submit([1], [100])).results == [2]
    assert (await queue.submit([], [])).results == []
    queue.close()


async def test_a_short_request_joins_the_rounds_of_a_long_one() -> None:
    work = Recorder()
    queue = queue_of(work, 4)
    long, short, other = await filled(queue, [range(100, 140), [1], [2, 3]])
    work.go.set()
    await asyncio.gather(short, other)
    assert not long.done()
    assert len(work.rounds) <= 4
    assert (await long).results == [piece * 2 for piece in range(100, 140)]
    queue.close()


async def test_a_long_request_gets_on_among_many_short_ones() -> None:
    work = Recorder()
    queue = queue_of(work, 4)
    tasks = await filled(queue, [range(100, 106), *([number] for number in range(200, 240))])
    work.go.set()
    await tasks[0]
    assert len(work.rounds) <= 7
    await asyncio.gather(*tasks)
    queue.close()


async def test_first_come_first_served_whatever_the_size() -> None:
    work = Recorder()
    queue = queue_of(work, 4)
    requests = [[1], [2, 3, 4], [5, 6], [7, 8, 9, 10], [11], [12, 14]]
    tasks = await filled(queue, requests)
    work.go.set()
    await asyncio.gather(*tasks)
    assert [piece for pieces in work.rounds for piece in pieces] == [piece for request in requests for piece in request]
    queue.close()


async def test_what_lines_up_behind_waits_for_others_and_gets_on() -> None:
    work = Recorder()
    queue = queue_of(work, 2)
    first = asyncio.create_task(queue.submit([0], [1]))
    await asyncio.sleep(0.05)
    back = [asyncio.create_task(queue.submit([number], [1], Place.BEHIND)) for number in (100, 101, 102)]
    others = await filled(queue, [[number] for number in range(1, 7)])
    work.go.set()
    await asyncio.gather(first, *back, *others)
    done = [piece for pieces in work.rounds for piece in pieces]
    assert done.index(100) < done.index(6), "every second round has room for one of them"
    assert done[-1] == 102
    assert [piece for piece in done if piece < 100] == list(range(7))
    queue.close()


async def test_cancelled_work_is_dropped() -> None:
    work = Recorder()
    queue = queue_of(work, 1)
    tasks = await filled(queue, [[1], [2], [3]])
    tasks[1].cancel()
    await asyncio.sleep(0)
    work.go.set()
    assert [(await task).results for task in (tasks[0], tasks[2])] == [[2], [6]]
    assert work.rounds == [[1], [3]]
    queue.close()


async def test_a_request_cancelled_in_its_midst_leaves_its_rest() -> None:
    work = Recorder()
    queue = queue_of(work, 2)
    (long,) = await filled(queue, [range(100)])
    long.cancel()
    await asyncio.sleep(0)
    work.go.set()
    assert (await queue.submit([1], [1])).results == [2]
    assert sum(map(len, work.rounds)) <= 3
    queue.close()


async def test_a_failed_round_fails_its_requests_and_no_others() -> None:
    work = Recorder()
    queue = queue_of(work, 1)
    tasks = await filled(queue, [[1], [13], [2]])
    work.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [outcome.results for outcome in (results[0], results[2]) if isinstance(outcome, Outcome)] == [[2], [4]]
    with pytest.raises(ValueError, match="unlucky"):
        await tasks[1]
    queue.close()


@given(
    requests=st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 9)), max_size=12), min_size=1, max_size=8),
    round_size=st.integers(1, 12),
)
def test_every_piece_is_done_once_in_bounded_rounds(requests: list[list[tuple[int, int]]], round_size: int) -> None:
    rounds: list[int] = []

    def work(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        rounds.append(sum(size for _, size in pieces) if len(pieces) > 1 else 0)
        return list(pieces)

    async def run() -> list[Outcome[tuple[int, int]]]:
        queue: RoundQueue[tuple[int, int], tuple[int, int]] = RoundQueue(work, round_size, "t")
        outcomes = await asyncio.gather(*(queue.submit(pieces, [size for _, size in pieces]) for pieces in requests))
        queue.close()
        return outcomes

    assert [outcome.results for outcome in asyncio.run(run())] == requests
    assert all(size <= round_size for size in rounds)
