"""What the prose of a response names: members of classes (``Cart.add``), other names in backticks, paths to files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsers.blocks.block import CodeBlock
from parsers.blocks.fences import find_fences
from parsers.syntax.languages import language_of_path
from parsers.syntax.types import Span

__all__ = ["Mention", "PathMention", "mentions", "named_paths", "prose_spans"]

_TICKED = re.compile(r"(?<!`)`([^`\n]{1,200})`(?!`)")
# ``Cart.add``, ``Cart#add``, ``Cart::add``, ``shop.cart.Cart.add()``, ``Cart.prototype.add``
_ACCESS = re.compile(r"(?<![\w.:#/\\@$-])([A-Za-z_$][\w$]*(?:(?:\.|#|::)[A-Za-z_$][\w$]*)+)(?![\w$/\\])(\(\)|\()?")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_STEP = re.compile(r"\.|#|::")
_TOKEN = re.compile(r"[\w.@()\[\]+/:-]++")  # one run, whatever it is: no place is read twice
_PATH_SHAPE = re.compile(r"[\w.@()\[\]+-][\w.@()\[\]+/-]*\.[A-Za-z]{1,5}")
_LONGEST_PATH = 300
_SUFFIXES = frozenset(
    "c cfg cpp css csv dart go h html ini ipynb java js json jsx kt lock lua md mjs mod php png proto py pyi rb rs sh sql "
    "svg swift toml ts tsx txt vue xml yaml yml".split()
)
"""Last parts that make a dotted word a file: ``cart.py`` is no member ``py`` of ``cart``."""


@dataclass(frozen=True)
class Mention:
    """A dotted name in prose. ``spans``: characters of the response of each part; ``called``: a bracket follows."""

    parts: tuple[str, ...]
    spans: tuple[Span, ...]
    ticked: bool
    called: bool


@dataclass(frozen=True)
class PathMention:
    """A path in prose, at characters ``span`` of the response."""

    path: str
    span: Span


def prose_spans(text: str, code: Sequence[CodeBlock]) -> list[Span]:
    """The parts of a response that are neither code of ours nor in a fence."""
    taken = [(fence.start, fence.end) for fence in find_fences(text)] if "```" in text or "~~~" in text else []
    taken += [
        (block.segments[0].response, block.segments[-1].response + block.segments[-1].length)
        for block in code
        if block.segments
    ]
    spans, at = [], 0
    for start, end in sorted(taken):
        if start > at:
            spans.append((at, start))
        at = max(at, end)
    return [*spans, (at, len(text))] if at < len(text) else spans


def mentions(text: str, spans: Sequence[Span]) -> Iterator[Mention]:
    """Dotted names in the prose, those in backticks and those in sentences, in order."""
    for start, end in spans:
        ticks = [match.span(1) for match in _TICKED.finditer(text, start, end)]
        for match in _ACCESS.finditer(text, start, end):
            ticked = any(left <= match.start() and match.end(1) <= right for left, right in ticks)
            if ticked and _quoted(text, match.start(1), ticks):
                continue
            made = _mention(match, ticked)
            if made is not None:
                yield made


def _quoted(text: str, at: int, ticks: Sequence[Span]) -> bool:
    """Whether an odd number of quotes precedes inside the backticks: ``open("cart.add")`` names nothing."""
    start = next(left for left, right in ticks if left <= at < right)
    before = text[start:at]
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1


def _mention(match: re.Match[str], ticked: bool) -> Mention | None:
    parts, spans, at = [], [], match.start(1)
    for part in _STEP.split(match[1]):
        at = match.string.index(part, at)
        parts.append(part)
        spans.append((at, at + len(part)))
        at += len(part)
    if parts[-1].lower() in _SUFFIXES and not match[2]:
        return None
    kept = [number for number, part in enumerate(parts) if part != "prototype"]
    return Mention(
        tuple(parts[number] for number in kept), tuple(spans[number] for number in kept), ticked, match[2] is not None
    )


def plain_names(text: str, spans: Sequence[Span]) -> Iterator[str]:
    """Single names in backticks, and words of prose that are written like types (``CacheClient``)."""
    for start, end in spans:
        for match in _TICKED.finditer(text, start, end):
            if (name := _NAME.match(match[1])) is not None:
                yield name[0]
        for word in re.finditer(r"\b[A-Z]\w*\b", text[start:end]):
            yield word[0]


def named_paths(text: str, spans: Sequence[Span]) -> Iterator[PathMention]:
    """Paths of source files that the prose names: a folder or backticks tell them from words ("Node.js")."""
    for start, end in spans:
        ticks = [match.span(1) for match in _TICKED.finditer(text, start, end)]
        for token in _TOKEN.finditer(text, start, end):
            first, last = token.span()
            while last > first and (text[last - 1] in ".:" or (text[last - 1] in ")]" and text[first] in "([")):
                first, last = first + (text[last - 1] in ")]"), last - 1
            path = text[first:last]
            if len(path) > _LONGEST_PATH or _PATH_SHAPE.fullmatch(path) is None or language_of_path(path) is None:
                continue
            if "/" in path or (first, last) in ticks:
                yield PathMention(path, (first, last))
