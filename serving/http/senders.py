"""The server's end of one exchange: what goes out passes through it, and a failure goes out as the one envelope.

A refused handshake shows a browser neither status nor body, so a WebSocket is accepted first and refused then, by a message
and a close code that tells the status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import orjson

from serving.api.errors import ApiError, envelope, error_headers

CLOSE_NORMAL = 1000
CLOSE_PLUS_STATUS = 4000
"""Close codes 4000 to 4999 are private (RFC 6455, 7.4.2): 4503 is what a 503 is to a request."""
_ACCEPTED = 101

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Headers = Callable[[], list[tuple[bytes, bytes]]]


class Outcome(Protocol):
    """What becomes of an exchange; the record of it is written when it is over."""

    request_id: str
    status: int
    error_code: str | None


class Sender(Protocol):
    """Passes an application's messages on."""

    async def send(self, message: Message) -> None:
        """One ASGI message."""
        ...

    async def fail(self, error: ApiError) -> None:
        """Answer with the error, if it is not too late."""
        ...


class HttpSender:
    """Of one request; ``headers`` are added to its answer."""

    def __init__(self, send: Send, outcome: Outcome, headers: Headers) -> None:
        self._send = send
        self._outcome = outcome
        self._headers = headers
        self._started = False

    async def send(self, message: Message) -> None:
        """One ASGI message."""
        if message["type"] == "http.response.start":
            self._started = True
            self._outcome.status = message["status"]
            message["headers"] = [*message.get("headers", []), *self._headers()]
        await self._send(message)

    async def fail(self, error: ApiError) -> None:
        """The error's envelope; nothing if the answer has begun."""
        if self._started:
            return
        self._outcome.error_code = error.code
        body = orjson.dumps(envelope(error, self._outcome.request_id))
        fields = {**error_headers(error), "content-length": str(len(body))}
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


class SocketSender:
    """Of one WebSocket; ``headers`` are added to its acceptance, from which on the status is 101."""

    def __init__(self, send: Send, outcome: Outcome, headers: Headers) -> None:
        self._send = send
        self._outcome = outcome
        self._headers = headers
        self._closed = False

    async def send(self, message: Message) -> None:
        """One ASGI message."""
        if message["type"] == "websocket.accept":
            self._outcome.status = _ACCEPTED
            message["headers"] = [*message.get("headers", []), *self._headers()]
        elif message["type"] == "websocket.close":
            self._closed = True
        await self._send(message)

    async def fail(self, error: ApiError) -> None:
        """The error's envelope and a close with 4000 + its status; nothing if the WebSocket is closed."""
        if self._closed:
            return
        if not self._outcome.status:
            await self.send({"type": "websocket.accept"})
        self._outcome.status, self._outcome.error_code = error.status, error.code
        document = {"type": "error", **envelope(error, self._outcome.request_id), "status": error.status}
        if error.retry_after_s is not None:
            document["retry_after_s"] = error.retry_after_s
        await self.send({"type": "websocket.send", "text": orjson.dumps(document).decode()})
        await self.send({"type": "websocket.close", "code": CLOSE_PLUS_STATUS + error.status, "reason": error.code})

    def left(self) -> None:
        """The client closed the WebSocket: nothing more can be sent."""
        self._closed = True
        self._outcome.status = 0
