"""CSV, Markdown and HTML tables: every cell with its row label, its column and its exact characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.values.tables import Table, parse_csv, parse_html, parse_markdown, sniff_delimiter

Facts = list[tuple[tuple[str, ...], str, str]]


def facts(table: Table | None, text: str) -> Facts:
    assert table is not None
    assert all(text[slice(*cell.span)] == cell.text for cell in table.cells)
    return [(cell.row, cell.attribute, cell.text) for cell in table.cells]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "name,price\nApple,3\nPear,4\n", [(("Apple",), "price", "3"), (("Pear",), "price", "4")], id="comma"
        ),
        pytest.param(
            "Name;Preis\r\nApfel;3,50\r\nBirne;4,00",
            [(("Apfel",), "Preis", "3,50"), (("Birne",), "Preis", "4,00")],
            id="german",
        ),
        pytest.param("a\tb\n1\t2", [(("1",), "b", "2")], id="tab"),
        pytest.param(
            'id,name,note\n1,"Smith, J.",x\n',
            [(("Smith, J.",), "id", "1"), (("Smith, J.",), "note", "x")],
            id="name-column",
        ),
        pytest.param('k,v\na,"two\nlines"\n', [(("a",), "v", "two\nlines")], id="quoted-newline"),
        pytest.param('k,v\na,"say ""hi"""\n', [(("a",), "v", 'say ""hi""')], id="doubled-quotes"),
        pytest.param("k,v,w\na,,2\n", [(("a",), "w", "2")], id="empty-cell"),
    ],
)
def test_csv(text: str, expected: Facts) -> None:
    assert facts(parse_csv(text), text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Dear John, thank you.\nWe met, we talked, we left.", id="prose"),
        pytest.param("First we met, then we ate.\nLater it rained, we left.", id="prose-of-one-width"),
        pytest.param("", id="empty"),
        pytest.param("just one line, really", id="one-line"),
    ],
)
def test_prose_is_no_csv(text: str) -> None:
    assert sniff_delimiter(text) is None
    assert parse_csv(text) is None


def test_csv_says_when_rows_are_ragged_and_when_it_stops() -> None:
    ragged = parse_csv("a,b\n1,2\n3\n", delimiter=",")
    assert ragged is not None
    assert "1 rows" in ragged.warnings[0]
    many = parse_csv("a,b\n" + "x,1\n" * 50, limit=10)
    assert many is not None
    assert len(many.cells) == 10
    assert "more than 10 cells" in many.warnings[0]


def test_markdown() -> None:
    text = "Intro | text\n\n| City | **Size** |\n|:---|---:|\n| Ulm | `7 km` |\n| A\\|B | 2 |\n\nafter\n\nX | Y\n--|--\n1 | 2\n"
    assert facts(parse_markdown(text), text) == [
        (("Ulm",), "Size", "7 km"),
        (("A\\|B",), "Size", "2"),
        (("1",), "Y", "2"),
    ]


def test_markdown_without_a_table() -> None:
    assert parse_markdown("a | b\nc | d") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "<table><tr><th>City<th>Size</tr><tr><td>Ulm</td><td> <b>7</b> km </td></tr></table>",
            [(("Ulm",), "Size", "7</b> km")],
            id="unclosed-and-markup",
        ),
        pytest.param(
            "<table><tr><th>a</th><th>b</th></tr><tr><td rowspan=2>x</td><td>1</td></tr><tr><td>2</td></tr></table>",
            [(("x",), "b", "1"), (("x",), "b", "2")],
            id="rowspan",
        ),
        pytest.param(
            "<table><tr><th></th><th colspan='2'>2024</th></tr><tr><th></th><th>Q1</th><th>Q2</th></tr>\n"
            "<tr><th>Sales</th><td>5</td><td>6</td></tr></table>",
            [(("Sales",), "2024 Q1", "5"), (("Sales",), "2024 Q2", "6")],
            id="colspan-and-two-header-rows",
        ),
        pytest.param(
            "<TABLE>\n<tr><td>k</td><td>v</td></tr>\n<tr><td>a</td><td>1 &amp; 2</td></tr>",
            [(("a",), "v", "1 &amp; 2")],
            id="entity",
        ),
    ],
)
def test_html(text: str, expected: Facts) -> None:
    assert facts(parse_html(text), text) == expected


def test_html_spans_are_bounded() -> None:
    text = "<table>" + "<tr><td colspan=99999 rowspan=99999>x</td></tr>" * 300 + "</table>"
    table = parse_html(text, limit=500)
    assert table is not None
    assert len(table.cells) <= 500
    assert table.warnings


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<table>" * 20_000, id="tables"),
        pytest.param("<table><tr>" + "<td" * 30_000, id="unclosed-tags"),
        pytest.param("<table><!--" * 10_000, id="comments"),
        pytest.param("|" * 100_000 + "\n" + "-|" * 50_000, id="pipes"),
        pytest.param('"' * 100_001, id="quotes"),
        pytest.param("a,b\n" + '"' * 50_001, id="unclosed-quote"),
        pytest.param(",\n" * 50_000, id="empty-rows"),
        pytest.param("\n" * 100_000, id="newlines"),
    ],
)
def test_hostile_text_is_read_in_bounded_time(text: str) -> None:
    for parse in (parse_csv, parse_markdown, parse_html):
        table = parse(text)
        assert table is None or len(table.cells) <= 20_000


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet='ab1,;|\t\n"-<>/tdr ', max_size=120))
def test_spans_are_exact_on_any_text(text: str) -> None:
    for parse in (parse_csv, parse_markdown, parse_html):
        table = parse(f"<table><tr><td>{text}" if parse is parse_html else text)
        source = f"<table><tr><td>{text}" if parse is parse_html else text
        for cell in table.cells if table else ():
            assert source[slice(*cell.span)] == cell.text
