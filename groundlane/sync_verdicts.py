"""The WebSocket of an answer's verdicts, for synchronous code: read whenever a piece is sent.

Its asynchronous counterpart is :mod:`groundlane.async_verdicts`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import Any

from groundlane.answer_streams import MISSING, Progress, stream_headers, stream_url
from groundlane.connection import Connection
from groundlane.errors import ConnectionFailedError, DeadlineError


class Verdicts:
    """One connection; what comes is put into ``progress``."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self._opened = ExitStack()
        self._socket: Any = None

    def open(self, start: str, timeout_s: float) -> None:
        """Connect, send ``start`` and wait until the server begins."""
        try:
            from websockets.exceptions import InvalidHandshake, InvalidURI
            from websockets.sync.client import connect
        except ImportError as error:
            raise ImportError(MISSING) from error
        try:
            self._socket = self._opened.enter_context(
                connect(
                    stream_url(self._connection),
                    additional_headers=stream_headers(self._connection),
                    open_timeout=timeout_s,
                    max_size=None,
                )
            )
        except (OSError, InvalidHandshake, InvalidURI) as error:
            raise ConnectionFailedError(f"no stream: {type(error).__name__}: {error}") from error
        self.write(start)
        if not self._receive(timeout_s):
            raise DeadlineError(f"the server did not begin within {timeout_s:g} s")

    def write(self, message: str) -> None:
        """Send a message."""
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            raise ConnectionFailedError("the stream is not open: use it in a with block")
        with suppress(ConnectionClosed):  # why it was closed is told by the last message
            self._socket.send(message)

    def take_in(self) -> None:
        """Read what has come; raises an error among it."""
        while self._receive(0.0):
            pass

    def wait_for_score(self, timeout_s: float) -> None:
        """Until the score is there; DeadlineError after ``timeout_s``."""
        ends_s = time.monotonic() + timeout_s
        while self._progress.score is None:
            if not self._receive(max(0.0, ends_s - time.monotonic())):
                raise DeadlineError(f"no score within {timeout_s:g} s of the answer's end")

    def close(self) -> None:
        """Leave."""
        self._socket = None
        self._opened.close()

    def _receive(self, timeout_s: float) -> bool:
        """Take in one message; False if none came in time."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._progress.read(self._socket.recv(timeout=timeout_s))
        except TimeoutError:
            return False
        except ConnectionClosed as error:
            raise ConnectionFailedError(f"the stream broke off: {error}") from error
        return True


def close_chunks(chunks: object) -> None:
    """End a model's stream."""
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
