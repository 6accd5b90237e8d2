"""The log beside the requests: bounded, counted, never in the way; texts for reviewers apart from it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from serving.api.audit_facts import Provenance
from serving.api.lane_types import ChunkInput, LaneInput, UnitInput
from serving.api.scored import ScoredRequest
from serving.audit.files import DailyFiles
from serving.audit.line import request_pseudonym
from serving.audit.log import AuditLog
from serving.audit.review_texts import ReviewTexts

NOW_MS = 1_796_000_000_000
KEY = "sk-proj-" + "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8" * 2
SCORED = ScoredRequest("r-1", "shop", "rag", "live", 200, 3.0, band="green")
BODY = LaneInput("r-1", "shop", f"Ask ana@example.org, key {KEY}.", raw_context="Nobody knows.")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for path in sorted(folder.rglob("*.jsonl")) for line in path.read_bytes().splitlines()]


def log(folder: Path, queue_lines: int = 100, review: ReviewTexts | None = None) -> AuditLog:
    return AuditLog(DailyFiles(folder, "g", 10_000, 30), Provenance(), lambda: NOW_MS, queue_lines, review)


def texts(folder: Path, redacted: bool = True, most: int = 1000, day_bytes: int = 100_000) -> ReviewTexts:
    return ReviewTexts(DailyFiles(folder, "g", 10_000, 30), redacted, most, day_bytes)


def test_what_is_told_is_written_once_in_order(tmp_path: Path) -> None:
    audit = log(tmp_path)
    for number in range(50):
        audit.scored(ScoredRequest(f"r-{number}", "shop", "rag", "live", 200, 1.0), None)
    audit.close()
    assert [line["request"] for line in lines(tmp_path)] == [request_pseudonym("shop", f"r-{n}") for n in range(50)]
    assert audit.counts.values() == {"written": 50, "dropped": 0, "failed": 0}


def test_what_the_queue_cannot_hold_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, begun = threading.Event(), threading.Event()
    append = DailyFiles.append

    def slow(self: DailyFiles, data: bytes, now_ms: int) -> None:
        begun.set()
        free.wait(10)
        append(self, data, now_ms)

    monkeypatch.setattr(DailyFiles, "append", slow)
    audit = log(tmp_path, queue_lines=3)
    audit.scored(SCORED, None)
    assert begun.wait(10)
    for _ in range(5):
        audit.scored(SCORED, None)
    free.set()
    audit.close()
    assert audit.counts.values() == {"written": 4, "dropped": 2, "failed": 0}
    assert len(lines(tmp_path)) == 4


def test_a_disk_that_refuses_is_counted_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    audit = log(tmp_path / "audit")
    for _ in range(3):
        audit.scored(SCORED, None)
    audit.close()
    assert audit.counts.failed == 3
    assert len([record for record in caplog.records if record.name == "groundlane.audit"]) == 1


def test_review_texts_are_redacted_and_lie_apart(tmp_path: Path) -> None:
    review = texts(tmp_path / "texts")
    audit = log(tmp_path / "audit", review=review)
    audit.scored(SCORED, BODY)
    audit.scored(ScoredRequest("r-2", "shop", "rag", "live", 500, 3.0, error="internal_error"), BODY)
    audit.close()
    [kept] = lines(tmp_path / "texts")
    assert kept["request"] == lines(tmp_path / "audit")[0]["request"]
    assert (kept["mode"], kept["cut"], kept["characters"]) == ("redacted", False, BODY.characters)
    assert "ana@example.org" not in str(kept)
    assert KEY not in str(kept)
    assert kept["body"]["raw_context"] == "Nobody knows."
    assert sum(kept["redactions"].values()) == 2
    assert (review.kept, review.left_out) == (1, 0)


def test_raw_texts_are_as_they_came_with_stored_chunks_by_their_text(tmp_path: Path) -> None:
    review = texts(tmp_path, redacted=False)
    body = LaneInput(
        "r",
        "t",
        "An answer.",
        chunk_ids=("c-1",),
        chunks=(ChunkInput("Stored.", "doc", None, None),),
        query_text="Why?",
    )
    assert review.accepts(SCORED, body)
    review.keep(SCORED, body, NOW_MS)
    review.close()
    assert lines(tmp_path)[0]["body"] == {
        "response_text": "An answer.",
        "query_text": "Why?",
        "support_units": [{"text": "Stored.", "source_id": "doc"}],
    }


def test_long_bodies_are_cut_and_say_so(tmp_path: Path) -> None:
    review = texts(tmp_path, most=10)
    body = LaneInput("r", "t", "12345", support_units=(UnitInput("abcdefgh"), UnitInput("xyz")))
    assert review.accepts(SCORED, body)
    review.keep(SCORED, body, NOW_MS)
    review.close()
    [kept] = lines(tmp_path)
    assert (kept["cut"], kept["characters"]) == (True, 16)
    assert [unit["text"] for unit in kept["body"]["support_units"]] == ["abcde", ""]


def test_a_day_has_so_many_bytes_and_the_rest_is_counted(tmp_path: Path) -> None:
    review = texts(tmp_path, day_bytes=700)
    for _ in range(5):
        assert review.accepts(SCORED, BODY)
        review.keep(SCORED, BODY, NOW_MS)
    review.close()
    assert review.kept == len(lines(tmp_path)) >= 1
    assert review.kept + review.left_out == 5
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl")) <= 700
