"""The outermost layer of the server: identity, limits, one record and one envelope for every request.

Pure ASGI, around the FastAPI application. For a call under ``/api/`` or ``/v1/`` it authenticates and counts the
key's rate before a byte of the body is read, and takes a permit of the lane once the body is there. It holds the
project's one broad ``except``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from serving.api.errors import ApiError, DeadlineExceededError, InternalError, UnauthorizedError
from serving.api.lane_types import LaneAnswer
from serving.api.pseudonyms import hashed_session
from serving.api.schemas import REQUEST_ID_PATTERN
from serving.auth.keys import Authenticator, Principal
from serving.http.bodies import BodyLimits, SenderGoneError, has_body, receive_body, replayed
from serving.http.limits import Admission, Permit, RateLimiter, RateState, check_content_length
from serving.http.observability import Metrics, RequestRecord, log_request
from serving.http.origins import check_browser, forwarded_for
from serving.http.senders import HttpSender, SocketSender
from serving.http.tracing import TraceContext
from serving.pages.router import is_page
from serving.pages.web import FORM_BYTES

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

GUARDED = ("/api/", "/v1/")
"""Where calls are authenticated and limited; ``/v1/traces`` is the path that OpenTelemetry's exporters know."""
_TRACES = frozenset({"/v1/traces", "/api/public/otel/v1/traces", "/api/v1/traces"})
"""Where calls of applications come in. Their rate is not counted by requests: an exporter that is refused drops what it has, so
permits and bytes bound them, with a 503 that it waits for and repeats."""
_STREAMS = frozenset({"/api/v1/trace/rag/stream"})
"""Where answers come in while they are written: WebSockets that stay open for as long as a model writes."""
_LANE_PREFIXES = {
    "/api/v1/trace/rag": "rag",
    "/api/v1/trace/code": "code",
    "/api/v1/trace/rollup": "rollup",
    "/api/": "store",
    "/v1/": "store",
    "/review": "pages",
}
_STORE_LANES = frozenset({"store", "pages"})
_WATCHING = re.compile(r"/api/v1/(?:jobs|runs)/[^/]+/events/?")
_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)
_LOGGER = logging.getLogger("groundlane.edge")


@dataclass
class Exchange:
    """What is learnt about one request on its way; becomes its :class:`RequestRecord`."""

    request_id: str
    trace: TraceContext
    lane: str
    started_s: float = field(default_factory=time.perf_counter)
    principal: Principal | None = None
    rate: RateState | None = None
    answer: LaneAnswer | None = None
    session_id: str | None = None
    profile: str | None = None
    model: str | None = None
    cost_usd: float = 0.0
    error_code: str | None = None
    status: int = 0
    body_bytes: int = 0

    def record(self, scope: Scope) -> RequestRecord:
        """The record for log, metrics and headers."""
        route = scope.get("route")
        answer, principal, rate = self.answer, self.principal, self.rate
        tenant = principal.tenant if principal else "-"
        return RequestRecord(
            request_id=self.request_id,
            lane=self.lane,
            method=scope.get("method", "WEBSOCKET"),
            route=getattr(route, "path", "unmatched"),
            status=self.status,
            latency_ms=(time.perf_counter() - self.started_s) * 1000.0,
            tenant=tenant,
            key_id=principal.key_id if principal else "-",
            trace_id=self.trace.trace_id,
            span_id=self.trace.span_id,
            session=hashed_session(tenant, self.session_id) if self.session_id else None,
            profile=self.profile,
            model=self.model,
            band=answer.band if answer else None,
            error_code=self.error_code,
            phases_ms=dict(answer.phases_ms) if answer else {},
            tokens=answer.token_counts if answer else {},
            batch_requests=answer.batch_requests if answer else None,
            verdicts=_verdict_counts(answer) if answer else {},
            body_bytes=self.body_bytes,
            cost_usd=self.cost_usd,
            rate_limit=rate.limit if rate else None,
            rate_remaining=rate.remaining if rate else None,
        )


@dataclass(frozen=True)
class Guards:
    """What a call under ``/api/`` or ``/v1/`` has to pass. ``store_s``: the deadline of calls that no lane has one for."""

    authenticator: Authenticator
    limiter: RateLimiter
    admission: Admission
    body: BodyLimits
    tenant_share: float = 1.0
    allowed_hosts: tuple[str, ...] = ()
    store_s: float | None = None


class Edge:
    """Wraps ``app``; see the module.

    ``proxy_names_requests``: Ray Serve's proxy gives every request an ``X-Request-Id`` and puts it on the answer; a
    second one must not be added here.
    """

    def __init__(self, app: AsgiApp, guards: Guards, metrics: Metrics, proxy_names_requests: bool = False) -> None:
        self._app = app
        self._guards = guards
        self._metrics = metrics
        self._hidden = frozenset({"X-Request-Id"}) if proxy_names_requests else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        exchange = _open_exchange(scope, headers)
        scope.setdefault("state", {})["exchange"] = exchange
        method = scope.get("method", "WEBSOCKET")
        if exchange.lane == "watch":
            send = self._while_allowed(headers, send)
        elif method == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        kind: type[HttpSender | SocketSender] = SocketSender if scope["type"] == "websocket" else HttpSender
        sender = kind(send, exchange, lambda: self._answer_headers(exchange, scope))
        scope["state"]["sender"] = sender
        try:
            with ExitStack() as stack:
                inbound = await self._admit(scope, headers, receive, exchange, stack)
                async with asyncio.timeout(self._guards.store_s if exchange.lane in _STORE_LANES else None):
                    await self._app(scope, inbound, sender.send)
        except SenderGoneError:
            exchange.status = 0
        except KeyEndedError:
            exchange.error_code = UnauthorizedError.code
        except TimeoutError:
            await sender.fail(DeadlineExceededError("the store gave no answer in time"))
        except ApiError as error:
            await sender.fail(error)
        except Exception as error:
            _LOGGER.exception("unhandled", extra={"fields": {"request_id": exchange.request_id}})
            await sender.fail(InternalError(f"unexpected {type(error).__name__}"))
        finally:
            record = replace(exchange.record(scope), method=method)
            self._metrics.observe(record)
            log_request(record)

    def _answer_headers(self, exchange: Exchange, scope: Scope) -> list[tuple[bytes, bytes]]:
        """What every answer carries besides its own headers."""
        fields = {**exchange.record(scope).headers(), "traceparent": exchange.trace.traceparent}
        return [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in fields.items()
            if name not in self._hidden
        ]

    def _while_allowed(self, headers: Mapping[str, str], send: Send) -> Send:
        """``send`` of a stream that goes on for hours: it raises KeyEndedError once the key is no longer good. A refusal goes out
        whole, that of a bad key too.
        """
        refused = False

        async def checked(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] >= 400
            elif not refused and not self._still_allowed(headers):
                await send({"type": "http.response.body", "body": b""})
                raise KeyEndedError
            await send(message)

        return checked

    def _still_allowed(self, headers: Mapping[str, str]) -> bool:
        """Whether the key of a stream that goes on for hours is still good. Who was let in without one stays."""
        given = headers.get("authorization")
        if given is None:
            return True
        try:
            self._guards.authenticator.authenticate(given)
        except ApiError:
            return False
        return True

    async def _admit(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, exchange: Exchange, stack: ExitStack
    ) -> Receive:
        """Identity and rate, then the body, then the permit of an API call. Pages know their visitors by a cookie, and ask for
        it themselves: who has none is led to the sign-in.
        """
        guards = self._guards
        if guards.authenticator.anonymous_allowed:
            if scope.get("client"):
                peer, port = scope["client"]
                scope["client"] = (forwarded_for(headers, peer), port)  # a front's peer is not the caller
            if is_page(scope["path"]) or scope["path"].startswith(GUARDED):
                check_browser(headers, guards.allowed_hosts)
        if is_page(scope["path"]):
            permit = guards.admission.receive("pages")
            return await _enter(permit, headers, receive, exchange, stack, replace(guards.body, most_bytes=FORM_BYTES))
        if not scope["path"].startswith(GUARDED):
            return receive
        client = scope.get("client")
        client_host = client[0] if client else None
        principal = guards.authenticator.authenticate(headers.get("authorization"), client_host)
        exchange.principal = scope["state"]["principal"] = principal
        if exchange.lane != "traces":
            exchange.rate = guards.limiter.take(principal.key_id, principal.requests_per_minute)
            exchange.rate.require()
        share = guards.tenant_share if guards.authenticator.tenants > 1 else 1.0
        permit = guards.admission.receive(exchange.lane, principal.tenant, share)
        socket = scope["type"] == "websocket"
        return await _enter(permit, headers, receive, exchange, stack, guards.body, socket)


class KeyEndedError(Exception):
    """The key of a stream was revoked while it went on."""


def _without_body(send: Send) -> Send:
    """``send`` for HEAD: the headers that GET would have (RFC 9110, 9.3.2)."""

    async def head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b""})

    return head


async def _enter(
    permit: Permit,
    headers: Mapping[str, str],
    receive: Receive,
    exchange: Exchange,
    stack: ExitStack,
    limits: BodyLimits,
    socket: bool = False,
) -> Receive:
    """Read the body, then take the lane's permit; both are held until ``stack`` closes. What a WebSocket brings is counted
    as it comes.
    """
    stack.enter_context(permit)
    check_content_length(headers.get("content-length"), limits.most_bytes)
    if socket:
        permit.begin()
        return _counted(receive, permit, exchange, limits.most_bytes)
    inbound = receive
    if has_body(headers):
        body = await receive_body(receive, permit, limits)
        exchange.body_bytes = len(body)
        inbound = replayed(body, receive)
    permit.begin()
    return inbound


def _verdict_counts(answer: LaneAnswer) -> dict[str, int]:
    return {"judged": answer.pairs - answer.cached_pairs, "cached": answer.cached_pairs} if answer.pairs else {}


def _open_exchange(scope: Scope, headers: Mapping[str, str]) -> Exchange:
    given = headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    trace = TraceContext.from_headers(headers.get("traceparent"), headers.get("tracestate"))
    return Exchange(request_id, trace, _lane_of(scope["path"]))


def _lane_of(path: str) -> str:
    """Whose permit a path needs. A watched job may be silent for hours, and must not hold up those who work."""
    if _WATCHING.fullmatch(path):
        return "watch"
    if path.rstrip("/") in _TRACES:
        return "traces"
    if path.rstrip("/") in _STREAMS:
        return "stream"
    return next((lane for prefix, lane in _LANE_PREFIXES.items() if path.startswith(prefix)), "other")


def _counted(receive: Receive, permit: Permit, exchange: Exchange, limit_bytes: int) -> Receive:
    """``receive`` that refuses a body past the limit and counts bytes beyond the announced ones."""

    async def counted() -> Message:
        message = await receive()
        if message["type"] in {"http.request", "websocket.receive"}:
            exchange.body_bytes += len(message.get("body") or message.get("bytes") or b"")
            exchange.body_bytes += len((message.get("text") or "").encode("utf-8", "surrogatepass"))
            check_content_length(str(exchange.body_bytes), limit_bytes)
            if exchange.body_bytes > permit.body_bytes:
                permit.reserve(exchange.body_bytes - permit.body_bytes)
        return message

    return counted
