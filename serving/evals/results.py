"""Results of a run as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.evals.answers import read_answer
from serving.evals.graders.types import Grade
from serving.evals.runs import UnitResult


def read_result(document: Mapping[str, Any]) -> UnitResult:
    """The result of :meth:`UnitResult.view`'s JSON values."""
    grades = tuple(
        Grade(one["kind"], one.get("passed"), one["reason"], one.get("value"), bool(one.get("advisory")))
        for one in document["grades"]
    )
    return UnitResult(
        task_id=document["task_id"],
        repeat=document["repeat"],
        answer=read_answer(document["answer"], "kept result"),
        grades=grades,
        passed=document["passed"],
        reason=document["reason"],
        reused=document["reused"],
    )
