"""Split raw context into the files it holds, with exact offsets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from parsers.blocks.block import assemble
from parsers.blocks.fences import Fence, comment_path, fence_path, fence_tag, find_fences
from parsers.syntax.languages import detect_language, language_of_path, language_of_tag

__all__ = ["ContextFile", "files_of_units", "split_context"]


@dataclass(frozen=True)
class ContextFile:
    """One file: ``raw_context[char_start : char_start + len(text)]`` is ``text``.

    ``path`` is None when nothing names it; ``language`` None when it is none of ours. ``unit`` is the index of the
    support unit it came from, and offsets are of that unit's text; None for raw context.
    """

    path: str | None
    text: str
    char_start: int
    language: str | None
    unit: int | None = None


_ELEMENT = re.compile(
    r"""^[ \t]*<(?P<tag>file|document|source|code)\b[^>\n]{0,200}?"""
    r"""\b(?:path|name|filename|file|src)\s*=\s*(?P<quote>["'])(?P<path>[^"'\n]{1,400})(?P=quote)[^>\n]{0,400}+>[ \t]*+\n?""",
    re.MULTILINE | re.IGNORECASE,
)
_PATH = r"[`'\"*]*(?P<path>[^\s`'\"*<>|]+?)[`'\"*]*"
_MARKERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^={{3,}}+\s*+(?:file\s*:\s*)?{_PATH}\s*={{3,}}$",
        rf"^-{{3,}}+\s*+(?:file\s*:\s*)?{_PATH}\s*-{{3,}}$",
        rf"^(?:#+|//+|--|;|/\*+|<!--|\*)?\s*(?:file|filename|filepath|path)\s*:\s*{_PATH}\s*(?:\*/|-->)?$",
        rf"^={{2,}}+>\s*+{_PATH}\s*<={{2,}}$",
        rf"^==>\s*{_PATH}\s*<==$",
    )
)
_TITLE = re.compile(rf"^#{{1,6}}\s+{_PATH}\s*:?$")
_PATH_LIKE = re.compile(r"^(?:[A-Za-z]:)?[\w.@$()\[\]+~/\\-]*[\w)\]]$")
_KNOWN_NAMES = frozenset({"Makefile", "Dockerfile", "LICENSE", "README"})
_UNNAMED_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")


def split_context(raw_context: str) -> tuple[ContextFile, ...]:
    """Files of raw context in order: elements, then heading lines, then fences, else the whole text as one file.

    Text between named files that belongs to none is left out when it is prose, kept as an unnamed file when it is code.
    """
    if not raw_context.strip():
        return ()
    for reader in (_elements, _sections, _fenced):
        files = reader(raw_context)
        if files:
            return tuple(files)
    return (ContextFile(None, raw_context, 0, detect_language(raw_context)),)


def files_of_units(units: Iterable[tuple[str | None, str]]) -> tuple[ContextFile, ...]:
    """Files of support units given as (source id, text): a source id that is a path names the whole unit."""
    files: list[ContextFile] = []
    for index, (source_id, text) in enumerate(units):
        if source_id and is_path(source_id):
            language = language_of_path(source_id)
            files.append(ContextFile(source_id, text, 0, language, index))
        else:
            files.extend(
                ContextFile(file.path, file.text, file.char_start, file.language, index) for file in split_context(text)
            )
    return tuple(files)


def is_path(text: str) -> bool:
    """Whether ``text`` is one path to a file: no blanks, and an extension, a known name or a folder."""
    if len(text) > 400 or not _PATH_LIKE.match(text) or text.startswith(("http:", "https:")):
        return False
    name = re.split(r"[/\\]", text)[-1]
    return _UNNAMED_EXTENSION.search(name) is not None or name in _KNOWN_NAMES


def _file(raw: str, path: str | None, start: int, end: int) -> ContextFile:
    """The file at ``raw[start:end]``; a single fence around all of it is taken off."""
    text = raw[start:end]
    if text.lstrip().startswith(("```", "~~~")):
        fences = find_fences(raw, start, end)
        if len(fences) == 1 and not raw[fences[0].end : end].strip() and fences[0].pieces:
            pieces = fences[0].pieces
            joined, segments = assemble(raw, pieces)
            if len(segments) == 1:
                start, text = segments[0].response, joined
    language = language_of_path(path) if path is not None else detect_language(text)
    return ContextFile(path, text, start, language)


def _elements(raw: str) -> list[ContextFile]:
    files = []
    position = 0
    while (match := _ELEMENT.search(raw, position)) is not None:
        closing = re.compile(rf"^[ \t]*</{match['tag']}\s*>", re.MULTILINE | re.IGNORECASE).search(raw, match.end())
        following = _ELEMENT.search(raw, match.end())
        end = closing.start() if closing is not None else following.start() if following is not None else len(raw)
        files.append(_file(raw, match["path"], match.end(), end))
        position = closing.end() if closing is not None else end
    return files


def _sections(raw: str) -> list[ContextFile]:
    """Files under heading lines. Headings inside a fence are text of that fence."""
    marks = _headings(raw)
    if not marks:
        return []
    files: list[ContextFile] = []
    if raw[: marks[0][0]].strip():
        head = raw[: marks[0][0]]
        language = detect_language(head)
        if language is not None:
            files.append(ContextFile(None, head, 0, language))
    for (_start, end, path), following in zip(marks, [*marks[1:], None], strict=True):
        stop = following[0] if following is not None else len(raw)
        files.append(_file(raw, path, end, stop))
    return files


def _headings(raw: str) -> list[tuple[int, int, str]]:
    """(start of the line, end of the line, path) of each heading."""
    fenced = [(fence.start, fence.end) for fence in find_fences(raw)] if "```" in raw or "~~~" in raw else []
    found: list[tuple[int, int, str]] = []
    start, blank_before, index = 0, True, 0
    while start < len(raw):
        stop = raw.find("\n", start)
        stop = len(raw) if stop < 0 else stop + 1
        while index < len(fenced) and fenced[index][1] <= start:
            index += 1
        inside = index < len(fenced) and fenced[index][0] <= start
        line = raw[start:stop].rstrip() if stop - start < 500 else ""
        if line and not inside:
            path = _heading_path(line, blank_before=blank_before, later=bool(found))
            if path is not None:
                found.append((start, stop, path))
        blank_before = inside or not raw[start:stop].strip()
        start = stop
    return found


def _heading_path(line: str, *, blank_before: bool, later: bool) -> str | None:
    """The path a line names. A bare comment or title counts after a blank line, later also when it has a folder."""
    if not line.startswith(("=", "-", "#", "/", "<", ";", "*", "F", "f", "P", "p")):
        return None
    for marker in _MARKERS:
        match = marker.match(line)
        if match is not None and is_path(match["path"]):
            return str(match["path"])
    title = _TITLE.match(line)
    path = title["path"] if title is not None and is_path(title["path"]) else comment_path(line)
    return path if path is not None and (blank_before or (later and "/" in path)) else None


def _fenced(raw: str) -> list[ContextFile]:
    files = []
    for fence in find_fences(raw):
        file = _fence_file(raw, fence)
        if file is not None:
            files.append(file)
    return files


def _fence_file(raw: str, fence: Fence) -> ContextFile | None:
    path, tag = fence_path(raw, fence), fence_tag(fence.info)
    text, segments = assemble(raw, fence.pieces)
    if not text.strip() or len(segments) != 1:
        return None
    readers: tuple[Callable[[], str | None], ...] = (
        lambda: language_of_path(path) if path is not None else None,
        lambda: language_of_tag(tag),
        lambda: detect_language(text) if not tag else None,
    )
    language = next((found for reader in readers if (found := reader()) is not None), None)
    return ContextFile(path, text, segments[0].response, language) if language is not None or path is not None else None
