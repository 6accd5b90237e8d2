"""The queue of reviews as rows: what waits, who holds what for how long, and what was reviewed of each step of risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select, update

from serving.store.tenancy import TenantConnection
from serving.store.trace_schema import traces
from serving.store.trace_totals import Row

QUEUED: Final = "queued"
REVIEWED: Final = "reviewed"
LABELLED: Final = "labelled"
"""Drawn, and labelled by someone who came upon it another way than by the queue."""
PASSED: Final = "passed"
"""Not drawn: nobody is asked to look at it."""
_TRIES: Final = 16


@dataclass(frozen=True)
class Claim:
    """Who wants an item, until when he would hold it, and which one: of a project, by risk or by chance."""

    reviewer: str
    now_ms: int
    until_ms: int
    project: str | None = None
    by_chance: bool = False


@dataclass(frozen=True)
class StepCounts:
    """Drawn items of one step of risk and probability; ``state`` is where they stand.

    ``good`` and ``bad`` are thumbs, ``unknown`` was looked at without one; of what waits all three are 0. What is never
    drawn, at probability 0, counts as waiting.
    """

    risk: float
    probability: float
    state: str
    waiting: int
    good: int
    bad: int
    unknown: int


def claim_next(connection: TenantConnection, claim: Claim) -> Row | None:
    """Lock the next item for a reviewer, or go on holding the one he has; None when nothing waits that nobody holds."""
    mine = and_(traces.c.locked_by == claim.reviewer, traces.c.lock_expires_ms > claim.now_ms)
    held = connection.first(_waiting(claim.project).where(mine).limit(1))
    if held is not None and _lock(connection, str(held.trace_id), claim):
        return _as_dict(held)
    while True:
        candidates = connection.rows(_free(claim).limit(_TRIES))
        for candidate in candidates:
            if _lock(connection, str(candidate.trace_id), claim):
                return _as_dict(candidate)
        if len(candidates) < _TRIES:
            return None


def claim_item(connection: TenantConnection, trace_id: str, claim: Claim) -> bool:
    """Lock one item; False where another reviewer holds it, or it does not wait."""
    return _lock(connection, trace_id, claim)


def release_item(connection: TenantConnection, trace_id: str, reviewer: str) -> bool:
    """Give an item back; False where the reviewer does not hold it."""
    mine = and_(traces.c.trace_id == trace_id, traces.c.locked_by == reviewer)
    return bool(connection.change(update(traces).where(mine).values(locked_by=None, lock_expires_ms=None)))


def list_queue(connection: TenantConnection, project: str | None, limit: int, after: Sequence[Any] | None) -> list[Row]:
    """A page of what waits, riskiest first. ``after``: (risk, order) of the page before."""
    table = traces.c
    statement = _waiting(project)
    if after is not None:
        risk, order = after
        statement = statement.where(
            or_(table.review_risk < risk, and_(table.review_risk == risk, table.review_order > order))
        )
    return [
        _as_dict(row)
        for row in connection.rows(statement.order_by(table.review_risk.desc(), table.review_order).limit(limit))
    ]


def count_steps(
    connection: TenantConnection, project: str | None, since_ms: int | None, until_ms: int | None
) -> list[StepCounts]:
    """Drawn items by step of risk, probability and state, riskiest first."""
    table = traces.c
    key = (table.review_risk, table.review_probability, table.review_state)
    never = table.review_probability == 0
    statement = (
        select(
            *key,
            func.count(table.trace_id).filter(or_(table.review_state == QUEUED, never)).label("waiting"),
            *(func.count(table.trace_id).filter(table.label == one).label(one) for one in ("up", "down", "unknown")),
        )
        .where(or_(table.review_state.in_((QUEUED, REVIEWED, LABELLED)), never))
        .group_by(*key)
        .order_by(table.review_risk.desc(), table.review_probability.desc(), table.review_state)
    )
    if project is not None:
        statement = statement.where(table.project == project)
    if since_ms is not None:
        statement = statement.where(table.started_ms >= since_ms)
    if until_ms is not None:
        statement = statement.where(table.started_ms < until_ms)
    return [
        StepCounts(
            row.review_risk, row.review_probability, row.review_state, row.waiting, row.up, row.down, row.unknown
        )
        for row in connection.rows(statement)
    ]


def _waiting(project: str | None) -> Select[Any]:
    statement = select(traces).where(traces.c.review_state == QUEUED)
    return statement if project is None else statement.where(traces.c.project == project)


def _free(claim: Claim) -> Select[Any]:
    table = traces.c
    nobody = or_(table.locked_by.is_(None), table.lock_expires_ms <= claim.now_ms)
    order = (table.review_order,) if claim.by_chance else (table.review_risk.desc(), table.review_order)
    return _waiting(claim.project).where(nobody).order_by(*order)


def _lock(connection: TenantConnection, trace_id: str, claim: Claim) -> bool:
    """Take the lock in one statement, whose condition a second reviewer at the same moment no longer meets."""
    table = traces.c
    free = or_(table.locked_by.is_(None), table.locked_by == claim.reviewer, table.lock_expires_ms <= claim.now_ms)
    statement = update(traces).where(and_(table.trace_id == trace_id, table.review_state == QUEUED, free))
    return bool(connection.change(statement.values(locked_by=claim.reviewer, lock_expires_ms=claim.until_ms)))


def _as_dict(row: Any) -> Row:
    return {str(name): value for name, value in row._mapping.items() if name != "tenant"}
