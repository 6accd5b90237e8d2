"""An answer judged while it is written, for synchronous code."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeVar

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
from groundlane.errors import ConnectionFailedError, DeadlineError, OverloadedError, RateLimitedError
from groundlane.results import Claim, Score
from groundlane.retries import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

Chunk = TypeVar("Chunk")


class AnswerStream:
    """One answer. Use it in a ``with`` block; it is not to be shared between threads.

    ``progress`` holds the verdicts so far; ``stopped_by`` the claim at which :meth:`watch` ended the answer.
    """

    def __init__(self, connection: Connection, fields: Mapping[str, Any], pause: Callable[[float], None]) -> None:
        self._connection = connection
        self._start = start_message(fields)
        self._pause = pause
        self._opened = ExitStack()
        self._socket: Any = None
        self._sent = 0
        self.progress = Progress()
        self.stopped_by: Claim | None = None

    def __enter__(self) -> AnswerStream:
        attempts = Attempts(self._connection.retry)
        while True:
            timeout_s = attempts.begin(self._connection.timeout_s)
            try:
                self._open(timeout_s)
                return self
            except (OverloadedError, RateLimitedError) as error:
                self.close()
                self._pause(attempts.wait_after_answer(error))
            except BaseException:
                self.close()
                raise

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims judged so far, in order."""
        return tuple(self.progress.claims)

    def send(self, piece: str) -> None:
        """The next piece of the answer; takes in the verdicts that have come. Raises a GroundlaneError."""
        if piece:
            self._sent += len(piece)
            self._write(text_message(piece))
        self._take_in()

    def finish(self) -> Score:
        """End the answer: its score, as scoring the whole at once gives it. Raises a GroundlaneError."""
        self._write(END_MESSAGE)
        ends_s = time.monotonic() + self._connection.timeout_s
        while self.progress.score is None:
            if not self._receive(max(0.0, ends_s - time.monotonic())):
                raise DeadlineError(f"no score within {self._connection.timeout_s:g} s of the answer's end")
        return self.progress.score

    def watch(
        self,
        chunks: Iterable[Chunk],
        *,
        stop_at: Collection[str] = CONTRADICTED,
        hold: bool = False,
        text_of: TextOf = openai_text,
    ) -> Iterator[Chunk]:
        """The chunks of a model's stream, passed on while their text is judged.

        At the first claim whose verdict is in ``stop_at`` the model's stream is closed and the iteration ends, with the
        claim in ``stopped_by``. ``hold``: a chunk is passed on only when all claims up to its end have been judged, so that
        nobody sees the claim. Otherwise the score is in ``progress.score`` when the iteration is over.
        """
        gate: Gate[Chunk] = Gate(self.progress, stop_at, hold)
        try:
            for chunk in chunks:
                self.send(text_of(chunk))
                gate.put(self._sent, chunk)
                self.stopped_by = gate.stopped_by
                yield from gate.passed()
                if self.stopped_by is not None:
                    return
            if self._sent:
                self.finish()
                self.stopped_by = gate.stopped_by
                yield from gate.passed()
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def close(self) -> None:
        """Leave; a stream that was not finished is not scored."""
        self._socket = None
        self._opened.close()

    def _open(self, timeout_s: float) -> None:
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
        self._write(self._start)
        if not self._receive(timeout_s):
            raise DeadlineError(f"the server did not begin within {timeout_s:g} s")

    def _write(self, message: str) -> None:
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            raise ConnectionFailedError("the stream is not open: use it in a with block")
        with suppress(ConnectionClosed):  # why it was closed is told by the last message
            self._socket.send(message)

    def _take_in(self) -> None:
        while self._receive(0.0):
            pass

    def _receive(self, timeout_s: float) -> bool:
        """Take in one message; False if none came in time."""
        from websockets.exceptions import ConnectionClosed

        try:
            self.progress.read(self._socket.recv(timeout=timeout_s))
        except TimeoutError:
            return False
        except ConnectionClosed as error:
            raise ConnectionFailedError(f"the stream broke off: {error}") from error
        return True
