"""SIGKILL of the server while spans come in; then every acknowledged one is accounted for, on both databases."""

from __future__ import annotations

import asyncio
import random
import time

import httpx
import pytest

from benchmarks.kills import HEADERS, Launcher, persist
from benchmarks.store_server import build_services
from serving.store.admin import upgrade
from serving.store.store import Store
from serving.store.trace_schema import bodies, spans
from tests.serving.store.spans import PROTOBUF, otlp, rag_turn, trace_id

pytestmark = [pytest.mark.store, pytest.mark.slow, pytest.mark.timeout(400)]
KILLS = 12
LIMIT_S = 300.0
WRITERS = 3
CALLS = 4
"""Spans of a turn, all in one request: kept whole or not at all."""


class Ledger:
    """Turns that were acknowledged by conversation, requests that were sent, and how often an answer was lost."""

    def __init__(self) -> None:
        self.turns: dict[str, set[str]] = {}
        self.acknowledged = 0
        self.sent = 0


async def write(client: httpx.AsyncClient, ledger: Ledger, worker: int, until_s: float) -> None:
    """Turns one after the other, five to a conversation; a request whose answer was lost is sent again."""
    number = 0
    while time.monotonic() < until_s:
        name, conversation = f"w{worker}-{number}", f"chat-{worker}-{number // 5}"
        body = otlp(rag_turn(name, conversation, f"question {number}?", f"answer {number}.", number * 1000))

        async def send(body: bytes = body) -> httpx.Response:
            ledger.sent += 1
            return await client.post("/v1/traces", content=body, headers=PROTOBUF)

        answer = await persist(send, until_s)
        if answer is not None:
            assert not answer.content, "an answer without a word says that every span was kept"
            ledger.turns.setdefault(conversation, set()).add(name)
            ledger.acknowledged += 1
            number += 1


async def storm(launcher: Launcher) -> tuple[Ledger, int]:
    """Writers and kills side by side. After each kill something has to be acknowledged again before the next."""
    ledger, chance, kills = Ledger(), random.Random(5), 0
    until_s = time.monotonic() + LIMIT_S
    launcher.start("server")
    address = f"http://127.0.0.1:{launcher.port}"
    async with httpx.AsyncClient(base_url=address, headers=HEADERS, timeout=10.0) as client:
        writers = [asyncio.create_task(write(client, ledger, worker, until_s)) for worker in range(WRITERS)]
        try:
            while kills < KILLS:
                before = ledger.acknowledged
                while ledger.acknowledged == before:
                    assert time.monotonic() < until_s, f"nothing is acknowledged after kill {kills}"
                    for writer in writers:
                        if writer.done():
                            writer.result()
                    await asyncio.sleep(0.01)
                await asyncio.sleep(chance.uniform(0.0, 0.2))
                await asyncio.to_thread(launcher.kill, ["server"])
                kills += 1
                await asyncio.to_thread(launcher.start, "server")
        finally:
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
    return ledger, kills


async def account(ledger: Ledger, url: str) -> None:
    store = Store.open(url)
    services = build_services(store)
    try:
        kept = 0
        for conversation, names in ledger.turns.items():
            found = await services.reader.conversation("one", conversation)
            there = {turn["trace_id"]: turn for turn in found["timeline"]}
            for name in names:
                turn = there[trace_id(name).hex()]
                assert (turn["spans"], len(turn["calls"]), turn["input_tokens"]) == (CALLS, CALLS, 110)
                call = await services.reader.call("one", turn["answer_span_id"], turn["trace_id"])
                assert call["output"] == turn["answer"] == f"answer {name.partition('-')[2]}."
            assert (found["spans"], found["turns"]) == (CALLS * len(there), len(there))
            kept += len(there)
        assert ledger.acknowledged <= kept <= ledger.sent
        rows = await store.tenant("one").read(lambda c: c.rows(spans.select()))
        assert len(rows) == len({(row.trace_id, row.span_id) for row in rows})
        assert len(rows) % CALLS == 0, "half a request was kept"
        held = await store.tenant("one").read(lambda c: c.rows(bodies.select()))
        digests = [row[name] for row in (one._mapping for one in rows) for name in row if name.endswith("_digest")]
        assert sum(row.held for row in held) == sum(digest is not None for digest in digests)
    finally:
        await services.sessions.shut_down()
        store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_no_acknowledged_span_is_lost(kind, request, tmp_path, record_property):
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.url(cluster.create_database())
    upgrade(url)
    launcher = Launcher(url)
    try:
        ledger, kills = await storm(launcher)
    finally:
        launcher.close()
    record_property("kills", kills)
    record_property("acknowledged_spans", CALLS * ledger.acknowledged)
    assert kills == KILLS
    assert ledger.acknowledged > KILLS
    assert ledger.sent > ledger.acknowledged, "no answer was lost: the test did not hit the hard case"
    await account(ledger, url)
