"""Streamed answers: JSON lines and server-sent events, line by line. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from groundlane.errors import UnexpectedAnswerError
from groundlane.results import JobEvent, JobRow, read


@dataclass
class LineSplitter:
    """Lines from pieces of bytes. Only a line feed ends one: JSON texts may hold U+2028 and its like as they are."""

    _rest: bytes = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that this piece completes, without their ends."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [line.removesuffix(b"\r").decode("utf-8") for line in lines]

    def end(self) -> list[str]:
        """What came after the last line feed."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8")] if rest else []


def next_page(line: str) -> int | None:
    """After which place the next page of results begins, where ``line`` is the one that says so."""
    if not line.startswith('{"next_after":'):
        return None
    after = _json(line)["next_after"]
    if not isinstance(after, int):
        raise UnexpectedAnswerError(f"next_after is {after!r}, not the place of a request")
    return after


def parse_row(line: str) -> JobRow | None:
    """The row of a JSON line; None for a blank one. Raises UnexpectedAnswerError."""
    return read(JobRow, _json(line)) if line.strip() else None


@dataclass
class EventParser:
    """Server-sent events (WHATWG HTML, 9.2.6) from lines without their ends; ``data`` is JSON here."""

    _event: str = "message"
    _event_id: str | None = None
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> JobEvent | None:
        """The event that this line completes, if it does."""
        if line:
            name, _, value = line.partition(":")
            self._keep(name, value.removeprefix(" "))
            return None
        data, event = self._data, self._event
        self._data, self._event = [], "message"
        return JobEvent(event, _json("\n".join(data)), self._event_id) if data else None

    def _keep(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self._event_id = value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise UnexpectedAnswerError("a line of the stream is not JSON") from None
