"""Questions about a run, answered from its data alone. Every figure names the route where it stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring.evals.statistics import wilson
from serving.evals.cases import Case
from serving.evals.runs import UnitResult

QUICK_QUESTIONS: Final = ("How is it going?", "Quality?", "Errors?", "Why do so many fail?", "What next?")
"""Questions that a page may offer as buttons."""
_MOST: Final = 5
_NUMBERS: Final = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Observed:
    """A run as it is when it is asked about."""

    run: Mapping[str, Any]
    results: Sequence[UnitResult]
    cases: Mapping[str, Case]

    def link(self, what: str = "") -> str:
        """Where a figure stands."""
        return f"/api/v1/runs/{self.run['run_id']}{what}"


def _fact(text: str, link: str, **figures: Any) -> dict[str, Any]:
    return {"text": text, "link": link, "figures": figures}


def _progress(seen: Observed) -> list[dict[str, Any]]:
    progress, total = seen.run["progress"], seen.run["total"]
    done, failed, spent = progress["done"], progress["failed"], progress["spent_usd"]
    found = [
        _fact(
            f"{seen.run['status']}: {done} of {total} calls are done, {failed} failed, {spent:g} USD were spent.",
            seen.link(),
            done=done,
            total=total,
            failed=failed,
            spent_usd=spent,
        )
    ]
    if seen.run.get("reason"):
        found.append(_fact(f"It rests because: {seen.run['reason']}.", seen.link()))
    latencies = sorted(one.answer.latency_ms for one in seen.results if one.answer.latency_ms is not None)
    if latencies:
        middle, slow = latencies[len(latencies) // 2], latencies[min(len(latencies) - 1, int(len(latencies) * 0.95))]
        text = f"Half of the answers took at most {middle:.0f} ms, 95% at most {slow:.0f} ms."
        found.append(_fact(text, seen.link("/results"), p50_ms=middle, p95_ms=slow))
    return found


def _quality(seen: Observed) -> list[dict[str, Any]]:
    if not seen.results:
        return [_fact("Nothing is graded yet.", seen.link())]
    found = [_pass_rate("All cases", list(seen.results), seen)]
    for track in dict.fromkeys(case.track for case in seen.cases.values()):
        chosen = [one for one in seen.results if seen.cases[one.task_id].track == track]
        if chosen and len(chosen) < len(seen.results):
            found.append(_pass_rate(f"Track {track}", chosen, seen))
    for kind in dict.fromkeys(grade.kind for one in seen.results for grade in one.grades):
        values = [grade.passed for one in seen.results for grade in one.grades if grade.kind == kind]
        told = [value for value in values if value is not None]
        if told:
            found.append(_rate(f"Grader {kind}", sum(told), len(told), seen))
    return found


def _errors(seen: Observed) -> list[dict[str, Any]]:
    """Failed calls by kind: attempts and other numbers aside, so that one cause is one row."""
    kinds = Counter(
        _NUMBERS.sub("#", one.answer.error) if not one.answer.error.startswith("HTTP ") else one.answer.error[:8]
        for one in seen.results
        if one.answer.error is not None
    )
    if not kinds:
        return [_fact("No call failed.", seen.link("/results"), failed=0)]
    return [
        _fact(f"{count} calls failed with: {kind}.", seen.link("/results"), calls=count)
        for kind, count in kinds.most_common(_MOST)
    ]


def _failures(seen: Observed) -> list[dict[str, Any]]:
    failing = [one for one in seen.results if not one.passed]
    if not failing:
        return [_fact("No case fails.", seen.link("/results"), failing=0)]
    found = [_fact(f"{len(failing)} of {len(seen.results)} answers fail.", seen.link("/results"), failing=len(failing))]
    deciding = Counter(
        next(
            (grade.kind for grade in one.grades if grade.passed is False and not grade.advisory),
            "no grader applied or the call failed",
        )
        for one in failing
    )
    for kind, count in deciding.most_common(_MOST):
        found.append(_fact(f"{count} fail by: {kind}.", seen.link("/results"), failing=count))
    categories = Counter(seen.cases[one.task_id].failure_category or seen.cases[one.task_id].track for one in failing)
    for category, count in categories.most_common(_MOST):
        named = [
            one.task_id
            for one in failing
            if (seen.cases[one.task_id].failure_category or seen.cases[one.task_id].track) == category
        ]
        text = f"{count} are of {category}, such as {', '.join(named[:3])}."
        found.append(_fact(text, f"/api/v1/cases/{named[0]}", failing=count))
    return found


def _next_step(seen: Observed) -> list[dict[str, Any]]:
    failed = sum(one.answer.error is not None for one in seen.results)
    critical = [one.task_id for one in seen.results if not one.passed and seen.cases[one.task_id].critical]
    if seen.results and failed * 5 >= len(seen.results):
        return [
            _fact(
                f"{failed} calls failed: mend the target, then resume; kept answers are not asked again.",
                seen.link(),
                failed=failed,
            )
        ]
    if critical:
        return [
            _fact(
                f"Read the {len(critical)} critical failures first, such as {critical[0]}.",
                f"/api/v1/cases/{critical[0]}",
                critical=len(critical),
            )
        ]
    if seen.run["status"] in {"PAUSED", "STOPPED"}:
        return [_fact("Resume it: only what has no answer is asked.", seen.link())]
    if seen.run["status"] == "COMPLETED":
        return [_fact("Compare it with the run of what is released: POST /api/v1/runs:compare.", seen.link())]
    return [_fact("Wait: it is under way.", seen.link())]


_ANSWERS: Final[tuple[tuple[re.Pattern[str], str, Callable[[Observed], list[dict[str, Any]]]], ...]] = (
    (re.compile(r"\bwhy\b|\bfail\w* (?:so|most)|cause|warum|wieso", re.IGNORECASE), "failures", _failures),
    (re.compile(r"\berrors?\b|\bexception|time.?out|\bfehler", re.IGNORECASE), "errors", _errors),
    (re.compile(r"\bnext\b|should i|what now|was nun|nächste", re.IGNORECASE), "next step", _next_step),
    (re.compile(r"\bquality\b|pass|good|score|qualität|grad", re.IGNORECASE), "quality", _quality),
    (re.compile(r"going|progress|status|long|cost|spent|done|läuft|stand|kost", re.IGNORECASE), "progress", _progress),
    (re.compile(r"\bfail", re.IGNORECASE), "failures", _failures),
)
"""Which data a question is about, in this order: "why do so many fail" is about causes, "errors" about failed calls."""


def observe(question: str, seen: Observed) -> dict[str, Any]:
    """The facts that answer the question; a question about nothing known gets the progress and the questions that work."""
    for pattern, topic, answer in _ANSWERS:
        if pattern.search(question):
            return {"topic": topic, "facts": answer(seen), "questions": list(QUICK_QUESTIONS)}
    return {"topic": "not understood", "facts": _progress(seen), "questions": list(QUICK_QUESTIONS)}


def _pass_rate(name: str, results: Sequence[UnitResult], seen: Observed) -> dict[str, Any]:
    return _rate(name, sum(one.passed for one in results), len(results), seen)


def _rate(name: str, hits: int, n: int, seen: Observed) -> dict[str, Any]:
    rate = wilson(hits, n)
    text = f"{name}: {hits} of {n} pass, {rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]."
    return _fact(text, seen.link("/results"), passed=hits, n=n, low=rate.low, high=rate.high)
