"""The rollup: known values, both turn shapes alike, laws over random turns, refusal that names index and field."""

import copy
import json
import math
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latence._models.trace import TraceCodeResponse, TraceRollupResponse
from latence.resources.trace import _normalize_turns

from scoring.rollup.scoreboard import RollupError, rollup
from scoring.session.update import TurnObservation, initial_state, signals_to_json, update
from scoring.types import Band

RATIO = st.floats(0, 1)
NAMES = st.sampled_from(["src/a.py", "src/b.py", "docs/<b>&\"'.md"])


@st.composite
def flat_turns(draw):
    """A response as the rag and code lanes give it; fields may be absent."""
    used = draw(RATIO)
    paths = draw(st.lists(NAMES, unique=True, max_size=3))
    dead = draw(st.lists(st.sampled_from(paths), unique=True, max_size=3)) if paths else []
    turn = {
        "success": True,
        "score": draw(RATIO),
        "primary_metric": draw(st.sampled_from(["reverse_context", "triangular", "groundedness_v9"])),
        "band": draw(st.sampled_from(["green", "amber", "red", "unknown"])),
        "context_coverage_ratio": draw(RATIO),
        "context_usage_ratio": used,
        "support_units": [],
        "file_attribution": {
            "files": [{"path": path, "owner_share": 0.1, "reason_codes": ["shared"]} for path in paths],
            "reason_codes": {"shared": len(paths)},
            "dead_files": dead,
        },
        "session_signals": {
            "groundedness_drift": draw(st.floats(-1, 1)),
            "phantom_rate": draw(RATIO),
            "red_streak": 0,
            "dead_file_candidates": dead,
            "recommendation": draw(st.sampled_from(["continue", "re_anchor", "fresh_chat"])),
        },
    }
    keep = draw(st.sets(st.sampled_from(sorted(turn)))) | {"band"}
    return {name: value for name, value in turn.items() if name in keep}


def compact(turn):
    return _normalize_turns([TraceCodeResponse.model_validate(turn)])[0]


def flat(score, band="green", **more):
    return {"score": score, "primary_metric": "reverse_context", "band": band} | more


@given(st.lists(flat_turns(), min_size=1, max_size=12), st.data())
@settings(deadline=None)
def test_both_shapes_and_any_mix_of_them_give_the_same_scoreboard(turns, data):
    short = [compact(turn) for turn in turns]
    mixed = [data.draw(st.sampled_from(pair)) for pair in zip(turns, short, strict=True)]
    assert rollup(turns) == rollup(short) == rollup(mixed)


@given(st.lists(flat_turns(), min_size=1, max_size=12))
@settings(deadline=None)
def test_pure_finite_and_within_bounds(turns):
    before = copy.deepcopy(turns)
    result = rollup(turns, session_id="s", heatmap_format="html")
    body = result.to_json()
    assert turns == before
    assert rollup(turns, session_id="s", heatmap_format="html") == result
    text = json.dumps(body, allow_nan=False)
    assert TraceRollupResponse.model_validate(json.loads(text)).turns_processed == len(turns)
    for name in ("noise_pct", "model_drift_pct", "retrieval_waste_pct"):
        assert body.get(name) is None or 0 <= body[name] <= 1
    assert len(body["risk_band_trail"]) == len(body["heatmap"]["rows"]) == len(turns)
    assert all(len(row) == len(body["heatmap"]["columns"]) for row in body["heatmap"]["rows"])
    trend = body.get("drift_trend")
    assert trend is None or trend["min"] - 1e-9 <= trend["mean"] <= trend["max"] + 1e-9


@settings(deadline=None)
@given(st.lists(st.none() | RATIO, min_size=1, max_size=40))
def test_drift_without_signals_is_that_of_the_session_state(values):
    state, carried = initial_state(), []
    for value in values:
        state, signals = update(state, TurnObservation(value, Band.AMBER))
        carried.append({"risk_band": "amber", "session_signals": signals_to_json(signals)})
        if value is not None:
            carried[-1]["scores"] = {"reverse_context": value}
    bare = [{"risk_band": "amber", **({} if value is None else {"score": value})} for value in values]
    ours, theirs = rollup(bare), rollup(carried)
    scored = [turn for turn in carried if "scores" in turn]
    if not scored:
        assert ours.drift_trend is None
        assert ours.model_drift_pct is None
    else:
        assert ours.drift_trend.last == pytest.approx(theirs.drift_trend.last, abs=1e-9)
        assert ours.drift_trend.min == pytest.approx(theirs.drift_trend.min, abs=1e-9)


@pytest.mark.parametrize("turns", [255, 256, 257, 600])
def test_blocks_do_not_show(turns):
    series = [flat(i % 7 / 7, "red" if i % 5 == 0 else "green", timestamp=float(i)) for i in range(turns)]
    result = rollup(series)
    assert result.turns_processed == turns
    assert [row[0] for row in result.heatmap["rows"]] == list(range(1, turns + 1))
    assert [row[-1] for row in result.heatmap["rows"]] == [float(i) for i in range(turns)]
    assert result.noise_pct == len(range(0, turns, 5)) / turns
    broken = [*series, flat(2.0)]
    with pytest.raises(RollupError) as caught:
        rollup(broken)
    assert caught.value.index == turns
    assert caught.value.field == f"turns[{turns}].score"


def test_known_values():
    attribution = {
        "files": [{"path": "a.py"}, {"path": "b.py"}],
        "reason_codes": {"shared": 1, "dead_weight": 1},
        "dead_files": ["b.py"],
    }
    turns = [
        flat(0.9, context_unused_ratio=0.25, file_attribution=attribution),
        flat(0.9, context_usage_ratio=0.5, context_uncertain_ratio=0.25, file_attribution=attribution),
        flat(0.1, "red", file_attribution=attribution, reason_codes=["contradicted", "shared"]),
        {"scores": {"context_coverage_ratio": 0.2}, "timestamp": "2026-01-01"},
        {"risk_band": "unknown"},
    ]
    body = rollup(turns, session_id="s-1").to_json()
    assert body["turns_processed"] == 5
    assert body["risk_band_trail"] == ["green", "green", "red", "unknown", "unknown"]
    assert body["noise_pct"] == 2 / 4, "red, and unknown with low coverage, of the four judged"
    assert body["retrieval_waste_pct"] == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    assert body["reason_code_histogram"] == {"shared": 4, "dead_weight": 3, "contradicted": 1}
    assert body["top_dead_files"] == [{"path": "b.py", "dead_turns": 3, "turns": 3, "dead_share": 1.0}]
    assert body["model_drift_pct"] == pytest.approx(1 / 3)
    assert body["session_id"] == "s-1"
    assert body["version"] == "rollup-1"
    assert "stop sending b.py: unused in 3 of 3 turns" in body["recommendations"]


def test_recommendations_start_with_the_gravest_of_stated_and_computed():
    assert rollup([flat(0.9)] * 3).recommendations == ("continue",)
    assert rollup([flat(0.9), flat(0.9, recommendation="fresh_chat")]).recommendations[0] == "fresh_chat"
    four_red = rollup([flat(0.4, "red", session_signals={"recommendation": "continue"})] * 4).recommendations
    assert four_red[0] == "fresh_chat"
    assert "red_streak is 4 after 4 turns" in four_red


def test_a_file_that_is_mostly_used_is_not_dead_weight():
    def turn(dead):
        return flat(0.9, file_attribution={"files": [{"path": "a.py"}], "dead_files": ["a.py"] if dead else []})

    assert rollup([turn(False), turn(False), turn(True)]).top_dead_files == ()
    assert [entry["path"] for entry in rollup([turn(True), turn(False)]).top_dead_files] == ["a.py"]


def test_heatmap_formats():
    turns = [flat(0.5)]
    assert rollup(turns, heatmap_format="none").to_json().keys().isdisjoint({"heatmap", "heatmap_html"})
    assert "heatmap_html" not in rollup(turns).to_json()
    with pytest.raises(RollupError, match="heatmap_format"):
        rollup(turns, heatmap_format="pdf")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names = []
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_html_is_one_escaped_self_contained_div(session_id, timestamp):
    nasty = '"><script>alert(1)</script><img src=x onerror=y>'
    turns = [flat(0.5, timestamp=timestamp + nasty), flat(0.2, "red", timestamp=timestamp)]
    html = rollup(turns, session_id=session_id + nasty, heatmap_format="html").heatmap_html
    tags = Tags()
    tags.feed(html)
    assert tags.names == ["div", "span", "span"]
    assert tags.attributes == {"class", "role", "aria-label", "style", "title"}
    assert html.startswith("<div")
    assert html.endswith("</div>")


@pytest.mark.parametrize(
    ("turn", "field"),
    [
        pytest.param(3, "turns[1]", id="not-an-object"),
        pytest.param({}, "turns[1]", id="empty"),
        pytest.param({"success": True}, "turns[1]", id="nothing-to-read"),
        pytest.param({"score": math.nan}, "turns[1].score", id="nan"),
        pytest.param({"score": math.inf}, "turns[1].score", id="inf"),
        pytest.param({"score": -0.1}, "turns[1].score", id="negative"),
        pytest.param({"score": True}, "turns[1].score", id="bool"),
        pytest.param({"score": "0.5"}, "turns[1].score", id="text"),
        pytest.param({"score": 10**400}, "turns[1].score", id="huge"),
        pytest.param({"scores": {"triangular": 1.5}}, "turns[1].score", id="compact-score"),
        pytest.param({"scores": [0.5]}, "turns[1].scores", id="scores-list"),
        pytest.param({"risk_band": "purple"}, "turns[1].band", id="unknown-band"),
        pytest.param({"band": ["red"]}, "turns[1].band", id="band-list"),
        pytest.param({"recommendation": "panic"}, "turns[1].recommendation", id="unknown-recommendation"),
        pytest.param({"score": 0.5, "timestamp": {}}, "turns[1].timestamp", id="timestamp"),
        pytest.param({"score": 0.5, "timestamp": math.nan}, "turns[1].timestamp", id="timestamp-nan"),
        pytest.param({"context_coverage_ratio": 7}, "turns[1].context_coverage_ratio", id="coverage"),
        pytest.param({"session_signals": []}, "turns[1].session_signals", id="signals-list"),
        pytest.param(
            {"session_signals": {"groundedness_drift": "x"}}, "turns[1].session_signals.groundedness_drift", id="drift"
        ),
        pytest.param(
            {"session_signals": {"dead_weight_streak": -1}}, "turns[1].session_signals.dead_weight_streak", id="streak"
        ),
        pytest.param({"file_attribution": {"files": {}}}, "turns[1].file_attribution.files", id="files-object"),
        pytest.param({"file_attribution": {"files": [{}]}}, "turns[1].file_attribution.files[0]", id="no-path"),
        pytest.param({"file_attribution": {"files": ["a"]}}, "turns[1].file_attribution.files[0]", id="file-text"),
        pytest.param(
            {"file_attribution": {"dead_files": ["a", 1]}}, "turns[1].file_attribution.dead_files[1]", id="dead-number"
        ),
        pytest.param(
            {"file_attribution": {"dead_files": [["a"]]}}, "turns[1].file_attribution.dead_files[0]", id="dead-list"
        ),
        pytest.param(
            {"file_attribution": {"reason_codes": {"x": 0.5}}}, "turns[1].file_attribution.reason_codes.x", id="count"
        ),
        pytest.param({"score": 0.5, "reason_codes": [None]}, "turns[1].reason_codes[0]", id="code-null"),
        pytest.param({"score": 0.5, "reason_codes": "x"}, "turns[1].reason_codes", id="codes-text"),
    ],
)
def test_malformed_turn_is_refused_by_index_and_field(turn, field):
    with pytest.raises(RollupError) as caught:
        rollup([flat(0.5), turn])
    assert caught.value.field == field
    assert caught.value.index == 1
    assert str(caught.value).startswith(field)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([], id="none"),
        pytest.param([flat(0.5)] * 10_001, id="too-many"),
        pytest.param("turns", id="text"),
        pytest.param({"score": 1}, id="object"),
    ],
)
def test_wrong_number_of_turns_is_refused(turns):
    with pytest.raises(RollupError, match="turns"):
        rollup(turns)


def test_ten_thousand_turns_are_taken():
    assert rollup([flat(0.5)] * 10_000).turns_processed == 10_000


def test_unknown_field_of_a_compact_turn_is_said_aloud():
    warnings = rollup([{"scores": {"x": 0.5}, "risk_bnd": "red"}]).warnings
    assert warnings == ("turns[0].risk_bnd was not used; did you mean risk_band?",)
    assert len(rollup([{"risk_band": "red", "foo": 1}] * 50).warnings) == 6
