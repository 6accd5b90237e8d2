"""One way into structured sources: the format is detected, a wrong hint is said, nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.values.structured import parse_structured

JSON = '{"name": "Inn", "stars": 4}'
CSV = "name,stars\nInn,4\nPub,3\n"
MARKDOWN = "| name | stars |\n|---|---|\n| Inn | 4 |\n"
HTML = "<table><tr><th>name</th><th>stars</th></tr><tr><td>Inn</td><td>4</td></tr></table>"
KEY_VALUE = "Name: Inn\nStars: 4\n"
PROSE = "The inn is old. It has four stars, they say."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(JSON, "json", id="json"),
        pytest.param(f"Here it is: {JSON} as asked.", "json", id="json-in-prose"),
        pytest.param(CSV, "csv", id="csv"),
        pytest.param(f"# Inns\n\n{MARKDOWN}\nSource: web", "markdown", id="markdown"),
        pytest.param(f"<html><body>{HTML}</body></html>", "html", id="html"),
        pytest.param(KEY_VALUE, "key_value", id="key-value"),
    ],
)
def test_detects(text: str, expected: str) -> None:
    source = parse_structured(text)
    assert source is not None
    assert source.format == expected
    assert source.entities[0] == "Inn"
    assert source.warnings == ()
    assert all(text[slice(*cell.span)] == cell.text for cell in source.cells)
    assert "4" in {cell.text for cell in source.cells}


def test_prose_is_no_source() -> None:
    assert parse_structured(PROSE) is None
    assert parse_structured("") is None


@pytest.mark.parametrize(
    ("text", "hint", "expected"),
    [
        pytest.param(CSV, "application/json", "csv", id="csv-called-json"),
        pytest.param(JSON, "text/csv", "json", id="json-called-csv"),
        pytest.param(MARKDOWN, "text/html; charset=utf-8", "markdown", id="markdown-called-html"),
        pytest.param(PROSE, "application/json", "none", id="prose-called-json"),
        pytest.param(JSON, "image/png", "json", id="unknown-type"),
    ],
)
def test_a_wrong_hint_is_said(text: str, hint: str, expected: str) -> None:
    source = parse_structured(text, hint)
    assert source is not None
    assert source.format == expected
    assert source.warnings


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param(JSON, "application/json", id="json"),
        pytest.param(CSV, "text/csv; charset=utf-8", id="csv"),
        pytest.param(PROSE, "text/plain", id="plain"),
    ],
)
def test_a_right_hint_is_silent(text: str, hint: str) -> None:
    source = parse_structured(text, hint)
    assert source is None or source.warnings == ()


def test_the_number_of_cells_is_bounded_and_said() -> None:
    for text in ("[" + ",".join('{"a": 1}' for _ in range(50)) + "]", "k,v\n" + "x,1\n" * 50, "k: 1\n" * 50):
        source = parse_structured(text, limit=10)
        assert source is not None
        assert len(source.cells) == 10
        assert any("more than 10" in warning for warning in source.warnings)


@settings(deadline=None)
@given(
    st.text(max_size=300), st.sampled_from([None, "application/json", "text/csv", "text/markdown", "text/html", "x"])
)
def test_any_text_with_any_hint(text: str, hint: str | None) -> None:
    source = parse_structured(text, hint)
    for cell in source.cells if source else ():
        assert text[slice(*cell.span)] == cell.text
