"""Claims of an answer that is still being written are those of the whole answer, however it was cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.rag.citation_marks import citation_marks, without_marks
from scoring.rag.growing_answer import GrowingAnswer
from scoring.rag.outcome import telling_claims
from scoring.segmentation import SentenceReader, sentence_spans, split_claims
from scoring.types import Span

FRAGMENTS = (
    "The bridge opened in 1932.", " It is 3.5 km long", ". ", "\n", "\n\n", "- ", "1. ", "12. ", "5. ", "März 1932", "z.B. ",
    "Dr. ", "e.g. this", "no. ", "7", " [1]", "[2, 3]", " (Source 4)", "【5†a】", "[", "(", "]", ")", "?", "!", "…", "?!", '"',
    "”", "»", " ", "   ", "\t", "        ", "lower case", "Upper case", "価格は百円です。", "！", "a" * 70, "```", "## ",
    "| a | b |", "> ", ":", ", and the river is wide and deep", "; but nobody swims in it today", "I don't know.", "Thanks!",
    "1,149", "U.S.", "*", "–",
)  # fmt: skip


def read(pieces: list[str], atomic: bool = False) -> list[Span]:
    answer = GrowingAnswer(atomic)
    claims = [claim for piece in pieces for claim in answer.add(piece)] + list(answer.end())
    assert [claim.index for claim in claims] == list(range(len(claims)))
    assert answer.text == "".join(pieces)
    assert answer.settled_to == len(answer.text) == len(answer.plain)
    for claim in claims:
        assert answer.plain[claim.char_start : claim.char_end] == claim.text
    return [(claim.char_start, claim.char_end) for claim in claims]


def whole(text: str, atomic: bool = False) -> list[Span]:
    plain = without_marks(text, citation_marks(text))
    return [(claim.char_start, claim.char_end) for claim in telling_claims(split_claims(plain, atomic))]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14), st.booleans(), st.data())
def test_pieces_give_the_claims_of_the_whole(fragments: list[str], atomic: bool, data: st.DataObject) -> None:
    text = "".join(fragments)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(pieces, atomic) == whole(text, atomic)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=10))
def test_single_characters_give_the_claims_of_the_whole(fragments: list[str]) -> None:
    text = "".join(fragments)
    assert read(list(text)) == whole(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='aB3 .!?\n"[](1-#|', max_size=60))
def test_sentences_of_pieces_are_those_of_the_text(text: str) -> None:
    reader = SentenceReader()
    spans = [span for character in text for span in reader.feed(character)] + reader.end()
    assert spans == sentence_spans(text)


@pytest.mark.parametrize(
    ("so_far", "claims"),
    [
        pytest.param("It is 1,149 metres long", 0, id="no-end"),
        pytest.param("It is 1,149 metres long.", 0, id="a-digit-may-follow"),
        pytest.param("It is 1,149 metres long. ", 0, id="a-small-letter-may-follow"),
        pytest.param("It is 1,149 metres long. T", 1, id="whole-with-the-next-letter"),
        pytest.param("It is long!\n", 0, id="a-small-letter-may-follow-the-line"),
        pytest.param("- It is long\n", 1, id="a-short-line-is-whole"),
        pytest.param("Es war am 5. M", 0, id="a-month-may-follow"),
        pytest.param("Es war im Jahr 1932. S", 1, id="no-month-after-a-year"),
        pytest.param("Sie ist lang. [1", 0, id="a-marker-may-close"),
        pytest.param("Sie ist lang. [1] S", 1, id="behind-a-marker"),
        pytest.param("橋は長い。次", 1, id="japanese"),
    ],
)
def test_a_claim_comes_as_soon_as_its_sentence_is_whole(so_far: str, claims: int) -> None:
    assert len(GrowingAnswer().add(so_far)) == claims


def test_the_window_before_a_claim_begins_with_a_sentence() -> None:
    answer = GrowingAnswer()
    claims = answer.add("One is first here. Two is second here. Three is third here. F")
    assert answer.window_start(claims[2], 0) == claims[2].char_start
    assert answer.window_start(claims[2], 25) == claims[1].char_start
    assert answer.window_start(claims[2], 1_000) == 0
