"""The server's end of a WebSocket: errors in the envelope that requests get, and a close code that tells their status.

A refused handshake shows a browser neither status nor body, so a WebSocket is accepted first and refused then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from serving.api.errors import ApiError, envelope

CLOSE_NORMAL = 1000
CLOSE_PLUS_STATUS = 4000
"""Close codes 4000 to 4999 are private (RFC 6455, 7.4.2): 4503 is what a 503 is to a request."""
_ACCEPTED = 101

Message = MutableMapping[str, Any]


class SocketSender:
    """Passes an application's messages on and knows how far the WebSocket is; ``headers``: those of its acceptance."""

    def __init__(
        self, send: Callable[[Message], Awaitable[None]], headers: Callable[[], list[tuple[bytes, bytes]]]
    ) -> None:
        self._send = send
        self._headers = headers
        self._closed = False
        self.status = 0
        self.error_code: str | None = None

    async def send(self, message: Message) -> None:
        """One ASGI message. ``status`` is 101 from the acceptance on."""
        if message["type"] == "websocket.accept":
            self.status = _ACCEPTED
            message["headers"] = [*message.get("headers", []), *self._headers()]
        elif message["type"] == "websocket.close":
            self._closed = True
        await self._send(message)

    async def fail(self, error: ApiError, request_id: str) -> None:
        """Send the error's envelope and close with 4000 + its status; nothing if the WebSocket is closed."""
        if self._closed:
            return
        if not self.status:
            await self.send({"type": "websocket.accept"})
        self.status, self.error_code = error.status, error.code
        document = {"type": "error", **envelope(error, request_id), "status": error.status}
        if error.retry_after_s is not None:
            document["retry_after_s"] = error.retry_after_s
        await self.send({"type": "websocket.send", "text": orjson.dumps(document).decode()})
        await self.send({"type": "websocket.close", "code": CLOSE_PLUS_STATUS + error.status, "reason": error.code})

    def left(self) -> None:
        """The client closed the WebSocket: nothing more can be sent."""
        self._closed = True
        self.status = 0
