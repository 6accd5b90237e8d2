"""An answer judged while it is written, for synchronous code.

Made from ``async_stream.py`` by ``python -m tests.groundlane.sync_client``: change that one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from groundlane.answer_streams import (
    CONTRADICTED,
    END_MESSAGE,
    Gate,
    Progress,
    TextOf,
    openai_text,
    start_message,
    text_message,
)
from groundlane.connection import Connection
from groundlane.errors import OverloadedError, RateLimitedError
from groundlane.results import Claim, Score
from groundlane.retries import Attempts
from groundlane.sync_verdicts import Verdicts, close_chunks

Chunk = TypeVar("Chunk")


class AnswerStream:
    """One answer; it is not to be shared between threads. Use it in a ``with`` block.

    ``progress`` holds the verdicts so far; ``stopped_by`` the claim at which :meth:`watch` ended the answer.
    """

    def __init__(self, connection: Connection, fields: Mapping[str, Any], pause: Callable[[float], None]) -> None:
        self._connection = connection
        self._start = start_message(fields)
        self._pause = pause
        self._sent = 0
        self.progress = Progress()
        self.stopped_by: Claim | None = None
        self._verdicts = Verdicts(connection, self.progress)

    def __enter__(self) -> AnswerStream:
        attempts = Attempts(self._connection.retry)
        while True:
            timeout_s = attempts.begin(self._connection.timeout_s)
            try:
                self._verdicts.open(self._start, timeout_s)
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
        """The next piece of the answer. Raises a GroundlaneError, also one that came with an earlier piece."""
        if piece:
            self._sent += len(piece)
            self._verdicts.write(text_message(piece))
        self._verdicts.take_in()

    def finish(self) -> Score:
        """End the answer: its score, as scoring the whole at once gives it. Raises a GroundlaneError."""
        self._verdicts.write(END_MESSAGE)
        self._verdicts.wait_for_score(self._connection.timeout_s)
        assert self.progress.score is not None
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
                for passed in gate.passed():
                    yield passed
                if self.stopped_by is not None:
                    return
            if self._sent:
                self.finish()
                self.stopped_by = gate.stopped_by
                for passed in gate.passed():
                    yield passed
        finally:
            close_chunks(chunks)

    def close(self) -> None:
        """Leave; a stream that was not finished is not scored."""
        self._verdicts.close()
