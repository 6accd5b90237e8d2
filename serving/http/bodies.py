"""A request's body, read whole before the request takes a lane's permit: slow senders hold up nobody but themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from serving.api.errors import BodyTimeoutError
from serving.http.limits import Permit, too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

GRACE_S = 5.0
"""Before the minimum rate counts: a connection may begin slowly."""


@dataclass(frozen=True)
class BodyLimits:
    """How large a body may be, and how slowly it may come: ``deadline_s`` in all, ``bytes_per_s`` on average."""

    most_bytes: int
    deadline_s: float = 120.0
    bytes_per_s: int = 16_384


class SenderGoneError(Exception):
    """The client left before its body was whole; nobody waits for an answer."""


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a body follows these headers (RFC 9112, section 6.3)."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip() != "0"


async def receive_body(receive: Receive, permit: Permit, limits: BodyLimits) -> bytes:
    """The whole body; each byte is counted in ``permit`` when it arrives.

    Raises PayloadTooLargeError, OverloadedError if memory is full, BodyTimeoutError, SenderGoneError.
    """
    parts: list[bytes] = []
    received = 0
    started_s = asyncio.get_running_loop().time()
    while True:
        allowed_s = min(limits.deadline_s, GRACE_S + received / limits.bytes_per_s)
        try:
            async with asyncio.timeout_at(started_s + allowed_s):
                message = await receive()
        except TimeoutError:
            raise BodyTimeoutError(f"{received} bytes of the body came within {allowed_s:.0f} s") from None
        if message["type"] == "http.disconnect":
            raise SenderGoneError
        part = message.get("body", b"")
        received += len(part)
        if received > limits.most_bytes:
            raise too_large(received, limits.most_bytes)
        permit.reserve(len(part))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part


def replayed(body: bytes, receive: Receive) -> Receive:
    """``receive`` as it was before the body was read: the body in one message, then what comes after it."""
    waiting = [body]

    async def once() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return once
