"""GO, NO-GO or INCONCLUSIVE: a policy applied to a comparison, with every reason. A missing or failed case never passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from scoring.evals.comparison import MeasureComparison, Tier


class Decision(StrEnum):
    """What the gate says; ``exit_code`` is what the command returns."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return {Decision.GO: 0, Decision.NO_GO: 1, Decision.INCONCLUSIVE: 2}[self]


class Outcome(StrEnum):
    """What one rule says."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Policy:
    """What a release must hold.

    ``floors``: least observed value of a measure in this suite. ``margins``: how much worse a measure of the tier may be; the
    whole interval must lie above minus the margin, None asks nothing. ``max_regressions``: cases of a measure that passed with
    the baseline and fail now. ``least_fix_rate``: share of past failures that now pass. ``most_cost_ratio`` and
    ``most_latency_ratio``: candidate over baseline. ``confidence`` is that of every interval.
    """

    floors: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    margins: Mapping[Tier, float | None] = field(
        default_factory=lambda: MappingProxyType({Tier.CRITICAL: 0.0, Tier.SUPPORTING: 0.02, Tier.ADVISORY: None})
    )
    max_regressions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    tiers: Mapping[str, Tier] = field(default_factory=lambda: MappingProxyType({}))
    least_fix_rate: float | None = None
    most_cost_ratio: float | None = None
    most_latency_ratio: float | None = None
    confidence: float = 0.95


@dataclass(frozen=True)
class Facts:
    """What the runs showed. ``fixed`` of ``past_failures`` cases of the regression track pass now; ratios None without data.

    ``missing`` and ``failed``: cases of the suite without an answer, or whose call failed.
    """

    comparisons: Sequence[MeasureComparison]
    fixed: int = 0
    past_failures: int = 0
    cost_ratio: float | None = None
    latency_ratio: float | None = None
    missing: Sequence[str] = ()
    failed: Sequence[str] = ()


@dataclass(frozen=True)
class Reason:
    """One rule's word, in a sentence with its figures, and the cases it is about."""

    rule: str
    outcome: Outcome
    text: str
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateDecision:
    """The decision and all its reasons, those that block first."""

    decision: Decision
    reasons: tuple[Reason, ...]


def decide(policy: Policy, facts: Facts) -> GateDecision:
    """NO-GO if any rule fails, else INCONCLUSIVE if any is undecided or none was asked, else GO."""
    reasons = [
        *_complete(facts),
        *_floors(policy, facts),
        *_margins(policy, facts),
        *_regressions(policy, facts),
        *_fixes(policy, facts),
        *_ratio("cost", policy.most_cost_ratio, facts.cost_ratio),
        *_ratio("latency", policy.most_latency_ratio, facts.latency_ratio),
    ]
    outcomes = {reason.outcome for reason in reasons}
    if Outcome.FAIL in outcomes:
        decision = Decision.NO_GO
    elif Outcome.UNDECIDED in outcomes or not facts.comparisons:
        decision = Decision.INCONCLUSIVE
    else:
        decision = Decision.GO
    order = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)
    return GateDecision(decision, tuple(sorted(reasons, key=lambda reason: order.index(reason.outcome))))


def _complete(facts: Facts) -> list[Reason]:
    found = []
    if facts.missing:
        found.append(
            Reason("complete", Outcome.FAIL, f"{len(facts.missing)} case(s) have no answer", tuple(facts.missing))
        )
    if facts.failed:
        found.append(
            Reason("complete", Outcome.FAIL, f"{len(facts.failed)} case(s) failed to run", tuple(facts.failed))
        )
    if not facts.comparisons:
        found.append(Reason("complete", Outcome.UNDECIDED, "no measure has a case in both runs"))
    return found or [Reason("complete", Outcome.PASS, "every case was answered and graded")]


def _floors(policy: Policy, facts: Facts) -> list[Reason]:
    by_name = {one.measure.name: one for one in facts.comparisons}
    found = []
    for name, floor in policy.floors.items():
        one = by_name.get(name)
        if one is None:
            found.append(Reason(f"floor {name}", Outcome.UNDECIDED, f"{name} was not measured; the floor is {floor:g}"))
            continue
        outcome = Outcome.PASS if one.candidate >= floor else Outcome.FAIL
        found.append(
            Reason(
                f"floor {name}", outcome, f"{name} is {one.candidate:.3f} over {one.n} cases; the floor is {floor:g}"
            )
        )
    return found


def _margins(policy: Policy, facts: Facts) -> list[Reason]:
    found = []
    for one in facts.comparisons:
        tier = policy.tiers.get(one.measure.name, one.measure.tier)
        margin = policy.margins.get(tier)
        if margin is None or not one.measure.binary:
            continue
        interval = one.difference
        if interval.low >= -margin or (margin == 0.0 and not one.regressed):
            outcome = Outcome.PASS
        elif interval.high < -margin or (margin == 0.0 and interval.value < 0):
            outcome = Outcome.FAIL
        else:
            outcome = Outcome.UNDECIDED
        seen = "" if one.smallest_visible is None else f"; {one.n} cases show {one.smallest_visible:.3f} with 80% power"
        text = (
            f"{one.measure.name} ({tier}): {interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}],"
            f" margin {margin:g}{seen if outcome is Outcome.UNDECIDED else ''}"
        )
        found.append(Reason(f"margin {one.measure.name}", outcome, text, one.regressed))
    return found


def _regressions(policy: Policy, facts: Facts) -> list[Reason]:
    by_name = {one.measure.name: one for one in facts.comparisons}
    found = []
    for name, most in policy.max_regressions.items():
        one = by_name.get(name)
        if one is None:
            found.append(Reason(f"regressions {name}", Outcome.UNDECIDED, f"{name} was not measured"))
            continue
        outcome = Outcome.PASS if len(one.regressed) <= most else Outcome.FAIL
        text = f"{len(one.regressed)} case(s) of {name} regressed; {most} may"
        found.append(Reason(f"regressions {name}", outcome, text, one.regressed))
    return found


def _fixes(policy: Policy, facts: Facts) -> list[Reason]:
    least = policy.least_fix_rate
    if least is None:
        return []
    if not facts.past_failures:
        return [Reason("fix rate", Outcome.UNDECIDED, "the suite has no past failure that the baseline still fails")]
    rate = facts.fixed / facts.past_failures
    outcome = Outcome.PASS if rate >= least else Outcome.FAIL
    return [
        Reason("fix rate", outcome, f"{facts.fixed} of {facts.past_failures} past failures fixed; {least:.0%} must be")
    ]


def _ratio(name: str, most: float | None, ratio: float | None) -> list[Reason]:
    if most is None:
        return []
    if ratio is None:
        return [Reason(name, Outcome.UNDECIDED, f"{name} was not recorded in both runs; the limit is {most:g} times")]
    outcome = Outcome.PASS if ratio <= most else Outcome.FAIL
    return [Reason(name, outcome, f"{name} is {ratio:.2f} times the baseline's; the limit is {most:g}")]
