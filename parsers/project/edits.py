"""Search/replace pairs and hunks of diffs put into a file, whatever their indentation, line ends and line numbers.

Lines are compared without the blanks around them, since agents lose them. The file's indentation wins: a line that the edit keeps
gets the one of the file, a new line is moved as far as the kept ones were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from parsers.blocks.block import CodeBlock, Edit
from parsers.project.chunks import Chunk, lines_of, margin_of
from parsers.syntax.types import Span

__all__ = ["apply_edit", "find_search", "holds", "lines_as_edit"]


_MOST_LINES = 4_000
_TELLING = 8
"""Characters from which a line says where it stands: "return x" does, "}" does not."""
_MOST_TRIED = 3
_LIKE = 0.6


class _Line(NamedTuple):
    """A line of the file: its text without blanks around it, where it starts and where it ends, its line end included."""

    bare: str
    start: int
    end: int


class _Found(NamedTuple):
    """Where an edit goes. ``lines``: the file's lines, one for each line searched for; empty for text inside a line."""

    span: Span
    lines: tuple[_Line, ...] = ()


def holds(text: str, edit: Edit) -> bool:
    """Whether the file has what the edit searches for; an edit that searches for nothing holds anywhere."""
    return _locate(text, edit) is not None


def find_search(text: str, search: str) -> Span | None:
    """Where the searched lines stand in the file, indentation and blank line ends aside; None where they do not."""
    found = _locate(text, Edit(search, 0, 0))
    return None if found is None else found.span


def apply_edit(text: str, edit: Edit, number: int, block: CodeBlock) -> tuple[Span, list[Chunk]] | None:
    """What the edit removes from the file and the pieces that come in its place; None where it does not apply."""
    found = _locate(text, edit)
    if found is None:
        return None
    if not found.lines and edit.search.strip():
        return found.span, [Chunk(block.text[edit.start : edit.end].rstrip("\n"), (number, edit.start))]
    chunks = list(_lines(text, edit, found, number, block))
    before = text[found.span[0] - 1 : found.span[0]] not in {"", "\n"}
    return found.span, [Chunk("\n"), *chunks] if before and chunks else chunks


def lines_as_edit(text: str, block: CodeBlock) -> Edit | None:
    """The edit that lines without a definition are: they take the place of the file's lines that they are most like.

    None where no line of the file is like one of them.
    """
    new = [line.strip() for line in block.text.split("\n")]
    file = [line.strip() for line in text.split("\n")]
    places: dict[str, list[int]] = {}
    for number, line in enumerate(file[:_MOST_LINES]):
        places.setdefault(line, []).append(number)
    found = {
        at: places[line][0] for at, line in enumerate(new) if len(line) >= _TELLING and len(places.get(line, ())) == 1
    }
    if not found:
        for at, line in [(at, line) for at, line in enumerate(new) if len(line) >= _TELLING][:_MOST_TRIED]:
            near = get_close_matches(line, places, 1, _LIKE)
            if near and len(places[near[0]]) == 1:
                found = {at: places[near[0]][0]}
                break
    if not found:
        return None
    first, last = min(found.values()), max(found.values())
    if last - first > 2 * len(new):
        return None
    searched = "\n".join(text.split("\n")[first : last + 1])
    return Edit(searched, 0, len(block.text), first + 1)


def _locate(text: str, edit: Edit) -> _Found | None:
    """The place of the searched lines; of several the one nearest the line that a hunk names."""
    wanted = [line.strip() for line in edit.search.split("\n")]
    file = [_Line(text[start:end].strip(), start, end) for start, end in lines_of(text, 0, len(text))]
    if not any(wanted):
        return _by_line(text, edit, file)
    whole = list(_matches(file, wanted))
    if not whole:
        while wanted and not wanted[-1]:
            wanted.pop()
        skipped = next(at for at, line in enumerate(wanted) if line)
        whole = list(_matches(file, wanted[skipped:]))
    if whole:
        aim = edit.line - 1 if edit.line is not None else 0
        first, count = min(whole, key=lambda one: (abs(one[0] - aim), one[0]))
        lines = tuple(file[first : first + count])
        return _Found((lines[0].start, lines[-1].end), lines)
    at = text.find(edit.search.strip())
    return _Found((at, at + len(edit.search.strip()))) if at >= 0 and "\n" not in edit.search.strip() else None


def _matches(file: Sequence[_Line], wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    for first in range(len(file) - len(wanted) + 1):
        if all(file[first + step].bare == line for step, line in enumerate(wanted)):
            yield first, len(wanted)


def _by_line(text: str, edit: Edit, file: Sequence[_Line]) -> _Found:
    """A hunk without context (``@@ -10,0 +11,2 @@``) goes after the line that it names, anything else to the end."""
    if edit.line is None or edit.line > len(file):
        return _Found((len(text), len(text)))
    at = file[edit.line - 1].end if edit.line > 0 else 0
    return _Found((at, at))


def _lines(text: str, edit: Edit, found: _Found, number: int, block: CodeBlock) -> Iterator[Chunk]:
    """The new lines at the indentation of the file."""
    new = list(lines_of(block.text, edit.start, edit.end))
    bare = [block.text[start:end].strip() for start, end in new]
    pairs: dict[int, _Line] = {}
    for match in SequenceMatcher(None, [line.bare for line in found.lines], bare, autojunk=False).get_matching_blocks():
        pairs.update({match.b + step: found.lines[match.a + step] for step in range(match.size)})
    shift, pad = _shift(text, edit, found, block, {new[at]: line for at, line in pairs.items() if bare[at]})
    for at, (start, end) in enumerate(new):
        if not bare[at]:
            yield Chunk("\n")
            continue
        margin = margin_of(block.text[start:end])
        if at in pairs:
            kept = text[pairs[at].start : pairs[at].end]
            prefix = kept[: margin_of(kept)]
        else:
            own = block.text[start : start + margin]
            prefix = pad * shift + own if shift >= 0 else own[-shift:]
        if prefix:
            yield Chunk(prefix)
        yield Chunk(block.text[start + margin : end], (number, start + margin))
        if not block.text[start:end].endswith("\n"):
            yield Chunk("\n")


def _shift(text: str, edit: Edit, found: _Found, block: CodeBlock, pairs: dict[Span, _Line]) -> tuple[int, str]:
    """Columns that new lines move to the right, and what they are filled with."""
    moves = Counter(
        margin_of(text[line.start : line.end]) - margin_of(block.text[start:end])
        for (start, end), line in pairs.items()
    )
    if moves:
        shift = moves.most_common(1)[0][0]
    else:
        searched = next((line for line in edit.search.split("\n") if line.strip()), "")
        first = next((line for line in found.lines if line.bare), None)
        moved = 0 if first is None else margin_of(text[first.start : first.end]) - margin_of(searched)
        shift = edit.margin + moved
    if block.form == "diff" and shift - edit.margin == 1:
        shift = edit.margin  # context lines that lost the blank before them; added ones have their sign
    tabbed = any(text[line.start : line.start + 1] == "\t" for line in found.lines if line.bare)
    return shift, "\t" if tabbed else " "
