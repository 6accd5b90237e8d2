"""The WebSocket of an answer's verdicts, for asynchronous code: a task takes them in while the model writes.

Its synchronous counterpart, :mod:`groundlane.sync_verdicts`, reads when it is asked; everything above the two is written once
(:mod:`groundlane.async_stream`).
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, suppress
from typing import Any

from groundlane.answer_streams import MISSING, Progress, stream_headers, stream_url
from groundlane.connection import Connection
from groundlane.errors import ConnectionFailedError, DeadlineError, GroundlaneError


class AsyncVerdicts:
    """One connection; what comes is put into ``progress``."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self._opened = AsyncExitStack()
        self._socket: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, start: str, timeout_s: float) -> None:
        """Connect, send ``start`` and wait until the server begins."""
        try:
            from websockets.asyncio.client import connect
            from websockets.exceptions import InvalidHandshake, InvalidURI
        except ImportError as error:
            raise ImportError(MISSING) from error
        try:
            self._socket = await self._opened.enter_async_context(
                connect(
                    stream_url(self._connection),
                    additional_headers=stream_headers(self._connection),
                    open_timeout=timeout_s,
                    max_size=None,
                )
            )
        except (OSError, InvalidHandshake, InvalidURI) as error:
            raise ConnectionFailedError(f"no stream: {type(error).__name__}: {error}") from error
        await self.write(start)
        try:
            async with asyncio.timeout(timeout_s):
                await self._receive()
        except TimeoutError:
            raise DeadlineError(f"the server did not begin within {timeout_s:g} s") from None
        self._reader = asyncio.create_task(self._read())

    async def write(self, message: str) -> None:
        """Send a message."""
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            raise ConnectionFailedError("the stream is not open: use it in an async with block")
        with suppress(ConnectionClosed):  # why it was closed is told by the last message
            await self._socket.send(message)

    async def take_in(self) -> None:
        """Raise the error that came with an earlier piece."""
        if self._reader is not None and self._reader.done():
            self._reader.result()

    async def wait_for_score(self, timeout_s: float) -> None:
        """Until the score is there; DeadlineError after ``timeout_s``."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._reader)
        except TimeoutError:
            raise DeadlineError(f"no score within {timeout_s:g} s of the answer's end") from None

    async def close(self) -> None:
        """Leave."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError, GroundlaneError):  # callers have been told of an error
                await self._reader
            self._reader = None
        self._socket = None
        await self._opened.aclose()

    async def _read(self) -> None:
        while self._progress.score is None:
            await self._receive()

    async def _receive(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._progress.read(await self._socket.recv())
        except ConnectionClosed as error:
            raise ConnectionFailedError(f"the stream broke off: {error}") from error


async def close_chunks(chunks: object) -> None:
    """End a model's stream."""
    close = getattr(chunks, "aclose", None) or getattr(chunks, "close", None)
    closing = close() if close is not None else None
    if inspect.isawaitable(closing):  # some wrappers close at once
        await closing
