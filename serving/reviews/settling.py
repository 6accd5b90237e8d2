"""What happens to a turn once nothing more of it comes: its reactions are read, its risk is told, its place in the queue drawn.

Runs beside requests in every gateway. A turn is claimed for a while; a gateway that dies leaves a claim that runs out,
and another takes over. A late call of the turn has it settled again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, and_, select, update

from serving.api.errors import ApiError, NotFoundError, OverloadedError
from serving.config.traces import TraceSettings
from serving.lanes.traffic import Traffic
from serving.reviews.suggestions import read_reaction
from serving.reviews.turn_state import bring_up_to_date
from serving.store.review_records import change_turn, put_suggestion, turns_around
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn
from serving.store.trace_schema import traces
from serving.store.trace_totals import Row
from serving.traces.turn_contents import TurnContents, read_contents

Embed = Callable[[list[str]], Awaitable[Any]]
"""L2-normalised vectors of texts, (texts, dim)."""

_LOGGER = logging.getLogger("groundlane.reviews")
_CLAIM_S: Final = 120.0
_BATCH: Final = 32
_LOOK_AGAIN_S: Final = 0.02
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


@dataclass(frozen=True)
class _Seen:
    """A turn and its neighbours, with what was said in each."""

    turn: Row
    contents: TurnContents
    before: tuple[Row, TurnContents] | None
    after: tuple[Row, TurnContents] | None


class Settler:
    """One gateway's worker. ``embed`` compares questions by meaning; without it shared words decide."""

    def __init__(
        self,
        store: Store,
        settings: TraceSettings,
        embed: Embed | None = None,
        traffic: Traffic | None = None,
        poll_s: float = 0.5,
    ) -> None:
        self._store = store
        self._settings = settings
        self._embed = embed
        self._traffic = traffic or Traffic(time.monotonic)
        self._poll_s = poll_s

    async def run(self) -> None:
        """Settle what is due until cancelled; a store that is away is tried again."""
        while True:
            try:
                done = await self.settle()
            except OverloadedError:
                _LOGGER.warning("no turn is settled: the store does not answer")
                done = 0
            if not done:
                await asyncio.sleep(self._poll_s)

    async def settle(self) -> int:
        """Settle turns that are due now; how many were."""
        now_ms = self._store.now_ms()
        due = await self._store.read_all(partial(_due, now_ms))
        count = 0
        for one in due:
            if await self._store.tenant(one.tenant).write(partial(_claim, one, now_ms)):
                await self._settle(one)
                count += 1
        return count

    async def _settle(self, one: Due) -> None:
        while not self._traffic.row_may_begin():
            await asyncio.sleep(_LOOK_AGAIN_S)
        ours = self._store.tenant(one.tenant)
        try:
            seen = await ours.read(partial(_read, one.trace_id))
            reactions = await self._reactions(seen)
            await ours.write(partial(self._keep, one, reactions))
        except NotFoundError:
            return  # the conversation was deleted meanwhile
        except OverloadedError:
            raise
        except ApiError as error:
            fields = {"trace_id": one.trace_id, "error": error.code}
            _LOGGER.error("a turn could not be settled; its claim will run out", extra={"fields": fields})

    async def _reactions(self, seen: _Seen) -> dict[str, dict[str, Any] | None]:
        """By the turn whose answer it is about: what the next one says of it."""
        found: dict[str, dict[str, Any] | None] = {}
        pairs = [
            (seen.before, (seen.turn, seen.contents)),
            ((seen.turn, seen.contents), seen.after),
        ]
        for earlier, later in pairs:
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

    def _keep(self, one: Due, reactions: dict[str, dict[str, Any] | None], connection: TenantConnection) -> None:
        connection.alone("traces")
        turn = read_turn(connection, one.trace_id)
        if (turn["score_state"], turn["received_ms"]) != (CLAIMED, one.received_ms):
            return  # more of it has come; it is due again
        now_ms = self._store.now_ms()
        change_turn(connection, one.trace_id, score_state="skipped", score_reason="no lane scores answers here")
        for name, reaction in reactions.items():
            put_suggestion(connection, name, reaction, now_ms)
        for name in {one.trace_id, *reactions}:
            bring_up_to_date(connection, name, self._settings, now_ms)


def _due(now_ms: int, connection: Connection) -> list[Due]:
    """Some turns that are complete, whichever tenant's, the longest due first."""
    table = traces.c
    wanted = and_(table.score_state.in_((WAITING, CLAIMED)), table.score_due_ms <= now_ms)
    statement = select(table.tenant, table.trace_id, table.received_ms).where(wanted)
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


def _read(trace_id: str, connection: TenantConnection) -> _Seen:
    turn = read_turn(connection, trace_id)
    before, after = turns_around(connection, turn)
    return _Seen(
        turn,
        read_contents(connection, turn),
        None if before is None else (before, read_contents(connection, before)),
        None if after is None else (after, read_contents(connection, after)),
    )
