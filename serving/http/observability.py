"""One record per request feeds the log, the metrics and the headers. Ids and counts only, never text.

Times and tokens measured in lane and encoder replicas travel back inside the lane's answer and are put into the
gateway's record, so the gateway alone exposes metrics and no files are shared between processes.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.api.log_text import visible, visible_values
from serving.http.limits import Admission
from serving.http.supervision import Watched

AuditCounters = Callable[[], Mapping[str, Mapping[str, int]]]
"""Counters of the audit by part and outcome, see :meth:`serving.audit.assembly.Audit.counts`."""

REQUEST_LOGGER = "groundlane.requests"
_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 30.0)
_COUNTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0)


@dataclass(frozen=True)
class RequestRecord:
    """What is known of one answered request.

    ``lane``: rag, code, rollup, store, watch or other. ``status``: 0 if the client left before an answer.
    ``error_code``: the envelope's code. ``session``: see :func:`hashed_session`. ``phases_ms``: milliseconds by phase
    (encode, align, verify, decide …), measured where the phase ran. ``tokens``: counts by kind (context, response).
    ``batch_requests``: requests that shared the encoder's round; None if no model ran.
    ``cost_usd``: metered price.
    """

    request_id: str
    lane: str
    method: str
    route: str
    status: int
    latency_ms: float
    tenant: str
    key_id: str
    trace_id: str
    span_id: str
    session: str | None = None
    profile: str | None = None
    model: str | None = None
    band: str | None = None
    error_code: str | None = None
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    batch_requests: int | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    units: int | None = None
    claims: int | None = None
    body_bytes: int = 0
    cost_usd: float = 0.0
    rate_limit: int | None = None
    rate_remaining: int | None = None

    def headers(self) -> dict[str, str]:
        """The headers that every answer carries."""
        headers = {"X-Request-Id": self.request_id, "X-Cost-Usd": f"{self.cost_usd:.6f}"}
        if self.rate_limit is not None:
            headers["X-RateLimit-Limit"] = str(self.rate_limit)
        if self.rate_remaining is not None:
            headers["X-RateLimit-Remaining"] = str(self.rate_remaining)
        return headers

    def log_fields(self) -> dict[str, object]:
        """What the log says: fields that apply, times rounded to microseconds."""
        values = {**vars(self), "phases_ms": {name: round(ms, 3) for name, ms in self.phases_ms.items()}}
        values["latency_ms"] = round(self.latency_ms, 3)
        values["tokens"], values["verdicts"] = dict(self.tokens), dict(self.verdicts)
        return {key: value for key, value in values.items() if value is not None and value != {}}


class Metrics:
    """The Prometheus metrics of one gateway. ``replica`` labels every series, so several gateways do not mix."""

    def __init__(self, version: str, replica: str = "0") -> None:
        self.registry = CollectorRegistry()
        self._replica = replica
        self._requests = self._counter("requests", "Answered requests.", "lane", "status")
        self._errors = self._counter("errors", "Requests answered with an error, by code.", "lane", "code")
        self._rate_limited = self._counter("rate_limited", "Requests refused by a key's rate.", "lane")
        self._bands = self._counter("bands", "Scored requests by band.", "lane", "band")
        self._tokens = self._counter("tokens", "Tokens by kind, as the models counted them.", "lane", "kind")
        self._verdicts = self._counter("verdicts", "Verdicts: judged by the model, or cached.", "lane", "source")
        self._body_bytes = self._counter("body_bytes", "Bytes of request bodies.", "lane")
        self._cost = self._counter("cost_usd", "Metered price of the requests.", "lane")
        self._latency = self._histogram("request_seconds", "Time from request to answer.", _SECONDS, "lane")
        self._phases = self._histogram("phase_seconds", "Time by phase.", _SECONDS, "lane", "phase")
        self._batch = self._histogram("batch_requests", "Requests that shared the encoder's round.", _COUNTS, "lane")
        self._queue = self._gauge("queue_depth", "Requests that hold a permit, working or waiting.", "lane")
        self._held_bytes = self._gauge("in_flight_bytes", "Bytes of the request bodies held at present.")
        self._receiving = self._gauge("receiving", "Requests whose body is on its way.")
        self._background = self._gauge("background_up", "1 while this background work runs, 0 after it ended.", "work")
        self._restarts = self._gauge("background_restarts", "How often background work had to be begun again.", "work")
        self._gauge("build_info", "Always 1; the version is a label.", "version").labels(replica, version).set(1)
        self._gauge("start_time_seconds", "Unix time at which this gateway started.").labels(replica).set(time.time())

    def observe(self, record: RequestRecord) -> None:
        """Count one answered request."""
        replica, lane = self._replica, record.lane
        self._requests.labels(replica, lane, str(record.status or "cancelled")).inc()
        self._latency.labels(replica, lane).observe(record.latency_ms / 1000)
        self._body_bytes.labels(replica, lane).inc(record.body_bytes)
        self._cost.labels(replica, lane).inc(record.cost_usd)
        for phase, milliseconds in record.phases_ms.items():
            self._phases.labels(replica, lane, phase).observe(milliseconds / 1000)
        for kind, count in record.tokens.items():
            self._tokens.labels(replica, lane, kind).inc(count)
        for source, count in record.verdicts.items():
            self._verdicts.labels(replica, lane, source).inc(count)
        if record.band is not None:
            self._bands.labels(replica, lane, record.band).inc()
        if record.batch_requests is not None:
            self._batch.labels(replica, lane).observe(record.batch_requests)
        if record.error_code is not None:
            self._errors.labels(replica, lane, record.error_code).inc()
        if record.error_code == "rate_limited":
            self._rate_limited.labels(replica, lane).inc()

    def track(self, admission: Admission) -> None:
        """Read queue depth and held bytes from ``admission`` whenever metrics are asked for."""
        for lane in admission.lanes:
            self._queue.labels(self._replica, lane).set_function(partial(admission.in_flight, lane))
        self._held_bytes.labels(self._replica).set_function(lambda: admission.in_flight_bytes)
        self._receiving.labels(self._replica).set_function(lambda: admission.receiving)

    def watch(self, background: Sequence[Watched]) -> None:
        """Read whether background work runs, and how often it was begun again, whenever metrics are asked for."""
        for work in background:
            self._background.labels(self._replica, work.name).set_function(partial(getattr, work, "up"))
            self._restarts.labels(self._replica, work.name).set_function(partial(getattr, work, "restarts"))

    def track_audit(self, counts: AuditCounters) -> None:
        """Read the counters of the audit log, of review texts and of a candidate whenever metrics are asked for."""
        self.registry.register(_AuditCollector(self._replica, counts))

    def totals(self) -> dict[str, dict[str, float]]:
        """Counters of requests, bands and errors since the start, by ``lane/label``; a few dozen numbers at most."""
        wanted = {"groundlane_requests": "requests", "groundlane_bands": "bands", "groundlane_errors": "errors"}
        found: dict[str, dict[str, float]] = {name: {} for name in wanted.values()}
        for family in self.registry.collect():
            if family.name in wanted:
                for sample in family.samples:
                    if sample.name.endswith("_total"):
                        labels = [value for label, value in sample.labels.items() if label != "replica"]
                        found[wanted[family.name]]["/".join(labels)] = sample.value
        return found

    def render(self) -> tuple[bytes, str]:
        """(body, content type) of ``/metrics``."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"groundlane_{name}", help_text, ("replica", *labels), registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"groundlane_{name}", help_text, ("replica", *labels), registry=self.registry)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"groundlane_{name}", help_text, ("replica", *labels), buckets=buckets, registry=self.registry)


class _AuditCollector(Collector):
    """The counters of the audit as one metric."""

    def __init__(self, replica: str, counts: AuditCounters) -> None:
        self._replica = replica
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """``groundlane_audit_total`` by part and outcome."""
        family = CounterMetricFamily(
            "groundlane_audit", "Audit lines, review texts and candidate scores.", labels=("replica", "part", "outcome")
        )
        for part, outcomes in self._counts().items():
            for outcome, count in outcomes.items():
                family.add_metric((self._replica, part, outcome), count)
        yield family


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON, its texts made :func:`visible`: whoever shows the decoded line on a terminal sees
    one line too. Of an exception: types and frames, not its message, which may quote text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": visible(record.getMessage()),
        }
        line.update({name: visible_values(value) for name, value in getattr(record, "fields", {}).items()})
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _exception_frames(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str, allow_nan=False)


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Send the records of every ``groundlane`` logger to ``stream`` (stderr by default) as JSON lines; repeatable."""
    logger = logging.getLogger("groundlane")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def log_request(record: RequestRecord) -> None:
    """The one log line of a request; a warning where the server is at fault."""
    level = logging.WARNING if record.status >= 500 else logging.INFO
    logging.getLogger(REQUEST_LOGGER).log(level, "request", extra={"fields": record.log_fields()})


def _exception_frames(error: BaseException) -> list[dict[str, object]]:
    """Type and ``file:line function`` of an exception and of its causes, the outermost first."""
    chain: list[dict[str, object]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 8:
        frames = traceback.extract_tb(current.__traceback__)[-12:]
        chain.append(
            {
                "type": f"{type(current).__module__}.{type(current).__qualname__}",
                "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        current = current.__cause__ or current.__context__
    return chain
