"""Pieces of an amended file, each from the file or from the response, and lines by their margin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsers.blocks.block import CodeBlock, Segment
from parsers.syntax.types import Span

__all__ = ["Chunk", "as_block", "indented", "lines_of", "margin_of", "replaced"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an amended file. ``origin``: (block number, character of that block) of text from the response, else None."""

    text: str
    origin: tuple[int, int] | None = None

    def part(self, start: int, end: int) -> Chunk:
        """Characters ``start:end`` of the piece, with their origin."""
        origin = None if self.origin is None else (self.origin[0], self.origin[1] + start)
        return Chunk(self.text[start:end], origin)


def replaced(chunks: Sequence[Chunk], span: Span, new: Sequence[Chunk]) -> list[Chunk]:
    """The pieces with ``new`` in the place of characters ``span`` of their joined text."""
    kept: tuple[list[Chunk], list[Chunk]] = ([], [])
    at = 0
    for chunk in chunks:
        end = at + len(chunk.text)
        if at < span[0]:
            kept[0].append(chunk.part(0, min(span[0] - at, len(chunk.text))))
        if end > span[1]:
            kept[1].append(chunk.part(max(span[1] - at, 0), len(chunk.text)))
        at = end
    return [*kept[0], *new, *kept[1]]


def lines_of(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines of ``text[start:end]``, line ends included."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop + 1
        yield start, stop
        start = stop


def margin_of(line: str) -> int:
    """Blanks and tabs that a line starts with."""
    return len(line) - len(line.lstrip(" \t"))


def indented(text: str, body: Span, number: int, prefix: str) -> tuple[Chunk, ...]:
    """The lines of ``body`` begun with ``prefix``, whatever they began with; blank lines around them."""
    lines = list(lines_of(text, *body))
    margin = min((margin_of(text[start:end]) for start, end in lines if text[start:end].strip()), default=0)
    chunks = [Chunk("\n")]
    for start, end in lines:
        if text[start:end].strip():
            chunks += [Chunk(prefix), Chunk(text[start + margin : end], (number, start + margin))]
        else:
            chunks.append(Chunk("\n"))
    chunks.append(Chunk("\n"))
    return tuple(chunks)


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
