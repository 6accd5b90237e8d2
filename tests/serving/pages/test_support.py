"""Pieces of an answer and of its documents: every character once, in order, whatever the score says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pages.support import claims_of, pieces, quoted

ANSWER = "It opened in 1932. It is 9 km long."
DOCUMENTS = [("a.md", "Other text."), ("b.md", "The bridge opened in 1932 after six years.")]


def claim(start, end, verdict="supported", citations=(), text=None):
    found = ANSWER[start:end] if text is None else text
    return {"char_start": start, "char_end": end, "text": found, "verdict": verdict, "citations": list(citations)}


CITED = {"unit_index": 1, "char_start": 4, "char_end": 25, "source_id": "b.md"}


def test_claims_colour_the_answer_and_mark_what_they_rest_on():
    score = {"claims": [claim(0, 18, citations=[CITED]), claim(19, 35, "contradicted")]}
    assert [(piece.text, piece.state, piece.numbers) for piece in pieces(ANSWER, score)] == [
        ("It opened in 1932.", "supported", (1,)),
        (" ", "", ()),
        ("It is 9 km long.", "contradicted", (2,)),
    ]
    claims = claims_of(score, DOCUMENTS)
    assert claims[0].quotes[0].text == "bridge opened in 1932"
    marked = quoted(DOCUMENTS[1][1], 1, claims)
    assert [(piece.text, piece.state) for piece in marked][1] == ("bridge opened in 1932", "quoted")
    assert [piece.state for piece in quoted(DOCUMENTS[0][1], 0, claims)] == [""]


@pytest.mark.parametrize(
    "score",
    [
        pytest.param(None, id="none"),
        pytest.param({}, id="empty"),
        pytest.param({"claims": [claim(0, 18, text="another text")]}, id="of-another-answer"),
        pytest.param({"claims": [claim(10, 400)]}, id="past-the-end"),
        pytest.param({"claims": [{"text": "x", "char_start": None, "char_end": None}]}, id="no-place"),
    ],
)
def test_a_score_that_does_not_fit_colours_nothing(score):
    assert [(piece.text, piece.state) for piece in pieces(ANSWER, score)] == [(ANSWER, "")]


@pytest.mark.parametrize(
    ("citation", "place"),
    [
        pytest.param({**CITED, "unit_index": 0}, 1, id="moved"),
        pytest.param({**CITED, "source_id": "gone.md"}, None, id="gone"),
        pytest.param({**CITED, "char_end": 4000}, None, id="shorter-now"),
        pytest.param({**CITED, "unit_index": 7}, 1, id="no-such-place"),
    ],
)
def test_a_citation_finds_its_document_or_none(citation, place):
    quotes = claims_of({"claims": [claim(0, 18, citations=[citation])]}, DOCUMENTS)[0].quotes
    assert [quote.document for quote in quotes] == ([] if place is None else [place])


PLACES = st.tuples(st.integers(-5, 60), st.integers(-5, 60))


@given(st.text(max_size=50), st.lists(PLACES, max_size=6), st.lists(PLACES, max_size=6))
def test_no_character_is_lost_or_shown_twice(text, spans, more):
    score = {
        "claims": [
            {
                "char_start": a,
                "char_end": b,
                "text": text[a:b] if 0 <= a < b else "",
                "verdict": "supported",
                "citations": [],
            }
            for a, b in spans
        ],
        "unsupported_spans": [{"start": a, "end": b} for a, b in more],
    }
    assert "".join(piece.text for piece in pieces(text, score)) == text
    citations = [{"unit_index": 0, "char_start": a, "char_end": b} for a, b in spans]
    claims = claims_of({"claims": [claim(0, 2, citations=citations)]}, [("d", text)])
    assert "".join(piece.text for piece in quoted(text, 0, claims)) == text
