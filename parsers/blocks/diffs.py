"""Unified diffs and search/replace blocks: the code as it will be, mapped to the response."""

from __future__ import annotations

import re
from itertools import pairwise

from parsers.blocks.block import CodeBlock, Edit, Piece, assemble, path_in_text, split_lines
from parsers.syntax.languages import detect_language, language_of_path

__all__ = ["find_diffs", "find_replacements", "looks_like_diff"]

_HUNK = re.compile(r"^@@++ ?+(?>(?:-\d+(?:,\d+)? \+\d+(?:,\d+)? @@+|\.\.\.|[^\n]*@@)?).*$")
_NEW_FILE = re.compile(r"^\+\+\+ (?:b/)?([^\t\n]+)")
_OLD_FILE = re.compile(r"^--- (?:a/)?([^\t\n]+)")
_HEADER = re.compile(
    r"^(?:diff --git|index [0-9a-f]+\.\.|new file mode|"
    r"deleted file mode|similarity index|rename (?:from|to)|old mode|new mode|Binary files)"
)
_SEARCH = re.compile(r"^\s*<{5,9}\s*(?:SEARCH|ORIGINAL|HEAD|OLD)?\b.*$", re.IGNORECASE)
_DIVIDER = re.compile(r"^\s*={5,9}\s*$")
_REPLACE = re.compile(r"^\s*>{5,9}\s*(?:REPLACE|UPDATED|NEW)?\b.*$", re.IGNORECASE)


def looks_like_diff(content: str) -> bool:
    """Whether a text has the headers of a unified diff."""
    lines = content.split("\n", 400)
    hunks = any(line.startswith("@@") and _HUNK.match(line) for line in lines)
    files = any(old.startswith("--- ") and new.startswith("+++ ") for old, new in pairwise(lines))
    return files or (hunks and any(line.startswith(("+", "-")) for line in lines))


def find_diffs(
    text: str, pieces: list[Piece], hint: str | None, path: str | None, *, forced: bool = False
) -> list[CodeBlock]:
    """One block for each file of the diff in ``pieces``: context and added lines, without their first character.

    ``forced`` reads lines as a diff even without headers (a fence tagged ``diff``).
    """
    content, _segments = assemble(text, pieces)
    if not forced and not looks_like_diff(content):
        return []
    blocks: list[CodeBlock] = []
    hunks: list[list[Piece]] = [[]]
    searches: list[list[str]] = [[]]
    current, inside = path, forced and not looks_like_diff(content)
    lines = [line for piece in pieces for line in split_lines(text, *piece)]
    for index, line in enumerate(lines):
        written = text[line.start : line.end].rstrip("\r\n")
        following = text[lines[index + 1].start : lines[index + 1].end] if index + 1 < len(lines) else ""
        if _OLD_FILE.match(written) and following.startswith("+++ "):
            _close(text, blocks, (hunks, searches), current, hint)
            old = _OLD_FILE.match(written)
            current, inside, hunks, searches = (old[1].strip() if old is not None else None), False, [[]], [[]]
        elif (new := _NEW_FILE.match(written)) is not None and not inside:
            current = new[1].strip() if new[1].strip() != "/dev/null" else current
        elif _HEADER.match(written):
            inside = False
        elif _HUNK.match(written) and written.startswith("@@"):
            inside = True
            hunks.append([])
            searches.append([])
        elif inside:
            if not written.startswith(("+", "\\")):
                searches[-1].append(written[1:] if written.startswith(("-", " ")) else written)
            if (kept := _kept(written, line)) is not None:
                hunks[-1].append(kept)
    _close(text, blocks, (hunks, searches), current, hint)
    return blocks


def _kept(written: str, line: Piece) -> Piece | None:
    """The part of a diff line that is code of the new file, None for removed lines and notes."""
    if written.startswith(("-", "\\")):
        return None
    if written.startswith(("+", " ")):
        return Piece(line.start + 1, line.end)
    return line


def _close(
    text: str,
    blocks: list[CodeBlock],
    sides: tuple[list[list[Piece]], list[list[str]]],
    path: str | None,
    hint: str | None,
) -> None:
    pieces: list[Piece] = []
    edits: list[Edit] = []
    position = 0
    for hunk, search in zip(*sides, strict=True):
        lines = dedent(text, hunk)
        length = sum(max(0, line.end - line.start) for line in lines)
        if search or length:
            edits.append(Edit("\n".join(search), position, position + length))
        pieces.extend(lines)
        position += length
    block = _block(text, pieces, path, hint, "diff", tuple(edits))
    if block is not None:
        blocks.append(block)


def dedent(text: str, lines: list[Piece]) -> list[Piece]:
    """Lines without the blanks that all of them start with; an excerpt from inside a class reads as code then."""
    widths = [_margin(text, line) for line in lines if text[line.start : line.end].strip()]
    width = min(widths, default=0)
    return (
        [Piece(min(line.start + width, max(line.start, line.end - 1)), line.end) for line in lines] if width else lines
    )


def _margin(text: str, line: Piece) -> int:
    written = text[line.start : line.end]
    return len(written) - len(written.lstrip(" \t"))


def _block(
    text: str, pieces: list[Piece], path: str | None, hint: str | None, form: str, edits: tuple[Edit, ...] = ()
) -> CodeBlock | None:
    content, segments = assemble(text, pieces)
    if not content.strip():
        return None
    if path is not None and language_of_path(path) is None and "." in path.rpartition("/")[2]:
        return None  # a file of a language that is not ours
    language = (language_of_path(path) if path is not None else None) or hint or detect_language(content)
    if language is None:
        return None
    return CodeBlock(language, path, content, segments, form, partial=True, edits=edits)


def find_replacements(text: str, hint: str | None) -> list[CodeBlock]:
    """The REPLACE side of search/replace blocks; the path is named on the lines right above."""
    if "<<<<<" not in text or "\n=====" not in text:
        return []
    blocks: list[CodeBlock] = []
    state, pieces, search = "outside", list[Piece](), list[str]()
    above: list[str] = []
    path: str | None = None
    for line in split_lines(text, 0, len(text)):
        written = text[line.start : line.end].rstrip("\r\n")
        if state == "outside":
            if _SEARCH.match(written):
                state, pieces, search = "search", [], []
                path = next((found for part in reversed(above[-3:]) if (found := path_in_text(part))), path)
                above = []
            elif written.strip():
                above.append(written)
        elif state == "search":
            if _DIVIDER.match(written):
                state = "replace"
            else:
                search.append(written)
        elif _REPLACE.match(written):
            blocks.extend(_replacement(text, pieces, search, path, hint))
            state = "outside"
        else:
            pieces.append(line)
    if state == "replace":
        blocks.extend(_replacement(text, pieces, search, path, hint))
    return blocks


def _replacement(
    text: str, pieces: list[Piece], search: list[str], path: str | None, hint: str | None
) -> list[CodeBlock]:
    lines = dedent(text, pieces)
    length = sum(max(0, line.end - line.start) for line in lines)
    block = _block(text, lines, path, hint, "replace", (Edit("\n".join(search), 0, length),))
    return [block] if block is not None else []
