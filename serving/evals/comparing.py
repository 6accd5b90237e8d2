"""From two runs' results to measures, comparison and gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from scoring.evals.comparison import Measure, MeasureComparison, PairedValue, Tier, compare_measures
from scoring.evals.gate import Facts, GateDecision, Policy, decide
from serving.evals.cases import Case
from serving.evals.graders.table import GRADERS
from serving.evals.runs import UnitResult
from serving.evals.targets.recorded import MISSING

Results = Mapping[str, Sequence[UnitResult]]
"""A run's results by task_id."""

_CRITICAL_GRADERS: Final = {"groundedness": "hallucination", "phantom": "phantom", "refusal": "refusal"}
"""Graders that are measures in their own right, and what the report calls their failures."""


@dataclass(frozen=True)
class Comparison:
    """Both runs beside each other. ``fixed``: past failures that the baseline failed and the candidate passes.

    ``retrieval_regressed``: cases whose documents were found before and are not now. Read these first: an answer cannot be
    better than what it was given.
    """

    measures: tuple[MeasureComparison, ...]
    facts: Facts
    fixed: tuple[str, ...]
    still_failing: tuple[str, ...]
    regressed: tuple[str, ...]
    sentence: str
    retrieval_regressed: tuple[str, ...] = ()


def by_task(results: Sequence[UnitResult]) -> dict[str, list[UnitResult]]:
    """Results grouped by task, in the order of repeats."""
    found: dict[str, list[UnitResult]] = {}
    for result in sorted(results, key=lambda one: (one.task_id, one.repeat)):
        found.setdefault(result.task_id, []).append(result)
    return found


def compare_runs(cases: Sequence[Case], baseline: Results, candidate: Results, policy: Policy) -> Comparison:
    """Every measure of the two runs over these cases; repeats are averaged first."""
    measured = [(_tiered(measure, policy), values) for measure, values in _measures(cases, baseline, candidate)]
    measures = compare_measures(measured, policy.confidence)
    past = [case.task_id for case in cases if case.track == "regression" and not _passed(baseline.get(case.task_id))]
    fixed = tuple(task for task in past if _passed(candidate.get(task)))
    regressed = tuple(
        case.task_id
        for case in cases
        if _passed(baseline.get(case.task_id)) and not _passed(candidate.get(case.task_id))
    )
    missing, failed = _incomplete(cases, candidate)
    facts = Facts(
        comparisons=measures,
        fixed=len(fixed),
        past_failures=len(past),
        cost_ratio=_ratio(cases, baseline, candidate, "cost_usd"),
        latency_ratio=_ratio(cases, baseline, candidate, "latency_ms"),
        missing=missing,
        failed=failed,
    )
    still = tuple(task for task in past if task not in fixed)
    lost = tuple(
        case.task_id
        for case in cases
        if _retrieved(baseline.get(case.task_id)) and _retrieved(candidate.get(case.task_id)) is False
    )
    sentence = _sentence(cases, fixed, regressed)
    if lost:
        sentence = f"retrieval of {len(lost)} {_plural(len(lost), 'case')} regressed; {sentence}"
    return Comparison(measures, facts, fixed, still, regressed, sentence, lost)


def gate(comparison: Comparison, policy: Policy) -> GateDecision:
    """The policy's decision."""
    return decide(policy, comparison.facts)


def _measures(cases: Sequence[Case], baseline: Results, candidate: Results) -> list[tuple[Measure, list[PairedValue]]]:
    def pairs(chosen: Sequence[Case], value: str, kind: str | None = None) -> list[PairedValue]:
        return [
            PairedValue(
                case.task_id,
                case.cluster,
                _value(baseline.get(case.task_id), value, kind),
                _value(candidate.get(case.task_id), value, kind),
            )
            for case in chosen
        ]

    found = [(Measure("passed", Tier.SUPPORTING), pairs(cases, "passed"))]
    critical = [case for case in cases if case.critical]
    if critical:
        found.append((Measure("critical passed", Tier.CRITICAL), pairs(critical, "passed")))
    for track in dict.fromkeys(case.track for case in cases):
        chosen = [case for case in cases if case.track == track]
        if len(chosen) < len(cases):
            found.append((Measure(f"{track} passed", Tier.ADVISORY), pairs(chosen, "passed")))
    kinds = dict.fromkeys(spec.kind for case in cases for spec in case.all_graders)
    for kind in sorted(kinds, key=lambda one: GRADERS[one].needs_answer):  # retrieval first; else in the suite's order
        chosen = [case for case in cases if any(spec.kind == kind for spec in case.all_graders)]
        found.append((Measure(kind, Tier.ADVISORY), pairs(chosen, "grade", kind)))
    found.append((Measure("cost_usd", Tier.ADVISORY, False, False), pairs(cases, "cost_usd")))
    found.append((Measure("latency_ms", Tier.ADVISORY, False, False), pairs(cases, "latency_ms")))
    return found


def _tiered(measure: Measure, policy: Policy) -> Measure:
    tier = policy.tiers.get(measure.name, measure.tier)
    return Measure(measure.name, tier, measure.binary, measure.higher_is_better)


def _value(results: Sequence[UnitResult] | None, what: str, kind: str | None) -> float | None:
    """The mean over a case's repeats; None where no repeat has the value. A failed call has no grade, and did not pass."""
    found: list[float] = []
    for result in results or ():
        if result.answer.error == MISSING:
            continue
        if what == "passed":
            found.append(float(result.passed))
        elif what == "grade":
            graded = [grade.passed for grade in result.grades if grade.kind == kind and grade.passed is not None]
            found.extend([float(all(graded))] if graded else [])
        else:
            number = getattr(result.answer, what)
            found.extend([] if number is None else [float(number)])
    return fmean(found) if found else None


def _passed(results: Sequence[UnitResult] | None) -> bool:
    """Whether a case passes in all its repeats."""
    return bool(results) and all(result.passed for result in results or ())


def _retrieved(results: Sequence[UnitResult] | None) -> bool | None:
    """Whether every retrieval grader of a case passes in all its repeats; None where none applied."""
    told = [
        grade.passed
        for result in results or ()
        for grade in result.grades
        if grade.passed is not None and not GRADERS[grade.kind].needs_answer
    ]
    return all(told) if told else None


def _incomplete(cases: Sequence[Case], results: Results) -> tuple[tuple[str, ...], tuple[str, ...]]:
    missing, failed = [], []
    for case in cases:
        errors = {result.answer.error for result in results.get(case.task_id, ())}
        if not errors or MISSING in errors:
            missing.append(case.task_id)
        elif errors != {None}:
            failed.append(case.task_id)
    return tuple(missing), tuple(failed)


def _ratio(cases: Sequence[Case], baseline: Results, candidate: Results, what: str) -> float | None:
    """Candidate's mean over the baseline's, over the cases that have it in both."""
    pairs = [
        (before, after)
        for case in cases
        if (before := _value(baseline.get(case.task_id), what, None)) is not None
        and (after := _value(candidate.get(case.task_id), what, None)) is not None
    ]
    total = sum(before for before, _ in pairs)
    return sum(after for _, after in pairs) / total if total else None


def _sentence(cases: Sequence[Case], fixed: Sequence[str], regressed: Sequence[str]) -> str:
    """ "7 known failures fixed, 2 billing answers regressed": by failure category where the cases name one."""
    by_name = {case.task_id: case for case in cases}
    groups: dict[str, int] = {}
    for task in regressed:
        category = by_name[task].failure_category or by_name[task].track
        groups[category] = groups.get(category, 0) + 1
    worse = (
        ", ".join(f"{count} {name} {_plural(count, 'answer')}" for name, count in sorted(groups.items())) or "no answer"
    )
    return f"{len(fixed)} known {_plural(len(fixed), 'failure')} fixed, {worse} regressed"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def retrieval_first(cases: Sequence[Case]) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases whose graders all look at retrieval alone, and the others: a run asks the first ones first."""
    alone = tuple(
        case
        for case in cases
        if case.all_graders and all(not GRADERS[spec.kind].needs_answer for spec in case.all_graders)
    )
    names = {case.task_id for case in alone}
    return alone, tuple(case for case in cases if case.task_id not in names)
