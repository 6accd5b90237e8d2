"""Unified diffs and search/replace blocks: the code as it will be, mapped to the response."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

from parsers.blocks.block import CodeBlock, Edit, Piece, assemble, path_in_text, split_lines
from parsers.syntax.languages import detect_language, language_of_path

__all__ = ["find_diffs", "find_replacements", "looks_like_diff"]

_HUNK = re.compile(r"^@@++ ?+(?>(?:-(?P<line>\d+)(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@+|\.\.\.|[^\n]*@@)?).*$")
_GIT = re.compile(r"^diff --git a/(\S+) b/(\S+)")
_NAMED_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: (\S[^\n]*)$")
_NEW_FILE = re.compile(r"^\+\+\+ (?:b/)?([^\t\n]+)")
_OLD_FILE = re.compile(r"^--- (?:a/)?([^\t\n]+)")
_HEADER = re.compile(
    r"^(?:\*\*\* (?:Begin|End) |\*\*\* Move to: |index [0-9a-f]+\.\.|new file mode|"
    r"deleted file mode|similarity index|rename (?:from|to)|old mode|new mode|Binary files)"
)
_SEARCH = re.compile(r"^\s*<{5,9}\s*(?:SEARCH|ORIGINAL|HEAD|OLD)?\b.*$", re.IGNORECASE)
_DIVIDER = re.compile(r"^\s*={5,9}\s*$")
_REPLACE = re.compile(r"^\s*>{5,9}\s*(?:REPLACE|UPDATED|NEW)?\b.*$", re.IGNORECASE)


def looks_like_diff(content: str) -> bool:
    """Whether a text has the headers of a unified diff, or of a patch that names its files ("*** Update File: a.py")."""
    lines = content.split("\n", 400)
    hunks = any(line.startswith("@@") and _HUNK.match(line) for line in lines)
    files = any(old.startswith("--- ") and new.startswith("+++ ") for old, new in pairwise(lines))
    named = any(_NAMED_FILE.match(line) for line in lines)
    return files or named or (hunks and any(line.startswith(("+", "-")) for line in lines))


def find_diffs(
    text: str, pieces: list[Piece], hint: str | None, path: str | None, *, forced: bool = False
) -> list[CodeBlock]:
    """One block for each file of the diff in ``pieces``: context and added lines, without their first character.

    ``forced`` reads lines as a diff even without headers (a fence tagged ``diff``).
    """
    content, _segments = assemble(text, pieces)
    if not forced and not looks_like_diff(content):
        return []
    reader = _DiffReader(text, hint, path, inside=forced and not looks_like_diff(content))
    lines = [line for piece in pieces for line in split_lines(text, *piece)]
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        after = "" if following is None else text[following.start : following.end]
        reader.read(line, after.startswith("+++ "))
    reader.close()
    return reader.blocks


@dataclass
class _Hunk:
    """One hunk while it is read. ``line``: where it says that it starts; ``rest``: old and new lines that it still announces."""

    line: int | None = None
    rest: tuple[int, int] | None = None
    kept: list[Piece] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether all lines that its header announces were read."""
        return self.rest is not None and self.rest[0] <= 0 and self.rest[1] <= 0

    def count(self, old: int, new: int) -> None:
        """Lines of the old and of the new file that were read."""
        if self.rest is not None:
            self.rest = (self.rest[0] - old, self.rest[1] - new)


class _DiffReader:
    """Reads the lines of a diff into one block a file."""

    def __init__(self, text: str, hint: str | None, path: str | None, *, inside: bool) -> None:
        self.text, self.hint, self.inside = text, hint, inside
        self.path, self.former = path, path
        self.blocks: list[CodeBlock] = []
        self.hunks = [_Hunk()]

    def read(self, line: Piece, before_new: bool) -> None:
        """One line; ``before_new``: the next one names the new file."""
        written = self.text[line.start : line.end].rstrip("\r\n")
        if (old := _OLD_FILE.match(written)) is not None and before_new:
            self._file(old[1].strip())
        elif (git := _GIT.match(written)) is not None:
            self._file(git[2], git[1])
        elif (named := _NAMED_FILE.match(written)) is not None:
            self._file(named[2].strip())
            self.inside = named[1] != "Delete"
        elif (new := _NEW_FILE.match(written)) is not None and not self.inside:
            self.path = new[1].strip() if new[1].strip() != "/dev/null" else self.path
        elif _HEADER.match(written):
            self.inside = False
        elif written.startswith("@@") and (start := _HUNK.match(written)) is not None:
            self.inside = True
            self._hunk(start)
        elif self.inside:
            self._line(written, line)

    def _file(self, path: str, former: str | None = None) -> None:
        self.close()
        self.path, self.former, self.inside, self.hunks = path, former or path, False, [_Hunk()]

    def _hunk(self, start: re.Match[str]) -> None:
        if start["line"] is None:
            self.hunks.append(_Hunk())
            return
        counts = (int(start["old"] or 1), int(start["new"] or 1))
        self.hunks.append(_Hunk(int(start["line"]), counts))

    def _line(self, written: str, line: Piece) -> None:
        hunk = self.hunks[-1]
        signed = written.startswith(("+", "-", " ", "\\"))
        if hunk.done and not signed:
            self.inside = False  # prose after a diff that stands in no fence
        elif written.startswith("+"):
            hunk.kept.append(Piece(line.start + 1, line.end))
            hunk.count(0, 1)
        elif written.startswith("-"):
            hunk.searched.append(written[1:])
            hunk.count(1, 0)
        elif not written.startswith("\\"):
            blank = written.startswith(" ")  # agents leave it out before an empty line
            hunk.kept.append(Piece(line.start + blank, line.end))
            hunk.searched.append(written[blank:])
            hunk.count(1, 1)

    def close(self) -> None:
        """Ends a file."""
        pieces: list[Piece] = []
        edits: list[Edit] = []
        position = 0
        for hunk in self.hunks:
            lines, margin = dedent(self.text, hunk.kept)
            length = sum(max(0, line.end - line.start) for line in lines)
            if hunk.searched or length:
                edits.append(Edit("\n".join(hunk.searched), position, position + length, hunk.line, margin))
            pieces.extend(lines)
            position += length
        path = self.path if self.path != "/dev/null" else None
        block = _block(self.text, pieces, path, self.hint, "diff", tuple(edits))
        if block is not None:
            former = self.former if self.former != path else None
            self.blocks.append(replace(block, former=former))


def dedent(text: str, lines: list[Piece]) -> tuple[list[Piece], int]:
    """Lines without the blanks that all of them start with, and how many: an excerpt from inside a class reads as code then."""
    widths = [_margin(text, line) for line in lines if text[line.start : line.end].strip()]
    width = min(widths, default=0)
    if not width:
        return lines, 0
    return [Piece(min(line.start + width, max(line.start, line.end - 1)), line.end) for line in lines], width


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
    lines, margin = dedent(text, pieces)
    length = sum(max(0, line.end - line.start) for line in lines)
    block = _block(text, lines, path, hint, "replace", (Edit("\n".join(search), 0, length, None, margin),))
    return [block] if block is not None else []
