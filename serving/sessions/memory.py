"""A session's memory in the store: folded from its records in order, rendered within a budget, repaired from the vault.

Appending an event only appends. Memory catches up when it is asked for, and in the background every 64 records, so
the work of one call is bounded whatever the session's length.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from scoring.memory.codec import memory_from_json, memory_to_json
from scoring.memory.extract import extract_items
from scoring.memory.repair import Document, RepairPacket, build_repair
from scoring.memory.repair_vectors import add_nearest, find_nearest, windows_of
from scoring.memory.terms import term_texts
from scoring.memory.types import CountTokens, HotContext, MemoryState
from scoring.memory.working_memory import render_hot_context, update_memory
from serving.sessions.repair_search import VectorSearch
from serving.sessions.turns import feedback_of, term_digests
from serving.store.store import TenantStore
from serving.store.tenancy import TenantConnection
from serving.store.turn_records import (
    MemoryRecord,
    PendingRecord,
    find_sources,
    keep_memory,
    latest_sources,
    read_memory,
    read_new_sources,
    read_pending,
)
from serving.store.values import decode_json, encode_json

T = TypeVar("T")

FOLD_EVERY: Final = 64
_FOLD_AT_MOST: Final = 64
_DOCUMENTS: Final = 256
_RECENT_DOCUMENTS: Final = 64
_STATES: Final = 128
"""Decoded memories kept at hand, some 200 KB each at most."""


@dataclass(frozen=True)
class RepairRequest:
    """Terms to find, and the limits of the packet."""

    missing_terms: tuple[str, ...]
    max_excerpts: int
    max_tokens: int


@dataclass(frozen=True)
class VectorNote:
    """What the vectors did for a packet. ``status``: not_needed, used, partial or unavailable; ``reason``: why the last two.

    ``windows``: how many were compared.
    """

    status: str
    windows: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Repaired:
    """A packet, and what the vectors did for it."""

    packet: RepairPacket
    vectors: VectorNote


@dataclass(frozen=True)
class _Batch:
    before: MemoryRecord
    pending: Sequence[PendingRecord]
    texts: Sequence[tuple[int, str]]


class SessionMemory:
    """Memory of every session. ``count_tokens`` measures the budgets; its work runs on two threads of its own.

    ``search`` finds by meaning what a repair does not find by words.
    """

    def __init__(self, count_tokens: CountTokens, search: VectorSearch | None = None) -> None:
        self._count_tokens = count_tokens
        self._search = search
        self._recent: OrderedDict[tuple[str, str, int], MemoryState] = OrderedDict()
        self._folding: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="session-memory")

    async def fold(self, tenant: TenantStore, session_id: str, upto: int) -> MemoryState:
        """The memory with every record up to number ``upto``, and perhaps some after it.

        It stops there: a session that is written to without a pause never has a last record to wait for. Folds that race
        end in the same state: the order is the store's.
        """
        async with self._one_at_a_time(tenant.tenant, session_id):
            while True:
                batch = await tenant.read(partial(_read_batch, session_id, upto))
                key = (tenant.tenant, session_id, batch.before.folded_sequence)
                state = self._recent.get(key)
                if state is None:
                    state = await self._on_thread(partial(_decoded, batch.before))
                if not batch.pending:
                    self._remember(key, state)
                    return state
                folded, after, terms = await self._on_thread(partial(_fold_batch, batch, state))
                if await tenant.write(partial(_write_batch, session_id, batch.before, after, terms)):
                    self._remember((tenant.tenant, session_id, after.folded_sequence), folded)

    async def render(self, state: MemoryState, budget_tokens: int) -> HotContext:
        """The hot context of a memory."""
        return await self._on_thread(partial(render_hot_context, state, budget_tokens, self._count_tokens))

    async def repair(self, tenant: TenantStore, session_id: str, request: RepairRequest, upto: int) -> Repaired:
        """Exact excerpts for the terms, from texts that hold them or came last. Folds first, so ``upto`` is indexed.

        Terms that stand nowhere as written are looked for by meaning among those texts.
        """
        await self.fold(tenant, session_id, upto)
        documents = await tenant.read(partial(_read_documents, session_id, request.missing_terms))
        build = partial(
            build_repair,
            request.missing_terms,
            documents,
            count_tokens=self._count_tokens,
            max_excerpts=request.max_excerpts,
            max_tokens=request.max_tokens,
        )
        packet = await self._on_thread(build)
        return await self._by_meaning(tenant.tenant, packet, documents, request)

    async def _by_meaning(
        self, tenant: str, packet: RepairPacket, documents: Sequence[Document], request: RepairRequest
    ) -> Repaired:
        """The packet with the windows nearest to what was not found, where there is room and an encoder answers."""
        full = len(packet.excerpts) >= request.max_excerpts or packet.tokens >= request.max_tokens
        if not packet.not_found or not documents or full:
            return Repaired(packet, VectorNote("not_needed"))
        if self._search is None:
            return Repaired(packet, VectorNote("unavailable", reason="this server gives sessions no encoder"))
        windows = await self._on_thread(partial(windows_of, documents))
        texts = [documents[window.document].text[window.start : window.end] for window in windows]
        found = await self._search.similarities(tenant, packet.not_found, texts)
        nearest = find_nearest(packet.not_found, [windows[at] for at in found.windows], found.values)
        limits = (request.max_excerpts, request.max_tokens)
        packet = await self._on_thread(partial(add_nearest, packet, documents, nearest, self._count_tokens, limits))
        status = "used" if found.reason is None else "partial" if found.windows else "unavailable"
        return Repaired(packet, VectorNote(status, len(found.windows), found.reason))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def _one_at_a_time(self, tenant: str, session_id: str) -> asyncio.Lock:
        """Folds of one session wait for each other here, to spare work; across processes the store settles them."""
        return self._folding.setdefault((tenant, session_id), asyncio.Lock())

    def _remember(self, key: tuple[str, str, int], state: MemoryState) -> None:
        """A state is a function of the records before it, so a remembered one is never stale, only unused."""
        self._recent[key] = state
        self._recent.move_to_end(key)
        while len(self._recent) > _STATES:
            self._recent.popitem(last=False)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _read_batch(session_id: str, upto: int, connection: TenantConnection) -> _Batch:
    """The memory as it is and, where it does not reach ``upto``, the next records."""
    before = read_memory(connection, session_id)
    if before.folded_sequence >= upto:
        return _Batch(before, (), ())
    pending = read_pending(connection, session_id, before.folded_sequence, _FOLD_AT_MOST)
    if not pending:
        return _Batch(before, (), ())
    texts = read_new_sources(connection, session_id, before.folded_sequence, pending[-1].sequence)
    return _Batch(before, pending, texts)


def _decoded(record: MemoryRecord) -> MemoryState:
    return memory_from_json(decode_json(record.memory))[0]


def _fold_batch(batch: _Batch, state: MemoryState) -> tuple[MemoryState, MemoryRecord, list[tuple[int, int]]]:
    """The memory after the batch, how it is kept, and (term digest, sequence) of every text that was new in it."""
    for record in batch.pending:
        spoken = record.summary is not None
        event = {
            "event_type": "assistant_message" if spoken else record.event_type,
            "content": record.content,
            "metadata": record.metadata,
        }
        feedback = None if record.summary is None else feedback_of(record.summary, record.source_id)
        state = update_memory(state, extract_items(event, record.source_id), feedback)
    terms = {(term, sequence) for sequence, text in batch.texts for term in term_digests(term_texts(text))}
    after = MemoryRecord(batch.pending[-1].sequence, encode_json(memory_to_json(state)))
    return state, after, sorted(terms)


def _write_batch(
    session_id: str,
    before: MemoryRecord,
    after: MemoryRecord,
    terms: Sequence[tuple[int, int]],
    connection: TenantConnection,
) -> bool:
    return keep_memory(connection, session_id, before, after, terms)


def _read_documents(session_id: str, terms: Sequence[str], connection: TenantConnection) -> list[Document]:
    """Texts with one of the terms and the session's latest texts, in order; a bounded number whatever its length."""
    wanted = sorted(term_digests([*terms, *(part for term in terms for part in term_texts(term))]))
    per_term = max(2, _DOCUMENTS // max(1, len(wanted)))
    found = find_sources(connection, session_id, wanted, per_term)
    found += latest_sources(connection, session_id, _RECENT_DOCUMENTS)
    return [Document(name, text) for _, name, text in sorted(set(found))]
