"""The words of a text that cannot be guessed: identifiers, numbers, names, paths, addresses.

They are what a later turn gets wrong when they have left its context, and so what memory is measured by. One pass over
the text, linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_TERM_CHARS: Final = 120
_CHUNK: Final = re.compile(r"[^\s\"'`“”‘’„«»,;()\[\]{}<>|*!…→—–]+")
_GROUPED_NUMBER: Final = re.compile(r"(?<![\w,.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])")
_NUMBER: Final = re.compile(r"[+-]?\d[\d.:/-]*%?")
_TIME_OR_RATIO: Final = re.compile(r"\d[\d.:-]*(?:T\d[\d.:]*Z?)?")
_INNER_CAPITAL: Final = re.compile(r"[a-zäöüß][A-ZÄÖÜ]")
_LEADING: Final = "$€£¥#~.:-+&%^@?="
_TRAILING: Final = "$€£.:-+&^%/?=\\"
_BEFORE_NAME: Final = frozenset(",\"'“‘")


class TermKind(StrEnum):
    """What makes a term hard to guess."""

    IDENTIFIER = "identifier"
    NUMBER = "number"
    NAME = "name"
    PATH = "path"
    ADDRESS = "address"


@dataclass(frozen=True)
class Term:
    """``text`` in its normal form (no currency sign, no thousands comma); the span is where it stood."""

    text: str
    kind: TermKind
    start: int
    end: int


def find_terms(text: str) -> tuple[Term, ...]:
    """All terms of ``text`` in order, repeats included. Numbers of one digit and words of plain language are none."""
    grouped = list(_GROUPED_NUMBER.finditer(text))
    inside = {at for match in grouped for at in range(match.start(), match.end())}
    found = [Term(match.group().replace(",", ""), TermKind.NUMBER, *match.span()) for match in grouped]
    for core, start in _cores(text):
        kind = None if start in inside else _kind(core, text, start)
        if kind is not None:
            found.append(Term(core, kind, start, start + len(core)))
    return tuple(sorted(found, key=lambda term: (term.start, term.end)))


def term_texts(text: str) -> frozenset[str]:
    """The distinct terms of ``text`` in their normal form."""
    return frozenset(term.text for term in find_terms(text))


def vocabulary(text: str) -> frozenset[str]:
    """Every word of ``text`` in the normal form of terms: what a term must be among to count as present."""
    words = {core for core, _ in _cores(text)}
    words.update(match.group().replace(",", "") for match in _GROUPED_NUMBER.finditer(text))
    return frozenset(words)


def missing_identifiers(text: str, hot_text: str) -> tuple[str, ...]:
    """Identifiers, numbers, names, paths and addresses that ``text`` uses and ``hot_text`` lacks, first use first."""
    present = vocabulary(hot_text)
    return tuple(dict.fromkeys(term.text for term in find_terms(text) if term.text not in present))


def _cores(text: str) -> Iterator[tuple[str, int]]:
    """Words less the punctuation around them, with their start; a colon or slash inside splits where it only joins."""
    for match in _CHUNK.finditer(text):
        chunk, start = match.group(), match.start()
        stripped = chunk.lstrip(_LEADING)
        if chunk.startswith(("./", "../")) or (chunk[0] in "-+." and len(chunk) > 1 and chunk[1].isdigit()):
            stripped = chunk.lstrip("+")
        start += len(chunk) - len(stripped)
        core = stripped.rstrip(_TRAILING)
        if not core or len(core) > MAX_TERM_CHARS:
            continue
        separator = _joint(core)
        if separator is None:
            yield core, start
            continue
        for piece in core.split(separator):
            inner = piece.strip(_LEADING + _TRAILING)
            if inner:
                yield inner, start + piece.index(inner)
            start += len(piece) + len(separator)


def _joint(core: str) -> str | None:
    """The character at which a word is really several, or None."""
    if "://" in core:
        return None
    if "=" in core:
        return "="
    if ":" in core and "::" not in core and not _TIME_OR_RATIO.fullmatch(core):
        return ":"
    if "/" in core and not _is_path(core) and not _NUMBER.fullmatch(core):
        return "/"
    return None


def _is_path(core: str) -> bool:
    return core[0] in "/.~" or core.count("/") > 1 or "." in core or "_" in core


def _kind(core: str, text: str, start: int) -> TermKind | None:
    digits = sum(map(str.isdigit, core))
    if digits and _NUMBER.fullmatch(core):
        return TermKind.NUMBER if digits > 1 else None
    if not any(map(str.isalnum, core)):
        return None
    if "://" in core or ("@" in core[1:-1] and "." in core):
        return TermKind.ADDRESS
    if "/" in core:
        return TermKind.PATH
    if digits or "_" in core.strip("_") or "::" in core or _INNER_CAPITAL.search(core):
        return TermKind.IDENTIFIER
    if "." in core[1:-1] and len(core) > 4:
        return TermKind.IDENTIFIER
    if len(core) > 2 and core.isupper():
        return TermKind.IDENTIFIER
    if len(core) > 2 and core[0].isupper() and _mid_sentence(text, start):
        return TermKind.NAME
    return None


def _mid_sentence(text: str, start: int) -> bool:
    """Whether a capital here is the word's own: after a word, a comma or an opening quote, not after a full stop."""
    at = start - 1
    while at >= 0 and text[at] == " ":
        at -= 1
    if at < 0:
        return False
    return text[at] in _BEFORE_NAME or (at < start - 1 and text[at].isalnum())
