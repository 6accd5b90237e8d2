"""Packets for reviewers, what comes back, and the DRAFT cases made of it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from serving.audit.line import request_pseudonym
from serving.cli.main import app
from serving.evals.cases import read_case
from tests.serving.audit.test_readers import LOG, write

KEY = "sk-proj-" + "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8" * 2
ANSWER = f"Late payment costs 53 euros, write to ana@example.org with {KEY}."


def run(*arguments: Any) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    body = {
        "response_text": ANSWER,
        "query_text": "What does late payment cost?",
        "raw_context": "A late fee of 35 euros.",
    }
    text = {
        "request": request_pseudonym("shop", "r-2"),
        "mode": "raw_local",
        "cut": False,
        "characters": 90,
        "body": body,
    }
    cut = {**text, "request": request_pseudonym("shop", "r-1"), "cut": True}
    return write(tmp_path / "texts/2026-11-30/g.jsonl", [text, cut]).parent


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    write(tmp_path / "log/a.jsonl", LOG)
    code, said = run("packet", tmp_path / "log", "--output", tmp_path / "packet.json")
    assert code == 0, said
    return tmp_path / "packet.json"


def reviewed(packet: Path, **changes: Any) -> Path:
    """A review that disagrees with everything; ``changes`` of the first verdict."""
    document = orjson.loads(packet.read_bytes())
    verdicts: list[dict[str, Any]] = [
        {"id": row["id"], "verdict": "disagree", "correct_band": "red", "cause": "HALLUCINATION"}
        for row in document["candidates"]
    ]
    verdicts[0] |= changes
    path = packet.parent / "review.json"
    path.write_bytes(orjson.dumps({"packet_sha256": document["packet_sha256"], "verdicts": verdicts}))
    return path


def test_a_packet_is_metadata_unless_text_is_asked_for(tmp_path: Path, packet: Path, texts: Path) -> None:
    document = orjson.loads(packet.read_bytes())
    assert stat.S_IMODE(packet.stat().st_mode) == 0o600
    assert {row["why"] for row in document["candidates"]} >= {"error", "near_cut", "amber"}
    assert not any("text" in row for row in document["candidates"])
    again = run("packet", tmp_path / "log", "--review-texts", texts, "--output", tmp_path / "again.json")
    assert again[0] == 0
    assert ANSWER not in (tmp_path / "again.json").read_text()
    asked = run("packet", tmp_path / "log", "--review-texts", texts, "--include-text", "-o", tmp_path / "text.json")
    assert asked[0] == 0
    assert ANSWER in (tmp_path / "text.json").read_text()
    assert run("packet", tmp_path / "log", "--include-text", "-o", tmp_path / "none.json")[0] == 3


def test_a_review_is_counted_by_cluster_and_labels_nothing(packet: Path) -> None:
    code, said = run("summarize", packet, reviewed(packet, verdict="agree"), "--json")
    found = json.loads(said)
    assert code == 0
    assert found["all"]["disagree"] == found["candidates"] - 1
    assert found["clusters"][0]["why"] == "error"
    assert found["clusters"][0]["disagree_share"]["value"] == 0.0
    assert found["labels"].startswith("none")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"id": "0123456789abcdef"}, "no such candidate", id="unknown-id"),
        pytest.param({"verdict": "The answer says 'x'"}, "is none of agree, disagree, unsure", id="verdict-as-text"),
        pytest.param({"cause": "made up"}, "is none of", id="unknown-cause"),
        pytest.param({"note": 'It says "53 euros" there'}, "quotes", id="a-note-that-quotes"),
        pytest.param({"note": f"has {KEY}"}, "secret", id="a-note-with-a-key"),
        pytest.param({"note": "x" * 201}, "201 characters", id="a-long-note"),
        pytest.param({"comment": "hello"}, "unknown field", id="unknown-field"),
        pytest.param({"severity": 9}, "is 1 to 5", id="severity"),
    ],
)
def test_what_a_review_may_not_say(packet: Path, changes: dict[str, Any], said: str) -> None:
    code, output = run("summarize", packet, reviewed(packet, **changes))
    assert code == 3
    assert said in " ".join(output.split())
    assert "The answer says" not in output


def test_a_note_may_not_repeat_the_text_under_review(tmp_path: Path, texts: Path) -> None:
    write(tmp_path / "log/a.jsonl", LOG[2:3])
    made = tmp_path / "packet.json"
    run("packet", tmp_path / "log", "--review-texts", texts, "--include-text", "-o", made)
    repeated = reviewed(made, note="wrong since late payment costs 53 euros is not there")
    assert run("summarize", made, repeated)[0] == 3
    assert run("summarize", made, reviewed(made, note="The number is another one in the source."))[0] == 0


def test_a_packet_that_was_changed_is_refused(packet: Path) -> None:
    review = reviewed(packet)
    document = orjson.loads(packet.read_bytes())
    document["decisions"] += 1
    packet.write_bytes(orjson.dumps(document))
    assert run("summarize", packet, review)[0] == 3


def test_disagreements_become_redacted_drafts(tmp_path: Path, packet: Path, texts: Path) -> None:
    code, said = run("import", packet, reviewed(packet), "--review-texts", texts, "-o", tmp_path / "cases.jsonl")
    assert code == 0, said
    [case] = [read_case(orjson.loads(line)) for line in (tmp_path / "cases.jsonl").read_bytes().splitlines()]
    assert case.task_id == f"audit-{request_pseudonym('shop', 'r-2')[:16]}"
    assert case.recorded_failure is not None
    assert "53 euros" in case.recorded_failure
    assert KEY not in case.recorded_failure
    assert "ana@example.org" not in case.recorded_failure
    assert (case.expected_behavior, case.reference_answer) == (
        "",
        None,
    )  # so it cannot leave DRAFT before a person wrote one
    assert case.relevant_docs[0].snippet == "A late fee of 35 euros."
    assert "review text was cut" in said
    assert "no review text" in said


def test_the_commands_print_summary_and_candidates(tmp_path: Path) -> None:
    write(tmp_path / "log/a.jsonl", LOG)
    assert json.loads(run("summary", tmp_path / "log", "--json")[1])["lines"] == 8
    assert "# What to look at" in run("candidates", tmp_path / "log")[1]
    report = tmp_path / "report.md"
    assert run("summary", f"{tmp_path}/log/*.jsonl", "--window-minutes", 2, "--markdown", report)[0] == 0
    assert report.read_text().startswith("# Decisions")
    assert run("summary", tmp_path / "nowhere")[0] == 3
