"""Recorded answers: a run without any network, for CI and for figures that must not move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from serving.api.errors import ValidationFailedError
from serving.evals.answers import Answer, read_answer
from serving.evals.cases import Case
from serving.evals.reading import read_json_lines, sha256_of

MISSING = "no recorded answer"


class RecordedTarget:
    """Answers by (task_id, repeat); a case without one gets an error, which never passes a gate."""

    def __init__(self, answers: Mapping[tuple[str, int], Answer]) -> None:
        self._answers = answers
        self._identity = sha256_of([[task, repeat, one.view()] for (task, repeat), one in sorted(answers.items())])

    @property
    def identity(self) -> str:
        """The hash of all answers."""
        return self._identity

    @property
    def paid(self) -> bool:
        """Reading costs nothing."""
        return False

    @property
    def repeats(self) -> int:
        """How often the cases were asked when they were recorded."""
        return 1 + max((repeat for _, repeat in self._answers), default=0)

    async def answer(self, case: Case, repeat: int) -> Answer:
        """What was recorded."""
        return self._answers.get((case.task_id, repeat), Answer("", error=MISSING))

    async def close(self) -> None:
        """Nothing is open."""


def read_recorded(path: Path) -> RecordedTarget:
    """JSON lines ``{"task_id", "answer", "repeat"?, "retrieved"?, "tool_calls"?, "cost_usd"?, "latency_ms"?, "error"? …}``.

    Raises ValidationFailedError naming the line; an answer given twice is refused.
    """
    found: dict[tuple[str, int], Answer] = {}
    for number, value in read_json_lines(path):
        where = f"{path.name} line {number}"
        if not isinstance(value, dict) or not isinstance(value.get("task_id"), str):
            raise ValidationFailedError(f"{where}: is an object with a task_id")
        fields = dict(value)
        key = (str(fields.pop("task_id")), int(fields.pop("repeat", 0)))
        if key in found:
            raise ValidationFailedError(f"{where}: task {key[0]!r}, repeat {key[1]}, was recorded before")
        found[key] = read_answer(fields, where)
    return RecordedTarget(found)
