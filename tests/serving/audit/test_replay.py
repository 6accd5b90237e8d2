"""Replay and the gate of configurations, on the bundled encoder without a verifier, and how requests are read."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from serving.api.errors import ValidationFailedError
from serving.audit.change_gate import read_change_policy
from serving.audit.line import request_pseudonym
from serving.audit.requests import LeftOut, read_requests
from serving.cli.main import app
from serving.config.artifacts import read_artifact
from tests.serving.audit.test_readers import write

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/audit/requests.jsonl"
QUICK = ("--set", "verifier=null")


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose calibration calls nothing green."""
    folder = tmp_path_factory.mktemp("candidate")
    artifact = read_artifact("rag")
    artifact |= {"version": "rag-candidate", "bands": {"overall": {**artifact["bands"]["overall"], "green_at": 0.999}}}
    (folder / "rag.json").write_text(json.dumps(artifact))
    (folder / "candidate.yaml").write_text(f"verifier: null\nartifacts: {{directory: {folder}}}\n")
    return folder / "candidate.yaml"


def run(*arguments: Any) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    return done.exit_code, done.output


def test_replay_reports_hashes_and_counts_and_texts_only_where_asked(tmp_path: Path, candidate: Path) -> None:
    private, report = tmp_path / "texts.jsonl", tmp_path / "report.md"
    options = ("--candidate", candidate, "--include-text", private, "--markdown", report, *QUICK, "--json")
    code, said = run("audit", "replay", EXAMPLE, *options)
    assert code == 0, said
    found = json.loads(said)
    rows = [orjson.loads(line) for line in EXAMPLE.read_bytes().splitlines()]
    assert found["requests"] == len(rows) == 12
    assert found["clusters"] == 2
    assert set(found["systems"]) == {"current", "candidate", "always_green", "always_red", "word_overlap"}
    assert found["systems"]["always_green"]["precision"]["green"]["value"] == 0.5
    green = found["systems"]["current"]["bands"]["green"]
    assert green > 0
    assert "green" not in found["systems"]["candidate"]["bands"]
    moved = found["comparisons"]["candidate"]
    assert [(m["from"], m["to"], m["requests"]) for m in moved["moves"] if m["from"] != m["to"]] == [
        ("green", "amber", green)
    ]
    assert moved["score_difference"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 12}
    assert moved["hashes"]["calibration_sha256"]["changed"] == 12
    assert moved["hashes"]["encoder_sha256"]["changed"] == 0
    assert moved["reasons"] == [
        {"code": "between_cuts", "came": green, "went": 0},
        {"code": "green_cut", "came": 0, "went": green},
    ]
    assert len(found["moved_requests"]["candidate"]) == green
    for row in rows:
        assert row["response_text"] not in said + report.read_text()
    kept = [orjson.loads(line) for line in private.read_bytes().splitlines()]
    assert [line["body"]["response_text"] for line in kept] == [row["response_text"] for row in rows]
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_gate_stops_a_candidate_that_moves_too_much(tmp_path: Path, candidate: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_regressions: {passed: 0}\nreplay: {least_requests: 10, most_moved: 0.02}\n")
    suite = write(tmp_path / "suite.jsonl", [CASE])
    rows = [orjson.loads(line) for line in EXAMPLE.read_bytes().splitlines()]
    apart = [{**row, "raw_context": f"{row['raw_context']} Copy {number}."} for number, row in enumerate(rows)]
    requests = write(tmp_path / "requests.jsonl", apart)
    options = ("--suite", suite, "--replay", requests, "--policy", policy, "--report", tmp_path / "gate.json", *QUICK)
    code, said = run("gate", "--candidate", candidate, *options)
    assert code == 1, said
    assert said.startswith("# NO-GO")
    report = json.loads((tmp_path / "gate.json").read_text())
    assert report["decision"] == "NO-GO"
    assert {"rule": "replay moved", "outcome": "fail"}.items() <= report["reasons"][0].items()
    assert [one["what"] for one in report["changed"]] == ["artifacts.directory", "rag.json"]
    assert report["candidate"]["artifacts"]["rag"] != report["current"]["artifacts"]["rag"]
    assert report["candidate"]["artifacts"]["code"] == report["current"]["artifacts"]["code"]


CASE = {
    "task_id": "fee",
    "input_messages": "What does late payment cost?",
    "expected_behavior": "The fee of the document.",
    "reference_answer": "Late payment costs a fee of 35 euros.",
    "recorded_failure": "Late payment costs a fee of 53 euros.",
    "relevant_docs": [{"document_id": "fees", "snippet": "Late payment costs a fee of 35 euros."}],
    "graders": ["groundedness"],
}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("gate", "--suite", "s.jsonl", "--candidate", "answers.jsonl"), id="no-baseline"),
        pytest.param(("gate", "--suite", "s.jsonl", "--candidate", "c.yaml"), id="no-replay"),
        pytest.param(("audit", "replay", "nowhere.jsonl"), id="no-requests"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "s.jsonl", [CASE])
    (tmp_path / "c.yaml").write_text("{}")
    assert run(*arguments)[0] == 3


def test_requests_and_review_texts_are_read(tmp_path: Path) -> None:
    plain = {"response_text": "a", "raw_context": "b", "request_id": "r", "grounded": False, "lane": "code"}
    text = {
        "request": "f" * 32,
        "lane": "rag",
        "cut": False,
        "body": {"response_text": "c", "support_units": [{"text": "d"}]},
    }
    other = [{**text, "cut": True}, {**text, "lane": "rollup"}, {"response_text": "e", "chunk_ids": ["k"]}, plain, text]
    left_out = LeftOut()
    rows = read_requests([write(tmp_path / "r.jsonl", [plain, text, *other])], 3, left_out)
    assert [(row.request, row.lane, row.grounded) for row in rows] == [
        (request_pseudonym("local", "r"), "code", False),
        ("f" * 32, "rag", None),
        (request_pseudonym("local", "r"), "code", False),
    ]
    assert rows[0].cluster == rows[2].cluster != rows[1].cluster
    assert left_out.counts == {"cut": 1, "of another lane": 1, "on stored chunks": 1, "past the limit": 1}
    with pytest.raises(ValidationFailedError, match="line 1: has no response_text"):
        read_requests([write(tmp_path / "bad.jsonl", [{"raw_context": "b"}])], 3, left_out)


def test_the_policy_of_a_replay_is_read_beside_that_of_the_suite(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("max_regressions: {passed: 1}\nreplay: {most_moved: 0.2}\n")
    suite, replay = read_change_policy(path)
    assert (suite.max_regressions, replay.most_moved, replay.least_requests) == ({"passed": 1}, 0.2, 50)
    path.write_text("replay: {most_movde: 0.2}\n")
    with pytest.raises(ValidationFailedError, match="did you mean 'most_moved'"):
        read_change_policy(path)
