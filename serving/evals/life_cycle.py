"""The life cycle of a case: which steps there are, and what each needs. One table; nothing is skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from serving.api.errors import ConflictError
from serving.evals.answers import Answer
from serving.evals.cases import Case, CaseStatus
from serving.evals.graders.table import grade_answer, passes
from serving.evals.graders.types import Services


@dataclass(frozen=True)
class DryRun:
    """What the graders say of a known-good answer and of the recorded failure; None: there is no such answer."""

    good_passed: bool | None
    good_reason: str
    bad_passed: bool | None
    bad_reason: str


@dataclass(frozen=True)
class Condition:
    """``missing``: what to do about it; None when it holds."""

    name: str
    missing: Callable[[Case, DryRun | None], str | None]


_EXPECTATION: Final = Condition(
    "has an expectation",
    lambda case, _: (
        None
        if case.expected_behavior.strip() or (case.reference_answer or "").strip()
        else "write expected_behavior or reference_answer"
    ),
)
_GRADER: Final = Condition(
    "has a grader that can fail",
    lambda case, _: (
        None if any(not one.advisory for one in case.all_graders) else "add a grader that decides (not advisory)"
    ),
)
_GREEN: Final = Condition(
    "passes on a known-good answer",
    lambda _, run: (
        None if run is not None and run.good_passed else f"give a good answer that passes: {_said(run, True)}"
    ),
)
_RED: Final = Condition(
    "fails on the recorded failure",
    lambda _, run: (
        None
        if run is not None and run.bad_passed is False
        else f"make the graders fail on the recorded failure: {_said(run, False)}"
    ),
)

STEPS: Final[Mapping[tuple[CaseStatus, CaseStatus], tuple[Condition, ...]]] = {
    (CaseStatus.DRAFT, CaseStatus.CURATED): (_EXPECTATION, _GRADER),
    (CaseStatus.CURATED, CaseStatus.ACTIVE): (_EXPECTATION, _GRADER, _GREEN, _RED),
    (CaseStatus.ACTIVE, CaseStatus.ARCHIVED): (),
}
"""A thumb down alone never becomes ACTIVE: without an expectation, a grader and both dry runs there is no way."""


def check_step(case: Case, before: CaseStatus, after: CaseStatus, dry_run: DryRun | None) -> None:
    """Raise ConflictError naming what the step needs, or that there is no such step."""
    conditions = STEPS.get((before, after))
    if conditions is None:
        onward = [str(to) for start, to in STEPS if start is before]
        raise ConflictError(f"a case that is {before} becomes {' or '.join(onward) or 'nothing else'}, not {after}")
    missing = [f"{one.name}: {gap}" for one in conditions if (gap := one.missing(case, dry_run)) is not None]
    if missing:
        raise ConflictError(f"case {case.task_id} cannot become {after}. " + "; ".join(missing))


async def dry_run(case: Case, services: Services, good: Answer | None = None) -> DryRun:
    """Grade the known-good answer (the reference without one) and the recorded failure (an empty answer without one)."""
    known_good = good if good is not None else Answer(case.reference_answer) if case.reference_answer else None
    good_passed, good_reason = None, "there is no reference answer"
    if known_good is not None:
        good_passed, good_reason = passes(await grade_answer(case, known_good, services), known_good)
    failure = Answer(case.recorded_failure or "")
    bad_passed, bad_reason = passes(await grade_answer(case, failure, services), failure)
    if case.recorded_failure is None:
        bad_reason = f"(an empty answer) {bad_reason}"
    return DryRun(good_passed, good_reason, bad_passed, bad_reason)


def _said(run: DryRun | None, good: bool) -> str:
    if run is None:
        return "no dry run was made"
    return run.good_reason if good else run.bad_reason
