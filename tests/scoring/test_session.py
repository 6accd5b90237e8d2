"""Session state: laws over random sessions, known values, and refusal of what no server wrote."""

import copy
import json
import math
import statistics
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latence._models.trace import SessionState as ClientState

from scoring.session.update import (
    THRESHOLDS,
    ObservationError,
    SessionStateError,
    TurnObservation,
    from_json,
    initial_state,
    signals_to_json,
    to_json,
    update,
)
from scoring.types import Band, Recommendation

PATHS = st.one_of(st.sampled_from([f"src/module_{i}.py" for i in range(90)]), st.text(max_size=300))


@st.composite
def observations(draw):
    checked = draw(st.integers(0, 50))
    phantom = draw(st.integers(0, checked))
    return TurnObservation(
        groundedness=draw(st.none() | st.floats(0, 1)),
        band=draw(st.sampled_from(Band)),
        symbols_checked=checked,
        phantom_symbols=phantom,
        drift_symbols=draw(st.integers(0, checked - phantom)),
        file_shares=draw(st.dictionaries(PATHS, st.floats(0, 1), max_size=8)),
        dead_files=tuple(draw(st.lists(PATHS, max_size=8))),
        reason_codes=tuple(draw(st.lists(st.text(max_size=64), max_size=5))),
    )


def run(turns):
    state, signals = initial_state(), None
    for turn in turns:
        state, signals = update(state, turn)
    return state, signals


def turn(groundedness=0.9, band=Band.GREEN, **more):
    return TurnObservation(groundedness, band, **more)


@settings(max_examples=60, deadline=None)
@given(st.lists(observations(), min_size=1, max_size=12))
def test_state_is_deterministic_bounded_and_survives_json_at_every_turn(turns):
    carried = initial_state()
    for position, observation in enumerate(turns, 1):
        state, signals = update(carried, observation)
        assert update(carried, observation) == (state, signals)
        assert state.turns == signals.total_turns == position
        assert len(state.files) <= 64
        assert len(state.band_trail) <= 20
        for dumps, loads in ((json.dumps, json.loads), (orjson.dumps, orjson.loads)):
            text = dumps(to_json(state))
            back, warnings = from_json(loads(text))
            assert (back, warnings) == (state, ())
            assert dumps(to_json(back)) == text
        body = signals_to_json(signals)
        assert json.loads(json.dumps(body, allow_nan=False)) == body
        carried = back


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=60))
def test_running_statistics_are_those_of_the_whole_series(values):
    state, signals = run(turn(value) for value in values)
    assert state.groundedness_mean == pytest.approx(statistics.fmean(values), abs=1e-12)
    assert state.groundedness_m2 == pytest.approx(statistics.pvariance(values) * len(values), abs=1e-9)
    spread = max(statistics.stdev(values[:-1]), 0.02)
    assert signals.drift_z_score == pytest.approx((values[-1] - statistics.fmean(values[:-1])) / spread, abs=1e-6)


def test_half_life_is_four_scored_turns():
    _, signals = run([turn(1.0), *[turn(0.0)] * 4])
    assert signals.ema_groundedness == pytest.approx(0.5)
    _, signals = run([turn(1.0), *[turn(0.0), turn(None, Band.UNKNOWN)] * 4])
    assert signals.ema_groundedness == pytest.approx(0.5), "a turn without a score must not move the mean"


def test_undefined_signals_are_none_with_a_reason():
    _, signals = run([turn(None, Band.UNKNOWN)])
    names = ("ema_groundedness", "groundedness_drift", "drift_z_score", "cascade_density", "phantom_rate")
    assert [getattr(signals, name) for name in names] == [None] * 5
    assert set(signals.undefined) == set(names)
    assert not set(names) & set(signals_to_json(signals))
    assert run([turn(), turn()])[1].undefined["drift_z_score"] == "needs 3 scored turns, has 2"


@pytest.mark.parametrize(
    ("turns", "recommendation", "trigger"),
    [
        pytest.param([turn()] * 6, Recommendation.CONTINUE, None, id="steady"),
        pytest.param([turn(0.5, Band.RED)] * 2, Recommendation.RE_ANCHOR, "red_streak", id="two-red"),
        pytest.param([turn(0.5, Band.RED)] * 4, Recommendation.FRESH_CHAT, "red_streak", id="four-red"),
        pytest.param([turn()] * 5 + [turn(0.6)], Recommendation.RE_ANCHOR, "drift_z_score", id="sudden-drop"),
        pytest.param([turn(0.2, Band.AMBER)] * 5, Recommendation.FRESH_CHAT, "ema_groundedness", id="never-grounded"),
        pytest.param(
            [turn(symbols_checked=10, phantom_symbols=2)], Recommendation.RE_ANCHOR, "phantom_rate", id="phantoms"
        ),
        pytest.param(
            [turn(file_shares={"a.py": 1.0}, dead_files=("b.py",))] * 3,
            Recommendation.RE_ANCHOR,
            "dead_weight_streak",
            id="dead-weight",
        ),
        pytest.param(
            [turn(symbols_checked=100, drift_symbols=1)] * 6,
            Recommendation.FRESH_CHAT,
            "cascade_density",
            id="every-turn-fails",
        ),
    ],
)
def test_recommendation_follows_the_table(turns, recommendation, trigger):
    _, signals = run(turns)
    assert signals.recommendation is recommendation
    assert trigger is None or trigger in signals.triggers


def test_thresholds_name_real_signals_and_are_sorted_by_severity():
    _, signals = run([turn()])
    assert all(hasattr(signals, row.signal) for row in THRESHOLDS)
    order = [row.recommendation for row in THRESHOLDS]
    assert order == sorted(order, key=[Recommendation.FRESH_CHAT, Recommendation.RE_ANCHOR].index)


@pytest.mark.parametrize("row", THRESHOLDS, ids=lambda row: f"{row.recommendation}-{row.signal}")
def test_thresholds_stand_in_the_documentation(row):
    page = (Path(__file__).parents[2] / "docs" / "sessions-and-rollup.md").read_text(encoding="utf-8")
    limit = f"{row.limit:g}".replace("-", "−")
    since = f" {row.min_turns}" if row.min_turns > 1 else ""
    assert f"| `{row.recommendation}` | `{row.signal}` {'≤' if row.below else '≥'} {limit} |{since} |" in page


def test_unknown_band_neither_breaks_nor_extends_a_red_streak():
    _, signals = run([turn(0.1, Band.RED), turn(None, Band.UNKNOWN), turn(0.1, Band.RED)])
    assert signals.red_streak == 2
    assert run([turn(0.1, Band.RED), turn()])[1].red_streak == 0


def test_dead_file_is_a_candidate_after_three_turns_and_not_once_used():
    dead = turn(file_shares={"used.py": 0.9}, dead_files=("dead.py",))
    assert run([dead] * 2)[1].dead_file_candidates == ()
    assert run([dead] * 3)[1].dead_file_candidates == ("dead.py",)
    assert run([dead] * 3 + [turn(file_shares={"dead.py": 0.2})])[1].dead_file_candidates == ()


def test_eviction_keeps_the_latest_files_then_the_largest_shares():
    first = turn(file_shares={f"old_{i:02}.py": 0.01 for i in range(64)})
    second = turn(file_shares={f"new_{i:02}.py": i / 100 for i in range(60)})
    state, _ = run([first, second])
    kept = {file.path for file in state.files}
    assert len(kept) == 64
    assert {f"new_{i:02}.py" for i in range(60)} <= kept
    assert {path for path in kept if path.startswith("old")} == {f"old_{i:02}.py" for i in range(4)}


def test_typical_state_is_under_2_kb_and_the_largest_under_20_kb():
    shares = {f"src/package/module_{i}.py": 1 / 8 for i in range(8)}
    state, _ = run([turn(0.123456789, symbols_checked=9, phantom_symbols=1, file_shares=shares)] * 100)
    assert len(json.dumps(to_json(state), separators=(",", ":"))) < 2_048
    hostile = {"\U0001f600" * 500 + str(i): 1 / 64 for i in range(200)}
    state, _ = run([turn(0.1, file_shares=hostile)] * 30)
    assert len(orjson.dumps(to_json(state))) < 64 * 1024
    plain, _ = run([turn(0.1, file_shares={"p" * 500 + str(i): 1 / 64 for i in range(200)})] * 30)
    assert len(orjson.dumps(to_json(plain))) < 20 * 1024


def test_public_client_carries_the_state_to_the_bit():
    state, _ = run([turn(None, Band.UNKNOWN), turn(0.1 + 0.2, file_shares={"a.py": 1 / 3})])
    carried = ClientState.model_validate(json.loads(json.dumps(to_json(state)))).model_dump(exclude_none=True)
    assert from_json(json.loads(json.dumps(carried))) == (state, ())


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param({}, id="empty"),
        pytest.param({"version": 2, "turns": 4}, id="future"),
        pytest.param({"version": "1"}, id="text-version"),
        pytest.param({"version": [["x"] * 1000]}, id="list-version"),
    ],
)
def test_unknown_version_starts_afresh_with_a_warning(obj):
    state, warnings = from_json(obj)
    assert state == initial_state()
    assert len(warnings) == 1
    assert "starts afresh" in warnings[0]
    assert len(warnings[0]) < 200


def test_no_state_starts_without_a_warning():
    assert from_json(None) == (initial_state(), ())


GOOD = to_json(run([turn(0.5, file_shares={"a.py": 0.5}, reason_codes=("x",))] * 3)[0])


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        pytest.param("turns", -1, "turns", id="negative"),
        pytest.param("turns", True, "turns", id="bool"),
        pytest.param("turns", 10**400, "turns", id="huge-int"),
        pytest.param("turns", "3", "turns", id="text-number"),
        pytest.param("turns", 2, "scored_turns|trail", id="inconsistent-turns"),
        pytest.param("groundedness_mean", math.nan, "groundedness_mean", id="nan"),
        pytest.param("groundedness_mean", math.inf, "groundedness_mean", id="inf"),
        pytest.param("groundedness_mean", 10**400, "groundedness_mean", id="huge-real"),
        pytest.param("groundedness_m2", 5.0, "groundedness_m2", id="impossible-variance"),
        pytest.param("groundedness_ema", 1.1, "groundedness_ema", id="above-one"),
        pytest.param("groundedness_ema", None, "groundedness_ema", id="ema-missing"),
        pytest.param("symbols_failed", 1.0, "symbols_failed", id="more-failed-than-checked"),
        pytest.param("red_streak", 4, "red_streak", id="streak-beyond-turns"),
        pytest.param("band_trail", "ggx", "band_trail", id="unknown-band"),
        pytest.param("band_trail", "g" * 21, "band_trail", id="long-band-trail"),
        pytest.param("groundedness_trail", [0.5] * 21, "groundedness_trail.*limit is 20", id="long-trail"),
        pytest.param("groundedness_trail", {"a": 1}, "groundedness_trail", id="trail-object"),
        pytest.param("failed_symbols_trail", [1, 2, 0.5], "failed_symbols_trail", id="half-a-symbol"),
        pytest.param("files", [["a.py", 0.5, 1, 0, 1]] * 65, "files.*limit is 64", id="too-many-files"),
        pytest.param("files", [["a.py", 0.5, 1, 0, 1]] * 2, "files.*twice", id="duplicate-file"),
        pytest.param("files", [["p" * 161, 0.5, 1, 0, 1]], "files.*160", id="long-path"),
        pytest.param("files", [["a.py", 0.5, 1, 0, 9]], "files.*last_turn", id="future-turn"),
        pytest.param("files", [["\ud800", 0.5, 1, 0, 1]], "files.*surrogate", id="surrogate"),
        pytest.param("files", ["a.py"], "files", id="row-not-a-list"),
        pytest.param("reason_streaks", [["x", 0]], "reason_streaks", id="zero-streak"),
        pytest.param("reason_streaks", [[["x"], 1]], "reason_streaks", id="unhashable-code"),
        pytest.param("surprise", 1, "surprise.*unknown field", id="unknown-field"),
    ],
)
def test_hostile_state_is_refused_and_named(field, value, named):
    hostile = copy.deepcopy(GOOD) | {field: value}
    with pytest.raises(SessionStateError, match=named) as caught:
        from_json(hostile)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("field", [name for name in GOOD if name != "version"])
def test_missing_field_is_refused_and_named(field):
    with pytest.raises(SessionStateError, match=field):
        from_json({name: value for name, value in GOOD.items() if name != field})


@pytest.mark.parametrize("obj", [[], "state", 3, True], ids=repr)
def test_state_that_is_no_object_is_refused(obj):
    with pytest.raises(SessionStateError, match="object"):
        from_json(obj)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(GOOD)), JSON_VALUES)
def test_any_corruption_is_refused_or_gives_a_state_that_still_works(field, value):
    try:
        state, _ = from_json(copy.deepcopy(GOOD) | {field: value})
    except SessionStateError:
        return
    after, signals = update(state, turn(0.4))
    assert from_json(to_json(after)) == (after, ())
    assert json.dumps(signals_to_json(signals), allow_nan=False)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        pytest.param({"groundedness": 1.5}, "groundedness", id="above-one"),
        pytest.param({"groundedness": math.nan}, "groundedness", id="nan"),
        pytest.param({"symbols_checked": 1, "phantom_symbols": 2}, "symbols_checked", id="more-phantoms-than-symbols"),
        pytest.param({"symbols_checked": -1}, "symbols_checked", id="negative"),
        pytest.param({"file_shares": {"a.py": math.nan}}, "file_shares", id="nan-share"),
        pytest.param({"reason_codes": ("x" * 65,)}, "reason_codes", id="long-code"),
    ],
)
def test_impossible_observation_is_refused(more, field):
    with pytest.raises(ObservationError) as caught:
        TurnObservation(**{"groundedness": 0.5, "band": Band.GREEN} | more)
    assert caught.value.field == field
