"""What to review next, held by one reviewer at a time, and the rate of good answers that reviews tell of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring.evals.statistics import Estimate, weighted_rate, wilson
from scoring.feedback import reason_of
from serving.api.errors import ConflictError, NotFoundError
from serving.config.traces import TraceSettings
from serving.reviews.people import author_of
from serving.reviews.views import encode_place, item_view
from serving.store import review_queue as rows
from serving.store.store import Store
from serving.traces.span import trace_id_of

_LEAST: Final = 2


@dataclass(frozen=True)
class _Stratum:
    """Items whose reviews stand for all of them: ``drawn`` is the probability with which one was drawn and reviewed."""

    step: rows.StepCounts
    drawn: float
    good: int
    bad: int


class ReviewQueue:
    """Every call names its tenant. A reviewer is the name under which labels are given."""

    def __init__(self, store: Store, settings: TraceSettings) -> None:
        self._store = store
        self._settings = settings

    async def next(
        self,
        tenant: str,
        reviewer: str | None = None,
        caller: str | None = None,
        *,
        project: str | None = None,
        by_chance: bool = False,
    ) -> dict[str, Any]:
        """Lock the next item for the reviewer, or go on holding the one he has; ``item`` is None when nothing waits."""
        claim = self._claim(author_of(reviewer, caller), project, by_chance)
        row = await self._store.tenant(tenant).write(lambda c: rows.claim_next(c, claim))
        if row is None:
            return {"item": None}
        held = {**row, "locked_by": claim.reviewer, "lock_expires_ms": claim.until_ms}
        return {"item": item_view(held, claim.now_ms)}

    async def hold(
        self, tenant: str, trace_id: str, reviewer: str | None = None, caller: str | None = None
    ) -> dict[str, Any]:
        """Lock one item, or hold it longer. Raises ConflictError while another reviewer holds it, or it does not wait."""
        claim, name = self._claim(author_of(reviewer, caller)), trace_id_of(trace_id)
        if not await self._store.tenant(tenant).write(lambda c: rows.claim_item(c, name, claim)):
            raise ConflictError(f"trace {name} is held by another reviewer, or waits for no review")
        return {"trace_id": name, "locked_by": claim.reviewer, "lock_s": self._settings.lock_s}

    async def release(
        self, tenant: str, trace_id: str, reviewer: str | None = None, caller: str | None = None
    ) -> dict[str, Any]:
        """Give an item back before its time. Raises NotFoundError where the reviewer does not hold it."""
        who, name = author_of(reviewer, caller), trace_id_of(trace_id)
        if not await self._store.tenant(tenant).write(lambda c: rows.release_item(c, name, who)):
            raise NotFoundError(f"{who} does not hold trace {name}")
        return {"trace_id": name, "released": True}

    async def list(
        self, tenant: str, limit: int, after: Sequence[Any] | None = None, *, project: str | None = None
    ) -> dict[str, Any]:
        """A page of what waits, riskiest first; within a step of risk by chance."""
        found = await self._store.tenant(tenant).read(lambda c: rows.list_queue(c, project, limit + 1, after))
        page, now_ms = found[:limit], self._store.now_ms()
        place = [page[-1]["review_risk"], page[-1]["review_order"]] if len(found) > limit else None
        return {"items": [item_view(row, now_ms) for row in page], "next_cursor": encode_place(place)}

    async def estimate(
        self, tenant: str, *, project: str | None = None, since_ms: int | None = None, until_ms: int | None = None
    ) -> dict[str, Any]:
        """The share of good answers among all settled ones, from those that were reviewed, each by how it was drawn.

        ``rate`` is None, with a reason, where reviews cannot tell: fewer than two, or a step of risk that waits unseen.
        """
        steps = await self._store.tenant(tenant).read(lambda c: rows.count_steps(c, project, since_ms, until_ms))
        strata = [_stratum(step, steps) for step in steps]
        known = [one for one in strata if one is not None]
        answer: dict[str, Any] = {
            "reviewed": sum(one.good + one.bad for one in known),
            "unknown": sum(step.unknown for step in steps),
            "waiting": sum(step.waiting for step in steps),
            "steps": [_step_view(step) for step in steps],
        }
        missing = _missing(steps)
        if missing is not None:
            return {"rate": None, "reason": missing, **answer}
        found = rate_of([(1.0, one.drawn, one.good) for one in known] + [(0.0, one.drawn, one.bad) for one in known])
        rate = {
            "name": "thumb up",
            "value": round(found.value, 6),
            "low": round(found.low, 6),
            "high": round(found.high, 6),
            "confidence": found.confidence,
            "n": found.n,
        }
        return {"rate": rate, **answer}

    def _claim(self, reviewer: str, project: str | None = None, by_chance: bool = False) -> rows.Claim:
        now_ms = self._store.now_ms()
        return rows.Claim(reviewer, now_ms, now_ms + round(self._settings.lock_s * 1000), project, by_chance)


def rate_of(groups: Sequence[tuple[float, float, int]]) -> Estimate:
    """The weighted rate of (value, probability, how many), within [0, 1].

    Where all are alike their spread is 0 and tells nothing; then the score interval at the effective number stands in.
    """
    values = [value for value, _, count in groups for _ in range(count)]
    drawn = [probability for _, probability, count in groups for _ in range(count)]
    found = weighted_rate(values, drawn)
    if found.high > found.low:
        return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.n, found.confidence)
    weights = [1.0 / probability for probability in drawn]
    effective = max(1, int(sum(weights) ** 2 / sum(weight**2 for weight in weights)))
    alike = wilson(effective if values[0] else 0, effective)
    return Estimate(found.value, alike.low, alike.high, found.n, alike.confidence)


def _stratum(step: rows.StepCounts, steps: Sequence[rows.StepCounts]) -> _Stratum | None:
    """The items of a step that were reviewed. What someone came upon another way stands for itself alone.

    What the queue gave out is a random part of what it had to give, within a step: of 40 drawn at .1 with 10 reviewed, each
    was seen with a probability of .1 times 10 in 40.
    """
    known = step.good + step.bad
    if not known:
        return None
    if step.state == rows.LABELLED:
        return _Stratum(step, step.probability, step.good, step.bad)
    waiting = sum(one.waiting for one in steps if (one.risk, one.probability) == (step.risk, step.probability))
    share = known / (known + step.unknown + waiting)
    return _Stratum(step, step.probability * share, step.good, step.bad)


def _missing(steps: Sequence[rows.StepCounts]) -> str | None:
    """Why there is no rate, in words; None where there is one."""
    if sum(step.good + step.bad for step in steps) < _LEAST:
        return f"fewer than {_LEAST} reviews with a thumb"
    for step in steps:
        if step.probability == 0:
            return f"{step.waiting} answers are never drawn, for review_rate is 0"
        same = [one for one in steps if (one.risk, one.probability) == (step.risk, step.probability)]
        seen = sum(one.good + one.bad for one in same if one.state == rows.REVIEWED)
        if step.waiting and not seen:
            return (
                f"of {step.waiting} waiting at risk {step.risk:g} ({reason_of(step.risk)}) none was reviewed yet; "
                "take some in the order 'chance'"
            )
    return None


def _step_view(step: rows.StepCounts) -> dict[str, Any]:
    return {
        "risk": step.risk,
        "why": reason_of(step.risk),
        "inclusion_probability": step.probability,
        "state": step.state,
        "waiting": step.waiting,
        "up": step.good,
        "down": step.bad,
        "unknown": step.unknown,
    }
