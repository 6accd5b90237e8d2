"""Segmentation: exact offsets, nothing lost, sizes kept."""

import re
from bisect import bisect_left
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.segmentation import SegmentationMode, make_units, paragraph_spans, sentence_spans, split_claims, unit_spans

TEXT = st.text(alphabet=st.sampled_from("ab Z.!?\n\t,;12-é🙂'\"|#"), max_size=200)


def starts_of(text: str) -> np.ndarray:
    return np.array([m.start() for m in re.finditer(r"\w+|[^\w\s]", text)], dtype=np.int64)


def pieces(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("One here. Two there! Three?", ["One here.", "Two there!", "Three?"], id="marks"),
        pytest.param("Dr. Smith met J. R. Roe at 5 p.m. on Monday.", None, id="abbreviations"),
        pytest.param("It cost $3.50. That was cheap.", ["It cost $3.50.", "That was cheap."], id="decimals"),
        pytest.param("Am 5. März kam er. Dann ging er.", ["Am 5. März kam er.", "Dann ging er."], id="german-date"),
        pytest.param("1. First item\n2. Second item", ["1. First item", "2. Second item"], id="numbered-list"),
        pytest.param("- a b\n- c d", ["- a b", "- c d"], id="bullets"),
        pytest.param('He said "no." Then left.', ['He said "no."', "Then left."], id="closing-quote"),
        pytest.param("今日は雨です。明日は晴れ。", ["今日は雨です。", "明日は晴れ。"], id="cjk"),
        pytest.param(
            "This long line of prose was wrapped by an editor at seventy columns or\nso and goes on here.",
            None,
            id="wrapped-prose",
        ),
        pytest.param("   \n\t ", [], id="blank"),
    ],
)
def test_sentences(text: str, expected: list[str] | None) -> None:
    assert pieces(text, sentence_spans(text)) == ([text] if expected is None else expected)


def test_paragraphs() -> None:
    text = "a b\nc\n\n  \n d e \n"
    assert pieces(text, paragraph_spans(text)) == ["a b\nc", "d e"]


@given(TEXT, st.sampled_from(list(SegmentationMode)), st.integers(1, 12))
def test_units_keep_every_character_and_the_token_limit(text: str, mode: SegmentationMode, limit: int) -> None:
    starts = starts_of(text)
    spans = unit_spans(text, mode, limit, starts)
    assert all(a < b for a, b in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    covered = "".join(text[a:b] for a, b in spans)
    assert "".join(covered.split()) == "".join(text.split())
    for a, b in spans:
        assert bisect_left(starts, b) - bisect_left(starts, a) <= limit
    for unit in make_units(text, spans):
        assert unit.char_start is not None
        assert text[unit.char_start : unit.char_end] == unit.text


@given(TEXT, st.booleans())
def test_claims_are_spans_with_a_word(text: str, atomic: bool) -> None:
    for index, claim in enumerate(split_claims(text, atomic)):
        assert claim.index == index
        assert text[claim.char_start : claim.char_end] == claim.text
        assert re.search(r"\w", claim.text)


def test_atomic_claims_split_clauses_that_state_something() -> None:
    text = "The bridge opened in 1932, and it carries eight lanes of traffic; yes, really."
    assert [c.text for c in split_claims(text, atomic=True)] == [
        "The bridge opened in 1932, and",
        "it carries eight lanes of traffic; yes, really.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 400_000, id="no-space"),
        pytest.param("\n" * 100_000, id="newlines"),
        pytest.param("a; " * 100_000, id="clauses"),
        pytest.param("1. " * 100_000, id="list-marks"),
        pytest.param("." * 400_000, id="dots"),
    ],
)
def test_hostile_texts_end(text: str) -> None:
    spans = unit_spans(text, SegmentationMode.SENTENCE_PACKED, 256, starts_of(text))
    assert "".join(text[a:b] for a, b in spans).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    split_claims(text, atomic=True)
