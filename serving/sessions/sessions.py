"""Sessions: events in, scores with managed state, a bounded hot context, repair from the vault, rollup.

Everything is redacted at this door, before it is kept and before it is scored: what is scored is what is stored.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from scoring.memory.repair import RepairError
from scoring.memory.types import CountTokens, MemoryState
from scoring.rollup.scoreboard import HeatmapFormat, rollup
from scoring.session.update import from_json, initial_state, signals_to_json, to_json, update
from serving.api.errors import ConflictError, OverloadedError, PayloadTooLargeError, ValidationFailedError
from serving.api.observation import observation_of
from serving.api.times import timestamp
from serving.redaction.patterns import merge_counts, redact, redact_json
from serving.redaction.requests import altered_ids, redacted_request, stored_ids
from serving.sessions.drafts import EventDraft, LaneName, SessionDraft, SessionSettings, TurnDraft
from serving.sessions.memory import FOLD_EVERY, Repaired, RepairRequest, SessionMemory
from serving.sessions.repair_search import VectorSearch
from serving.sessions.turns import find_trigger, summary_of, turn_sources, with_hot_context, with_packet
from serving.sessions.views import (
    headline,
    hot_context_json,
    packet_json,
    redactions_view,
    session_view,
    turn_view,
    with_state,
)
from serving.store.session_records import (
    KeptEvent,
    NewEvent,
    SessionRecord,
    SessionTerms,
    append_events,
    close_session,
    insert_session,
    read_session,
    read_source,
)
from serving.store.store import Store, TenantStore
from serving.store.turn_records import KeptTurn, NewTurn, append_turn, find_turn, read_turn_summaries
from serving.store.values import digest_of, encode_json, encode_text, expiry_ms, source_id_of

__all__ = ["EventDraft", "LaneName", "ScoreLane", "SessionDraft", "SessionService", "SessionSettings", "TurnDraft"]

ScoreLane = Callable[[LaneName, dict[str, Any], str], Awaitable[dict[str, Any]]]
"""``score(lane, request, tenant)``: the lane's answer as JSON values. Raises what the API answers with."""

_COMMIT_ATTEMPTS: Final = 200
_RETRY_S: Final = 0.005
_KNOWN_SESSIONS: Final = 10_000


class SessionService:
    """Every call names its tenant; a session of another tenant does not exist (NotFoundError)."""

    def __init__(
        self,
        store: Store,
        score: ScoreLane,
        count_tokens: CountTokens,
        settings: SessionSettings | None = None,
        search: VectorSearch | None = None,
    ) -> None:
        self._store = store
        self._score = score
        self._memory = SessionMemory(count_tokens, search)
        self._settings = settings or SessionSettings()
        self._background: set[asyncio.Task[Any]] = set()
        self._known: dict[tuple[str, str], SessionTerms] = {}

    async def create(self, tenant: str, draft: SessionDraft) -> dict[str, Any]:
        """Keep a new session; its view."""
        now_ms = self._store.now_ms()
        metadata, counts = self._redacted_metadata(dict(draft.metadata), draft.privacy_mode)
        retention = draft.retention or self._settings.retention
        record = SessionRecord(
            session_id=f"ses_{secrets.token_hex(16)}",
            kind=draft.kind,
            metadata=metadata,
            retention=retention,
            privacy_mode=draft.privacy_mode,
            version=0,
            sequence=0,
            events=0,
            turns=0,
            state={"state": to_json(initial_state())},
            created_ms=now_ms,
            updated_ms=now_ms,
            expires_ms=expiry_ms(retention, now_ms),
            closed_ms=None,
        )
        await self._store.tenant(tenant).write(partial(_insert, record))
        return session_view(record) | redactions_view(counts)

    async def inspect(self, tenant: str, session_id: str) -> dict[str, Any]:
        """The session's view."""
        return session_view(await self._read(self._store.tenant(tenant), session_id))

    async def append(self, tenant: str, session_id: str, drafts: Sequence[EventDraft]) -> dict[str, Any]:
        """Keep events in order, each once; durable on return. Raises ConflictError as ``append_events`` does."""
        ours = self._store.tenant(tenant)
        session = await self._terms(ours, session_id)
        prepared = [self._event(draft, session.privacy_mode) for draft in drafts]
        events = [event for event, _ in prepared]
        kept = await ours.write(lambda c: append_events(c, session, events, self._store.now_ms()))
        self._fold_later(ours, session_id, kept)
        return {
            "session_id": session_id,
            "events": [
                {"sequence": one.sequence, "source_id": one.source_id, "duplicate": one.duplicate}
                | redactions_view(counts)
                for one, (_, counts) in zip(kept, prepared, strict=True)
            ],
        }

    async def context(self, tenant: str, session_id: str, budget_tokens: int | None = None) -> dict[str, Any]:
        """The hot context, and how many items are hot, warm and cold."""
        ours = self._store.tenant(tenant)
        session = await self._read(ours, session_id)
        return {"session_id": session_id, **await self._context(ours, session, budget_tokens)}

    async def source(self, tenant: str, session_id: str, source_id: str) -> dict[str, Any]:
        """The redacted original that a pointer names. Raises NotFoundError."""
        ours = self._store.tenant(tenant)
        await self._read(ours, session_id)
        text, kept_ms = await ours.read(lambda c: read_source(c, session_id, source_id))
        return {"source_id": source_id, "text": text, "characters": len(text), "created_at": timestamp(kept_ms)}

    async def repair(self, tenant: str, session_id: str, request: RepairRequest, reason: str) -> dict[str, Any]:
        """A packet of exact excerpts for the missing terms, which are redacted as the vault is."""
        ours = self._store.tenant(tenant)
        session = await self._read(ours, session_id)
        clean = partial(redact, privacy_mode=session.privacy_mode)
        terms = tuple(clean(term).text for term in request.missing_terms)
        repaired = await self._repair(ours, session, replace(request, missing_terms=terms))
        return {"session_id": session_id, "reason": clean(reason).text, "repair_packet": packet_json(repaired)}

    async def rollup(self, tenant: str, session_id: str, heatmap_format: HeatmapFormat = "data") -> dict[str, Any]:
        """The scoreboard of the stored turns, the latest 10,000. Raises ConflictError before the first turn."""
        ours = self._store.tenant(tenant)
        await self._read(ours, session_id)
        summaries = await ours.read(lambda c: read_turn_summaries(c, session_id))
        if not summaries:
            raise ConflictError(f"session {session_id} has no scored turn", "Score a turn first.")
        lines = [summary["rollup"] for summary in summaries]
        result = await asyncio.to_thread(rollup, lines, session_id=session_id, heatmap_format=heatmap_format)
        return result.to_json()

    async def close(self, tenant: str, session_id: str) -> dict[str, Any]:
        """Close by the session's retention; closing again changes nothing."""
        ours = self._store.tenant(tenant)
        session = await self._read(ours, session_id)
        deleted = await ours.write(lambda c: close_session(c, session, self._store.now_ms()))
        if deleted:
            return {"session_id": session_id, "status": "deleted"}
        return session_view(await self._read(ours, session_id))

    async def score(self, tenant: str, session_id: str, draft: TurnDraft) -> dict[str, Any]:
        """Score a turn with the session's state and keep it. Its ``request_id`` makes it idempotent.

        Turns of one session that are scored at once are kept one after the other, each on the state before it.
        """
        ours = self._store.tenant(tenant)
        session = await self._read(ours, session_id)
        if session.closed_ms is not None:
            raise ConflictError(f"session {session_id} is closed", "Create a session.")
        request, counts = await self._turn_request(ours, session, draft)
        request_digest = digest_of(encode_text(request["request_id"]))
        digest = digest_of(encode_json([draft.lane, request, draft.force_original_on_trigger, draft.use_hot_context]))
        earlier = await ours.read(lambda c: find_turn(c, session_id, request_digest))
        if earlier is None:
            scored = await self._scored(ours, session, draft, request)
            stored = {"repair": scored.repair, "trace_response": scored.answer}
            turn = NewTurn(
                request_digest=request_digest,
                digest=digest,
                lane=draft.lane,
                band=str(scored.answer.get("band", "unknown")),
                score=scored.answer.get("score"),
                summary=summary_of(scored.answer, scored.request, timestamp(self._store.now_ms())),
                answer=stored,
                state={},
                sources=turn_sources(request),
            )
            earlier = await self._commit(ours, session, turn)
        if earlier.digest != digest:
            raise ConflictError("request_id was used for another turn", "Give every turn a request_id of its own.")
        session = await self._read(ours, session_id)
        out = {"session": session_view(session) | redactions_view(counts), "turn": earlier.turn}
        return out | turn_view(earlier) | await self._context(ours, session, None)

    async def shut_down(self) -> None:
        """Wait for the folds in the background, then end the threads. The store stays open."""
        await asyncio.gather(*self._background, return_exceptions=True)
        self._memory.close()

    async def _scored(
        self, ours: TenantStore, session: SessionRecord, draft: TurnDraft, request: dict[str, Any]
    ) -> _Scored:
        """The answer that counts: of the request, or of the request with a repair packet where the trigger fires."""
        needs_memory = draft.use_hot_context or draft.force_original_on_trigger
        state = await self._folded(ours, session) if needs_memory else MemoryState()
        hot = await self._memory.render(state, self._settings.hot_context_tokens)
        code = draft.lane == "code"
        sent = with_hot_context(request, hot, code) if draft.use_hot_context else request
        if code:
            sent = {**sent, "session_state": session.state["state"]}
        answer = await self._score(draft.lane, sent, ours.tenant)
        if not draft.force_original_on_trigger:
            return _Scored(sent, answer, None)
        trigger = find_trigger(request, answer, hot)
        if not trigger.terms:
            return _Scored(sent, answer, {"reasons": list(trigger.reasons)} if trigger.reasons else None)
        repaired = await self._repair(ours, session, RepairRequest(trigger.terms, 8, 1_000))
        packet = repaired.packet
        repair: dict[str, Any] = {"reasons": list(trigger.reasons), "repair_packet": packet_json(repaired)}
        if not packet.excerpts:
            return _Scored(sent, answer, repair)
        repaired_request = with_packet(sent, packet, code)
        second = await self._score(draft.lane, repaired_request, ours.tenant)
        repair |= {"original": headline(answer), "repaired": headline(second)}
        return _Scored(repaired_request, second, repair)

    async def _commit(self, ours: TenantStore, session: SessionRecord, turn: NewTurn) -> KeptTurn:
        """Keep the turn on the session's state as it is now; where another turn came first, on the state after that."""
        observation = observation_of(turn.answer["trace_response"])
        for attempt in range(_COMMIT_ATTEMPTS):
            state, _ = from_json(session.state["state"])
            after, signals = update(state, observation)
            carried, spoken = to_json(after), signals_to_json(signals)
            answer = with_state(turn.answer, carried, spoken)
            line = {**turn.summary["rollup"], "session_signals": spoken, "recommendation": spoken["recommendation"]}
            complete = replace(
                turn,
                state={"state": carried, "signals": spoken},
                answer=answer,
                summary={**turn.summary, "rollup": line},
            )
            kept = await ours.write(partial(_keep_turn, session, complete, self._store.now_ms()))
            if kept is not None:
                return kept
            await asyncio.sleep(_RETRY_S * min(attempt, 10) * secrets.randbelow(100) / 100.0)
            session = await self._read(ours, session.session_id)
        raise OverloadedError("too many turns of this session are scored at once", retry_after_s=1.0)

    async def _folded(self, ours: TenantStore, session: SessionRecord) -> MemoryState:
        return await self._memory.fold(ours, session.session_id, session.sequence)

    async def _context(self, ours: TenantStore, session: SessionRecord, budget_tokens: int | None) -> dict[str, Any]:
        budget = self._settings.hot_context_tokens if budget_tokens is None else budget_tokens
        state = await self._folded(ours, session)
        hot = await self._memory.render(state, budget)
        return {
            "hot_context": hot_context_json(hot, budget),
            "memory": {"hot": hot.hot, "warm": hot.warm, "cold": hot.cold, "records": state.events},
        }

    async def _repair(self, ours: TenantStore, session: SessionRecord, request: RepairRequest) -> Repaired:
        try:
            return await self._memory.repair(ours, session.session_id, request, session.sequence)
        except RepairError as error:
            raise ValidationFailedError(str(error)) from None

    async def _read(self, ours: TenantStore, session_id: str) -> SessionRecord:
        return await ours.read(lambda c: read_session(c, session_id, self._store.now_ms()))

    async def _terms(self, ours: TenantStore, session_id: str) -> SessionTerms:
        """What never changes about a session, from memory where it was asked for lately."""
        key = (ours.tenant, session_id)
        terms = self._known.get(key)
        if terms is None:
            record = await self._read(ours, session_id)
            terms = SessionTerms(session_id, record.retention, record.privacy_mode)
            if len(self._known) >= _KNOWN_SESSIONS:
                self._known.clear()
            self._known[key] = terms
        return terms

    def _event(self, draft: EventDraft, privacy_mode: bool) -> tuple[NewEvent, dict[str, int]]:
        if len(draft.content) > self._settings.event_characters:
            limit = self._settings.event_characters
            raise PayloadTooLargeError(f"content: {len(draft.content)} characters, the limit is {limit}")
        content = redact(draft.content, privacy_mode=privacy_mode)
        metadata, counts = self._redacted_metadata(draft.metadata, privacy_mode)
        source_id, encoded = source_id_of(content.text), encode_json(metadata)
        key = None if draft.idempotency_key is None else digest_of(encode_text(draft.idempotency_key))
        digest = digest_of(draft.event_type.encode(), source_id.encode(), encoded)
        event = NewEvent(draft.event_type, source_id, encode_text(content.text), encoded, digest, key)
        return event, merge_counts([content.counts, counts])

    async def _turn_request(
        self, ours: TenantStore, session: SessionRecord, draft: TurnDraft
    ) -> tuple[dict[str, Any], dict[str, int]]:
        if draft.request.get("session_state") is not None:
            raise ValidationFailedError("trace_request.session_state: the session keeps its state; leave the field out")
        kept_ids = await stored_ids(ours, altered_ids([draft.request], session.privacy_mode))
        with _refusing("trace_request"):
            request, counts = redacted_request(draft.request, session.privacy_mode, kept_ids)
        request["session_id"] = session.session_id
        request.setdefault("request_id", secrets.token_hex(16))
        return request, counts

    def _redacted_metadata(self, value: Any, privacy_mode: bool) -> tuple[Any, dict[str, int]]:
        size = len(encode_json(value))
        if size > self._settings.metadata_bytes:
            raise PayloadTooLargeError(f"metadata: {size} bytes, the limit is {self._settings.metadata_bytes}")
        with _refusing("metadata"):
            redacted, counts = redact_json(value, privacy_mode=privacy_mode)
        size = len(encode_json(redacted))
        if size > self._settings.metadata_bytes:
            raise PayloadTooLargeError(f"metadata: {size} bytes, the limit is {self._settings.metadata_bytes}")
        return redacted, counts

    def _fold_later(self, ours: TenantStore, session_id: str, kept: Sequence[KeptEvent]) -> None:
        fresh = [one.sequence for one in kept if not one.duplicate]
        if fresh and max(fresh) // FOLD_EVERY > (min(fresh) - 1) // FOLD_EVERY:
            task = asyncio.create_task(self._memory.fold(ours, session_id, max(fresh)))
            self._background.add(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        """A fold that failed is made up for by the next call that needs the memory."""
        self._background.discard(task)
        if not task.cancelled():
            task.exception()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """A value that cannot be redacted, for it is nested too deep, is the caller's mistake in field ``name``."""
    try:
        yield
    except ValueError as error:
        raise ValidationFailedError(f"{name}: {error}") from None


@dataclass(frozen=True)
class _Scored:
    """What was scored, with what answer, and what a trigger led to."""

    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    repair: dict[str, Any] | None


def _insert(record: SessionRecord, connection: Any) -> None:
    insert_session(connection, record)


def _keep_turn(session: SessionRecord, turn: NewTurn, now_ms: int, connection: Any) -> KeptTurn | None:
    """The turn as kept, or as a delivery of the same request at the same time kept it; None if the state moved on."""
    earlier = find_turn(connection, session.session_id, turn.request_digest)
    if earlier is not None:
        return earlier
    number = append_turn(connection, session, turn, now_ms)
    return None if number is None else KeptTurn(number, turn.digest, turn.answer)
