"""Answers on their way from the proxy to clients: in pieces, each with a deadline, and bounded for each caller.

Ray Serve hands a whole answer to the proxy at once, so what a client does not read waits here. A gateway's answers are bounded
(results come in pages); this bounds how many of them wait, and for how long.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from serving.api.errors import OverloadedError

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

PIECE_BYTES: Final = 65_536
STALL_S: Final = 30.0
"""A client that takes none of a piece for so long is gone; it makes the least rate 2 KiB a second."""
CALLER_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one caller's answers that may wait."""


class StalledReaderError(ConnectionError):
    """The client does not read what it asked for."""


class Delivery:
    """What waits for clients, by caller: who sends the same ``Authorization``, else the same address."""

    def __init__(self, stall_s: float = STALL_S, caller_bytes: int = CALLER_BYTES) -> None:
        self._stall_s = stall_s
        self._caller_bytes = caller_bytes
        self._waiting: Counter[str] = Counter()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for clients at present."""
        return self._waiting.total()

    def require_room(self, caller: str, more_bytes: int) -> None:
        """Raise OverloadedError where the caller has not read enough of what it asked for before."""
        held = self._waiting[caller]
        if held and held + more_bytes > self._caller_bytes:
            raise OverloadedError(f"{held} bytes of your answers wait to be read", retry_after_s=self._stall_s)

    async def send(self, caller: str, message: Message, send: Send) -> None:
        """Send a body in pieces. Raises StalledReaderError, and ends the connection, for a client that does not read."""
        body = message.get("body", b"")
        if len(body) <= PIECE_BYTES:
            await self._piece(message, send)
            return
        self._waiting[caller] += len(body)
        left = len(body)
        try:
            for start in range(0, len(body), PIECE_BYTES):
                piece = body[start : start + PIECE_BYTES]
                more = start + PIECE_BYTES < len(body) or message.get("more_body", False)
                await self._piece({"type": message["type"], "body": piece, "more_body": more}, send)
                self._waiting[caller] -= len(piece)
                left -= len(piece)
        finally:
            self._waiting[caller] -= left
            if self._waiting[caller] <= 0:
                del self._waiting[caller]

    async def _piece(self, message: Message, send: Send) -> None:
        try:
            async with asyncio.timeout(self._stall_s):
                await send(message)
        except TimeoutError:
            _abort(send)
            raise StalledReaderError from None


def caller_of(headers: list[tuple[bytes, bytes]], client: tuple[str, int] | None) -> str:
    """Who waits for an answer: a digest of the key, else the address."""
    key = next((value for name, value in headers if name.lower() == b"authorization"), None)
    return hashlib.sha256(key).hexdigest() if key is not None else (client[0] if client else "-")


def announced_bytes(headers: list[tuple[bytes, bytes]]) -> int:
    """The length of an answer, 0 where it is not announced."""
    value = next((value for name, value in headers if name.lower() == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


def _abort(send: Send) -> None:
    """Drop the connection with what waits on it. Closing would wait for the client; ASGI has no word for it, uvicorn does."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
