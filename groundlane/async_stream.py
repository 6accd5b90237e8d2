"""An answer judged while it is written, for asynchronous code. The methods are those of :mod:`groundlane.sync_stream`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

from groundlane.answer_streams import (
    CONTRADICTED,
    END_MESSAGE,
    MISSING,
    Gate,
    Progress,
    TextOf,
    openai_text,
    start_message,
    stream_headers,
    stream_url,
    text_message,
)
from groundlane.connection import Connection
from groundlane.errors import (
    ConnectionFailedError,
    DeadlineError,
    GroundlaneError,
    OverloadedError,
    RateLimitedError,
)
from groundlane.results import Claim, Score
from groundlane.retries import Attempts

Chunk = TypeVar("Chunk")


class AsyncAnswerStream:
    """One answer, for one event loop. Use it in an ``async with`` block."""

    def __init__(
        self, connection: Connection, fields: Mapping[str, Any], pause: Callable[[float], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._start = start_message(fields)
        self._pause = pause
        self._opened = AsyncExitStack()
        self._socket: Any = None
        self._reader: asyncio.Task[None] | None = None
        self._sent = 0
        self.progress = Progress()
        self.stopped_by: Claim | None = None

    async def __aenter__(self) -> AsyncAnswerStream:
        attempts = Attempts(self._connection.retry)
        while True:
            timeout_s = attempts.begin(self._connection.timeout_s)
            try:
                await self._open(timeout_s)
                return self
            except (OverloadedError, RateLimitedError) as error:
                await self.close()
                await self._pause(attempts.wait_after_answer(error))
            except BaseException:
                await self.close()
                raise

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims judged so far, in order."""
        return tuple(self.progress.claims)

    async def send(self, piece: str) -> None:
        """The next piece of the answer. Raises a GroundlaneError, also one that came with an earlier piece."""
        if piece:
            self._sent += len(piece)
            await self._write(text_message(piece))
        self._raise_if_over()

    async def finish(self) -> Score:
        """End the answer: its score, as scoring the whole at once gives it. Raises a GroundlaneError."""
        await self._write(END_MESSAGE)
        assert self._reader is not None
        try:
            async with asyncio.timeout(self._connection.timeout_s):
                await asyncio.shield(self._reader)
        except TimeoutError:
            raise DeadlineError(f"no score within {self._connection.timeout_s:g} s of the answer's end") from None
        assert self.progress.score is not None
        return self.progress.score

    async def watch(
        self,
        chunks: AsyncIterable[Chunk],
        *,
        stop_at: Collection[str] = CONTRADICTED,
        hold: bool = False,
        text_of: TextOf = openai_text,
    ) -> AsyncIterator[Chunk]:
        """The chunks of a model's stream, passed on while their text is judged; see the synchronous one."""
        gate: Gate[Chunk] = Gate(self.progress, stop_at, hold)
        try:
            async for chunk in chunks:
                await self.send(text_of(chunk))
                gate.put(self._sent, chunk)
                self.stopped_by = gate.stopped_by
                for passed in gate.passed():
                    yield passed
                if self.stopped_by is not None:
                    return
            if self._sent:
                await self.finish()
                self.stopped_by = gate.stopped_by
                for passed in gate.passed():
                    yield passed
        finally:
            close = getattr(chunks, "aclose", None) or getattr(chunks, "close", None)
            closing = close() if close is not None else None
            if inspect.isawaitable(closing):  # some wrappers close at once
                await closing

    async def close(self) -> None:
        """Leave; a stream that was not finished is not scored."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError, GroundlaneError):  # send() and finish() have told of an error
                await self._reader
            self._reader = None
        self._socket = None
        await self._opened.aclose()

    async def _open(self, timeout_s: float) -> None:
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
        await self._write(self._start)
        try:
            async with asyncio.timeout(timeout_s):
                await self._receive()
        except TimeoutError:
            raise DeadlineError(f"the server did not begin within {timeout_s:g} s") from None
        self._reader = asyncio.create_task(self._read())

    async def _write(self, message: str) -> None:
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            raise ConnectionFailedError("the stream is not open: use it in an async with block")
        with suppress(ConnectionClosed):  # why it was closed is told by the last message
            await self._socket.send(message)

    async def _read(self) -> None:
        while self.progress.score is None:
            await self._receive()

    async def _receive(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self.progress.read(await self._socket.recv())
        except ConnectionClosed as error:
            raise ConnectionFailedError(f"the stream broke off: {error}") from error

    def _raise_if_over(self) -> None:
        if self._reader is not None and self._reader.done():
            self._reader.result()
