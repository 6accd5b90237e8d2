"""A run: every case of a suite asked and graded, each answer kept before it is graded, so that nothing is paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serving.evals.answers import Answer
from serving.evals.cases import Case
from serving.evals.graders.table import grade_answer, passes
from serving.evals.graders.types import Grade, Services
from serving.evals.reading import sha256_of
from serving.evals.targets.types import Target


@dataclass(frozen=True)
class Unit:
    """One call: a case, and which repeat of it."""

    case: Case
    repeat: int

    def key(self, identity: str) -> str:
        """Under which the answer is kept: target, revision and repeat."""
        return sha256_of([identity, self.case.revision, self.repeat])


@dataclass(frozen=True)
class UnitResult:
    """One unit graded. ``reused``: the answer was there before, and nothing was called."""

    task_id: str
    repeat: int
    answer: Answer
    grades: tuple[Grade, ...]
    passed: bool
    reason: str
    reused: bool = False

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "task_id": self.task_id,
            "repeat": self.repeat,
            "passed": self.passed,
            "reason": self.reason,
            "answer": self.answer.view(),
            "grades": [grade.view() for grade in self.grades],
            "reused": self.reused,
        }


class AnswerStore(Protocol):
    """Keeps answers by key; ``put`` returns once the answer is durable."""

    async def get(self, key: str) -> Answer | None:
        """The answer kept under ``key``."""
        ...

    async def put(self, key: str, answer: Answer) -> None:
        """Keep an answer."""
        ...


class NoAnswerStore:
    """Keeps nothing: for recorded answers, which are their own store."""

    async def get(self, key: str) -> Answer | None:
        """Nothing is kept."""
        return None

    async def put(self, key: str, answer: Answer) -> None:
        """Nothing is kept."""


def units_of(cases: Sequence[Case], repeats: int) -> tuple[Unit, ...]:
    """Every call of a run, case by case."""
    return tuple(Unit(case, repeat) for case in cases for repeat in range(repeats))


async def run_unit(unit: Unit, target: Target, store: AnswerStore, services: Services) -> UnitResult:
    """Ask, keep, grade. An answer that failed is not kept, so a resumed run asks again."""
    key = unit.key(target.identity)
    kept = await store.get(key)
    answer = kept if kept is not None else await target.answer(unit.case, unit.repeat)
    if kept is None and answer.error is None:
        await store.put(key, answer)
    grades = await grade_answer(unit.case, answer, services)
    passed, reason = passes(grades, answer)
    return UnitResult(unit.case.task_id, unit.repeat, answer, grades, passed, reason, kept is not None)


async def run_units(
    units: Sequence[Unit],
    work: Callable[[Unit], Awaitable[UnitResult]],
    concurrency: int,
) -> list[UnitResult]:
    """All units with at most ``concurrency`` in flight; results in the order of the units."""
    results: list[UnitResult | None] = [None] * len(units)
    waiting = iter(enumerate(units))

    async def worker() -> None:
        for place, unit in waiting:
            results[place] = await work(unit)

    await asyncio.gather(*(worker() for _ in range(max(1, min(concurrency, len(units))))))
    return [result for result in results if result is not None]
