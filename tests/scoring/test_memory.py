"""Memory: what events leave behind, what survives, and that the state is bounded, deterministic and exact."""

import copy
import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.memory.terms import TermKind, find_terms, vocabulary
from scoring.memory.working_memory import (
    HotContext,
    ItemKind,
    MemoryStateError,
    TurnFeedback,
    extract_items,
    initial_memory,
    memory_from_json,
    memory_to_json,
    missing_identifiers,
    render_hot_context,
    update_memory,
)


def count_words(text):
    return len(text.split())


def event(content, event_type="assistant_message", **metadata):
    return {"event_type": event_type, "content": content, "metadata": metadata}


def replay(events, feedback=None):
    state = initial_memory()
    for number, one in enumerate(events):
        state = update_memory(state, extract_items(one, f"s{number}"), (feedback or {}).get(number))
    return state


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)
WORDS = st.sampled_from(
    "the order W123 id_7 failed decided must Paris 4711 src/app.py ERROR not found please MFRB94 1,250.50 .\n".split(
        " "
    )
)
CONTENTS = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=60).map(" ".join),
    JSON_VALUES.map(json.dumps),
    JSON_VALUES.map(lambda value: f"update_order({json.dumps({'a': value})})"),
)
EVENTS = st.builds(
    event,
    CONTENTS,
    st.sampled_from(["user_message", "assistant_message", "tool_call", "tool_result", "policy", "other"]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(EVENTS, max_size=12), st.integers(0, 120))
def test_laws_of_extraction_state_and_text(events, budget):
    state = replay(events)
    assert state == replay(copy.deepcopy(events))
    for number, one in enumerate(events):
        items = extract_items(one, f"s{number}")
        assert len(items) <= 48
        for item in items:
            assert 0 <= item.start <= item.end <= len(one["content"])
            assert len(item.text) <= 400
    for dumps, loads in ((json.dumps, json.loads), (orjson.dumps, orjson.loads)):
        assert memory_from_json(loads(dumps(memory_to_json(state)))) == (state, ())
    hot = render_hot_context(state, budget, count_words)
    assert hot == render_hot_context(state, budget, count_words)
    assert hot.tokens == count_words(hot.text) <= budget
    assert hot.text == "\n".join(line.text for line in hot.lines)
    assert hot.hot == len(hot.lines)
    assert hot.hot + hot.warm == len(state.items)
    assert all(line.source_id.startswith("s") and line.text.endswith(f"[{line.event}]") for line in hot.lines)


def test_state_is_bounded_however_long_the_session():
    events = [
        event(json.dumps({f"key_{n}": [f"id-{n}-{i}-{'x' * 90}" for i in range(40)]}), "tool_result") for n in range(60)
    ]
    state = replay(events)
    assert len(state.items) == 256
    assert len(state.terms) <= 1024
    assert state.evicted > 0
    assert state.events == 60
    assert len(json.dumps(memory_to_json(state))) < 512 * 1024
    hot = render_hot_context(state, 200, count_words)
    assert (hot.hot + hot.warm, hot.cold) == (256, state.evicted)


@pytest.mark.parametrize(
    ("content", "event_type", "kind"),
    [
        pytest.param("I'll go with SQLite for the store.", "assistant_message", ItemKind.DECISION, id="decision"),
        pytest.param('cancel_order({"order_id": "W12"})', "tool_call", ItemKind.DECISION, id="action"),
        pytest.param('get_order({"order_id": "W12"})', "tool_call", ItemKind.FACT, id="lookup"),
        pytest.param("KeyError: no such key 'user_id'", "tool_result", ItemKind.ERROR, id="error"),
        pytest.param("Could you rename it to parse_args?", "user_message", ItemKind.OPEN_TASK, id="task"),
        pytest.param("You can only help one user.", "policy", ItemKind.CONSTRAINT, id="policy"),
        pytest.param("My user id is mia_li_3668.", "user_message", ItemKind.FACT, id="fact"),
        pytest.param("src/app/main.py src/app/cli.py", "tool_result", ItemKind.FILE, id="file"),
        pytest.param("def parse_args(argv):", "tool_result", ItemKind.SYMBOL, id="symbol"),
    ],
)
def test_kinds(content, event_type, kind):
    assert [item.kind for item in extract_items(event(content, event_type), "s")] == [kind]


def test_plain_talk_leaves_nothing():
    assert extract_items(event("Hello there, how are you today?", "user_message"), "s") == ()


def test_prose_spans_are_the_sentences_they_came_from():
    content = "Hello.\nMy order is #W2611340 and my zip is 76143. Thanks a lot!\nIt went to Fort Worth."
    items = extract_items(event(content, "user_message"), "s")
    assert [content[item.start : item.end] for item in items] == [content[7:]] or all(
        term in content[item.start : item.end] for item in items for term in item.terms
    )
    assert {term for item in items for term in item.terms} == {"W2611340", "76143", "Fort", "Worth"}


def test_json_results_keep_every_value_and_write_keys_once():
    value = {
        "order_id": "#W99",
        "items": [{"item_id": f"78{n:03}", "price": n + 0.5} for n in range(30)],
        "address": {"city": "Denver", "zip": "80298"},
    }
    content = json.dumps(value)
    items = extract_items(event(content, "tool_result"), "s")
    text = "\n".join(item.text for item in items)
    assert {"W99", "Denver", "80298", *(f"78{n:03}" for n in range(30))} <= vocabulary(text)
    assert text.count("item_id") < 6
    assert len(text) < len(content) * 0.7
    for item in items:
        if "78029" in item.terms:
            assert "78029" in content[item.start : item.end]


def test_deeply_nested_json_is_a_text_like_any_other():
    assert extract_items(event("[" * 200_000, "tool_result"), "s") == ()
    nested = "{" + '"a":{' * 500 + '"id":"deep_77"' + "}" * 501
    assert any("deep_77" in item.terms for item in extract_items(event(nested, "tool_result"), "s"))


def test_a_repeat_is_kept_once_and_counts_as_recent():
    state = replay([event("user id mia_li_3668", "user_message")] * 3)
    assert [(item.text, item.event) for item in state.items] == [("user id mia_li_3668", 3)]
    assert dict(state.terms)["mia_li_3668"].spoken == 3


def test_a_newer_record_of_the_same_thing_demotes_the_older():
    def order(status):
        return event(json.dumps({"order_id": "W1", "status": status, "code": "QX77"}), "tool_result")

    state = replay([order("pending"), order("cancelled")])
    assert [item.superseded for item in state.items] == [True, False]
    text = render_hot_context(state, 9, count_words).text
    assert "cancelled" in text
    assert "pending" not in text


def test_an_error_is_pinned_until_its_tool_works_or_somebody_says_so():
    failing = event("Error: payment gateway refused card_77", "tool_result", tool="pay")
    filler = [event(f"see item_{n} and price {n + 100}", "user_message") for n in range(30)]
    assert "card_77" in render_hot_context(replay([failing, *filler]), 40, count_words).text
    working = event('{"status": "paid_ok_1"}', "tool_result", tool="pay")
    assert [item.resolved for item in replay([failing, working]).items] == [True, False]
    told = event("The problem with card_77 is fixed now", "user_message")
    assert replay([failing, told]).items[0].resolved
    assert not replay([failing, event("It is fixed", "user_message")]).items[0].resolved


def test_use_citation_and_recency_decide_what_fits():
    facts = [event(f"value code_{n:02} here", "tool_result") for n in range(20)]

    def survivors(events, feedback=None):
        return render_hot_context(replay(events, feedback), 5, count_words).text

    assert "code_19" in survivors(facts)
    cited = {20: TurnFeedback(cited_source_ids=frozenset({"s3"}))}
    assert "code_03" in survivors([*facts, event("", "other")], cited)
    contradicted = {20: TurnFeedback(contradicted_source_ids=frozenset({"s19"}))}
    assert "code_18" in survivors([*facts, event("", "other")], contradicted)


def test_a_red_turn_can_be_kept_without_being_believed():
    said = [event("The refund went to card_11", "user_message"), event("The refund went to card_99", "scored_turn")]
    state = replay(said, {1: TurnFeedback(contradicted_source_ids=frozenset({"s1"}))})
    assert [item.superseded for item in state.items] == [False, True]


def test_budget_is_held_and_nothing_is_cut():
    state = replay(
        [event(f"user id mia_li_{n} lives at {n} Main Street in Fort Worth", "user_message") for n in range(9)]
    )
    texts = {item.text for item in state.items}
    for budget in range(60):
        hot = render_hot_context(state, budget, count_words)
        assert hot.tokens <= budget
        assert all(any(text in line.text for text in texts) for line in hot.lines)
    assert render_hot_context(initial_memory(), 100, count_words) == HotContext("", (), 0, 0, 0, 0)
    with pytest.raises(ValueError, match="token_budget"):
        render_hot_context(state, -1, count_words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("user sophia_martin_4574 paid $1,592.50", {"sophia_martin_4574", "1592.50"}, id="id-and-money"),
        pytest.param("at 10:30 on 2024-05-27", {"10:30", "2024-05-27"}, id="time-and-date"),
        pytest.param("open src/app/main.py or ./run.sh", {"src/app/main.py", "./run.sh"}, id="paths"),
        pytest.param("yes and/or no, 5 items", set(), id="plain"),
        pytest.param("Sure. Then we met Sophia Martin.", {"Sophia", "Martin"}, id="names-inside-sentences"),
        pytest.param('{"city": "Denver", "ok": true}', {"Denver"}, id="json-name"),
        pytest.param("foo.bar(x) raised KeyError", {"foo.bar", "KeyError"}, id="code"),
        pytest.param("flag=--max_tokens=500", {"max_tokens", "500"}, id="flags"),
        pytest.param(
            "mail a.b@example.com or https://x.io/a?b=1.", {"a.b@example.com", "https://x.io/a?b=1"}, id="url"
        ),
    ],
)
def test_terms(text, expected):
    assert {term.text for term in find_terms(text)} == expected


@settings(deadline=None)
@given(st.text(max_size=200))
def test_terms_are_where_they_say(text):
    for term in find_terms(text):
        assert text[term.start : term.end].replace(",", "") == term.text.replace(",", "")
        assert isinstance(term.kind, TermKind)
    assert missing_identifiers(text, text) == ()


def test_missing_identifiers_are_those_the_hot_context_lacks():
    assert missing_identifiers("refund W12 and W34 to card_5, $1,250", "order W34; 1250 paid") == ("W12", "card_5")


@pytest.mark.parametrize(
    ("one", "source_id", "match"),
    [
        pytest.param({"event_type": "x"}, "s", "content", id="no-content"),
        pytest.param({"event_type": None, "content": "x"}, "s", "event_type", id="no-type"),
        pytest.param(event("x"), "", "source_id", id="no-source"),
        pytest.param(event("x"), "s" * 129, "source_id", id="long-source"),
    ],
)
def test_event_that_is_none_is_refused(one, source_id, match):
    with pytest.raises(ValueError, match=match):
        extract_items(one, source_id)


GOOD = memory_to_json(replay([event("user id mia_li_3668", "user_message"), event("Error: bad card_7", "tool_result")]))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"events": -1}, "events", id="negative"),
        pytest.param({"events": True}, "events", id="bool"),
        pytest.param({"items": {}}, "items", id="items-object"),
        pytest.param({"items": [GOOD["items"][0]] * 257}, "items", id="too-many-items"),
        pytest.param({"items": [3]}, "items", id="item-number"),
        pytest.param({"items": [GOOD["items"][0] | {"text": "x" * 401}]}, "text", id="long-text"),
        pytest.param({"items": [GOOD["items"][0] | {"kind": "gossip"}]}, "kind", id="unknown-kind"),
        pytest.param({"items": [GOOD["items"][0] | {"event": 99}]}, "items", id="future-event"),
        pytest.param({"items": [GOOD["items"][0] | {"start": 99, "end": 1}]}, "items", id="start-after-end"),
        pytest.param({"items": [GOOD["items"][0] | {"terms": ["x"] * 49}]}, "terms", id="too-many-terms"),
        pytest.param({"items": [GOOD["items"][0] | {"resolved": 1}]}, "items", id="flag-number"),
        pytest.param({"items": [GOOD["items"][0] | {"note": 1}]}, "note", id="unknown-item-field"),
        pytest.param({"terms": [["x", 1, 0, 1]] * 2}, "terms", id="term-twice"),
        pytest.param({"terms": [["x", 9, 0, 1]]}, "terms", id="more-uses-than-events"),
        pytest.param({"terms": [["x", 1]]}, "terms", id="short-row"),
        pytest.param({"note": 1}, "note", id="unknown-field"),
    ],
)
def test_hostile_state_is_refused_and_named(change, field):
    with pytest.raises(MemoryStateError, match=field):
        memory_from_json(copy.deepcopy(GOOD) | change)


@settings(deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON_VALUES)
def test_any_corruption_is_refused_or_gives_a_state_that_still_works(name, value):
    try:
        state, _ = memory_from_json(copy.deepcopy(GOOD) | {name: value})
    except MemoryStateError:
        return
    after = update_memory(state, extract_items(event("order W77"), "s"))
    assert memory_from_json(json.loads(json.dumps(memory_to_json(after)))) == (after, ())


@pytest.mark.parametrize("obj", [{}, {"version": 2}, {"version": True}], ids=repr)
def test_unknown_version_starts_empty_with_a_warning(obj):
    state, warnings = memory_from_json(obj)
    assert (state, len(warnings)) == (initial_memory(), 1)
    with pytest.raises(MemoryStateError, match="object"):
        memory_from_json([])
