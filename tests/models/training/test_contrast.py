"""Made passages: exact spans, the same rows of the same seed, and claims whose words alone decide nothing."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.contrast import KINDS, passage_rows, unmarked
from models.training.contrast.edits import EDITS, altered, restate, turned_round
from models.training.contrast.make import main, sentences
from models.training.contrast.passages import short_rows
from models.training.contrast.values import VALUES, different, in_words, slip
from models.training.contrast.words import VOCABULARY, Cast
from models.training.examples import LABELS, Source, grouped, read_source
from models.training.negatives import Material

_ROWS_TO_LEARN_FROM = 120
# What the words of a claim alone may tell: AUROC of a bag of words, learned on half of a kind's claims, judged on the other.
# Quantifiers are hard to balance: "some" follows of more statements than "all".
_CLAIM_ALONE = {"quantifier": 0.82, "mentioned": 0.78, "condition": 0.76}
_CLAIM_ALONE_ELSEWHERE = 0.70


def _rows(kind: str, seed: str = "t", count: int = 30) -> list[dict[str, Any]]:
    return [row for i in range(count) for row in short_rows(f"{seed}:{i}", kind, KINDS[kind])]


@pytest.mark.parametrize("kind", KINDS)
def test_false_claims_name_their_characters_and_true_ones_none(kind: str) -> None:
    rows = _rows(kind)
    assert {row["label"] == "entailment" for row in rows} == {True, False}
    for row in rows:
        assert row["label"] in LABELS
        assert bool(row["unsupported"]) == (row["label"] != "entailment")
        assert not set("[]{}") & set(row["claim"] + row["premise"])
        for start, end in row["unsupported"]:
            assert row["claim"][start:end].strip() == row["claim"][start:end] != ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_of_a_claim_alone_decide_nothing(kind: str) -> None:
    rows = _rows(kind, "cue", _ROWS_TO_LEARN_FROM)
    half = len(rows) // 2
    scores = _bag_of_words(rows[:half], rows[half:])
    true = [s for s, row in zip(scores, rows[half:], strict=True) if row["label"] == "entailment"]
    false = [s for s, row in zip(scores, rows[half:], strict=True) if row["label"] != "entailment"]
    wins = sum((a > b) + 0.5 * (a == b) for a in true for b in false) / (len(true) * len(false))
    assert wins < _CLAIM_ALONE.get(kind, _CLAIM_ALONE_ELSEWHERE)


def _bag_of_words(known: list[dict[str, Any]], asked: list[dict[str, Any]]) -> list[float]:
    counts = {True: Counter[str](), False: Counter[str]()}
    totals = Counter[bool]()
    for row in known:
        true = row["label"] == "entailment"
        totals[true] += 1
        counts[true].update(set(re.findall(r"\w+", row["claim"].lower())))
    return [
        sum(
            math.log((counts[True][word] + 1) / (totals[True] + 2))
            - math.log((counts[False][word] + 1) / (totals[False] + 2))
            for word in set(re.findall(r"\w+", row["claim"].lower()))
        )
        for row in asked
    ]


@given(st.text("0123456789", min_size=1, max_size=6))
def test_a_passage_repeats_with_its_seed_and_pairs_stand_together(seed: str) -> None:
    rows = passage_rows(seed, KINDS, ["A sentence of another text."])
    assert rows == passage_rows(seed, KINDS, ["A sentence of another text."])
    assert len({row["group"] for row in rows}) == 1
    by_pair: dict[str, set[bool]] = {}
    for row in rows:
        by_pair.setdefault(row["pair"], set()).add(row["label"] == "entailment")
        for start, end in row["unsupported"]:
            assert 0 <= start < end <= len(row["claim"])
    assert all(labels == {True, False} for pair, labels in by_pair.items() if ":true" not in pair)


def test_a_relation_exchanged_is_false_unless_it_is_symmetric() -> None:
    symmetric = re.compile(r"\b(married|merged|cousins?)\b")
    rows = [row for row in _rows("role", "s", 600) if symmetric.search(row["premise"])]
    assert rows
    assert {row["label"] for row in rows if symmetric.search(row["claim"])} == {"entailment"}


@pytest.mark.parametrize("kind", VALUES)
def test_notations_are_of_one_value_and_a_slip_is_none_of_them(kind: str) -> None:
    for seed in range(60):
        draw = random.Random(seed)
        forms = VALUES[kind](draw)
        assert all(forms)
        assert not set(forms) & set(different(kind, forms, draw))
        slipped = slip(forms[0], draw)
        assert slipped is None or slipped != forms[0]


@pytest.mark.parametrize(("number", "words"), [(7, "seven"), (20, "twenty"), (24, "twenty-four"), (99, "ninety-nine")])
def test_numbers_in_words(number: int, words: str) -> None:
    assert in_words(number) == words


def test_a_cast_draws_nothing_twice() -> None:
    cast = Cast(VOCABULARY, random.Random(1))
    people = [cast.one("person") for _ in range(12)]
    assert len({word for name in people for word in name.split() if word not in ("Dr.", "Ms.", "Mr.")}) == sum(
        len([word for word in name.split() if word not in ("Dr.", "Ms.", "Mr.")]) for name in people
    )


PREMISE = (
    "Anna Berg said that most boats were sold before May, except the old ferry, for $250 or more in 1932. "
    "That summer Carl Ohm may sell his mill in Oslo for $400, and he plans to build a pier in 1951."
)
EDIT_CASES = {
    "exchange": ("The boats were sold in 1932.", "The boats were sold in [1951]."),
    "exchange_speaker": ("Anna Berg said that boats were sold.", "[Carl Ohm] said that boats were sold."),
    "add_item": ("They sold oars, ropes and nets.", None),
    "order": ("The boats were sold before May.", "The boats were sold [after] May."),
    "quantifier": ("Here most boats were sold.", "Here [all] boats were sold."),
    "exception": ("All boats were sold except one.", "All boats were sold [including] one."),
    "comparative": ("It cost more than the mill.", "It cost [less] than the mill."),
    "permission": ("Carl Ohm may sell his mill.", "Carl Ohm [must not] sell his mill."),
    "status": ("He plans to build a pier.", "He [has begun to] build a pier."),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_what_it_names(name: str) -> None:
    claim, expected = EDIT_CASES[name]
    negative = EDITS[name](Material(PREMISE, claim, ["We had bread, tea and jam there."]), random.Random(2))
    assert negative is not None
    if expected is not None:
        assert (negative.claim, negative.spans) == unmarked(expected)
    else:
        ((start, end),) = negative.spans
        assert negative.claim[start:end] == "tea"
    assert negative.label in LABELS


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_finds_nothing_answers_none(name: str) -> None:
    assert EDITS[name](Material("it rains", "it rains", []), random.Random(0)) is None


@given(st.integers(0, 10_000))
def test_restating_keeps_the_wrong_characters(seed: int) -> None:
    claim = "The company purchased 3 boats and did not sell the film on March 3, 2019 for about 35%."
    start = claim.index("boats")
    text, spans = restate(claim, ((start, start + 5),), random.Random(seed))
    ((a, b),) = spans
    assert text[a:b] == "boats"


def test_a_sentence_turned_round_puts_the_change_into_the_passage() -> None:
    premise = "It rained. The boats were sold before May. He left."
    claim = "The boats were sold before May."
    negative = EDITS["order"](Material(premise, claim, []), random.Random(0))
    assert negative is not None
    turned = turned_round(Material(premise, claim, []), negative)
    assert turned is not None
    changed, ((start, end),) = turned
    assert changed == "It rained. The boats were sold after May. He left."
    assert claim[start:end] == "before"


def test_altered_falls_back_on_single_changes() -> None:
    negative = altered(Material("It rained on Monday.", "It rained on Monday.", []), random.Random(1))
    assert negative is not None
    assert negative.claim != "It rained on Monday."


def test_the_command_writes_rows_that_training_reads(tmp_path: Any) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        '{"premise": "'
        + PREMISE
        + '", "hypothesis": "Most boats were sold before May.", "label": "entailment", "src": "x"}\n',
        encoding="utf-8",
    )
    out = tmp_path / "rows.jsonl.gz"
    arguments = ["--passages", "3", "--short", "1", "--edits", str(texts), "--edits-each", "1", "--out", str(out)]
    assert main(arguments) == 0
    first = read_source(Source(out, "prepared"), 0)
    assert main(arguments) == 0
    assert read_source(Source(out, "prepared"), 0) == first
    assert any(len(group) == 2 for group in grouped(first))
    assert sentences(PREMISE)
