"""A file of the context with blocks of a response in it, and the way back to the response's characters.

An edit replaces the text that it searches for. Else what a block defines takes the place of what the file had of that name,
members of a class that the file has go into that class, and the rest, imports among it, is added at the end. Elided code
("... existing code ...") inside a function is filled with the old body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.blocks.block import CodeBlock, Edit
from parsers.project.chunks import Chunk, as_block, indented, replaced
from parsers.project.edits import apply_edit, holds
from parsers.project.library import FAMILIES
from parsers.syntax.types import Definition, ParseResult, Span, SymbolKind

__all__ = ["Amended", "amend", "as_block", "whole_lines"]

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
# ``# ... existing code ...``, ``// rest of the function stays the same``, ``...`` alone; not ``...rest`` of JavaScript.
_ELIDED = re.compile(
    r"^[ \t]*+(?:(?:#|//|/\*|\{/\*)[ \t]*+(?:\.\.\.|…|\(?(?:the )?(?:rest of|remaining|existing|other)\b"
    r"[^\n]*\b(?:unchanged|same|code|here)\b)[^\n]*+|(?:\.\.\.|…)(?:[ \t][^\n]*+)?)$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Amended:
    """A file with blocks in it. ``missing``: of the blocks that do not wholly apply the first edit whose text is not there."""

    chunks: tuple[Chunk, ...]
    missing: dict[int, Edit]


@dataclass(frozen=True, slots=True)
class _Insert:
    """Pieces that go before character ``at`` of the file."""

    at: int
    chunks: tuple[Chunk, ...]


def amend(text: str, parse: ParseResult, blocks: Sequence[tuple[int, CodeBlock, ParseResult]]) -> Amended:
    """The file with the blocks in it, as pieces in order. ``blocks``: (number, block, its parse).

    Edits come after what is redefined, one after the other: a later one may search for what an earlier one wrote.
    Edits of a block that are not there are left out when others of it are; a block of which none is there is read as a fragment.
    """
    removed: list[Span] = []
    inserts: list[_Insert] = []
    edited = [(number, block) for number, block, _own in blocks if any(holds(text, edit) for edit in block.edits)]
    written = {line.strip() for _number, block in edited for line in block.text.split("\n")} - {""}
    later = {
        number
        for number, block, _own in blocks
        if any(line.strip() in written for edit in block.edits for line in edit.search.split("\n"))
    }
    numbers = {number for number, _block in edited} | later
    for number, block, own in blocks:
        if number not in numbers:
            _amend_with(text, parse, (number, block, own), removed, inserts)
    chunks, missing = (
        _compose(text, removed, inserts),
        {n: b.edits[0] for n, b, _ in blocks if b.edits and n not in numbers},
    )
    for number, block, _own in blocks:
        for edit in block.edits if number in numbers else ():
            made = apply_edit("".join(chunk.text for chunk in chunks), edit, number, block)
            if made is None:
                missing.setdefault(number, edit)
            else:
                chunks = replaced(chunks, *made)
    return Amended(tuple(chunks), missing)


def _amend_with(
    text: str,
    parse: ParseResult,
    member: tuple[int, CodeBlock, ParseResult],
    removed: list[Span],
    inserts: list[_Insert],
) -> None:
    number, block, own = member
    merged: list[Span] = []
    functions, known = _functions(own), _functions(parse)
    for new in own.definitions:
        if _within(new, functions):
            continue  # a class or function of a function's own: it comes and goes with that
        old = _counterpart(new, parse, known)
        if old is None or _inside(new.extent, merged):
            continue
        if _merges(new, parse.language):
            _merge_class(text, (parse, old), member, new, (removed, inserts, merged))
        elif not _inside(old.extent, removed):
            whole = whole_lines(text, old.extent)
            removed.append(whole)
            if _elision(block.text, new.extent) is not None:
                merged.append(whole_lines(block.text, new.extent))
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
            if before is not None and _elision(block.text, inner.extent) is None:
                removed.append(whole_lines(text, before.extent))  # else both stay: one shows what the other elides
    inserts.append(_Insert(place, indented(block.text, body, number, _indent_of_body(text, old, parse))))
    merged.append(whole_lines(block.text, new.extent))


def _functions(parse: ParseResult) -> list[Span]:
    return [item.extent for item in parse.definitions if item.kind in {SymbolKind.FUNCTION, SymbolKind.METHOD}]


def _within(item: Definition, functions: Sequence[Span]) -> bool:
    """Whether a definition lies inside a function other than itself."""
    start, end = item.extent
    return any(first <= start and end <= last and (first, last) != (start, end) for first, last in functions)


def _counterpart(new: Definition, parse: ParseResult, functions: Sequence[Span]) -> Definition | None:
    """What the file has of the same name in the same place, outside of its ``functions``."""
    if new.kind not in _REPLACED:
        return None
    return _most_like(
        new,
        [
            old
            for old in parse.definitions
            if old.name == new.name and old.owner == new.owner and old.kind in _REPLACED and not _within(old, functions)
        ],
    )


def _most_like(new: Definition, known: Sequence[Definition]) -> Definition | None:
    """Of definitions of one name the one that a new one replaces: not the overload, not the getter beside a setter."""
    whole = [old for old in known if old.extent[1] > old.extent[0]]
    return max(
        whole,
        key=lambda old: (
            old.decorators == new.decorators,
            old.modifiers == new.modifiers,
            old.extent[1] - old.extent[0],
        ),
        default=None,
    )


def _merges(new: Definition, language: str) -> bool:
    """Whether a class of the block amends the one of the file: in languages whose classes hold their methods."""
    return new.kind in _CONTAINERS and FAMILIES[language] in {"python", "typescript"} and not new.owner


def _member_of(old: Definition, inner: Definition, parse: ParseResult) -> Definition | None:
    if inner.kind not in _REPLACED:
        return None
    inside = [
        item
        for item in parse.definitions
        if item.name == inner.name
        and item.owner == inner.owner
        and item.kind in _REPLACED
        and old.extent[0] <= item.extent[0]
        and item.extent[1] <= old.extent[1]
    ]
    return _most_like(inner, inside)


def whole_lines(text: str, extent: Span) -> Span:
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


def _indent_of_body(text: str, old: Definition, parse: ParseResult) -> str:
    """The blanks that the members of a class begin with; only Python cares."""
    starts = [
        text[text.rfind("\n", 0, item.extent[0]) + 1 : item.extent[0]]
        for item in parse.definitions
        if item.owner.rpartition(".")[2] == old.name and old.extent[0] < item.extent[0] < old.extent[1]
    ]
    header = text[text.rfind("\n", 0, old.extent[0]) + 1 : old.extent[0]]
    blank = [start for start in starts if not start.strip() and len(start) > len(header)]
    return min(blank, key=len, default=f"{header}    " if not header.strip() else "    ")


def _elision(text: str, extent: Span) -> re.Match[str] | None:
    """The first line that stands for code left out; "..." in an example inside a docstring stands for none."""
    for found in _ELIDED.finditer(text, *extent):
        before = text[extent[0] : found.start()]
        if before.count('"""') % 2 == 0 and before.count("'''") % 2 == 0:
            return found
    return None


def _filled(old_text: str, old: Span, text: str, new: Span, number: int) -> tuple[Chunk, ...]:
    """A function whose lines are elided, with the old body where the first elision stands."""
    found = _elision(text, new)
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
