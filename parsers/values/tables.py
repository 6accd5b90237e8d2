"""Tables with exact character spans: CSV, Markdown pipe tables, HTML tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from parsers.values.types import Cell, Span

MAX_CELLS = 20_000
_MAX_SPAN = 200
_DELIMITERS = ",;\t|"
_LINE = re.compile(r"[^\r\n]*")
_SEPARATOR = re.compile(r"^[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+$")
_MARKUP = re.compile(r"^[*_`\s]+|[*_`\s]+$")
# The standard library's HTML parser takes quadratic time on unclosed tags and comments, so tags are found here.
_TAG = re.compile(
    r"<!--|<(?P<close>/?)(?P<tag>[A-Za-z][A-Za-z0-9]{0,20})(?P<attributes>(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>"
)
_SPAN_ATTRIBUTE = re.compile(r"(?<![\w-])(rowspan|colspan)\s*=\s*[\"']?([0-9]{1,5})", re.IGNORECASE)
_MAX_NESTED = 16
_HAS_LETTER = re.compile(r"[^\W\d_]")

Field = tuple[str, Span]
Grid = list[list[Field]]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of the tables of a text, with warnings; ``entities`` are the row labels in order."""

    cells: tuple[Cell, ...]
    warnings: tuple[str, ...] = ()


def _field(text: str, start: int, end: int) -> Field:
    """The characters without surrounding space."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return text[start:end], (start, end)


# --- CSV ---------------------------------------------------------------------------------------------------------------


def _csv_rows(text: str, delimiter: str, most_fields: int) -> Iterator[list[Field]]:
    """Rows of delimited text; quotes may hold delimiters and line breaks. Stops after ``most_fields`` fields."""
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
    quoted = re.compile(r'[ \t]*"(?P<inner>(?:[^"]++|"")*+)"')
    position, row, count = 0, list[Field](), 0
    while position <= len(text) and count < most_fields:
        found = quoted.match(text, position)
        if found:
            row.append((found["inner"], found.span("inner")))
            position = found.end()
            rest = plain.match(text, position)
            position = rest.end() if rest else position
        else:
            found = plain.match(text, position)
            end = found.end() if found else position
            row.append(_field(text, position, end))
            position = end
        count += 1
        if position < len(text) and text[position] == delimiter:
            position += 1
            continue
        if len(row) > 1 or row[0][0]:
            yield row
        row = []
        if position >= len(text):
            return
        position += 2 if text[position : position + 2] == "\r\n" else 1


def sniff_delimiter(text: str) -> str | None:
    """The delimiter with which the first rows have one width, at least two columns; None when the text is no CSV."""
    head = text[:20_000]
    cut = head.rfind("\n") if len(text) > len(head) else -1
    head = head[:cut] if cut > 0 else head
    best: tuple[int, str] | None = None
    for delimiter in _DELIMITERS:
        rows = []
        for row in _csv_rows(head, delimiter, 2_000):
            rows.append(row)
            if len(rows) == 12:
                break
        width = len(rows[0]) if rows else 0
        if width < 2 or len(rows) < 2 or any(len(row) != width for row in rows):
            continue
        if not _looks_tabular(rows):
            continue
        if best is None or width > best[0]:
            best = (width, delimiter)
    return best[1] if best else None


def _looks_tabular(rows: Grid) -> bool:
    """A header of short distinct names above cells that are no sentences."""
    header = [name for name, _ in rows[0]]
    if any(not name or len(name) > 48 or not _HAS_LETTER.search(name) for name in header[1:]):
        return False
    if len(set(header)) < len(header) or any(name.endswith((".", "!", "?")) for name in header):
        return False
    return not all(cell.endswith((".", "!", "?")) for row in rows[1:] for cell, _ in row[-1:] if cell)


def parse_csv(text: str, delimiter: str | None = None, limit: int = MAX_CELLS) -> Table | None:
    """Cells of a CSV text (delimiter sniffed among , ; tab |), or None when it is none."""
    delimiter = delimiter or sniff_delimiter(text)
    if delimiter is None:
        return None
    rows = list(_csv_rows(text, delimiter, limit + 1_000))
    if len(rows) < 2:
        return None
    ragged = sum(len(row) != len(rows[0]) for row in rows[1:])
    warnings = (f"{ragged} rows have another number of fields than the header",) if ragged else ()
    return _to_table(rows, warnings, limit)


def _label_column(header: list[Field]) -> int:
    names = [name.lower() for name, _ in header]
    return next((names.index(label) for label in ("name", "title", "titel", "bezeichnung") if label in names), 0)


def _to_table(rows: Grid, warnings: tuple[str, ...], limit: int) -> Table:
    """First row: attributes. Row label: the column called name or title, else the first one."""
    header, label = rows[0], _label_column(rows[0])
    cells: list[Cell] = []
    for row in rows[1:]:
        name = row[label][0] if label < len(row) else ""
        for index, (value, span) in enumerate(row[: len(header)]):
            if len(cells) >= limit:
                return Table(tuple(cells), (*warnings, _limit_warning(limit, span[0])))
            if index != label and value:
                cells.append(Cell((name,) if name else (), header[index][0], value, span))
    return Table(tuple(cells), warnings)


def _limit_warning(limit: int, position: int) -> str:
    return f"more than {limit} cells: the cells after character {position} were not read"


# --- Markdown ----------------------------------------------------------------------------------------------------------


def parse_markdown(text: str, limit: int = MAX_CELLS) -> Table | None:
    """Cells of all pipe tables of a Markdown text, or None without one."""
    lines = [(match.start(), match.end()) for match in _LINE.finditer(text) if match.end() > match.start()]
    cells: list[Cell] = []
    warnings: tuple[str, ...] = ()
    found, index = False, 1
    while index < len(lines):
        start, end = lines[index]
        if "-" not in text[start:end] or "|" not in text[lines[index - 1][0] : lines[index - 1][1]]:
            index += 1
            continue
        if not _SEPARATOR.match(text[start:end]):
            index += 1
            continue
        rows = [_pipe_row(text, *lines[index - 1])]
        index += 1
        while index < len(lines) and text.find("|", *lines[index]) >= 0 and lines[index][0] - lines[index - 1][1] <= 2:
            rows.append(_pipe_row(text, *lines[index]))
            index += 1
        table = _to_table(rows, (), limit - len(cells))
        cells.extend(table.cells)
        warnings += table.warnings
        found = True
        if table.warnings:
            break
    return Table(tuple(cells), warnings) if found else None


def _pipe_row(text: str, start: int, end: int) -> list[Field]:
    begin, stop = _field(text, start, end)[1]
    begin += text[begin : begin + 1] == "|"
    stop -= stop > begin and text[stop - 1] == "|" and text[stop - 2 : stop - 1] != "\\"
    fields, left = [], begin
    for position in range(begin, stop):
        if text[position] == "|" and text[position - 1] != "\\":
            fields.append(_unmarked(text, left, position))
            left = position + 1
    fields.append(_unmarked(text, left, stop))
    return fields


def _unmarked(text: str, start: int, end: int) -> Field:
    """A field without space and emphasis marks around it."""
    written = text[start:end]
    lead = _MARKUP.match(written)
    left = lead.end() if lead else 0
    right = len(written.rstrip("*_` \t"))
    return _field(text, start + min(left, right), start + right)


# --- HTML --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Slot:
    is_header: bool
    rowspan: int
    colspan: int
    start: int | None = None
    end: int = 0


class _TableReader:
    """Collects the cells of every table, nested ones apart. Each '<' is looked at once: linear on any text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.tables: list[list[list[_Slot]]] = []
        self._open: list[list[list[_Slot]]] = []
        self._slots: list[_Slot | None] = []

    def read(self) -> list[list[list[_Slot]]]:
        """The tables as rows of slots."""
        position = 0
        for tag in _TAG.finditer(self._text):
            if tag.start() < position:
                continue
            self._data(position, tag.start())
            position = tag.end()
            if tag.group() == "<!--":
                end = self._text.find("-->", position)
                position = len(self._text) if end < 0 else end + 3
            elif tag["close"]:
                self._end(tag["tag"].lower())
            else:
                self._start(tag["tag"].lower(), tag["attributes"])
        self._data(position, len(self._text))
        return self.tables

    def _start(self, tag: str, attributes: str) -> None:
        if tag == "table" and len(self._open) < _MAX_NESTED:
            self._open.append([])
            self._slots.append(None)
            self.tables.append(self._open[-1])
        elif tag == "tr" and self._open:
            self._open[-1].append([])
            self._slots[-1] = None
        elif tag in ("td", "th") and self._open:
            if not self._open[-1]:
                self._open[-1].append([])
            given = {match[1].lower(): match[2] for match in _SPAN_ATTRIBUTE.finditer(attributes)}
            slot = _Slot(tag == "th", _span_of(given.get("rowspan")), _span_of(given.get("colspan")))
            self._open[-1][-1].append(slot)
            self._slots[-1] = slot

    def _end(self, tag: str) -> None:
        if tag == "table" and self._open:
            self._open.pop()
            self._slots.pop()
        elif tag in ("td", "th", "tr") and self._open:
            self._slots[-1] = None

    def _data(self, start: int, end: int) -> None:
        slot = self._slots[-1] if self._slots else None
        if slot is None:
            return
        written, (start, end) = _field(self._text, start, end)
        if written:
            slot.start = start if slot.start is None else slot.start
            slot.end = end


def _span_of(written: str | None) -> int:
    return min(max(int(written), 1), _MAX_SPAN) if written and written.isdecimal() and len(written) < 6 else 1


def parse_html(text: str, limit: int = MAX_CELLS) -> Table | None:
    """Cells of all HTML tables of a text, or None without one; rowspan and colspan repeat a cell where it reaches."""
    start = text.lower().find("<table")
    if start < 0:
        return None
    cells: list[Cell] = []
    warnings: tuple[str, ...] = ()
    for rows in _TableReader(text).read():
        grid, clipped = _lay_out(rows, limit)
        if clipped:
            warnings += (f"more than {limit} cells in a table: the rest was not read",)
        table = _html_table(text, grid, limit - len(cells))
        cells.extend(table.cells)
        warnings += table.warnings
        if table.warnings:
            break
    return Table(tuple(cells), warnings)


def _lay_out(rows: list[list[_Slot]], limit: int) -> tuple[list[dict[int, _Slot]], bool]:
    """Rows as column → slot, with row and column spans filled in."""
    grid: list[dict[int, _Slot]] = [{} for _ in rows]
    count = 0
    for index, row in enumerate(rows):
        column = 0
        for slot in row:
            while column in grid[index]:
                column += 1
            for below in range(index, min(index + slot.rowspan, len(rows))):
                for right in range(column, column + slot.colspan):
                    grid[below].setdefault(right, slot)
                    count += 1
            column += slot.colspan
            if count > limit:
                return grid, True
    return grid, False


def _html_table(text: str, grid: list[dict[int, _Slot]], limit: int) -> Table:
    header_rows = 0
    while header_rows < len(grid) and grid[header_rows] and all(slot.is_header for slot in grid[header_rows].values()):
        header_rows += 1
    header_rows = min(header_rows, len(grid) - 1) or 1
    names: dict[int, list[str]] = {}
    for row in grid[:header_rows]:
        for column, slot in row.items():
            name = _slot_field(text, slot)[0]
            if name and name not in names.setdefault(column, []):
                names[column].append(name)
    cells: list[Cell] = []
    for row in grid[header_rows:]:
        heads = {column for column, slot in row.items() if slot.is_header} or {min(row, default=0)}
        labels = tuple(label for column in sorted(heads) if (label := _slot_field(text, row[column])[0])) if row else ()
        for column in sorted(row):
            written, span = _slot_field(text, row[column])
            if column in heads or not written:
                continue
            if len(cells) >= limit:
                return Table(tuple(cells), (_limit_warning(limit, span[0]),))
            cells.append(Cell(labels, " ".join(names.get(column, [])), written, span))
    return Table(tuple(cells))


def _slot_field(text: str, slot: _Slot) -> Field:
    return ("", (0, 0)) if slot.start is None else (text[slot.start : slot.end], (slot.start, slot.end))
