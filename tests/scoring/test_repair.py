"""Repair packets: exact excerpts, within budget, of the terms asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.memory.repair import Document, RepairError, build_repair


def count_words(text):
    return len(text.split())


def count_characters(text):
    return len(text)


def repair(terms, texts, **limits):
    documents = [Document(f"s{number}", text) for number, text in enumerate(texts)]
    return build_repair(terms, documents, count_tokens=limits.pop("count_tokens", count_words), **limits)


WORDS = st.sampled_from(["W12", "W34", "card_5", "1,250", "the", "order", "was\n", "paid", "Ünï", "24", "2024-05-24"])
TEXTS = st.lists(st.lists(WORDS, max_size=80).map(" ".join) | st.text(max_size=80), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["W12", "W34", "card_5", "1250", "24", "nowhere", "late order"]), min_size=1, max_size=7),
    TEXTS,
    st.integers(1, 6),
    st.integers(1, 60),
    st.sampled_from([count_words, count_characters]),
)
def test_laws(terms, texts, max_excerpts, max_tokens, count_tokens):
    limits = {"max_excerpts": max_excerpts, "max_tokens": max_tokens, "count_tokens": count_tokens}
    packet = repair(terms, texts, **limits)
    assert packet == repair(terms, texts, **limits)
    assert packet.tokens == count_tokens(packet.text) <= max_tokens
    assert len(packet.excerpts) <= max_excerpts
    for excerpt in packet.excerpts:
        assert texts[int(excerpt.source_id[1:])][excerpt.start : excerpt.end] == excerpt.text
        assert all(term.lower() in excerpt.text.lower().replace(",", "") for term in excerpt.terms)
    assert sorted([*packet.found, *packet.not_found]) == sorted(set(terms))
    assert set(packet.found) == {term for excerpt in packet.excerpts for term in excerpt.terms}


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["W12", "W34", "card_5"]))
def test_one_term_that_stands_somewhere_is_always_found(texts, term):
    stands = any(term in text.split() for text in texts)
    if stands:
        assert repair([term], texts).found == (term,)


def test_window_holds_neighbouring_terms_at_once():
    texts = ["nothing here", "order W12 was paid with card_5 on 2024-05-24", "W12 again"]
    packet = repair(["W12", "card_5"], texts)
    assert [excerpt.source_id for excerpt in packet.excerpts] == ["s1"]
    assert packet.excerpts[0].terms == ("W12", "card_5")


def test_the_latest_place_wins_a_tie():
    assert repair(["W12"], ["W12 pending", "x", "W12 cancelled"]).excerpts[0].text == "W12 cancelled"


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        pytest.param("W12", "order W123", False, id="part-of-a-longer-identifier"),
        pytest.param("24", "on 2024-05-24 at 10:24", False, id="part-of-a-date"),
        pytest.param("24", "within 24 hours", True, id="number"),
        pytest.param("1592.50", "paid $1,592.50 today", True, id="thousands"),
        pytest.param("mco", "from MCO", True, id="other-case"),
        pytest.param("#W12", "order #W12", True, id="sign"),
        pytest.param("a+b(c", "see a+b(c there", True, id="regular-expression-characters"),
    ],
)
def test_what_counts_as_found(term, text, found):
    packet = repair([term], [text])
    assert bool(packet.found) is found
    assert bool(packet.not_found) is not found


def test_a_term_that_stands_nowhere_brings_its_words_but_is_not_called_found():
    packet = repair(["refund_policy"], ["unrelated", "a refund takes 5 to 7 days"])
    assert [excerpt.text for excerpt in packet.excerpts] == ["a refund takes 5 to 7 days"]
    assert packet.not_found == ("refund_policy",)


def test_a_small_budget_narrows_the_window():
    text = "x " * 500 + "W12 pending " + "y " * 500
    wide, narrow = repair(["W12"], [text]), repair(["W12"], [text], max_tokens=3)
    assert narrow.tokens <= 3 < wide.tokens <= 1_000
    assert narrow.found == wide.found == ("W12",)


def test_many_terms_share_the_budget():
    texts = [f"record {'filler ' * 200} term_{n} {'filler ' * 200}" for n in range(8)]
    packet = repair([f"term_{n}" for n in range(8)], texts, max_tokens=200)
    assert len(packet.found) == 8


@pytest.mark.parametrize(
    ("terms", "limits", "field"),
    [
        pytest.param([], {}, "missing_terms", id="none"),
        pytest.param([" "], {}, "missing_terms", id="blank"),
        pytest.param([f"t{n}" for n in range(65)], {}, "missing_terms", id="too-many"),
        pytest.param(["x" * 401], {}, "missing_terms", id="too-long"),
        pytest.param(["x"], {"max_excerpts": 0}, "max_excerpts", id="no-excerpt"),
        pytest.param(["x"], {"max_tokens": 0}, "max_tokens", id="no-token"),
    ],
)
def test_limits_are_named(terms, limits, field):
    with pytest.raises(RepairError) as caught:
        repair(terms, ["text"], **limits)
    assert caught.value.field == field
