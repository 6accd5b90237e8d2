"""Around Ray Serve's HTTP proxy: what the proxy answers by itself becomes an envelope too.

A gateway that dies while it works on a request, an application that is not up yet or no longer, a full queue: the proxy
answers these in plain text, or not at all, and no gateway is there to do better. Serve loads this layer through the
environment variable ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``.
"""

from __future__ import annotations

import os
import re
import secrets

import orjson
from starlette.middleware import Middleware

from serving.api.errors import ApiError, DeadlineExceededError, InternalError, OverloadedError, envelope, error_headers
from serving.api.schemas import REQUEST_ID_PATTERN
from serving.http.edge import AsgiApp, Message, Receive, Scope, Send
from serving.ray.delivery import Delivery, StalledReaderError, announced_bytes, caller_of

PROXY_CALLBACK = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
FRONT = "serving.ray.front:middlewares"

_REQUEST_ID = b"x-request-id"
_GATEWAY_MARK = b"x-cost-usd"
_RETRY_AFTER_S = 2.0
_OWN_PATHS = "/-/"
_SERVE_OWN = re.compile(
    rb"x-request-(?:timeout-seconds|disconnect-disabled)|x-session-id|serve[-_]multiplexed[-_]model[-_]id|x-serve-.*",
    re.IGNORECASE,
)
"""Headers by which Ray Serve routes and times a request: the server's to set, not a caller's."""
_NAMED = re.compile(REQUEST_ID_PATTERN.encode())


def middlewares() -> list[Middleware]:
    """What Serve's proxy puts around itself."""
    return [Middleware(Front)]


def front_installed() -> bool:
    """Whether this process was started in an environment in which the proxy loads :class:`Front`."""
    return os.environ.get(PROXY_CALLBACK) == FRONT


class Front:
    """Passes a gateway's answers on, with one ``X-Request-Id``, and gives the proxy's own ones the envelope.

    Clients that do not read what they asked for are ended, see :mod:`serving.ray.delivery`.
    """

    def __init__(self, app: AsgiApp, delivery: Delivery | None = None) -> None:
        self._app = app
        self._delivery = delivery or Delivery()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["path"].startswith(_OWN_PATHS):
            await self._app(scope, receive, send)
            return
        answered = False
        replaced = False
        caller = caller_of(scope["headers"], scope.get("client"))
        scope["headers"] = _passed_on(scope["headers"])

        async def checked(message: Message) -> None:
            nonlocal answered, replaced
            if message["type"] == "http.response.start":
                answered = True
                headers = message.get("headers", [])
                replaced = message["status"] >= 400 and all(name.lower() != _GATEWAY_MARK for name, _ in headers)
                if replaced:
                    await _answer(_translated(message["status"]), scope, send)
                    return
                try:
                    self._delivery.require_room(caller, announced_bytes(headers))
                except OverloadedError as error:
                    replaced = True
                    await _answer(error, scope, send)
                    return
                message["headers"] = _one_request_id(headers)
                await send(message)
            elif not replaced:
                await self._delivery.send(caller, message, send)

        try:
            await self._app(scope, receive, checked)
        except StalledReaderError:
            return
        if not answered:
            error = OverloadedError("the gateway died while it worked on this request", retry_after_s=_RETRY_AFTER_S)
            await _answer(error, scope, send)


def _translated(status: int) -> ApiError:
    if status == 408:
        return DeadlineExceededError("the gateway gave no answer in time")
    if status == 404:
        return OverloadedError("the application is not up", retry_after_s=_RETRY_AFTER_S)
    if status in {429, 503}:
        return OverloadedError("no gateway can take the request", retry_after_s=_RETRY_AFTER_S)
    return InternalError(f"the proxy answered {status}")


def _passed_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without Serve's own headers, and without a request id that is none: Serve decodes it, and fails on bytes past ASCII."""
    return [
        (name, value)
        for name, value in headers
        if not _SERVE_OWN.fullmatch(name) and (name.lower() != _REQUEST_ID or _NAMED.fullmatch(value))
    ]


def _one_request_id(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The gateway's request id comes first; the proxy adds its own, which may differ, and is dropped."""
    ids = [value for name, value in headers if name.lower() == _REQUEST_ID]
    others = [(name, value) for name, value in headers if name.lower() != _REQUEST_ID]
    return [*others, *((_REQUEST_ID, value) for value in ids[:1])]


async def _answer(error: ApiError, scope: Scope, send: Send) -> None:
    given = next((value for name, value in scope["headers"] if name.lower() == _REQUEST_ID), b"")
    request_id = given.decode("latin-1") or secrets.token_hex(16)
    body = orjson.dumps(envelope(error, request_id))
    fields = {**error_headers(error), "content-length": str(len(body)), "x-request-id": request_id}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
