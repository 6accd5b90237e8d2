"""Bands: the interval against scipy, laws of the cuts, what is held out, what is borrowed."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from scoring.band_curves import (
    DEFAULT_TARGETS,
    FOLDS,
    MIN_BAND_ANSWERS,
    BandCurves,
    BandTargets,
    StratumCounts,
    cut_and_precision,
    pick_bands,
    rising_rate,
)
from scoring.band_fits import artifact_text, band_curves, fold_of, held_bands
from scoring.bands import OVERALL, UNSEEN, BandCuts, Precision, exact_interval, precision_of_band
from scoring.calibration import ArtifactError, parse_rag_artifact
from scoring.types import Band

ARTIFACTS = Path(__file__).parents[2] / "scoring" / "artifacts"


def answers(n: int, seed: int, separation: float = 1.0, wrong: float = 0.35):
    """(scores, labels, folds) of made answers: normal log-odds that the label shifts, as probabilities."""
    random = np.random.default_rng(seed)
    label = random.random(n) < wrong
    log_odds = random.normal(size=n) + np.where(label, -separation, separation)
    return 1.0 / (1.0 + np.exp(-2.0 * separation * log_odds)), label, random.integers(0, FOLDS, n)


def curves(n: int = 700, seed: int = 1, separation: float = 1.0) -> BandCurves:
    score, label, fold = answers(n, seed, separation)
    half = np.arange(n) % 2 == 0
    return band_curves(score, label, fold, {"even": half, "few": np.arange(n) < 40})


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_the_exact_one(counts):
    hits, n = counts
    low, high = exact_interval(hits, n)
    assert low == pytest.approx(0.0 if hits == 0 else beta.ppf(0.025, hits, n - hits + 1), abs=1e-9)
    assert high == pytest.approx(1.0 if hits == n else beta.ppf(0.975, hits + 1, n - hits), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_the_pooled_rate_rises_and_keeps_the_total(bins):
    right = np.array([min(pair) for pair in bins])
    every = np.array([max(pair) for pair in bins])
    rate = rising_rate(right, every)
    assert (np.diff(rate) >= -1e-12).all()
    assert float((rate * every).sum()) == pytest.approx(float(right.sum()))


def test_the_pooled_rate_is_the_textbook_one():
    """Rates 0, 1, .5, 1 over equal bins: the second and third are out of order and are pooled to .75."""
    assert rising_rate(np.array([0, 2, 1, 2]), np.array([2, 2, 2, 2])) == pytest.approx([0.0, 0.75, 0.75, 1.0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["green", "red"]))
def test_a_stricter_target_never_takes_in_more(seed, side):
    counts = curves(400, seed).strata[OVERALL]
    found = [cut_and_precision(counts, side, target)[0] for target in (0.8, 0.85, 0.9, 0.925, 0.96, 0.98)]
    cuts = [index for index in found if index is not None]
    assert cuts == sorted(cuts)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_bands_do_not_meet_and_what_they_hold_is_not_refuted(seed):
    for cuts in pick_bands(curves(500, seed, 0.6), DEFAULT_TARGETS).values():
        if cuts.green_at is not None and cuts.red_at is not None:
            assert cuts.red_at < cuts.green_at
        for at, held in ((cuts.green_at, cuts.green), (cuts.red_at, cuts.red)):
            assert (at is None) == (held is None)
            if held is not None and held.target is not None:
                assert held.low <= held.value <= held.high
                assert held.high >= held.target
                assert held.n >= MIN_BAND_ANSWERS


def test_what_is_reported_is_counted_on_answers_that_chose_nothing():
    """On labels that no score knows, in-sample search finds lucky cuts; held-out counting must give the base rate, or no band."""
    values = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        score, label, fold = random.random(300), random.random(300) < 0.2, random.integers(0, FOLDS, 300)
        counts = band_curves(score, label, fold, {}).strata[OVERALL]
        found = cut_and_precision(counts, "green", 0.8)[1]
        values += [] if found is None else [found.value]
    assert len(values) > 10
    assert abs(float(np.mean(values)) - 0.8) < 0.02


def test_the_held_precision_agrees_with_fresh_answers():
    """Bands of 700 answers, applied to 20,000 new ones of the same kind: the error of the reported value is that of its n."""
    for seed in range(5):
        cuts = pick_bands(curves(700, seed), DEFAULT_TARGETS)[OVERALL]
        score, label, _ = answers(20_000, 1000 + seed)
        assert cuts.green_at is not None
        assert cuts.green is not None
        assert cuts.green.low - 0.01 <= float((~label[score >= cuts.green_at]).mean()) <= cuts.green.high + 0.01


@pytest.mark.parametrize(
    ("stratum", "side", "borrowed", "target"),
    [
        pytest.param(OVERALL, "green", None, 0.92, id="overall-is-its-own"),
        pytest.param("even", "green", None, 0.92, id="enough-answers-of-its-own"),
        pytest.param("few", "red", OVERALL, 0.8875, id="few-answers-borrow-at-less-error"),
        pytest.param(UNSEEN, "green", OVERALL, 0.94, id="unseen-borrows-green"),
        pytest.param(UNSEEN, "red", OVERALL, 0.8875, id="unseen-borrows-red"),
    ],
)
def test_whose_answers_a_band_rests_on(stratum, side, borrowed, target):
    held = getattr(pick_bands(curves(), DEFAULT_TARGETS)[stratum], side)
    assert held.borrowed_from == borrowed
    assert held.target == pytest.approx(target)


def test_a_borrowed_cut_is_stricter_than_the_pooled_one():
    bands = pick_bands(curves(), DEFAULT_TARGETS)
    assert bands[UNSEEN].green_at > bands[OVERALL].green_at
    assert bands[UNSEEN].red_at < bands[OVERALL].red_at


def test_a_stratum_that_does_worse_does_not_borrow():
    """Forty answers that all score high and are all wrong: the pooled green is not theirs."""
    score, label, fold = answers(700, 3)
    score = np.concatenate([score, np.full(40, 0.999)])
    label = np.concatenate([label, np.ones(40, bool)])
    odd = np.arange(740) >= 700
    found = band_curves(score, label, np.concatenate([fold, np.arange(40) % FOLDS]), {"odd": odd})
    assert pick_bands(found, BandTargets(0.8, 0.85))["odd"].green_at is None


@pytest.mark.parametrize(
    ("score", "label"),
    [
        pytest.param(np.full(300, 0.5), np.arange(300) % 2 == 0, id="one-score"),
        pytest.param(np.linspace(0, 1, 20), np.arange(20) < 10, id="too-few"),
        pytest.param(np.linspace(0, 1, 300), np.arange(300) % 2 == 0, id="score-knows-nothing"),
    ],
)
def test_without_support_there_is_no_band(score, label):
    found = pick_bands(band_curves(score, label, np.arange(len(score)) % FOLDS, {}), DEFAULT_TARGETS)
    assert found[OVERALL] == BandCuts(None, None, None, None)


def test_the_place_of_a_cut_does_not_depend_on_labels():
    score, label, fold = answers(300, 5)
    assert (band_curves(score, label, fold, {}).low == band_curves(score, ~label, fold, {}).low).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 400))
def test_curves_count_every_answer_once_and_survive_the_file(seed, n):
    score, label, fold = answers(n, seed)
    made = band_curves(score, label, fold, {})
    read = BandCurves.from_json(json.loads(artifact_text(made.to_json())))
    assert read.strata[OVERALL].size == n
    assert int(read.strata[OVERALL].hallucinated.sum()) == int(label.sum())
    assert (read.low == made.low).all()
    points = made.to_json()["strata"][OVERALL]["green"]
    for at, value, _, _, size in points:
        inside = np.round(score, 4) >= at
        assert size == int(inside.sum())
        assert value == pytest.approx(float((~label[inside]).mean()), abs=1e-4)


def test_answers_to_one_source_share_a_fold_and_folds_are_even():
    folds = [fold_of(f"source {number}") for number in range(5000)]
    assert folds == [fold_of(f"source {number}") for number in range(5000)]
    assert min(np.bincount(folds, minlength=FOLDS)) > 900


def test_the_report_says_amber_and_precision_by_policy():
    report = held_bands(curves(), DEFAULT_TARGETS)
    balanced, strict = report["balanced"], report["strict"]
    assert (strict["green_precision"], strict["red_precision"]) == (0.96, 0.925)
    overall = balanced["strata"][OVERALL]
    assert overall["amber_share"] == pytest.approx(1 - (overall["green"]["n"] + overall["red"]["n"]) / 700, abs=1e-4)
    assert strict["strata"][OVERALL]["amber_share"] > overall["amber_share"]


@pytest.mark.parametrize("name", ["rag", "rag_verified"])
def test_an_artefact_picks_its_bands_from_its_curves(name):
    document = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    document["curves"] = curves().to_json()
    artifact = parse_rag_artifact(document)
    assert artifact.bands == pick_bands(curves(), DEFAULT_TARGETS)
    strict = artifact.with_bands(DEFAULT_TARGETS.stricter(0.5))
    assert strict.bands[OVERALL].green_at > artifact.bands[OVERALL].green_at


def test_an_artefact_of_before_curves_keeps_its_cuts():
    document = json.loads((ARTIFACTS / "rag_verified.json").read_text(encoding="utf-8"))
    document.pop("curves", None)
    held = {"value": 0.95, "low": 0.88, "high": 0.99, "n": 85}
    document["bands"] = {"overall": {"green_at": 0.88, "red_at": None, "green": held, "red": None}}
    artifact = parse_rag_artifact(document)
    assert artifact.bands[OVERALL] == BandCuts(0.88, None, Precision(0.95, 0.88, 0.99, 85), None)
    assert artifact.with_bands(BandTargets(0.99, 0.99)) is artifact


def broken(**changes) -> dict:
    return {**curves(100).to_json(), **changes}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        pytest.param(broken(low=[0.5]), "bins", id="lengths-differ"),
        pytest.param(broken(strata={}), "overall", id="no-overall"),
        pytest.param({"low": []}, "high", id="key-missing"),
        pytest.param(broken(low=[1.0] * 20, high=[0.0] * 20), "ascending", id="not-ascending"),
    ],
)
def test_malformed_curves_are_refused(entry, says):
    document = json.loads((ARTIFACTS / "rag.json").read_text(encoding="utf-8"))
    with pytest.raises(ArtifactError, match=says):
        parse_rag_artifact({**document, "curves": entry})


@pytest.mark.parametrize(
    ("band", "cuts", "held"),
    [
        pytest.param(Band.GREEN, BandCuts(0.8, 0.2, Precision(0.9, 0.8, 1.0, 9), None), 0.9, id="green"),
        pytest.param(Band.RED, BandCuts(0.8, 0.2, None, Precision(0.7, 0.6, 0.8, 9)), 0.7, id="red"),
        pytest.param(
            Band.AMBER, BandCuts(0.8, 0.2, Precision(0.9, 0.8, 1.0, 9), None), None, id="amber-promises-nothing"
        ),
        pytest.param(Band.GREEN, None, None, id="no-cuts"),
    ],
)
def test_the_precision_of_a_band(band, cuts, held):
    found = precision_of_band(band, cuts)
    assert (None if found is None else found.value) == held


def test_stratum_counts_turn_round_for_red():
    counts = StratumCounts(np.arange(10).reshape(5, 2), np.arange(10, 20).reshape(5, 2))
    assert counts.right("red")[0].tolist() == [11, 10]
    assert counts.all("green")[0].tolist() == [10, 12]
