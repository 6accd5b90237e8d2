"""``groundlane gate`` on this project's own suite: recorded answers, real lanes, no network."""

from __future__ import annotations

import json
import socket
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli.main import app
from serving.evals.suites import read_suite

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples/evals"
SUITE, POLICY = EXAMPLES / "suite", EXAMPLES / "policy.yaml"
CANDIDATE, BASELINE = EXAMPLES / "answers/candidate.jsonl", EXAMPLES / "answers/baseline.jsonl"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the gate may not use the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _gate(*arguments):
    return CliRunner().invoke(app, ["gate", "--suite", str(SUITE), *map(str, arguments)])


def test_a_better_candidate_is_a_go_and_leaves_its_reports(tmp_path):
    junit, markdown, report = tmp_path / "out.xml", tmp_path / "out.md", tmp_path / "out.json"
    drawn = tmp_path / "out.svg"
    done = _gate(
        "--candidate", CANDIDATE, "--baseline", BASELINE, "--policy", POLICY,
        "--junit", junit, "--markdown", markdown, "--report", report, "--svg", drawn,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "4 known failures fixed, no answer regressed" in markdown.read_text()
    suite = ET.parse(junit).getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert {case.get("name") for case in suite} >= {"rag-fee-altered-number", "fix rate"}
    document = json.loads(report.read_text())
    assert document["decision"] == "GO"
    rates = [one for one in document["measures"] if one["name"] not in ("cost_usd", "latency_ms")]
    assert len(ET.parse(drawn).getroot().findall("{http://www.w3.org/2000/svg}circle")) == len(rates) > 3
    assert set(document["record"]) == {"suite", "baseline_hash", "candidate_hash", "policy_hash", "server"}
    assert set(document["fixed"]) == {
        "code-phantom-method",
        "rag-deadline-swapped",
        "rag-fee-altered-number",
        "rag-invented-benefit",
    }


def test_a_worse_candidate_is_a_no_go_that_names_what_regressed(tmp_path):
    junit = tmp_path / "out.xml"
    done = _gate("--candidate", BASELINE, "--baseline", CANDIDATE, "--policy", POLICY, "--junit", junit)
    assert done.exit_code == 1
    assert "1 dates answer, 1 hallucination answer" in done.output
    assert "rag-fee-altered-number" in done.output
    failed = {case.get("name") for case in ET.parse(junit).getroot()[0] if case.find("failure") is not None}
    assert {"rag-invented-benefit", "code-phantom-method", "regressions passed"} <= failed


def test_few_cases_and_a_small_margin_are_inconclusive():
    done = _gate("--candidate", CANDIDATE, "--baseline", CANDIDATE, "--json")
    assert done.exit_code == 2
    reasons = json.loads(done.stdout)["reasons"]
    assert "80% power" in reasons[0]["text"]


def test_a_missing_answer_never_passes(tmp_path):
    answers = tmp_path / "answers.jsonl"
    answers.write_text("\n".join(CANDIDATE.read_text().splitlines()[1:]))
    done = _gate("--candidate", answers, "--baseline", CANDIDATE, "--policy", POLICY)
    assert done.exit_code == 1
    assert "no answer" in done.output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("answers.jsonl", "{", "line 1: not JSON", id="answers"),
        pytest.param("policy.yaml", "flors: {}", "did you mean", id="policy"),
    ],
)
def test_a_broken_file_is_one_sentence_and_exit_code_three(tmp_path, name, text, said):
    broken = tmp_path / name
    broken.write_text(text)
    files = {"--candidate": CANDIDATE, "--baseline": BASELINE, "--policy": POLICY}
    files["--policy" if name == "policy.yaml" else "--candidate"] = broken
    done = _gate(*(part for pair in files.items() for part in pair))
    assert done.exit_code == 3
    assert said in done.stderr


def test_an_answer_cannot_write_into_the_reports(tmp_path):
    hostile = "</failure>]]> <script>alert(1)</script> | [x](javascript:y) \x00\ud83d"
    answers, junit, markdown = tmp_path / "a.jsonl", tmp_path / "o.xml", tmp_path / "o.md"
    lines = [json.loads(line) for line in CANDIDATE.read_text().splitlines()]
    answers.write_text(
        "\n".join(json.dumps({**line, "answer": hostile.encode("utf-8", "ignore").decode()}) for line in lines)
    )
    done = _gate(
        "--candidate", answers, "--baseline", CANDIDATE, "--policy", POLICY, "--junit", junit, "--markdown", markdown
    )
    assert done.exit_code == 1
    assert len(ET.parse(junit).getroot()[0]) > 9
    assert "<script>" not in markdown.read_text()
    assert "](javascript" not in markdown.read_text()


def test_every_case_of_the_suite_has_graders_that_fail_on_its_failure(tmp_path):
    run = CliRunner().invoke(app, ["cases", "check", str(SUITE), "--answers", str(CANDIDATE), "--json"])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)
    assert len(rows) == 9
    assert {(row["good"], row["failure"]) for row in rows} == {("passes", "fails")}
    weak = tmp_path / "weak.jsonl"
    weak.write_text(
        '{"task_id": "t", "input_messages": "Fee?", "reference_answer": "30",'
        ' "recorded_failure": "30 or 35", "must_include": ["30"]}'
    )
    run = CliRunner().invoke(app, ["cases", "check", str(weak)])
    assert run.exit_code == 1
    assert "fails on the recorded failure" in " ".join(run.output.split())


def test_cases_of_other_tools_are_imported(tmp_path):
    source, output = tmp_path / "samples.jsonl", tmp_path / "cases.jsonl"
    source.write_text('{"input": [{"role": "user", "content": "2+2?"}], "ideal": "4"}')
    run = CliRunner().invoke(app, ["cases", "import", str(source), "-o", str(output)])
    assert run.exit_code == 0, run.output
    assert read_suite(output).cases[0].reference_answer == "4"
    source.write_text("{")
    assert CliRunner().invoke(app, ["cases", "import", str(source), "-o", str(output)]).exit_code == 3
