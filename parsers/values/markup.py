"""Character references of HTML and XML in a text ("&nbsp;", "&#37;", "&euro;"), read as the characters they stand for."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from dataclasses import dataclass

_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


@dataclass(frozen=True)
class Decoded:
    """``text`` with its references resolved; :meth:`place` leads back to the characters as written."""

    text: str
    _starts: tuple[int, ...]
    _shifts: tuple[int, ...]

    def place(self, position: int) -> int:
        """The character of the original text that ``text[position]`` comes from."""
        at = bisect_right(self._starts, position) - 1
        return position + (self._shifts[at] if at >= 0 else 0)


def has_references(text: str) -> bool:
    """Whether ``text`` holds a character reference."""
    return "&" in text and _REFERENCE.search(text) is not None


def decode_references(text: str) -> Decoded:
    """The text with its character references resolved. What is no known reference stays as it is."""
    pieces: list[str] = []
    starts: list[int] = []
    shifts: list[int] = []
    last = length = shift = 0
    for match in _REFERENCE.finditer(text):
        meant = html.unescape(match.group())
        if meant == match.group():
            continue
        before = text[last : match.start()]
        pieces += [before, meant]
        length += len(before) + len(meant)
        shift += len(match.group()) - len(meant)
        starts.append(length)
        shifts.append(shift)
        last = match.end()
    pieces.append(text[last:])
    return Decoded("".join(pieces), tuple(starts), tuple(shifts))
