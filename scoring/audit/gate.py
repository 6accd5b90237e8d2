"""What a replay says to a release: how far bands may move, and how precise labelled ones must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.evals.gate import Decision, GateDecision, Outcome, Reason


@dataclass(frozen=True)
class ReplayPolicy:
    """``most_moved``: share of requests whose band may change; ``most_green_to_red``, ``most_red_to_green``: of those moves.

    ``least_green_precision``, ``least_red_precision``: of labelled requests; None asks nothing. With fewer than
    ``least_requests`` the replay decides nothing.
    """

    most_moved: float = 0.1
    most_green_to_red: float = 0.02
    most_red_to_green: float = 0.02
    least_requests: int = 50
    least_green_precision: float | None = None
    least_red_precision: float | None = None


def replay_reasons(comparison: Mapping[str, Any], held: Mapping[str, Any] | None, policy: ReplayPolicy) -> list[Reason]:
    """The replay's word on a candidate. ``comparison``: see :func:`scoring.audit.moves.compare`; ``held``: its precision.

    A bound holds where the whole 95% interval keeps it, fails where none of it does, and is undecided between.
    """
    count = comparison["requests"]
    if count < policy.least_requests:
        text = f"{count} requests were compared; {policy.least_requests} are asked for"
        return [Reason("replay requests", Outcome.UNDECIDED, text)]
    found = [Reason("replay requests", Outcome.PASS, f"{count} requests were compared")]
    if comparison["not_compared"]:
        text = f"{comparison['not_compared']} requests failed with one of the two"
        found.append(Reason("replay errors", Outcome.FAIL, text))
    found.append(_at_most("replay moved", comparison["moved"], policy.most_moved))
    for start, end, most in (
        ("green", "red", policy.most_green_to_red),
        ("red", "green", policy.most_red_to_green),
    ):
        share = next((m["share"] for m in comparison["moves"] if (m["from"], m["to"]) == (start, end)), None)
        if share is not None:
            found.append(_at_most(f"replay {start} to {end}", share, most))
    for band, least in (("green", policy.least_green_precision), ("red", policy.least_red_precision)):
        if least is not None:
            found.append(_at_least(f"replay {band} precision", (held or {}).get(band), least))
    return found


def combined(first: GateDecision, reasons: Sequence[Reason]) -> GateDecision:
    """A decision with more reasons: NO-GO if any fails, else INCONCLUSIVE if any is undecided or the first was."""
    outcomes = {reason.outcome for reason in reasons}
    decision = first.decision
    if Outcome.FAIL in outcomes:
        decision = Decision.NO_GO
    elif Outcome.UNDECIDED in outcomes and decision is Decision.GO:
        decision = Decision.INCONCLUSIVE
    order = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)
    everything = sorted((*first.reasons, *reasons), key=lambda reason: order.index(reason.outcome))
    return GateDecision(decision, tuple(everything))


def _at_most(rule: str, share: Mapping[str, Any], most: float) -> Reason:
    text = f"{share['value']:.3f} [{share['low']:.3f}, {share['high']:.3f}] of {share['n']}; at most {most:g}"
    outcome = Outcome.PASS if share["high"] <= most else Outcome.FAIL if share["low"] > most else Outcome.UNDECIDED
    return Reason(rule, outcome, text)


def _at_least(rule: str, share: Mapping[str, Any] | None, least: float) -> Reason:
    if share is None:
        return Reason(rule, Outcome.UNDECIDED, f"no labelled request has this band; at least {least:g} is asked for")
    text = f"{share['value']:.3f} [{share['low']:.3f}, {share['high']:.3f}] of {share['n']}; at least {least:g}"
    outcome = Outcome.PASS if share["low"] >= least else Outcome.FAIL if share["high"] < least else Outcome.UNDECIDED
    return Reason(rule, outcome, text)
