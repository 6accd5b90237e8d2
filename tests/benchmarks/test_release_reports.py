"""What the server decides with ships only with the report of its gate: `docs/releasing.md`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from serving.config.artifacts import artifact_sha256
from serving.lanes.provenance import ARTIFACTS

REPORTS = Path(__file__).parents[2] / "benchmarks/results/releases"
BEFORE = REPORTS / "before-the-rule.json"
BEFORE_SHA256 = "a16ebacdcf50bfcea20aa0a85f8a58a1441357d80603d38d78928ef9f1d6573c"
"""Of the list of artefacts that are older than the rule: closed, so nothing passes by being added to it."""


def released(name: str, sha256: str, reports: list[dict[str, Any]], before: dict[str, str]) -> bool:
    """Whether an artefact is older than the rule, or some report says GO for exactly this file."""
    if before.get(name) == sha256:
        return True
    return any(
        report["decision"] == "GO"
        and report["candidate"]["artifacts"].get(name) == sha256
        and report["replay"]["requests"] > 0
        and report["record"]["suite"]["cases"] > 0
        for report in reports
    )


def committed() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(REPORTS.glob("*.json")) if path != BEFORE]


def test_the_list_of_older_artefacts_is_closed() -> None:
    assert hashlib.sha256(BEFORE.read_bytes()).hexdigest() == BEFORE_SHA256


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_committed_artefact_has_its_report(name: str) -> None:
    before = json.loads(BEFORE.read_text())["artifacts"]
    assert released(name, artifact_sha256(name), committed(), before), (
        f"scoring/artifacts/{name}.json changed without a report: run `groundlane gate --candidate CONFIG --report "
        "benchmarks/results/releases/NAME.json` (docs/releasing.md)"
    )


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        pytest.param({}, True, id="go-for-this-file"),
        pytest.param({"decision": "NO-GO"}, False, id="no-go"),
        pytest.param({"decision": "INCONCLUSIVE"}, False, id="inconclusive"),
        pytest.param({"candidate": {"artifacts": {"rag": "another"}}}, False, id="another-file"),
        pytest.param({"replay": {"requests": 0}}, False, id="nothing-replayed"),
    ],
)
def test_what_counts_as_a_report(change: dict[str, Any], passes: bool) -> None:
    report = {
        "decision": "GO",
        "candidate": {"artifacts": {"rag": "new"}},
        "replay": {"requests": 200},
        "record": {"suite": {"cases": 40}},
    }
    assert released("rag", "new", [report | change], {"rag": "old"}) is passes
    assert released("rag", "old", [], {"rag": "old"})
