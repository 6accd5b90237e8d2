"""What happens to a turn once nothing more of it comes: its answer is scored, its reactions are read, its review is drawn.

Runs beside requests in every gateway, below interactive traffic. A turn is claimed for a while; a gateway that dies leaves a
claim that runs out, and another takes over. A late call of the turn has it settled again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, and_, select, update

from serving.api.errors import (
    ApiError,
    DeadlineExceededError,
    InternalError,
    NotFoundError,
    OverloadedError,
)
from serving.config.traces import TraceSettings
from serving.lanes.traffic import Traffic
from serving.reviews.scoring import SESSION_TURNS, CheckRequest, Plan, ScoreJob, drift_of, plan, score_row
from serving.reviews.suggestions import read_reaction
from serving.reviews.turn_state import bring_up_to_date
from serving.store.review_records import change_turn, put_suggestion, turns_around
from serving.store.score_records import GROUNDEDNESS, put_score, remove_score, scores_of_traces
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn, read_turns_before
from serving.store.trace_schema import spans, traces
from serving.store.trace_totals import Row
from serving.traces.turn_contents import TurnContents, read_contents

Embed = Callable[[list[str]], Awaitable[Any]]
"""L2-normalised vectors of texts, (texts, dim)."""

_LOGGER = logging.getLogger("groundlane.reviews")
_CLAIM_S: Final = 180.0
_BATCH: Final = 32
_ATTEMPTS: Final = 4
_BACKOFF_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.02
_RETRYABLE: Final = (OverloadedError, DeadlineExceededError, InternalError)
_REASON_CHARACTERS: Final = 512
_SIMILAR_CHARACTERS: Final = 600
"""Questions longer than this are not compared by meaning."""
WAITING: Final = "waiting"
CLAIMED: Final = "claimed"


@dataclass(frozen=True)
class Due:
    """A turn that is complete, as it was when it was claimed."""

    tenant: str
    trace_id: str
    received_ms: int
    attempts: int


@dataclass(frozen=True)
class _Seen:
    """A turn and its neighbours, with what was said in each; score and band of the turns before it, oldest first."""

    turn: Row
    contents: TurnContents
    before: tuple[Row, TurnContents] | None
    after: tuple[Row, TurnContents] | None
    scores: tuple[tuple[float | None, str | None], ...]


@dataclass(frozen=True)
class _Outcome:
    """What became of scoring: a state with its reason, and the score where there is one."""

    state: str
    reason: str | None
    row: Row | None = None
    band: str | None = None


@dataclass(frozen=True)
class Lanes:
    """How answers are scored, and which requests are too large to be."""

    score: ScoreJob
    check: CheckRequest


class Settler:
    """One gateway's worker. Without ``lanes`` nothing is scored; without ``embed`` questions are compared by their words."""

    def __init__(
        self,
        store: Store,
        settings: TraceSettings,
        lanes: Lanes | None = None,
        embed: Embed | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._lanes = lanes
        self._embed = embed
        self._traffic = traffic or Traffic(time.monotonic)
        self._places = asyncio.Semaphore(2)

    async def run(self, poll_s: float = 0.5) -> None:
        """Settle what is due until cancelled; a store that is away is tried again."""
        while True:
            try:
                done = await self.settle()
            except OverloadedError:
                _LOGGER.warning("no turn is settled: the store does not answer")
                done = 0
            if not done:
                await asyncio.sleep(poll_s)

    async def settle(self) -> int:
        """Settle turns that are due now; how many were."""
        due = await self._store.read_all(partial(_due, self._store.now_ms()))
        return sum(await asyncio.gather(*(self._settle(one) for one in due)))

    async def _settle(self, one: Due) -> bool:
        async with self._places:
            while not self._traffic.row_may_begin():
                await asyncio.sleep(_LOOK_AGAIN_S)
            ours = self._store.tenant(one.tenant)
            if not await ours.write(partial(_claim, one, self._store.now_ms())):
                return False
            try:
                seen = await ours.read(partial(_read, one.trace_id))
                outcome = await self._score(one, seen)
                reactions = await self._reactions(seen)
                await ours.write(partial(self._keep, one, outcome, reactions))
            except asyncio.CancelledError:
                await asyncio.shield(ours.write(partial(_give_back, one, self._store.now_ms())))
                raise
            except NotFoundError:
                return True  # the conversation was deleted meanwhile
            except _RETRYABLE as error:
                await ours.write(partial(self._postpone, one, error))
            return True

    async def _score(self, one: Due, seen: _Seen) -> _Outcome:
        """Raises an error of :data:`_RETRYABLE` for what another try may mend."""
        if self._lanes is None:
            return _Outcome("skipped", "no lane scores answers here")
        settings = self._settings.of(seen.turn["project"])
        wanted: Plan = await asyncio.to_thread(
            plan, seen.turn, seen.contents, settings, self._store.now_ms(), self._lanes.check
        )
        if wanted.lane is None:
            return _Outcome("skipped", wanted.reason)
        try:
            with self._traffic.row():
                answer = await self._lanes.score(wanted.lane, dict(wanted.request), one.tenant)
        except OverloadedError:
            raise
        except _RETRYABLE as error:
            if one.attempts + 1 < _ATTEMPTS:
                raise
            return _Outcome("failed", f"{error.message} ({_ATTEMPTS} attempts)")
        except ApiError as error:
            return _Outcome("failed", error.message)
        band = str(answer.get("band", "unknown"))
        drift = drift_of(list(seen.scores), answer.get("score"), band)
        return _Outcome("scored", None, score_row(seen.turn, wanted.lane, answer, drift), band)

    async def _reactions(self, seen: _Seen) -> dict[str, dict[str, Any] | None]:
        """By the turn whose answer it is about: what the next one says of it."""
        found: dict[str, dict[str, Any] | None] = {}
        current = (seen.turn, seen.contents)
        for earlier, later in ((seen.before, current), (current, seen.after)):
            if earlier is not None and later is not None:
                found[earlier[0]["trace_id"]] = await self._reaction(earlier[1], later[1], later[0]["trace_id"])
        return found

    async def _reaction(self, before: TurnContents, after: TurnContents, name: str) -> dict[str, Any] | None:
        found = await asyncio.to_thread(read_reaction, before, after, name)
        texts = [before.question, after.question]
        if found is not None or self._embed is None or not all(0 < len(text) <= _SIMILAR_CHARACTERS for text in texts):
            return found
        with self._traffic.row():
            vectors = np.asarray(await self._embed(texts))
        similarity = float(vectors[0] @ vectors[1])
        return await asyncio.to_thread(read_reaction, before, after, name, similarity)

    def _keep(
        self,
        one: Due,
        outcome: _Outcome,
        reactions: Mapping[str, dict[str, Any] | None],
        connection: TenantConnection,
    ) -> None:
        connection.alone("traces")
        turn = read_turn(connection, one.trace_id)
        if (turn["score_state"], turn["received_ms"]) != (CLAIMED, one.received_ms):
            return  # more of it has come; it is due again
        now_ms = self._store.now_ms()
        _keep_score(connection, turn, outcome, now_ms)
        for name, reaction in reactions.items():
            put_suggestion(connection, name, reaction, now_ms)
        for name in sorted({one.trace_id, *reactions}):
            bring_up_to_date(connection, name, self._settings, now_ms)

    def _postpone(self, one: Due, error: ApiError, connection: TenantConnection) -> None:
        """Try again later, each time later; being overloaded is no fault of the turn and does not count."""
        counted = not isinstance(error, OverloadedError)
        wait_s = max(error.retry_after_s or 0.0, _BACKOFF_S * 2.0**one.attempts) * (0.5 + secrets.randbelow(100) / 100)
        table = traces.c
        mine = and_(table.trace_id == one.trace_id, table.score_state == CLAIMED, table.received_ms == one.received_ms)
        values = {
            "score_state": WAITING,
            "score_due_ms": self._store.now_ms() + round(wait_s * 1000),
            "score_attempts": one.attempts + counted,
        }
        connection.change(update(traces).where(mine).values(**values))


def _keep_score(connection: TenantConnection, turn: Row, outcome: _Outcome, now_ms: int) -> None:
    """The score on the turn, on the call that answered, and in the table of scores; an earlier one of the turn goes."""
    row = outcome.row
    place = None if row is None else (row["target_kind"], row["target_id"])
    for earlier in scores_of_traces(connection, [turn["trace_id"]], (GROUNDEDNESS,)):
        if (earlier["target_kind"], earlier["target_id"]) != place:
            remove_score(connection, earlier, now_ms)
    score = None if row is None else row["value"]
    of_turn = spans.c.trace_id == turn["trace_id"]
    connection.change(update(spans).where(of_turn, spans.c.band.is_not(None)).values(score=None, band=None))
    if row is not None:
        put_score(connection, row, now_ms)
        answered = and_(of_turn, spans.c.span_id == turn["answer_span_id"])
        connection.change(update(spans).where(answered).values(score=score, band=outcome.band))
    change_turn(
        connection,
        turn["trace_id"],
        score_state=outcome.state,
        score_reason=None if outcome.reason is None else _short(outcome.reason),
        score_attempts=0,
        score=score,
        band=outcome.band,
    )


def _short(reason: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in reason)
    return plain if len(plain) <= _REASON_CHARACTERS else plain[: _REASON_CHARACTERS - 1] + "…"


def _due(now_ms: int, connection: Connection) -> list[Due]:
    """Some turns that are complete, whichever tenant's, the longest due first."""
    table = traces.c
    wanted = and_(table.score_state.in_((WAITING, CLAIMED)), table.score_due_ms <= now_ms)
    statement = select(table.tenant, table.trace_id, table.received_ms, table.score_attempts).where(wanted)
    return [Due(*row) for row in connection.execute(statement.order_by(table.score_due_ms).limit(_BATCH))]


def _claim(one: Due, now_ms: int, connection: TenantConnection) -> bool:
    table = traces.c
    mine = and_(
        table.trace_id == one.trace_id,
        table.score_state.in_((WAITING, CLAIMED)),
        table.score_due_ms <= now_ms,
        table.received_ms == one.received_ms,
    )
    values = {"score_state": CLAIMED, "score_due_ms": now_ms + round(_CLAIM_S * 1000)}
    return bool(connection.change(update(traces).where(mine).values(**values)))


def _give_back(one: Due, now_ms: int, connection: TenantConnection) -> None:
    """A gateway that ends in peace leaves no claim to run out."""
    table = traces.c
    mine = and_(table.trace_id == one.trace_id, table.score_state == CLAIMED, table.received_ms == one.received_ms)
    connection.change(update(traces).where(mine).values(score_state=WAITING, score_due_ms=now_ms))


def _read(trace_id: str, connection: TenantConnection) -> _Seen:
    turn = read_turn(connection, trace_id)
    before, after = turns_around(connection, turn)
    return _Seen(
        turn,
        read_contents(connection, turn),
        None if before is None else (before, read_contents(connection, before)),
        None if after is None else (after, read_contents(connection, after)),
        tuple((one["score"], one["band"]) for one in read_turns_before(connection, turn, SESSION_TURNS)),
    )
