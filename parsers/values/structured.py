"""One way into structured sources: JSON, CSV, Markdown and HTML tables, and key-value text become typed cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parsers.values.records import cells_of_trees, find_key_values, find_trees
from parsers.values.tables import MAX_CELLS, Table, parse_csv, parse_html, parse_markdown
from parsers.values.types import Cell


@dataclass(frozen=True, slots=True)
class StructuredSource:
    """Cells of one text. ``text[start:end] == cell.text`` for each; ``entities`` are the distinct row labels in order."""

    format: str
    cells: tuple[Cell, ...]
    entities: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def _parse_json(text: str, limit: int) -> Table | None:
    trees, warnings = find_trees(text, limit)
    cells = cells_of_trees(trees)
    return Table(cells, warnings) if cells or warnings else None


def _parse_key_values(text: str, limit: int) -> Table | None:
    cells, warnings = find_key_values(text, limit)
    return Table(cells, warnings) if cells else None


def _parse_csv(text: str, limit: int) -> Table | None:
    return parse_csv(text, limit=limit)


# In the order of detection: the sterner syntax first.
_PARSERS: dict[str, Callable[[str, int], Table | None]] = {
    "json": _parse_json,
    "html": parse_html,
    "markdown": parse_markdown,
    "csv": _parse_csv,
    "key_value": _parse_key_values,
}
_FORMAT_OF_TYPE = {
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/jsonl": "json",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/markdown": "markdown",
    "text/html": "html",
    "text/plain": "key_value",
}


def parse_structured(text: str, content_type: str | None = None, limit: int = MAX_CELLS) -> StructuredSource | None:
    """The cells of ``text``, or None when it is plain prose and no hint says otherwise.

    ``content_type`` is a hint: when the text does not read as it says, the format is detected and a warning tells so. At most
    ``limit`` cells are read; more give a warning that says where reading stopped.
    """
    warnings: tuple[str, ...] = ()
    hinted = None
    if content_type is not None:
        essence = content_type.partition(";")[0].strip().lower()
        hinted = _FORMAT_OF_TYPE.get(essence)
        if hinted is None:
            warnings = (f"content_type {essence[:80]!r} is no structured format known here; the format was detected",)
        else:
            table = _PARSERS[hinted](text, limit)
            if table is not None and table.cells:
                return _source(hinted, table, ())
            if hinted != "key_value":
                warnings = (
                    f"the text does not read as {essence}; the format was detected",
                    *(table.warnings if table else ()),
                )
    for name, parse in _PARSERS.items():
        if name == hinted:
            continue
        table = parse(text, limit)
        if table is not None and (table.cells or table.warnings):
            return _source(name, table, warnings)
    return StructuredSource("none", (), (), warnings) if warnings else None


def _source(name: str, table: Table, warnings: tuple[str, ...]) -> StructuredSource:
    entities = tuple(dict.fromkeys(cell.row[0] for cell in table.cells if cell.row))
    return StructuredSource(name, table.cells, entities, (*warnings, *table.warnings))
