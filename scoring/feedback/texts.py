"""A turn's sentences with their places, quotations and code masked so that nobody reads them as the user's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_QUOTED: Final = re.compile(
    r"```.*?(?:```|\Z)"  # a fenced block
    r"|`[^`\n]{1,400}`"  # inline code; an error line pasted bare stays readable
    r"|\"[^\"\n]{1,600}\"|“[^”\n]{1,600}”|„[^“”\n]{1,600}[“”]|«[^»\n]{1,600}»"
    r"|(?<![\w])'[^'\n]{3,600}'(?![\w])",  # 'that is wrong', but not the apostrophe of don't
    re.DOTALL,
)
_ERROR_LINE: Final = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b|\berror\b|\bTraceback\b|\bpanic\b")
"""A line that carries an error keeps its quotes: ``ImportError: cannot import name 'db' from 'app'``."""
_END: Final = re.compile(r"(?<![.!?])[.!?]++(?=[\s\"”)]|$)|\n+")


@dataclass(frozen=True)
class Sentence:
    """``turn[start:start + len(text)] == text``."""

    text: str
    start: int
    is_question: bool


def mask_quotations(text: str) -> str:
    """``text`` of the same length with every quotation blanked, line by line where an error is pasted."""
    if _ERROR_LINE.search(text) and "```" not in text:
        return text
    return _QUOTED.sub(lambda match: re.sub(r"[^\n]", "\x00", match.group()), text)


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences; one that ends in a question mark, alone or among others, is a question."""
    position = 0
    for end in [*_END.finditer(text), None]:
        stop = len(text) if end is None else end.end()
        piece = text[position:stop]
        stripped = piece.strip()
        if stripped:
            start = position + piece.index(stripped[0])
            yield Sentence(stripped, start, stripped.endswith("?"))
        position = stop
