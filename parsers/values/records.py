"""Records with exact character spans: JSON, JSON lines, JSON or a Python dict inside prose, and key-value lines.

An own iterative reader, because the standard one gives no positions and recurses. It reads JSON and, as language models and
logs write it, Python's repr (single quotes, True, None, trailing commas). Every failure is a result with a reason, never a crash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.values.types import Cell, Span

MAX_DEPTH = 256
MAX_VALUES = 20_000
_LABEL_KEYS = (
    "name",
    "title",
    "label",
    "id",
    "key",
    "product",
    "company",
    "entity",
    "bezeichnung",
    "titel",
    "produkt",
    "firma",
)
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"|\'(?:[^\'\\]++|\\.)*+\'', re.DOTALL)
_SCALAR = re.compile(r"-?[0-9][0-9.eE+-]*+|(?:true|false|null|True|False|None|NaN|-?Infinity)(?![A-Za-z0-9_])")
_OPENERS = re.compile(r"[{\[]")
_CLOSER = {"{": "}", "[": "]"}
_KEY_VALUE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?:\*\*|__)?(?P<key>[^\W\d_][^\n:=|{}\[\]<>\"]{0,47}?)(?:\*\*|__)?[ \t]*(?::(?:\*\*)?|=)(?!//)[ \t]+"
    r"(?P<value>\S[^\n]*+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class RecordValue:
    """A leaf: ``path`` of keys and indices, the value as written (a string without its quotes), and its characters."""

    path: tuple[str | int, ...]
    text: str
    span: Span
    is_string: bool


@dataclass(frozen=True, slots=True)
class RecordTree:
    """What one bracketed value held. ``error`` names why and where reading stopped; the leaves before it are kept."""

    values: tuple[RecordValue, ...]
    end: int
    error: str | None = None
    limited: bool = False


class _Reader:
    """Reads one object or array with an explicit stack of (opener, path)."""

    def __init__(self, text: str, limit: int) -> None:
        self.text, self.limit = text, limit
        self.values: list[RecordValue] = []
        self.position = 0
        self._frames: list[str] = []
        self._path: list[str | int] = []

    def read(self, start: int) -> RecordTree:
        self.position = start
        error = self._open()
        while error is None and self._frames:
            error = self._item()
            if len(self.values) > self.limit:
                return RecordTree(tuple(self.values[: self.limit]), self.position, None, limited=True)
        return RecordTree(tuple(self.values), self.position, error)

    def _open(self) -> str | None:
        if len(self._frames) >= MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels at character {self.position}"
        opener = self.text[self.position]
        self._frames.append(opener)
        self._path.append(0 if opener == "[" else "")
        self.position += 1
        return None

    def _skip(self) -> str:
        found = _SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position
        return self.text[self.position : self.position + 1]

    def _item(self) -> str | None:
        """One member of the innermost frame, or its end."""
        character = self._skip()
        opener = self._frames[-1]
        if character == _CLOSER[opener]:
            self._frames.pop()
            self._path.pop()
            self.position += 1
            return self._after_value() if self._frames else None
        if opener == "{" and (error := self._key()):
            return error
        character = self._skip()
        if character and character in "{[":
            return self._open()
        return self._leaf() or self._after_value()

    def _key(self) -> str | None:
        found = _STRING.match(self.text, self.position)
        if found is None:
            return f"expected a quoted key at character {self.position}"
        self._path[-1] = found.group()[1:-1]
        self.position = found.end()
        if self._skip() != ":":
            return f"expected ':' at character {self.position}"
        self.position += 1
        return None

    def _leaf(self) -> str | None:
        found = _STRING.match(self.text, self.position)
        inner = 1 if found else 0
        found = found or _SCALAR.match(self.text, self.position)
        if found is None:
            return f"expected a value at character {self.position}"
        span = (found.start() + inner, found.end() - inner)
        self.values.append(RecordValue(tuple(self._path), self.text[span[0] : span[1]], span, bool(inner)))
        self.position = found.end()
        return None

    def _after_value(self) -> str | None:
        character = self._skip()
        if isinstance(self._path[-1], int):
            self._path[-1] += 1
        if character == ",":
            self.position += 1
            return None
        if character == _CLOSER[self._frames[-1]]:
            return None
        return f"expected ',' or '{_CLOSER[self._frames[-1]]}' at character {self.position}"


def read_tree(text: str, start: int, limit: int = MAX_VALUES) -> RecordTree:
    """The JSON or Python-repr object or array that begins at ``text[start]`` ('{' or '['). Linear, at most ``MAX_DEPTH`` deep."""
    return _Reader(text, limit).read(start)


def find_trees(text: str, limit: int = MAX_VALUES) -> tuple[tuple[RecordTree, ...], tuple[str, ...]]:
    """All bracketed values of ``text`` that hold at least one keyed leaf, in order, and warnings.

    Covers plain JSON, JSON lines and JSON inside prose. After a failure the search goes on behind the failing character, so that
    the whole is linear.
    """
    trees: list[RecordTree] = []
    warnings: list[str] = []
    position, left = 0, limit
    while found := _OPENERS.search(text, position):
        tree = read_tree(text, found.start(), left)
        position = max(tree.end, found.end())
        keyed = any(isinstance(step, str) for value in tree.values for step in value.path)
        if tree.error is not None:
            deep = tree.error.startswith("nested")
            if (keyed or deep) and len(warnings) < 5:
                warnings.append(f"a record was read only in part: {tree.error}")
            position = max(position, found.end())
            if deep:
                position = _skip_openers(text, position)
        if keyed:
            trees.append(tree)
            left -= len(tree.values)
        if tree.limited or left <= 0:
            warnings.append(f"more than {limit} values: the values after character {tree.end} were not read as cells")
            break
    return tuple(trees), tuple(warnings)


def _skip_openers(text: str, position: int) -> int:
    found = re.compile(r"[\s{\[\"':a-zA-Z0-9_]*+").match(text, position)
    return found.end() if found else position


def cells_of_trees(trees: tuple[RecordTree, ...]) -> tuple[Cell, ...]:
    """Leaves as cells: the row is the record's label (its name, title or id) followed by the keys that lead to the leaf."""
    return tuple(cell for tree in trees for cell in _cells_of(tree.values))


def _cells_of(values: tuple[RecordValue, ...]) -> list[Cell]:
    labels: dict[tuple[str | int, ...], tuple[int, str]] = {}
    for value in values:
        key = value.path[-1] if value.path else ""
        rank = _rank(key)
        if rank is not None and (value.path[:-1] not in labels or rank < labels[value.path[:-1]][0]):
            labels[value.path[:-1]] = (rank, value.text)
    cells = []
    for value in values:
        keys = list(value.path)
        attribute = ""
        while keys and not attribute:
            last = keys.pop()
            attribute = last if isinstance(last, str) else ""
        row = []
        for depth in range(len(keys) + 1):
            if depth and not (isinstance(keys[depth - 1], int) and tuple(keys[:depth]) in labels):
                row.append(_step(keys[depth - 1]))
            if tuple(keys[:depth]) in labels:
                row.append(labels[tuple(keys[:depth])][1])
        cells.append(Cell(tuple(row), attribute, value.text, value.span))
    return cells


def _rank(key: str | int) -> int | None:
    if not isinstance(key, str):
        return None
    lowered = key.lower()
    return _LABEL_KEYS.index(lowered) if lowered in _LABEL_KEYS else None


def _step(step: str | int) -> str:
    return step if isinstance(step, str) else f"#{step}"


def find_key_values(text: str, limit: int = MAX_VALUES) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """Cells of ``Key: value`` and ``key = value`` lines. Needs two of them, and that they are half of the non-blank lines.

    A blank line begins another record; the record's label is its name, title or id line when it has one.
    """
    found = []
    for match in _KEY_VALUE.finditer(text):
        found.append(match)
        if len(found) > limit:
            break
    read = text if len(found) <= limit else text[: found[-1].end()]
    lines = sum(1 for line in read.splitlines() if line.strip())
    if len(found) < 2 or 2 * len(found) < lines:
        return (), ()
    warnings = (f"more than {limit} key-value lines: the rest was not read as cells",) if len(found) > limit else ()
    cells: list[Cell] = []
    block: list[re.Match[str]] = []
    previous = 0
    for match in found[:limit]:
        if block and "\n\n" in text[previous : match.start()].replace("\r", ""):
            cells.extend(_block_cells(block))
            block = []
        block.append(match)
        previous = match.end()
    cells.extend(_block_cells(block))
    return tuple(cells), warnings


def _block_cells(block: list[re.Match[str]]) -> list[Cell]:
    ranked = [(rank, _value(match)) for match in block if (rank := _rank(match["key"].strip())) is not None]
    row = (min(ranked)[1],) if ranked else ()
    return [Cell(row, match["key"].strip(), _value(match), _value_span(match)) for match in block]


def _value(match: re.Match[str]) -> str:
    """The value without the blanks at the end of its line."""
    return match["value"].rstrip(" \t\r")


def _value_span(match: re.Match[str]) -> Span:
    return match.start("value"), match.start("value") + len(_value(match))
