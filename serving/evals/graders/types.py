"""What a grader gets and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.evals.answers import Answer
from serving.evals.cases import Case

ScoreLane = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""``score(lane, request)``: the answer of the rag or code lane. Raises an ApiError."""
Embed = Callable[[list[str]], Awaitable[Sequence[Sequence[float]]]]
"""L2-normalised vectors of texts."""
Ask = Callable[[Sequence[Mapping[str, Any]]], Awaitable[Answer]]
"""A judge model's answer to messages."""


@dataclass(frozen=True)
class Services:
    """What graders may call. None: not there, and a grader that needs it says so instead of passing."""

    score_lane: ScoreLane | None = None
    embed: Embed | None = None
    judge: Ask | None = None


@dataclass(frozen=True)
class Grade:
    """``passed`` None: the grader does not apply, ``reason`` says why. ``value``: its figure, where it has one."""

    kind: str
    passed: bool | None
    reason: str
    value: float | None = None
    advisory: bool = False

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        document = {
            "kind": self.kind,
            "passed": self.passed,
            "reason": self.reason,
            "value": self.value,
            "advisory": self.advisory or None,
        }
        return {name: value for name, value in document.items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """A grader's word before its name is on it."""

    passed: bool | None
    reason: str
    value: float | None = None


Options = Mapping[str, Any]
PureGrader = Callable[[Options, Case, Answer], Verdict]
AsyncGrader = Callable[[Options, Case, Answer, Services], Awaitable[Verdict]]
