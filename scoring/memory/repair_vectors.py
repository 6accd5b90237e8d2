"""Repair by meaning: windows of the originals that are nearest to terms that stand nowhere as written.

The caller embeds terms and windows (one L2-normalised vector each, so a dot product is a cosine); what is here is where
the windows lie and which of them join a packet. Pure and deterministic, given the vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.memory.repair import Document, Excerpt, RepairPacket
from scoring.memory.types import CountTokens

__all__ = ["MAX_WINDOWS", "Nearest", "TextWindow", "add_nearest", "find_nearest", "windows_of"]

MAX_WINDOWS: Final = 128
"""Windows searched by one call: bounds what the encoder has to do, whatever the length of the session."""
MIN_SIMILARITY: Final = 0.3
"""Below this cosine a window is not about the term; unrelated sentences lie around 0 to 0.2 for MiniLM."""
_WINDOW_CHARS: Final = 480
_WINDOWS_PER_DOCUMENT: Final = 24
_WINDOWS_PER_TERM: Final = 2
_NARROWED_CHARS: Final = (480, 240, 120)


@dataclass(frozen=True)
class TextWindow:
    """Characters ``[start, end)`` of the document at this place."""

    document: int
    start: int
    end: int


@dataclass(frozen=True)
class Nearest:
    """A window and the term that it is near to, with their cosine."""

    term: str
    window: TextWindow
    similarity: float


def windows_of(documents: Sequence[Document]) -> list[TextWindow]:
    """Windows of some 480 characters that end with a line or a word, of the latest documents first; 128 at most."""
    windows: list[TextWindow] = []
    for at in range(len(documents) - 1, -1, -1):
        windows += _cut(at, documents[at].text)[-_WINDOWS_PER_DOCUMENT:]
        if len(windows) >= MAX_WINDOWS:
            break
    return windows[:MAX_WINDOWS]


def find_nearest(
    terms: Sequence[str], windows: Sequence[TextWindow], similarities: NDArray[np.floating[Any]]
) -> list[Nearest]:
    """The two best windows of each term, ``similarities`` (terms, windows) being cosines; the nearest of all first."""
    found: list[Nearest] = []
    for term, row in zip(terms, similarities, strict=True):
        for at in np.argsort(-row, kind="stable")[:_WINDOWS_PER_TERM]:
            if row[at] >= MIN_SIMILARITY:
                found.append(Nearest(term, windows[at], float(row[at])))
    return sorted(found, key=lambda near: -near.similarity)


def add_nearest(
    packet: RepairPacket,
    documents: Sequence[Document],
    nearest: Sequence[Nearest],
    count_tokens: CountTokens,
    limits: tuple[int, int],
) -> RepairPacket:
    """The packet with windows added while ``limits`` (excerpts, tokens) leave room; it stays within them.

    ``found`` and ``not_found`` stay as they are: a window that is near to a term need not answer for it.
    """
    max_excerpts, max_tokens = limits
    excerpts = list(packet.excerpts)
    for near in nearest:
        if len(excerpts) >= max_excerpts:
            break
        if _is_covered(near, documents, excerpts):
            continue
        for width in _NARROWED_CHARS:
            added = _excerpt(near, documents[near.window.document], width, count_tokens)
            if count_tokens("\n".join(excerpt.text for excerpt in [*excerpts, added])) <= max_tokens:
                excerpts.append(added)
                break
    return replace(packet, excerpts=tuple(excerpts), tokens=count_tokens("\n".join(one.text for one in excerpts)))


def _cut(document: int, text: str) -> list[TextWindow]:
    windows: list[TextWindow] = []
    start = 0
    while start < len(text):
        end = _whole_end(text, start, _WINDOW_CHARS)
        if text[start:end].strip():
            windows.append(TextWindow(document, start, end))
        start = end
    return windows


def _whole_end(text: str, start: int, width: int) -> int:
    """Where a window of at most ``width`` characters ends: after a line in its second half, else after a word."""
    if len(text) - start <= width:
        return len(text)
    for separator, least in (("\n", width // 2), (" ", 1)):
        at = text.rfind(separator, start + least, start + width)
        if at >= 0:
            return at + 1
    return start + width


def _is_covered(near: Nearest, documents: Sequence[Document], excerpts: Sequence[Excerpt]) -> bool:
    name, window = documents[near.window.document].source_id, near.window
    return any(one.source_id == name and one.start < window.end and window.start < one.end for one in excerpts)


def _excerpt(near: Nearest, document: Document, width: int, count_tokens: CountTokens) -> Excerpt:
    start = near.window.start
    end = min(near.window.end, _whole_end(document.text, start, width))
    text = document.text[start:end]
    return Excerpt(document.source_id, start, end, text, (), count_tokens(text), (near.term,), near.similarity)
