"""The composite is monotone, honest about what it lacks, and attributes names to files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.rules.findings import Finding, FindingKind, FindingStatus
from scoring.code.score import (
    CodeVerdict,
    chunk_ownership,
    file_attribution,
    load_code_artifact,
    parse_code_artifact,
    score_code,
)

ARTIFACT = load_code_artifact()


def finding(status: FindingStatus, severity: float = 0.0, start: int = 0, where: str | None = None) -> Finding:
    return Finding("name", FindingKind.METHOD, status, (start, start + 4), 1, "because", None, where, severity)


DEFINED = finding(FindingStatus.DEFINED, where="a.py:3")
PHANTOM = finding(FindingStatus.PHANTOM, 1.0)
OPEN = finding(FindingStatus.UNVERIFIABLE)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        pytest.param([DEFINED] * 9, CodeVerdict.GROUNDED, id="all-known"),
        pytest.param([*[DEFINED] * 200, PHANTOM], CodeVerdict.PHANTOM, id="one-phantom-in-many"),
        pytest.param([OPEN] * 9, CodeVerdict.CANNOT_TELL, id="nothing-verified"),
        pytest.param([], CodeVerdict.CANNOT_TELL, id="no-names"),
    ],
)
def test_verdicts(findings: list[Finding], verdict: CodeVerdict) -> None:
    score = score_code(findings, ARTIFACT)
    assert score.verdict is verdict
    assert (score.probability is None) == (not findings)
    assert score.reasons


@given(st.integers(1, 50), st.integers(0, 20), st.integers(0, 5))
def test_more_phantoms_never_lower_the_probability(defined: int, unverifiable: int, phantoms: int) -> None:
    findings = [DEFINED] * defined + [OPEN] * unverifiable + [PHANTOM] * phantoms
    before, after = score_code(findings, ARTIFACT), score_code([*findings, PHANTOM], ARTIFACT)
    assert before.probability is not None
    assert after.probability is not None
    assert 0.0 <= before.probability <= after.probability <= 1.0


def test_a_signal_without_a_fitted_weight_takes_no_part_and_is_named() -> None:
    plain = score_code([DEFINED, OPEN], ARTIFACT)
    given_signal = score_code([DEFINED, OPEN], ARTIFACT, contradiction=0.9)
    assert plain.left_out["contradiction"] == "not given"
    if "contradiction" not in ARTIFACT.weights:
        assert given_signal.left_out["contradiction"] == "no fitted weight"
        assert given_signal.probability == plain.probability


def test_a_signal_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="reverse_context must be in"):
        score_code([DEFINED], ARTIFACT, reverse_context=1.5)


def test_negative_weights_are_refused() -> None:
    record = {
        "bias": 0,
        "weights": {"flagged": {"weight": -1, "center": 0}},
        "phantom_from": 0.5,
        "grounded_to": 0.3,
        "ambiguous": [0.3, 0.5],
        "provenance": {},
    }
    with pytest.raises(ValueError, match="negative"):
        parse_code_artifact(record)


def test_files_share_the_defined_names() -> None:
    findings = [DEFINED, DEFINED, finding(FindingStatus.DEFINED, where="b.py:1"), PHANTOM]
    shares = file_attribution(findings, ["a.py", "b.py", "c.py", "d.py"], {"d.py": 0.3})
    assert [(item.path, round(item.owner_share, 2), item.reason_codes) for item in shares] == [
        ("a.py", 0.67, ("primary_owner", "symbols_used")),
        ("b.py", 0.33, ("symbols_used",)),
        ("c.py", 0.0, ("dead_weight",)),
        ("d.py", 0.0, ("text_only",)),
    ]


def test_chunks_are_owned_by_the_files_whose_names_they_use() -> None:
    findings = [DEFINED, finding(FindingStatus.DEFINED, start=50, where="b.py:1")]
    owned = chunk_ownership([(0, 40), (40, 80), (80, 99)], findings)
    assert [item.owners for item in owned] == [(("a.py", 1.0),), (("b.py", 1.0),), ()]
