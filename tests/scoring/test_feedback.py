"""Suggestions read off the next turn, causes proposed for negatives, and clusters of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.feedback import (
    Negative,
    RootCause,
    SuggestionKind,
    Thumb,
    Turn,
    TurnSignals,
    cluster_negatives,
    propose,
    suggest,
)
from scoring.feedback.english import ENGLISH
from scoring.feedback.german import GERMAN

_RULES = [*ENGLISH.complaints, *ENGLISH.outcomes, *GERMAN.complaints, *GERMAN.outcomes]


def _read(follow_up: str, question: str = "What is it?", answer: str = "It is so."):
    found = suggest([Turn(question, answer), Turn(follow_up, "")])
    return found[0] if found else None


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.name)
def test_every_rule_decides_on_its_own_example(rule):
    found = _read(rule.example)
    assert found is not None
    assert (found.rule, found.kind, found.thumb) == (rule.name, rule.kind, rule.thumb)


def test_names_of_rules_are_unique():
    assert len({rule.name for rule in _RULES}) == len(_RULES)


@pytest.mark.parametrize(
    ("question", "answer", "follow_up"),
    [
        pytest.param(
            "Help me with mails.", "Happy to help.", 'He wrote "that is wrong". What do I reply?', id="quotation"
        ),
        pytest.param(
            "Translate this.", "Please paste it.", "It does not work and I want my money back.", id="material"
        ),
        pytest.param("Set up my database.", "Do you use MySQL?", "No, I use Postgres.", id="answer_to_a_question"),
        pytest.param("Tax rate for books?", "7 percent.", "Tax rate for food?", id="same_for_another_thing"),
        pytest.param("What is the fee?", "5 euros.", "Thanks. And how do I pay?", id="thanks_and_on"),
        pytest.param("What is the fee?", "5 euros.", "Are you sure?", id="doubt"),
        pytest.param("Write a letter.", "Dear company", "Say that their product is useless.", id="instruction"),
        pytest.param("Plan a trip.", "Day 1 ...", "", id="silence"),
        pytest.param("Was kostet es?", "5 Euro.", "Und für Studenten?", id="german_follow_up"),
        pytest.param("What is it?", "It is so.", "Explain `raise ValueError('wrong')` please", id="code"),
    ],
)
def test_what_is_no_reaction(question, answer, follow_up):
    assert _read(follow_up, question, answer) is None


def test_a_complaint_outweighs_thanks():
    found = _read("Thanks, but that's not what I asked.")
    assert found.thumb is Thumb.DOWN
    assert found.kind is SuggestionKind.REJECTION


def test_evidence_is_the_place_in_the_turn():
    turns = [Turn("Fee?", "20 euros."), Turn("Hm. That's wrong, it is 35.", "Sorry."), Turn("ok", "")]
    (found,) = suggest(turns)
    assert (found.turn, found.evidence_turn) == (0, 1)
    assert turns[1].question[found.char_start : found.char_end].startswith("That's wrong")


def test_similarity_finds_a_rephrased_question_and_words_keep_a_swap_apart():
    rephrased = [Turn("What is the maximum file size?", "Files."), Turn("How large may an upload get?", "", 0.9)]
    swapped = [Turn("What is the population of France?", "68"), Turn("What is the population of Spain?", "", 0.93)]
    assert [s.kind for s in suggest(rephrased)] == [SuggestionKind.REPEAT]
    assert suggest(swapped) == ()
    assert suggest([rephrased[0], Turn(rephrased[1].question, "")]) == ()


def test_a_pasted_text_is_no_reaction():
    assert _read("no, " * 5_000) is None
    assert _read("This is a list: " + "item, " * 5_000 + "that is wrong") is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=200), st.text(max_size=60)), max_size=6))
def test_laws_of_suggestions(pairs):
    turns = [Turn(question, answer) for question, answer in pairs]
    found = suggest(turns)
    assert found == suggest(turns)
    assert [s.turn for s in found] == sorted({s.turn for s in found})
    for suggestion in found:
        assert suggestion.evidence_turn == suggestion.turn + 1 < len(turns)
        assert 0 <= suggestion.char_start < suggestion.char_end <= len(turns[suggestion.evidence_turn].question)
        assert 0 < suggestion.confidence < 1


@pytest.mark.parametrize(
    ("signals", "cause", "said"),
    [
        pytest.param(
            TurnSignals(supported_share=0.2, evidence_in_results=True),
            RootCause.HALLUCINATION,
            "retrieved",
            id="generation",
        ),
        pytest.param(
            TurnSignals(supported_share=0.2, evidence_in_results=False, evidence_in_corpus=True),
            RootCause.FAILED_RETRIEVAL,
            "nowhere among",
            id="retrieval",
        ),
        pytest.param(
            TurnSignals(supported_share=0.2, evidence_in_results=False, evidence_in_corpus=False),
            RootCause.MISSING_KNOWLEDGE,
            "no document",
            id="knowledge",
        ),
        pytest.param(
            TurnSignals(supported_share=0.9, session_recommendation="re_anchor", drift_z_score=-2.4),
            RootCause.CONTEXT_DRIFT,
            "-2.4",
            id="drift",
        ),
        pytest.param(TurnSignals(format_valid=False), RootCause.BAD_FORMATTING, "format", id="format"),
        pytest.param(
            TurnSignals(unsafe=True, format_valid=False), RootCause.UNSAFE_ANSWER, "safety", id="unsafe_first"
        ),
        pytest.param(
            TurnSignals(should_refuse=True, answer_refused=False), RootCause.SHOULD_HAVE_REFUSED, "refuse", id="refusal"
        ),
        pytest.param(TurnSignals(phantom_symbols=2), RootCause.HALLUCINATION, "2 name", id="phantom"),
        pytest.param(TurnSignals(reason="Incomplete"), RootCause.INCOMPLETE_ANSWER, "Incomplete", id="reason"),
        pytest.param(
            TurnSignals(suggestion_kind=SuggestionKind.INCOMPLETE),
            RootCause.INCOMPLETE_ANSWER,
            "missed",
            id="next_turn",
        ),
        pytest.param(TurnSignals(retrieved_documents=0), RootCause.FAILED_RETRIEVAL, "nothing was", id="no_documents"),
        pytest.param(
            TurnSignals(answer_refused=True, evidence_in_results=True),
            RootCause.POOR_INSTRUCTION_FOLLOWING,
            "declined",
            id="refused_with_evidence",
        ),
        pytest.param(TurnSignals(reason="wrong"), RootCause.OTHER, "not measured", id="nothing_known"),
    ],
)
def test_causes_of_constructed_failures(signals, cause, said):
    proposed = propose(signals)
    assert proposed.cause is cause
    assert said in proposed.reason


def test_clusters_hold_every_negative_once_and_group_what_is_alike():
    negatives = [
        Negative("a", RootCause.HALLUCINATION, "What is the late fee of plan A?"),
        Negative("b", RootCause.HALLUCINATION, "the late fee for plan B"),
        Negative("c", RootCause.HALLUCINATION, "Who is the landlord?"),
        Negative("d", RootCause.FAILED_RETRIEVAL, "What is the late fee of plan A?"),
        Negative("e", RootCause.HALLUCINATION, "anything", failing_document="doc-1"),
        Negative("f", RootCause.HALLUCINATION, "something else", failing_document="doc-1"),
    ]
    clusters = cluster_negatives(negatives)
    assert {frozenset(cluster.members) for cluster in clusters} == {
        frozenset("ab"),
        frozenset("c"),
        frozenset("d"),
        frozenset("ef"),
    }
    assert sum(len(cluster.members) for cluster in clusters) == len(negatives)
    assert len({cluster.key for cluster in clusters}) == len(clusters)
