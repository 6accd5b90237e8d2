"""What the verifier reads for a claim: passages, votes, packing."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.types import NliScores, TokenVectors
from scoring.maxsim import align, pack_units
from scoring.rag.premises import (
    claim_premise,
    context_passages,
    count_tokens,
    pack_premises,
    passage_scores,
    with_asked,
    with_question,
    without_asked,
)
from scoring.segmentation import split_claims
from scoring.types import Alignment, Claim, SupportUnit

RECORD = {
    "name": "Blue Café",
    "hours": {"Monday": "9:0-17:0", "Tuesday": "9:0-18:0"},
    "attributes": {"OutdoorSeating": True, "WiFi": None, "BusinessParking": {"valet": False, "lot": True}},
    "stars": 4.5,
    "reviews": [{"stars": 5.0, "text": 'Great "flat" white. ' + "The terrace was full of people at noon. " * 4}],
    "tags": ["coffee", "cake"],
}


def words(text: str) -> int:
    return len(text.split())


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 60)), max_size=20),
    st.integers(1, 120),
    st.integers(1, 10),
)
def test_a_pack_keeps_order_budget_and_the_best_unit(units: list[tuple[float, int]], budget: int, limit: int) -> None:
    scores = [score for score, _ in units]
    counts = [count for _, count in units]
    chosen = pack_premises(scores, ["text"] * len(units), counts, budget, limit)
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) <= limit
    assert len(chosen) <= 1 or sum(counts[i] for i in chosen) <= budget
    if units:
        assert int(np.argmax(scores)) in chosen


def test_a_unit_that_does_not_fit_is_passed_over() -> None:
    assert pack_premises([0.9, 0.8, 0.7], ["a", "b", "c"], [5, 50, 5], 12) == (0, 2)


def test_blank_units_are_never_read() -> None:
    assert pack_premises([0.9, 0.1], ["  ", "b"], [1, 1]) == (1,)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="token counts"):
        pack_premises([0.5], ["a", "b"], [1, 1])


def test_a_record_reads_as_lines_and_points_into_its_text() -> None:
    text = json.dumps(RECORD, ensure_ascii=False)
    passages = context_passages([SupportUnit(0, text, None, 0, len(text))], text).items
    lines = [item.text for item in passages]
    assert lines[0] == "name: Blue Café"
    assert "hours - Monday: 9:0-17:0, Tuesday: 9:0-18:0" in lines
    assert "attributes - Outdoor Seating: yes, Wi Fi: unknown" in lines
    assert "Business Parking - valet: no, lot: yes" in lines
    assert 'text: Great "flat" white.' in lines
    assert all(0 <= item.start < item.end <= len(text) for item in passages)
    assert [item.start for item in passages] == sorted(item.start for item in passages)
    parking = next(item for item in passages if item.text.startswith("Business"))
    assert text[parking.start : parking.end] == '"valet": false, "lot": true'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1, "b"', id="cut-off"),
        pytest.param("{curly} but prose. Second.", id="prose"),
        pytest.param("[1] A cited sentence. Another.", id="citation"),
        pytest.param("[" * 5000, id="brackets"),
    ],
)
def test_what_is_no_record_is_read_as_prose(text: str) -> None:
    passages = context_passages([SupportUnit(0, text)]).items
    assert all(text[item.start : item.end] == item.text for item in passages)
    assert "".join("".join(item.text.split()) for item in passages) == "".join(text.split())


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=200) | st.integers(),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_can_be_read(value: object) -> None:
    text = json.dumps(value)
    for item in context_passages([SupportUnit(0, text)]).items:
        assert 0 <= item.start < item.end <= len(text)
        assert item.text.strip()


def test_units_of_one_raw_context_share_a_document_and_others_stand_alone() -> None:
    raw = "First sentence here. Second sentence here."
    units = [
        SupportUnit(0, "A stored chunk."),
        SupportUnit(1, raw[:20], None, 0, 20),
        SupportUnit(2, raw[21:], None, 21, len(raw)),
    ]
    passages = context_passages(units, raw)
    assert passages.origin == ((0, 0), (1, 0), (1, 21))
    assert [item.text for item in passages.items] == [
        "A stored chunk.",
        "First sentence here.",
        "Second sentence here.",
    ]


def _alignment(unit: list[int], start: list[int], claim: Claim) -> Alignment:
    count = len(unit)
    edges = np.linspace(claim.char_start, claim.char_end, count + 1).astype(np.int32)
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    ones = np.ones(count, np.float32)
    return Alignment(
        spans, np.ones(count, np.bool_), ones, np.array(unit, np.int32), np.array([[a, a + 1] for a in start], np.int32),
        ones, ones[:1], ones[:1], ones[:1], np.zeros((1, 3), np.float32),
    )  # fmt: skip


def test_votes_go_to_the_passage_of_the_match_and_a_tenth_next_door() -> None:
    raw = "One two. Three four. Five six."
    passages = context_passages([SupportUnit(0, raw, None, 0, len(raw))], raw)
    claim = Claim(0, "abcdef", 0, 6)
    scores = passage_scores(_alignment([0, 0, 0], [9, 15, 21], claim), claim, passages)
    assert scores.tolist() == pytest.approx([0.2, 2.1, 1.2])
    counts = count_tokens(passages, words)
    assert claim_premise(_alignment([0, 0, 0], [9, 15, 21], claim), claim, passages, counts, 3) == "Three four."
    assert (
        claim_premise(_alignment([0, 0, 0], [9, 15, 21], claim), claim, passages, counts, 6) == "Three four.\nFive six."
    )


def test_a_claim_without_matches_still_reads_something() -> None:
    raw = "One two. Three four."
    passages = context_passages([SupportUnit(0, raw, None, 0, len(raw))], raw)
    claim = Claim(0, "abcdef", 0, 6)
    assert claim_premise(_alignment([-1], [0], claim), claim, passages, count_tokens(passages, words), 3) == "One two."


def test_no_units_no_premise(vectors: Callable[[int, int], TokenVectors]) -> None:
    claim = split_claims("A claim stands here.")[0]
    alignment = align(vectors(6, 0), pack_units([]), [(0, 18)], pack_units([vectors(3, 1)]))
    assert claim_premise(alignment, claim, context_passages([]), ()) == ""


def test_the_question_stands_first() -> None:
    assert with_question(" Why? ", "Because.") == "Why?\nBecause."
    assert with_question("  ", "Because.") == with_question(None, "Because.") == "Because."


def test_a_short_answer_becomes_a_claim_by_its_question() -> None:
    short = Claim(0, "Blackstar", 0, 9)
    asked = with_asked(" Which album? ", [short])
    assert asked == "Which album? "
    assert with_asked(None, [short]) == with_asked("Which?", [short, short]) == ""
    assert with_asked("Which album?", [Claim(0, "word " * 13, 0, 65)]) == ""
    verdict = NliScores(0.2, 0.7, 0.1, ((0, 5, 0.9), (len(asked), len(asked) + 9, 0.3)))
    assert without_asked(verdict, asked).token_support == ((0, 9, 0.3),)
    assert without_asked(verdict, "") is verdict


def test_the_order_of_documents_changes_no_premise() -> None:
    texts = ["The terrace is open. It has ten tables.", "The kitchen closes at nine.", "Dogs may come in."]
    claim = Claim(0, "abcdefgh", 0, 8)
    places = [(1, 0), (0, 0), (0, 21), (1, 0)]  # the tokens' best matches: text and first character

    def premise(order: list[int]) -> str:
        passages = context_passages([SupportUnit(n, texts[i]) for n, i in enumerate(order)])
        found = _alignment([order.index(text) for text, _ in places], [start for _, start in places], claim)
        return claim_premise(found, claim, passages, count_tokens(passages, words), 16)

    assert premise([0, 1, 2]) == "The kitchen closes at nine.\nThe terrace is open.\nIt has ten tables."
    assert premise([2, 1, 0]) == premise([1, 2, 0]) == premise([0, 1, 2])
