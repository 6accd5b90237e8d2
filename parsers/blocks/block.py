"""A block of code cut out of a text in pieces, with the way back to the text's own offsets."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from parsers.syntax.languages import language_of_path
from parsers.syntax.types import Span

__all__ = ["CodeBlock", "Edit", "Piece", "Segment", "assemble", "path_in_text", "split_lines"]

_MAX_LINES = 200_000
_LONGEST_HEADING = 500
"""A fence's info string or a heading names its file early; a longer line is no heading."""
_PATH = re.compile(r"(?<![\w.@$()\[\]/\\-])((?:[A-Za-z]:)?[\w.@$()\[\]/\\-]*[\w$\])-]\.[A-Za-z]{1,5})(?![\w/.])")
_NAMED_PATH = re.compile(r"""(?:title|file|filename|path|name)\s*[=:]\s*["']?([^"'\s}]+)""", re.IGNORECASE)


class Segment(NamedTuple):
    """``length`` characters that start at ``block`` in the block and at ``response`` in the response."""

    block: int
    response: int
    length: int


class Edit(NamedTuple):
    """``search`` is to become characters ``start:end`` of the block: one search/replace pair, or one hunk of a diff.

    ``line``: the line of the old file that a hunk says it starts at, from 1 (of a hunk without old lines the line before it).
    ``margin``: blanks that all its lines had in the response and lack in the block.
    """

    search: str
    start: int
    end: int
    line: int | None = None
    margin: int = 0


@dataclass(frozen=True)
class CodeBlock:
    """Code of one language. ``partial``: an excerpt (diff, elided code), what it does not show may well exist.

    ``language`` is a name of ``parsers.syntax.languages.LANGUAGES``. ``form`` is 'fence', 'diff', 'replace', 'bare' or 'amended'
    (a file of the context with blocks of the response in it). ``edits``: what the block replaces, where it says so.
    ``former``: the path that a diff gives the file before it, where that is another one.
    """

    language: str
    path: str | None
    text: str
    segments: tuple[Segment, ...]
    form: str
    partial: bool = False
    edits: tuple[Edit, ...] = ()
    former: str | None = None

    def holds(self, position: int) -> bool:
        """Whether the character of ``text`` came from the response."""
        index = bisect_right(self.segments, position, key=lambda segment: segment.block) - 1
        return index >= 0 and position < self.segments[index].block + self.segments[index].length

    def response_span(self, span: Span) -> Span:
        """The span in the response of a non-empty span of ``text``; exact when it does not cross a line."""
        start, end = span
        first, last = self._offset(start), self._offset(max(start, end - 1))
        return first, last + (1 if end > start else 0)

    def _offset(self, position: int) -> int:
        index = bisect_right(self.segments, position, key=lambda segment: segment.block) - 1
        if index < 0:
            return 0
        segment = self.segments[index]
        return segment.response + min(position - segment.block, segment.length)


class Piece(NamedTuple):
    """A run of the response that belongs to a block."""

    start: int
    end: int


def assemble(text: str, pieces: list[Piece]) -> tuple[str, tuple[Segment, ...]]:
    """Join pieces of ``text`` and record where each came from; neighbours are merged."""
    segments: list[Segment] = []
    position = 0
    for start, end in pieces:
        if end <= start:
            continue
        if segments and segments[-1].response + segments[-1].length == start:
            segments[-1] = segments[-1]._replace(length=segments[-1].length + end - start)
        else:
            segments.append(Segment(position, start, end - start))
        position += end - start
    return "".join(text[start:end] for start, end in pieces if end > start), tuple(segments)


def split_lines(text: str, start: int, end: int) -> list[Piece]:
    """Lines of ``text[start:end]`` with their line ends."""
    lines: list[Piece] = []
    while start < end and len(lines) < _MAX_LINES:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop + 1
        lines.append(Piece(start, stop))
        start = stop
    if start < end:
        lines.append(Piece(start, end))
    return lines


def path_in_text(text: str) -> str | None:
    """A path of a known language that ``text`` names in its first characters, None when there is none."""
    text = text[:_LONGEST_HEADING]
    named = _NAMED_PATH.search(text)
    if named is not None and language_of_path(named[1]) is not None:
        return named[1]
    for match in _PATH.finditer(text):
        if language_of_path(match[1]) is not None:
            return match[1]
    return None
