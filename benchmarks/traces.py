"""What traces cost: ``python -m benchmarks.traces [--quick] [--json OUT]``.

Durable ingest through the service (decode, redact, keep, commit) of OTLP requests as an exporter sends them, then lists,
search and growth of the file at two sizes, on SQLite and PostgreSQL. Every span has texts of its own, so that nothing is
cheap because it was seen before.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.postgres import postgres_cluster
from benchmarks.provenance import provenance, save_figures
from benchmarks.store_server import BODY_BYTES
from benchmarks.turns import spread
from serving.config.traces import TraceSettings
from serving.store.admin import upgrade
from serving.store.store import Store
from serving.store.trace_reads import ConversationFilter
from serving.store.trace_totals import facet
from serving.traces.ingest import TraceIngest
from serving.traces.mapping import to_span
from serving.traces.otlp import PROTOBUF, decode_protobuf
from serving.traces.prepare import Preparer
from serving.traces.reading import TraceReader

SPAN_BYTES = 2_300
BATCH = 512
"""Spans in a request: the default of OpenTelemetry's batch processor."""
SPANS_A_TURN = 4
_START_NS = 1_790_000_000_000_000_000
_WORDS = (
    "the invoice was sent to customer and paid within thirty days after delivery of goods from our warehouse in Bremen when the "
    "bridge opened for traffic early that year while support answered questions about refunds contracts tokens keys and passwords"
).split()


def text_of(chance: random.Random, characters: int) -> str:
    """Words in an order that no other text has, some numbers among them."""
    words: list[str] = []
    size = 0
    while size < characters:
        word = str(chance.randrange(10**6)) if chance.random() < 0.08 else chance.choice(_WORDS)
        words.append(word)
        size += len(word) + 1
    return " ".join(words)[:characters]


def request_of(number: int, spans: int = BATCH) -> bytes:
    """One exporter's request: turns of a retriever, two model calls and a root, five turns to a conversation."""
    chance = random.Random(number)
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    _attribute(group.resource, "service.name", "shop")
    scope = group.scope_spans.add()
    for turn in range(spans // SPANS_A_TURN):
        _add_turn(scope, chance, number * (spans // SPANS_A_TURN) + turn)
    return bytes(request.SerializeToString())


def _add_turn(scope: Any, chance: random.Random, turn: int) -> None:
    trace = chance.randbytes(16)
    root, start = chance.randbytes(8), _START_NS + turn * 1_000_000_000
    question = text_of(chance, 80)
    kinds = ("CHAIN", "RETRIEVER", "LLM", "LLM")
    for index, kind in enumerate(kinds):
        span = scope.spans.add()
        span.trace_id, span.span_id = trace, root if index == 0 else chance.randbytes(8)
        span.parent_span_id = b"" if index == 0 else root
        span.name, span.start_time_unix_nano, span.end_time_unix_nano = kind.lower(), start, start + 900_000_000
        _attribute(span, "openinference.span.kind", kind)
        _attribute(span, "session.id", f"chat-{turn // 5}")
        _attribute(span, "input.value", question if kind != "LLM" else text_of(chance, 700))
        if kind == "RETRIEVER":
            for place in range(3):
                _attribute(span, f"retrieval.documents.{place}.document.id", f"doc-{chance.randrange(10**4)}")
                _attribute(span, f"retrieval.documents.{place}.document.content", text_of(chance, 550))
        else:
            _attribute(span, "output.value", text_of(chance, SPAN_BYTES - (1_150 if kind == "LLM" else 500)))
        if kind == "LLM":
            _attribute(span, "llm.model_name", f"model-{index}")
            _attribute(span, "llm.token_count.prompt", 120)
            _attribute(span, "llm.token_count.completion", 45)


def _attribute(holder: Any, key: str, value: str | int) -> None:
    pair = holder.attributes.add()
    pair.key = key
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = value


def requests(start: int, spans: int) -> Iterator[bytes]:
    """Requests of so many spans in all."""
    for number in range(start, start + spans // BATCH):
        yield request_of(number)


def preparing(bodies: int = 2) -> dict[str, Any]:
    """Spans for a second of processor time from an exporter's body to rows: decoded, mapped, redacted, encoded.

    Processor time, so that what else runs on the machine changes it little.
    """
    parts = [request_of(number) for number in range(bodies)]
    rates = []
    for _ in range(5):
        preparer, began_s = Preparer(TraceSettings()), time.process_time()
        count = sum(1 for body in parts for raw in decode_protobuf(body, 1).spans if preparer.prepare(to_span(raw)))
        rates.append(count / (time.process_time() - began_s))
    return {"n": len(rates), "spans_per_cpu_s": round(statistics.median(rates), 1), "low": round(min(rates), 1)}


async def ingest(store: Store, start: int, spans: int, senders: int = 2) -> dict[str, Any]:
    """Spans a second until all are acknowledged; bodies are made before the clock runs, a few thousand at a time."""
    service = TraceIngest(store, TraceSettings(), BODY_BYTES)
    elapsed_s, sent, size = 0.0, 0, 0
    try:
        while sent < spans:
            part = list(requests(start + sent // BATCH, min(8_192, spans - sent)))
            size += sum(map(len, part))
            queue = iter(part)

            async def send(queue: Iterator[bytes] = queue) -> int:
                return sum([(await service.otlp("one", body, PROTOBUF, None)).new for body in queue])

            began_s = time.perf_counter()
            kept = sum(await asyncio.gather(*(send() for _ in range(senders))))
            elapsed_s += time.perf_counter() - began_s
            assert kept == len(part) * BATCH, "every span is new, and kept"
            sent += kept
    finally:
        service.close()
    return {"spans": sent, "spans_per_s": round(sent / elapsed_s, 1), "bytes_per_span": round(size / sent)}


async def reading(store: Store, samples: int) -> dict[str, Any]:
    """Milliseconds of a page of 50: all, by model, by a facet nothing has, by words that one turn and that many turns hold."""
    reader = TraceReader(store)
    page = await reader.page("one", ConversationFilter(), 1, None)
    rare = str(page.rows[0]["question"].decode())
    filters = {
        "list": ConversationFilter(),
        "list_by_model": ConversationFilter(facets=(facet("model", "model-2"),)),
        "list_by_nothing": ConversationFilter(facets=(facet("model", "nowhere"),)),
        "search_rare": ConversationFilter(words=rare),
        "search_common": ConversationFilter(words="invoice warehouse"),
    }
    found = {}
    for name, wanted in filters.items():
        times = []
        for _ in range(samples):
            began_s = time.perf_counter()
            await reader.page("one", wanted, 50, None)
            times.append((time.perf_counter() - began_s) * 1000.0)
        found[f"{name}_ms"] = spread(times)
    return found


async def measure(url: str, sizes: tuple[int, ...], samples: int, size_of: Callable[[], int]) -> list[dict[str, Any]]:
    """Ingest and reading at each size, in one database that grows."""
    upgrade(url)
    store = Store.open(url)
    rows, start, before = [], 0, size_of()
    try:
        for size in sizes:
            added = (size - start) // BATCH * BATCH
            row = {"total": start + added, "ingest": await ingest(store, start // BATCH, added)}
            row["stored_bytes_per_span"] = round((size_of() - before) / (start + added))
            row |= await reading(store, samples)
            start += added
            rows.append(row)
            print(row, flush=True)
    finally:
        store.close()
    return rows


def main() -> None:
    """Measure and print; ``--quick`` takes a tenth of the spans."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sqlite-only", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sizes = (1_024, 10_240) if arguments.quick else (10_240, 102_400)
    samples = 5 if arguments.quick else 20
    figures: dict[str, Any] = {"provenance": provenance(), "batch_spans": BATCH, "prepare": preparing()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"

        def file_bytes() -> int:
            return sum(one.stat().st_size for one in Path(folder).glob("store.db*"))

        figures["sqlite"] = asyncio.run(measure(f"sqlite:///{path}", sizes, samples, file_bytes))
    if not arguments.sqlite_only:
        import psycopg

        with postgres_cluster() as cluster:
            url = cluster.url(cluster.create_database())

            def database_bytes() -> int:
                with psycopg.connect(url) as connection:
                    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
                return int(row[0]) if row else 0

            figures["postgresql"] = asyncio.run(measure(url, sizes[:1], samples, database_bytes))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
