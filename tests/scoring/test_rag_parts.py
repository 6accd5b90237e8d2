"""The parts of the RAG decision: verdicts, usage, metrics, bands, fusion, heatmap, evidence, the decision head."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.types import NliScores
from scoring.bands import BandCuts, Precision, band_for
from scoring.calibration import (
    ArtifactError,
    RagArtifact,
    SignalWeight,
    TokenCalibration,
    VerifiedCalibration,
    parse_rag_artifact,
    token_features,
    token_support,
)
from scoring.coverage import unit_usage, usage_ratios
from scoring.heatmap import HeatCuts, heatmap_html, heatmap_spans, unsupported_spans
from scoring.lexical import context_words, match_words
from scoring.rag.claims import ClaimEvidence, judge_claim
from scoring.rag.decision import Action, decide_action, parse_head
from scoring.rag.entropy import clusters, consistency
from scoring.rag.evidence import Citation, citations, evidence_links
from scoring.rag.fusion import fuse
from scoring.rag.triangular import reverse_context, triangular
from scoring.rag.verifier_fusion import joined_support
from scoring.types import Alignment, Band, Claim, Signal, SupportUnit, UsageState, Verdict

TOKENS = TokenCalibration(bias=0.0, best=1.0, z=0.1, word=0.5, pair=0.5, neighbour=0.1)
ARTIFACT = RagArtifact(
    version="test",
    encoder="test",
    verifier=None,
    token=TOKENS,
    unit_bias=-4.0,
    unit_z=1.0,
    claim_cut=0.5,
    token_cut=0.4,
    contradiction_cap=0.3,
    fusion_bias=0.0,
    fusion={"a": SignalWeight(1.0, 0.0), "b": SignalWeight(0.5, 0.0)},
    bands={},
    dense_cut=0.5,
)
VERIFIED = replace(
    ARTIFACT,
    verified=VerifiedCalibration(
        claim_bias=0.0,
        claim_entail=0.5,
        claim_dense=1.0,
        token_bias=0.0,
        token_support=0.4,
        token_neighbours=0.3,
        token_claim=0.2,
        token_dense=0.1,
    ),
)


def alignment(
    best: Sequence[float],
    units: Sequence[int] = (),
    unit_z: Sequence[float] = (5.0,),
    share: Sequence[float] = (1.0,),
    **more: object,
) -> Alignment:
    """Tokens of two characters and a space each."""
    count = len(best)
    spans = np.stack([np.arange(count) * 3, np.arange(count) * 3 + 2], axis=1).astype(np.int32).reshape(-1, 2)
    fields: dict[str, Any] = {
        "token_spans": spans,
        "content": np.ones(count, bool),
        "best": np.array(best, np.float32),
        "best_unit": np.array(units or [0] * count, np.int32),
        "best_span": spans,
        "z": np.array(best, np.float32) * 5,
        "unit_coverage": np.array(unit_z, np.float32) / 10,
        "unit_z": np.array(unit_z, np.float32),
        "unit_share": np.array(share, np.float32),
        "claim_unit": np.ones((1, len(unit_z)), np.float32) * np.arange(len(unit_z), 0, -1),
    }
    return Alignment(**(fields | more))


CLAIM = Claim(0, "aa bb", 0, 5)
CITED = (Citation(0, 0, 5),)


@pytest.mark.parametrize(
    ("evidence", "verdict", "score"),
    [
        pytest.param(ClaimEvidence(CLAIM, 0.9, CITED), Verdict.SUPPORTED, 0.9, id="similar"),
        pytest.param(ClaimEvidence(CLAIM, 0.4, CITED), Verdict.UNSUPPORTED, 0.4, id="dissimilar"),
        pytest.param(ClaimEvidence(CLAIM, None), Verdict.UNSUPPORTED, None, id="nothing-to-match"),
        pytest.param(
            ClaimEvidence(CLAIM, 0.99, CITED, literals_missing=("7",)), Verdict.UNSUPPORTED, 0.05, id="a-wrong-number"
        ),
        pytest.param(
            ClaimEvidence(CLAIM, 0.99, CITED, literals_contradicted=("7",)),
            Verdict.CONTRADICTED,
            0.15,
            id="other-value",
        ),
        pytest.param(
            ClaimEvidence(CLAIM, 0.99, CITED, cell_verdict=Verdict.CONTRADICTED), Verdict.CONTRADICTED, 0.05, id="cell"
        ),
        pytest.param(
            ClaimEvidence(CLAIM, 0.2, CITED, cell_verdict=Verdict.SUPPORTED), Verdict.SUPPORTED, 0.5, id="cell-agrees"
        ),
        pytest.param(
            ClaimEvidence(CLAIM, 0.99, CITED, nli=NliScores(0.1, 0.2, 0.7)), Verdict.CONTRADICTED, 0.1, id="verifier-no"
        ),
        pytest.param(
            ClaimEvidence(CLAIM, 0.1, CITED, nli=NliScores(0.8, 0.1, 0.1)), Verdict.SUPPORTED, 0.8, id="verifier-yes"
        ),
    ],
)
def test_claim_verdicts(evidence: ClaimEvidence, verdict: Verdict, score: float | None) -> None:
    judged = judge_claim(evidence, ARTIFACT)
    assert judged.verdict is verdict
    assert judged.score == (None if score is None else pytest.approx(score))
    assert bool(judged.citations) is (verdict is not Verdict.UNSUPPORTED)


@pytest.mark.parametrize(
    ("evidence", "verdict", "score"),
    [
        pytest.param(ClaimEvidence(CLAIM, 0.5, nli=NliScores(0.5, 0.3, 0.2)), Verdict.SUPPORTED, 0.5, id="even"),
        pytest.param(ClaimEvidence(CLAIM, 0.5, nli=NliScores(0.9, 0.05, 0.05)), Verdict.SUPPORTED, 0.75, id="entailed"),
        pytest.param(ClaimEvidence(CLAIM, 0.9, nli=NliScores(0.1, 0.2, 0.7)), Verdict.SUPPORTED, 0.75, id="outvoted"),
        pytest.param(ClaimEvidence(CLAIM, 0.5, nli=NliScores(0.1, 0.2, 0.7)), Verdict.CONTRADICTED, 0.25, id="against"),
        pytest.param(ClaimEvidence(CLAIM, 0.5, nli=NliScores(0.1, 0.7, 0.2)), Verdict.UNSUPPORTED, 0.25, id="neutral"),
        pytest.param(
            ClaimEvidence(CLAIM, 0.99, literals_contradicted=("7",), nli=NliScores(0.99, 0.005, 0.005)),
            Verdict.CONTRADICTED,
            0.15,
            id="a-wrong-number-stays-wrong",
        ),
        pytest.param(
            ClaimEvidence(CLAIM, None, nli=NliScores(0.9, 0.05, 0.05)), Verdict.SUPPORTED, 0.75, id="no-tokens"
        ),
    ],
)
def test_the_verifier_and_the_other_signals_are_joined(evidence: ClaimEvidence, verdict: Verdict, score: float) -> None:
    judged = judge_claim(evidence, VERIFIED)
    assert judged.verdict is verdict
    assert judged.score == pytest.approx(score)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0.01, 0.5),
)
def test_more_support_by_the_verifier_never_lowers_a_token(
    pairs: list[tuple[float, float]], score: float, more: float
) -> None:
    found = alignment([0.5] * len(pairs))
    dense = np.array([own for own, _ in pairs])
    claim = Claim(0, "xx " * len(pairs), 0, 3 * len(pairs))

    def joined(shift: float, rise: float = 0.0) -> np.ndarray:
        tokens = tuple((3 * n, 3 * n + 2, min(value + shift, 1.0)) for n, (_, value) in enumerate(pairs))
        verdict = NliScores(0.5, 0.3, 0.2, tokens)
        return joined_support(dense, found, [(claim, verdict, min(score + rise, 1.0))], VERIFIED.verified)

    assert (joined(more) >= joined(0.0) - 1e-12).all()
    assert (joined(0.0, more) >= joined(0.0) - 1e-12).all()
    assert ((joined(0.0) > 0.0) & (joined(0.0) < 1.0)).all()


def test_tokens_that_the_verifier_did_not_judge_keep_their_support() -> None:
    found = alignment([0.5, 0.5, 0.5])
    claim = Claim(1, "xx", 3, 5)
    verdict = NliScores(0.1, 0.6, 0.3, ((0, 2, 0.01),))
    joined = joined_support(np.array([0.9, 0.9, 0.9]), found, [(claim, verdict, 0.2)], VERIFIED.verified)
    assert joined[[0, 2]].tolist() == [0.9, 0.9]
    assert joined[1] < 0.5


def test_usage_is_precise_about_unused() -> None:
    found = alignment([0.9, 0.9], unit_z=(9.0, 3.5, 0.0, 0.0), share=(0.9, 0.05, 0.0, 0.0))
    states = [usage.state for usage in unit_usage(found, ARTIFACT, 0.5, cited={3})]
    assert states == [UsageState.USED, UsageState.UNCERTAIN, UsageState.UNUSED, UsageState.USED]


@given(st.lists(st.tuples(st.floats(-5, 15), st.floats(0, 1)), min_size=1, max_size=20), st.floats(0, 1))
def test_usage_ratios_sum_to_one(units: list[tuple[float, float]], threshold: float) -> None:
    found = alignment([0.5], unit_z=[z for z, _ in units], share=[s for _, s in units])
    ratios = usage_ratios(unit_usage(found, ARTIFACT, threshold, cited=set()))
    assert ratios is not None
    assert sum(ratios.values()) == pytest.approx(1.0)


def test_reverse_context_counts_content_tokens_only() -> None:
    found = alignment([1.0, 0.5, 0.0], content=np.array([True, True, False]))
    assert reverse_context(found) == pytest.approx(0.75)
    assert reverse_context(alignment([])) is None


@given(
    st.lists(st.tuples(*[st.floats(-1, 1, width=32)] * 3), min_size=1, max_size=12),
)
def test_triangular_stays_in_range_and_below_its_weighted_reverse_context(
    rows: list[tuple[float, float, float]],
) -> None:
    best, to_query, match = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    found = triangular(alignment(best.tolist(), query_response=to_query, query_match=match))
    assert found is not None
    assert 0.0 <= found.score <= 1.0
    weights = np.clip(to_query, 0, 1).astype(float)
    if weights.sum() > 1e-3:
        assert found.score <= (weights * np.clip(best, 0, 1)).sum() / weights.sum() + 1e-6


def test_triangular_needs_a_query() -> None:
    assert triangular(alignment([0.5])) is None


PRECISION = Precision(0.95, 0.9, 0.98, 100)


@pytest.mark.parametrize(
    ("score", "cuts", "band"),
    [
        pytest.param(None, BandCuts(0.8, 0.2, PRECISION, PRECISION), Band.UNKNOWN, id="no-score"),
        pytest.param(0.9, None, Band.AMBER, id="no-calibration-no-guess"),
        pytest.param(0.9, BandCuts(None, None, None, None), Band.AMBER, id="no-cut-no-guess"),
        pytest.param(0.8, BandCuts(0.8, 0.2, PRECISION, PRECISION), Band.GREEN, id="at-green"),
        pytest.param(0.2, BandCuts(0.8, 0.2, PRECISION, PRECISION), Band.RED, id="at-red"),
        pytest.param(0.5, BandCuts(0.8, 0.2, PRECISION, PRECISION), Band.AMBER, id="between"),
    ],
)
def test_bands(score: float | None, cuts: BandCuts | None, band: Band) -> None:
    assert band_for(score, cuts)[0] is band


def test_cuts_that_overlap_are_refused() -> None:
    with pytest.raises(ArtifactError, match="red_at"):
        parse_rag_artifact(
            {
                "version": "1",
                "encoder": "e",
                "token": asdict(TOKENS),
                "unit": {"bias": 0, "z": 1},
                "claim_cut": 0.5,
                "token_cut": 0.4,
                "contradiction_cap": 0.3,
                "fusion": {"bias": 0, "signals": {}},
                "bands": {"overall": {"green_at": 0.3, "red_at": 0.4, "green": None, "red": None}},
            }
        )


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_fusion_is_monotone_and_ignores_what_does_not_apply(low: float, high: float, other: float) -> None:
    low, high = sorted((low, high))
    below = fuse([Signal("a", low), Signal("b", other)], ARTIFACT)
    above = fuse([Signal("a", high), Signal("b", other)], ARTIFACT)
    assert below is not None
    assert above is not None
    assert 0.0 < below <= above < 1.0
    assert fuse([Signal("a", low), Signal("b", None, "absent")], ARTIFACT) == fuse([Signal("a", low)], ARTIFACT)
    assert fuse([Signal("unfitted", 0.5)], ARTIFACT) is None


CUTS = HeatCuts(0.7, 0.4)


class Shape(HTMLParser):
    """Collects tags and text of a fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(alphabet=st.sampled_from("ab<>&\"' \n/é"), min_size=1, max_size=60), st.data())
def test_heatmap_tiles_the_text_and_escapes_it(text: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(text) // 2))
    spans = np.array([(2 * i, 2 * i + 1) for i in range(count)], np.int32).reshape(-1, 2)
    content = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    support = np.array(data.draw(st.lists(st.floats(0, 1), min_size=count, max_size=count)))
    tiles = heatmap_spans(spans, content, support, len(text), CUTS)
    assert "".join(text[tile.start : tile.end] for tile in tiles) == text
    shape = Shape()
    shape.feed(heatmap_html(text, tiles, 'a "title" <b>'))
    assert shape.text == text
    assert shape.tags[0] == "div"
    assert set(shape.tags[1:]) <= {"span"}
    assert shape.names <= {"class", "role", "aria-label", "style", "title"}


def test_unsupported_spans_lie_in_doubtful_claims() -> None:
    spans = np.array([(0, 2), (3, 5), (6, 8)], np.int32)
    tiles = heatmap_spans(spans, np.ones(3, bool), np.array([0.1, 0.9, 0.1]), 8, CUTS)
    assert [(a, b) for a, b, _ in unsupported_spans(tiles, "aa bb cc", [(5, 8)])] == [(6, 8)]


def test_words_and_pairs_are_found_by_stem() -> None:
    words = context_words(["The engineers designed two bridges."])
    spans = np.array([(0, 8), (9, 17), (18, 24), (25, 27)], np.int32)
    found = match_words("engineer designed bridge Xy", spans, words)
    assert found.word.tolist() == [1, 1, 1, 0]
    assert found.pair.tolist() == [1, 1, 0, 0]


def test_token_support_rises_with_every_feature() -> None:
    low = match_words("aa bb", np.array([(0, 2), (3, 5)], np.int32), context_words([""]))
    high = match_words("aa bb", np.array([(0, 2), (3, 5)], np.int32), context_words(["aa bb"]))
    weak = token_support(token_features(alignment([0.1, 0.1]), low), TOKENS)
    strong = token_support(token_features(alignment([0.9, 0.9]), high), TOKENS)
    assert (strong > weak).all()


def test_citation_is_the_sentence_that_matches() -> None:
    unit = SupportUnit(0, "First one. Second here. Third.")
    found = alignment([0.9, 0.9], best_span=np.array([(11, 17), (18, 22)], np.int32))
    assert citations(found, CLAIM, [unit]) == (Citation(0, 11, 23),)


def test_evidence_is_ranked_and_limited() -> None:
    found = alignment([0.9] * 6, units=[0, 0, 0, 1, 1, 1], unit_z=(5, 5), share=(0.5, 0.5))
    support = np.array([0.9, 0.9, 0.9, 0.2, 0.2, 0.2])
    links = evidence_links(found, support, 8)
    assert [link.unit_index for link in links] == [0, 1]
    assert links[0].response_span == (0, 8)
    assert len(evidence_links(found, support, 1)) == 1


HEAD = parse_head(
    {
        "head_id": "t",
        "provenance": "test",
        "bias": 0.0,
        "score_weight": 1.0,
        "auto_repair_at": 0.5,
        "block_at": 0.8,
        "features": {"red_streak": {"weight": 1.0, "low": 0.0, "high": 3.0, "code": "reds"}},
    }
)


@pytest.mark.parametrize(
    ("score", "features", "action", "codes"),
    [
        pytest.param(0.9, {}, Action.ALLOW, (), id="grounded"),
        pytest.param(0.4, {}, Action.AUTO_REPAIR, ("low_groundedness",), id="doubtful"),
        pytest.param(0.1, {}, Action.BLOCK, ("low_groundedness",), id="ungrounded"),
        pytest.param(0.7, {"red_streak": 3.0}, Action.BLOCK, ("reds",), id="feature-pushes"),
        pytest.param(None, {}, Action.AUTO_REPAIR, (), id="no-score-is-even-odds"),
    ],
)
def test_decision_head(score: float | None, features: dict[str, float], action: Action, codes: tuple[str, ...]) -> None:
    found = decide_action(score, features | {"unheard_of": 1.0}, HEAD)
    assert (found.action, found.reason_codes, found.unknown_features) == (action, codes, ("unheard_of",))


def test_a_malformed_head_is_refused() -> None:
    with pytest.raises(ArtifactError, match="decision head"):
        parse_head({"head_id": "t"})


def test_semantic_clusters_need_entailment_both_ways() -> None:
    both = {(0, 1): 0.9, (1, 0): 0.8, (0, 2): 0.9, (2, 0): 0.1}
    assert clusters(3, both) == (0, 0, 1)
    assert consistency((0, 0, 0)) == pytest.approx(1.0)
    assert consistency((0, 1, 2)) == pytest.approx(0.0)
    assert consistency((0,)) is None
    assert 0.0 < (consistency((0, 0, 1)) or 0.0) < 1.0


def test_a_signal_says_why_it_is_absent() -> None:
    with pytest.raises(ValueError, match="neither value nor reason"):
        Signal("a", None)
    with pytest.raises(ValueError, match="outside"):
        Signal("a", 1.5)
