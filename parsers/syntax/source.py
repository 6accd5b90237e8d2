"""A source text made safe for tree-sitter: one byte for each character, capped bytes, depth and time.

tree-sitter counts bytes. Every character outside ASCII is replaced by one stand-in byte (a letter for what may be part
of a name, a blank for white space, a control character for the rest), so byte offsets are character offsets and
names are cut from the original text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parsers.syntax.types import Span

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

__all__ = [
    "DEFAULT_LIMITS",
    "Deadline",
    "ParseLimits",
    "SyntaxFindings",
    "encode_source",
    "inspect_tree",
    "parse_tree",
]

_CHUNK_BYTES = 65_536
_PREDICATE_BYTES = 64
_MAX_ERROR_SPANS = 200
_MAX_INSPECTED_NODES = 400_000


@dataclass(frozen=True)
class ParseLimits:
    """Caps on one parse. ``references`` False skips uses and local variables: enough to index a context file.

    ``facts`` False skips what only the judging of a text needs: enough for a context file, beside its uses.
    ``deadline_s`` is time of the parsing thread on the processor: what is found does not depend on how loaded a machine is.
    """

    max_bytes: int = 2_000_000
    max_depth: int = 1_000
    deadline_s: float = 2.0
    references: bool = True
    facts: bool = True


DEFAULT_LIMITS = ParseLimits()


class Deadline:
    """``limit_s`` seconds of ``clock`` from now. The clock is an argument, so that tests need none."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._at_s = clock() + limit_s

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return self._clock() > self._at_s


class _StandIns(dict[int, str]):
    """One ASCII character for each code point, worked out when first met; at most some 140,000 entries."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if 0 < code < 128:
            found = character
        elif ("a" + character).isidentifier():
            found = "z"
        elif character.isspace() or character == "\ufeff":
            found = " "
        else:
            found = "\x01"
        self[code] = found
        return found


_STAND_INS = _StandIns()
_BEYOND_ASCII = re.compile(r"[^\x01-\x7f]+")


Rewrite = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def encode_source(text: str, rewrites: tuple[Rewrite, ...] = ()) -> bytes:
    """``text`` as bytes of the same length; NUL and lone surrogates become a byte no grammar accepts.

    ``rewrites`` put syntax the grammar cannot read into syntax it can, each replacement as long as what it replaces.
    """
    for pattern, replacement in rewrites:
        text = pattern.sub(replacement, text)
    if text.isascii() and "\0" not in text:
        return text.encode("ascii")
    return _BEYOND_ASCII.sub(lambda run: run[0].translate(_STAND_INS), text).encode("ascii")


def cap_source(text: str, max_bytes: int) -> tuple[str, str | None]:
    """The part of ``text`` to parse (whole lines) and why the rest is left out."""
    if len(text) <= max_bytes:
        return text, None
    cut = text.rfind("\n", 0, max_bytes) + 1
    return text[:cut], f"source has {len(text)} characters, parsed {cut} (limit {max_bytes})"


def parse_tree(parser: Parser, data: bytes, deadline: Deadline) -> Tree | None:
    """Parse with the interpreter lock released at times; None when ``deadline`` passes first."""
    chunk_bytes = _CHUNK_BYTES

    def read(offset: int, _point: object) -> bytes:
        return data[offset : offset + chunk_bytes]

    try:
        tree = parser.parse(read, progress_callback=lambda _offset, _has_error: deadline.passed)
        chunk_bytes = _PREDICATE_BYTES  # from here on the tree reads names, for the predicates of queries
        return tree
    except ValueError:  # raised when the progress callback asks to stop
        parser.reset()
        return None


@dataclass(frozen=True)
class SyntaxFindings:
    """What one bounded look at the tree tells."""

    errors: tuple[Span, ...]
    too_deep: bool


def inspect_tree(root: Node, max_depth: int) -> SyntaxFindings:
    """Collect error spans and check the depth, entering only nodes that may hold either. Bounded, never recursive."""
    errors: list[Span] = []
    too_deep = False
    stack = [(root, 0)]
    for _ in range(_MAX_INSPECTED_NODES):
        if not stack:
            break
        node, depth = stack.pop()
        if depth > max_depth:
            too_deep = True
            continue
        if (node.is_error or node.is_missing) and len(errors) < _MAX_ERROR_SPANS:
            errors.append((node.start_byte, node.end_byte))
        if (node.has_error and len(errors) < _MAX_ERROR_SPANS) or node.descendant_count + depth > max_depth:
            stack.extend((child, depth + 1) for child in node.children)
    else:
        too_deep = bool(stack)
    return SyntaxFindings(tuple(sorted(errors)), too_deep)


_BLANK = re.compile(r"\s+")


def squeeze(text: str) -> str:
    """``text`` with runs of white space as one blank."""
    return _BLANK.sub(" ", text).strip()


def count_errors(parser: Parser, text: str, rewrites: tuple[Rewrite, ...] = (), deadline_s: float = 0.5) -> float:
    """Characters inside error nodes plus one for each missing token, as a share of ``text``; 1.0 past the deadline."""
    tree = parse_tree(parser, encode_source(text, rewrites), Deadline(deadline_s))
    if tree is None:
        return 1.0
    errors = inspect_tree(tree.root_node, 10_000).errors
    return sum(max(1, end - start) for start, end in errors) / max(1, len(text))
