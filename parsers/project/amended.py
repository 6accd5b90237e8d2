"""A file of the context with blocks of a response in it, and the way back to the response's characters.

An edit replaces the text that it searches for. Else what a block defines takes the place of what the file had of that name,
members of a class that the file has go into that class, and the rest, imports among it, is added at the end. Elided code
("... existing code ...") inside a function is filled with the old body.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.blocks.block import CodeBlock, Edit, Segment
from parsers.project.library import FAMILIES
from parsers.syntax.types import Definition, ParseResult, Span, SymbolKind

__all__ = ["Chunk", "amend", "as_block"]

_CONTAINERS = frozenset({SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.MODULE})
_REPLACED = frozenset(
    {
        SymbolKind.CLASS,
        SymbolKind.INTERFACE,
        SymbolKind.STRUCT,
        SymbolKind.ENUM,
        SymbolKind.TRAIT,
        SymbolKind.FUNCTION,
        SymbolKind.METHOD,
        SymbolKind.TYPE_ALIAS,
    }
)
_DECORATOR = re.compile(r"[ \t]*(?:@|#\[|//|#|\*|/\*)")
_PYTHON_HEADER_END = re.compile(r":[ \t]*+(?=[#\n])")
_ELIDED = re.compile(r"^[ \t]*+(?:(?:#|//|/\*)[ \t]*+)?(?:\.\.\.|…)[^\n]*+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an amended file. ``origin``: (block number, character of that block) of text from the response, else None."""

    text: str
    origin: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Insert:
    """Pieces that go before character ``at`` of the file."""

    at: int
    chunks: tuple[Chunk, ...]


def amend(text: str, parse: ParseResult, blocks: Sequence[tuple[int, CodeBlock, ParseResult]]) -> list[Chunk]:
    """The file with the blocks in it, as pieces in order. ``blocks``: (number, block, its parse)."""
    removed: list[Span] = []
    inserts: list[_Insert] = []
    for number, block, own in blocks:
        if block.edits and all(find_search(text, edit.search) is not None for edit in block.edits):
            for edit in block.edits:
                _apply(text, edit, (number, block), removed, inserts)
            continue
        _amend_with(text, parse, (number, block, own), removed, inserts)
    return _compose(text, removed, inserts)


def find_search(text: str, search: str) -> Span | None:
    """Where the searched lines stand in the file, indentation and blank line ends aside; None where they do not."""
    if not search.strip():
        return (len(text), len(text))
    at = text.find(search)
    if at >= 0:
        return at, at + len(search)
    wanted = [line.strip() for line in search.strip("\n").split("\n")]
    lines, start = [], 0
    for line in text.split("\n"):
        lines.append((line.strip(), start, start + len(line)))
        start += len(line) + 1
    for first in range(len(lines) - len(wanted) + 1):
        if all(lines[first + step][0] == wanted[step] for step in range(len(wanted))):
            return lines[first][1], lines[first + len(wanted) - 1][2]
    return None


def _apply(text: str, edit: Edit, member: tuple[int, CodeBlock], removed: list[Span], inserts: list[_Insert]) -> None:
    """Puts an edit in the place of what it searches for, begun at the column of its first line there."""
    place = find_search(text, edit.search) or (len(text), len(text))
    start = text.rfind("\n", 0, place[0]) + 1
    first = next((line for line in text[start : place[1]].split("\n") if line.strip()), "")
    removed.append((start, place[1]))
    number, block = member
    inserts.append(_Insert(start, _indented(block.text, (edit.start, edit.end), number, _margin(first))))


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _amend_with(
    text: str,
    parse: ParseResult,
    member: tuple[int, CodeBlock, ParseResult],
    removed: list[Span],
    inserts: list[_Insert],
) -> None:
    number, block, own = member
    merged: list[Span] = []
    for new in own.definitions:
        old = _counterpart(new, parse)
        if old is None or _inside(new.extent, merged):
            continue
        if _merges(new, parse.language):
            _merge_class(text, (parse, old), member, new, (removed, inserts, merged))
        elif not _inside(old.extent, removed):
            whole = _whole(text, old.extent)
            removed.append(whole)
            if _ELIDED.search(block.text, *new.extent):
                merged.append(_whole(block.text, new.extent))
                inserts.append(_Insert(whole[0], _filled(text, old.extent, block.text, merged[-1], number)))
    chunks = [Chunk("\n")]
    for start, end in _outside(len(block.text), merged):
        if block.text[start:end].strip():
            chunks += [Chunk(block.text[start:end], (number, start)), Chunk("\n")]
    if len(chunks) > 1:
        inserts.append(_Insert(len(text), tuple(chunks)))


def _merge_class(
    text: str,
    known: tuple[ParseResult, Definition],
    member: tuple[int, CodeBlock, ParseResult],
    new: Definition,
    made: tuple[list[Span], list[_Insert], list[Span]],
) -> None:
    """The members that a block shows of a class go into the file's class, each in the place of the one of its name."""
    parse, old = known
    number, block, own = member
    removed, inserts, merged = made
    body, place = _body(block.text, new, parse.language), _body_end(text, old, parse.language)
    if body is None or place is None:
        return
    for inner in own.definitions:
        if inner is not new and new.extent[0] <= inner.extent[0] and inner.extent[1] <= new.extent[1]:
            before = _member_of(old, inner, parse)
            if before is not None and not _ELIDED.search(block.text, *inner.extent):
                removed.append(_whole(text, before.extent))  # else both stay: one shows what the other elides
    inserts.append(_Insert(place, _indented(block.text, body, number, _indent_of_body(text, old, parse))))
    merged.append(_whole(block.text, new.extent))


def _counterpart(new: Definition, parse: ParseResult) -> Definition | None:
    """What the file has of the same name in the same place."""
    if new.kind not in _REPLACED:
        return None
    return next(
        (
            old
            for old in parse.definitions
            if old.name == new.name
            and old.owner == new.owner
            and old.kind in _REPLACED
            and old.extent[1] > old.extent[0]
        ),
        None,
    )


def _merges(new: Definition, language: str) -> bool:
    """Whether a class of the block amends the one of the file: in languages whose classes hold their methods."""
    return new.kind in _CONTAINERS and FAMILIES[language] in {"python", "typescript"} and not new.owner


def _member_of(old: Definition, inner: Definition, parse: ParseResult) -> Definition | None:
    if inner.kind not in _REPLACED:
        return None
    return next(
        (
            item
            for item in parse.definitions
            if item.name == inner.name
            and item.owner == inner.owner
            and old.extent[0] <= item.extent[0]
            and item.extent[1] <= old.extent[1]
            and item.extent[1] > item.extent[0]
        ),
        None,
    )


def _whole(text: str, extent: Span) -> Span:
    """The lines of a definition with the decorators, attributes and comments right above it."""
    start = text.rfind("\n", 0, extent[0]) + 1
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        line = text[above : start - 1]
        if not line.strip() or not _DECORATOR.match(line):
            break
        start = above
    end = text.find("\n", max(extent[1] - 1, extent[0]))
    return start, len(text) if end < 0 else end + 1


def _body(text: str, new: Definition, language: str) -> Span | None:
    """The characters inside a class of a block, None when it has no body of its own lines."""
    start, end = new.extent
    if FAMILIES[language] == "python":
        found = _PYTHON_HEADER_END.search(text, new.span[1], end)
        line_end = -1 if found is None else text.find("\n", found.end(), end)
        return None if line_end < 0 else (line_end + 1, end)
    opening, closing = text.find("{", new.span[1], end), text.rfind("}", start, end)
    return (opening + 1, closing) if 0 <= opening < closing else None


def _body_end(text: str, old: Definition, language: str) -> int | None:
    start, end = old.extent
    if FAMILIES[language] == "python":
        while end > start and text[end - 1] in " \t\n":
            end -= 1
        stop = text.find("\n", end)
        return len(text) if stop < 0 else stop + 1
    closing = text.rfind("}", start, end)
    return closing if closing >= 0 else None


def _indent_of_body(text: str, old: Definition, parse: ParseResult) -> int:
    """Columns that the members of a class begin at; only Python cares."""
    starts = [
        item.extent[0] - (text.rfind("\n", 0, item.extent[0]) + 1)
        for item in parse.definitions
        if item.owner.rpartition(".")[2] == old.name and old.extent[0] < item.extent[0] < old.extent[1]
    ]
    header = old.extent[0] - (text.rfind("\n", 0, old.extent[0]) + 1)
    return min((start for start in starts if start > header), default=header + 4)


def _indented(text: str, body: Span, number: int, indent: int) -> tuple[Chunk, ...]:
    """The lines of ``body`` begun at column ``indent``, whatever they began at."""
    lines, at = [], body[0]
    while at < body[1]:
        stop = text.find("\n", at, body[1])
        stop = body[1] if stop < 0 else stop + 1
        lines.append((at, stop))
        at = stop
    margins = [_margin(text[a:b]) for a, b in lines if text[a:b].strip()]
    margin = min(margins, default=0)
    chunks = [Chunk("\n")]
    for start, end in lines:
        if not text[start:end].strip():
            chunks.append(Chunk("\n"))
            continue
        chunks.append(Chunk(" " * indent))
        chunks.append(Chunk(text[start + margin : end], (number, start + margin)))
    chunks.append(Chunk("\n"))
    return tuple(chunks)


def _filled(old_text: str, old: Span, text: str, new: Span, number: int) -> tuple[Chunk, ...]:
    """A function whose lines are elided, with the old body where the first elision stands."""
    found = _ELIDED.search(text, *new)
    if found is None:
        return (Chunk(text[new[0] : new[1]], (number, new[0])),)
    header = old_text.find("\n", *old)
    body = old_text[header + 1 : old[1]] if header >= 0 else ""
    if body.rstrip().endswith("}"):
        body = body.rstrip()[:-1]
    return (
        Chunk(text[new[0] : found.start()], (number, new[0])),
        Chunk(body.rstrip("\n") + "\n"),
        Chunk(text[found.end() : new[1]], (number, found.end())),
    )


def _inside(span: Span, spans: Sequence[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _outside(length: int, spans: Sequence[Span]) -> list[Span]:
    """The parts of ``0:length`` that no span covers."""
    rest, at = [], 0
    for start, end in sorted(spans):
        if start > at:
            rest.append((at, start))
        at = max(at, end)
    if at < length:
        rest.append((at, length))
    return rest


def _compose(text: str, removed: Sequence[Span], inserts: Sequence[_Insert]) -> list[Chunk]:
    events = sorted(inserts, key=lambda one: one.at)
    kept = _outside(len(text), removed)
    chunks: list[Chunk] = []
    index = 0
    for start, end in kept:
        while index < len(events) and events[index].at <= start:
            chunks.extend(events[index].chunks)
            index += 1
        at = start
        while index < len(events) and events[index].at < end:
            chunks.append(Chunk(text[at : events[index].at]))
            chunks.extend(events[index].chunks)
            at = events[index].at
            index += 1
        chunks.append(Chunk(text[at:end]))
    for event in events[index:]:
        chunks.extend(event.chunks)
    return chunks


def as_block(chunks: Sequence[Chunk], blocks: Sequence[CodeBlock], path: str | None, language: str) -> CodeBlock:
    """The amended file as one block whose segments are the response's own characters."""
    pieces, segments, position = [], [], 0
    for chunk in chunks:
        if chunk.origin is not None and chunk.text:
            segments.extend(_segments(blocks[chunk.origin[0]], chunk, position))
        pieces.append(chunk.text)
        position += len(chunk.text)
    return CodeBlock(language, path, "".join(pieces), tuple(segments), "amended")


def _segments(block: CodeBlock, chunk: Chunk, position: int) -> list[Segment]:
    """The response's characters behind one chunk, as segments of the amended file."""
    start = chunk.origin[1] if chunk.origin is not None else 0
    end = start + len(chunk.text)
    found = []
    index = max(bisect_right(block.segments, start, key=lambda one: one.block) - 1, 0)
    for segment in block.segments[index:]:
        first, last = max(start, segment.block), min(end, segment.block + segment.length)
        if segment.block >= end:
            break
        if first < last:
            found.append(Segment(position + first - start, segment.response + first - segment.block, last - first))
    return found
