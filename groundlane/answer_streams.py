"""An answer judged while it is written, without I/O: messages to and from the server, and what is known so far."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from groundlane.calls import BASE
from groundlane.connection import Connection
from groundlane.errors import BY_CODE, AnswerError, UnexpectedAnswerError
from groundlane.results import Claim, Score, read

Chunk = TypeVar("Chunk")
TextOf = Callable[[Any], str]
PATH: Final = f"{BASE}/trace/rag/stream"
CONTRADICTED: Final = ("contradicted",)
MISSING: Final = "streams need the package websockets; install it with: pip install 'groundlane[stream]'"
_OPENAI_TEXT_EVENT: Final = "response.output_text.delta"


def stream_url(connection: Connection) -> str:
    """The WebSocket's address on the client's server."""
    return "ws" + connection.base_url.rstrip("/").removeprefix("http") + PATH


def stream_headers(connection: Connection) -> dict[str, str]:
    """Who calls; websockets itself sets the other headers."""
    return {name: value for name, value in connection.headers().items() if name == "authorization"}


def start_message(fields: Mapping[str, Any]) -> str:
    """Opens the conversation. Raises ValueError for NaN, TypeError for what JSON does not know."""
    return json.dumps({"type": "start", **fields}, allow_nan=False)


def text_message(piece: str) -> str:
    """A piece of the answer."""
    return json.dumps({"type": "text", "text": piece})


END_MESSAGE: Final = json.dumps({"type": "end"})


def openai_text(chunk: Any) -> str:
    """The text that a chunk of a stream adds: of OpenAI's chat completions or responses, or the chunk itself.

    Raises ValueError for a second choice (``n`` above 1) and TypeError for what is none of these.
    """
    if isinstance(chunk, str):
        return chunk
    choices = getattr(chunk, "choices", None)
    if choices is not None:
        if any(choice.index for choice in choices):
            raise ValueError("the stream carries several answers; ask for n=1 and judge each by itself")
        return "".join(getattr(choice.delta, "content", None) or "" for choice in choices)
    kind = getattr(chunk, "type", None)
    if isinstance(kind, str):
        return str(chunk.delta) if kind == _OPENAI_TEXT_EVENT else ""
    raise TypeError(f"no text is known of a {type(chunk).__name__}; pass text_of=, a function from chunk to text")


@dataclass
class Progress:
    """What the server said so far. ``judged_to``: before this character every claim has its verdict."""

    claims: list[Claim] = field(default_factory=list)
    judged_to: int = 0
    score: Score | None = None
    revised: tuple[int, ...] = ()

    def read(self, raw: str | bytes) -> None:
        """Take in one message. Raises the AnswerError of a message of type error, UnexpectedAnswerError."""
        try:
            message = json.loads(raw)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            raise UnexpectedAnswerError("a message of the stream is not of this API") from None
        if kind == "claim":
            self.claims.append(read(Claim, message))
        elif kind == "judged":
            self.judged_to = message["char_end"]
        elif kind == "result":
            self.score, self.revised = read(Score, message["result"]), tuple(message["revised"])
        elif kind == "error":
            raise stream_error(message)

    def first(self, verdicts: Collection[str]) -> Claim | None:
        """The first claim with one of these verdicts."""
        return next((claim for claim in self.claims if claim.verdict in verdicts), None)


def stream_error(message: Mapping[str, Any]) -> AnswerError:
    """The exception of a message of type error."""
    code = str(message.get("error"))
    return BY_CODE.get(code, AnswerError)(
        str(message.get("message")),
        int(message.get("status") or 0),
        code,
        message.get("hint"),
        message.get("request_id"),
        message.get("retry_after_s"),
    )


class Gate(Generic[Chunk]):
    """Chunks on their way to the reader; with ``hold``, only text whose claims have been judged goes out."""

    def __init__(self, progress: Progress, stop_at: Collection[str], hold: bool) -> None:
        self._progress = progress
        self._stop_at = stop_at
        self._hold = hold
        self._chunks: deque[tuple[int, Chunk]] = deque()

    @property
    def stopped_by(self) -> Claim | None:
        """The claim at which the answer is to stop."""
        return self._progress.first(self._stop_at)

    def put(self, end: int, chunk: Chunk) -> None:
        """A chunk whose text ends at character ``end`` of the answer."""
        self._chunks.append((end, chunk))

    def passed(self) -> Iterator[Chunk]:
        """The chunks that may go out now."""
        limit = self._progress.judged_to if self._hold else None
        stop = self.stopped_by
        if stop is not None:
            limit = stop.char_start if self._hold else -1
        while self._chunks and (limit is None or self._chunks[0][0] <= limit):
            yield self._chunks.popleft()[1]
