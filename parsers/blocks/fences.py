"""Find the code in a response: fenced blocks, diffs, search/replace blocks, or the text itself.

Indented fences and diffs lose characters at the start of each line; a block keeps the way back (``parsers.blocks.block``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from parsers.blocks.block import CodeBlock, Piece, Segment, assemble, path_in_text, split_lines
from parsers.blocks.diffs import find_diffs, find_replacements, looks_like_diff
from parsers.syntax.languages import (
    LANGUAGES,
    count_language_errors,
    detect_language,
    language_of_path,
    language_of_tag,
)

__all__ = ["CodeBlock", "Fence", "find_code", "find_fences"]

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?)(?P<ticks>`{3,}|~{3,})"
    r"(?P<info>(?:[ \t]*[\w{.:+#/<@\[(-][^\n`]*)?)$"
)
_ELISION = re.compile(r"^[ \t]*+(?:#|//|/\*|\{/\*)[ \t]*+(?:\.\.\.|…)", re.MULTILINE)
_NEUTRAL_TAGS = frozenset({"", "code", "snippet", "source"})
_DIFF_TAGS = frozenset({"diff", "patch", "udiff", "gitdiff"})
_MARKUP_TAGS = frozenset({"markdown", "md", "mdx"})
_RIVALS = {"typescript": ("tsx",), "javascript": ("typescript", "tsx")}
_MAX_PROSE_ERRORS = 0.25
# "Call `Pool::size` and stop counting.": words around a name in backticks are no code of these.
_NO_BACKTICKS = frozenset({"python", "rust"})
_SENTENCE = re.compile(r"(?![#/\"'])[^`\n]*`[^`\n]+`")


class Fence(NamedTuple):
    """One fenced block: its info string, the pieces of its content, where the opening line starts and where it ends."""

    info: str
    pieces: list[Piece]
    start: int
    end: int


def find_fences(text: str, start: int = 0, end: int | None = None) -> list[Fence]:
    """Fenced blocks in order. An unterminated one ends where the next with a tag opens, or with the text."""
    lines = split_lines(text, start, len(text) if end is None else end)
    marks = [_FENCE.match(text[line.start : line.end].rstrip()) if _may_fence(text, line) else None for line in lines]
    fences: list[Fence] = []
    index = 0
    while index < len(lines):
        opening = marks[index]
        if opening is None:
            index += 1
            continue
        close = _closing(marks, index, opening)
        prefix = _content_prefix(opening["indent"])
        pieces = [_strip_indent(text, line, prefix) for line in lines[index + 1 : close]]
        terminated = close < len(lines) and (mark := marks[close]) is not None and not mark["info"].strip()
        fence_end = lines[close].end if terminated else lines[close - 1].end
        fences.append(Fence(opening["info"].strip(), pieces, lines[index].start, fence_end))
        index = close + 1 if terminated else close
    return fences


def _may_fence(text: str, line: Piece) -> bool:
    return text.find("```", line.start, line.end) >= 0 or text.find("~~~", line.start, line.end) >= 0


def _closing(marks: list[re.Match[str] | None], index: int, opening: re.Match[str]) -> int:
    """Line of the fence that closes ``opening``; blocks with a tag inside it must close first."""
    depth, first_tagged = 0, -1
    for number in range(index + 1, len(marks)):
        mark = marks[number]
        if mark is None or mark["ticks"][0] != opening["ticks"][0]:
            continue
        if mark["info"].strip():
            if len(mark["ticks"]) >= len(opening["ticks"]):
                depth += 1
                first_tagged = number if first_tagged < 0 else first_tagged
        elif len(mark["ticks"]) >= len(opening["ticks"]):
            if depth == 0:
                return number
            depth -= 1
    return first_tagged if first_tagged >= 0 else len(marks)


def _content_prefix(indent: str) -> int:
    return len(indent.expandtabs(4))


def _strip_indent(text: str, line: Piece, width: int) -> Piece:
    """``line`` without at most ``width`` columns of blanks and quote marks."""
    start, column = line.start, 0
    while start < line.end and column < width and text[start] in " \t>":
        column += 4 if text[start] == "\t" else 1
        start += 1
    return Piece(start, line.end)


def fence_tag(info: str) -> str:
    """The language tag of an info string, lower case."""
    words = re.split(r"[\s:{}]+", info.strip().strip("{}").strip(), maxsplit=1)
    tag = words[0].lower() if words else ""
    return tag.strip(".,=")


def fence_path(text: str, fence: Fence) -> str | None:
    """The path a fence belongs to: in its info string, on the line above, or in its first comment line."""
    if (found := path_in_text(fence.info)) is not None:
        return found
    above = text[max(0, fence.start - 300) : fence.start].rstrip().rpartition("\n")[2].strip()
    plain = above.strip("*#`_:- >").removeprefix("File").removeprefix("file").strip(": `*")
    if (named := path_in_text(plain)) is not None and (named == plain or len(plain) <= len(named) + 24):
        return named
    first = next(
        (text[piece.start : piece.end].strip() for piece in fence.pieces if text[piece.start : piece.end].strip()), ""
    )
    return comment_path(first)


_PATH_COMMENT = re.compile(
    r"^(?:#|//|--|/\*+|<!--|;)\s*(?:(?:file(?:name|path)?|path)\s*[:=]\s*)?[`'\"]?([\w.@$()\[\]/\\-]+\.[A-Za-z]{1,5})[`'\"]?\s*(?:\*/|-->)?$",
    re.IGNORECASE,
)


def comment_path(line: str) -> str | None:
    """The path when ``line`` is a comment that holds nothing else."""
    match = _PATH_COMMENT.match(line.strip())
    return match[1] if match is not None and language_of_path(match[1]) is not None else None


def find_code(response_text: str, language_hint: str | None = None) -> tuple[CodeBlock, ...]:
    """Code blocks of a response in order, each with exact offsets into it; empty when it holds no code of ours.

    Language: the fence's tag, else its path, else detection, else ``language_hint``. A block tagged with a language
    that is not ours (shell, JSON…) is left out.
    """
    hint = language_of_tag(language_hint) if language_hint else None
    replacements = find_replacements(response_text, hint)
    if replacements:
        return tuple(replacements)
    fences = find_fences(response_text)
    if fences:
        blocks = [block for fence in fences for block in _read_fence(response_text, fence, hint)]
        return tuple(blocks)
    diffs = find_diffs(response_text, [Piece(0, len(response_text))], hint, None)
    return tuple(diffs) if diffs else _bare(response_text, hint)


def _read_fence(text: str, fence: Fence, hint: str | None) -> list[CodeBlock]:
    tag, path = fence_tag(fence.info), fence_path(text, fence)
    content, segments = assemble(text, fence.pieces)
    if not content.strip():
        return []
    if tag in _MARKUP_TAGS:
        inner = find_fences(text, fence.pieces[0].start, fence.pieces[-1].end)
        return [block for nested in inner for block in _read_fence(text, nested, hint)]
    if tag in _DIFF_TAGS or looks_like_diff(content):
        return find_diffs(text, fence.pieces, hint, path, forced=True)
    language = _fence_language(tag, path, content, hint)
    if language is None:
        return []
    partial = _ELISION.search(content) is not None
    return [CodeBlock(language, path, content, segments, "fence", partial)]


def _fence_language(tag: str, path: str | None, content: str, hint: str | None) -> str | None:
    tagged = language_of_tag(tag)
    if tagged is not None:
        by_path = language_of_path(path) if path is not None else None
        return by_path or refine_language(tagged, content)
    if path is not None:
        return language_of_path(path)
    if tag not in _NEUTRAL_TAGS and not tag.isdigit():
        return None
    detected = detect_language(content)
    if detected is None and hint is not None and count_language_errors(content, hint) <= _MAX_PROSE_ERRORS:
        return hint
    return detected if hint is None else _between(hint, detected, content)


def _between(hint: str, detected: str | None, content: str) -> str | None:
    """The hint unless what was detected reads with clearly fewer errors."""
    if detected is None or detected == hint:
        return detected
    return hint if count_language_errors(content, hint) <= count_language_errors(content, detected) else detected


def refine_language(language: str, content: str) -> str:
    """JavaScript that holds types, TypeScript that holds markup: the first relative that reads without more errors."""
    best, fewest = language, -1.0
    for rival in (language, *_RIVALS.get(language, ())):
        errors = count_language_errors(content, rival)
        if fewest < 0 or errors < fewest:
            best, fewest = rival, errors
        if fewest == 0:
            break
    return best


def _bare(text: str, hint: str | None) -> tuple[CodeBlock, ...]:
    """The whole response as code, when it reads as such."""
    if not text.strip():
        return ()
    detected = detect_language(text)
    language = hint if hint is not None else detected
    if language is None:
        return ()
    if hint is not None and detected != hint:
        language = _between(hint, detected, text) or hint
    language = refine_language(language, text)
    if count_language_errors(text, language) > _MAX_PROSE_ERRORS and not _reads_as_code(text, language):
        return ()
    first = text.lstrip().partition("\n")[0]
    if language in _NO_BACKTICKS and _SENTENCE.match(first) is not None:
        return ()
    segments = (Segment(0, 0, len(text)),)
    return (CodeBlock(language, comment_path(first), text, segments, "bare", _ELISION.search(text) is not None),)


def _reads_as_code(text: str, language: str) -> bool:
    """Broken code still carries its language's marks on many lines; prose does not."""
    lines = [line for line in text.splitlines()[:400] if line.strip()]
    marked = sum(
        1 for line in lines if LANGUAGES[language].hints.search(line) or line.rstrip().endswith((";", "{", "}", ")"))
    )
    return marked >= 0.4 * len(lines)
