"""Summary and candidates of logs: what they count, that order changes nothing, that foreign lines are read and text is not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from scoring.audit.clusters import Thresholds
from serving.api.audit_facts import AuditFacts, FormatSignals, Provenance, VersionHashes
from serving.api.errors import ValidationFailedError
from serving.api.scored import ScoredRequest
from serving.audit.line import audit_line, request_pseudonym
from serving.audit.reading import find_files
from serving.audit.summaries import (
    candidates_markdown,
    find_candidates,
    read_labels,
    summarise,
    summary_markdown,
)

HASHES = [f"{number:064x}" for number in range(4)]
START_MS = 1_796_000_000_000
MINUTE_MS = 60_000


def line(number: int, band: str = "green", **fields: Any) -> dict[str, Any]:
    """The line of request ``number``, one a minute."""
    facts = AuditFacts(
        score=fields.pop("score", 0.9),
        reason_codes=fields.pop("reason_codes", (f"{band}_cut",)),
        hashes=VersionHashes(HASHES[0], "defaults", fields.pop("calibration", HASHES[1]), HASHES[2], HASHES[3]),
        cut_distance=fields.pop("cut_distance", 0.3),
        verifier=fields.pop("verifier", "used"),
        artifact="rag-verified-2026-11-27",
        deciding_unit_index=1,
        format=FormatSignals(fields.pop("units", 3), 900, 80, False, False, "en"),
    )
    known = {"lane": "rag", "origin": "live", "status": 200, "latency_ms": 20.0} | fields
    if known["status"] != 200:
        facts, band = None, None  # type: ignore[assignment]
    scored = ScoredRequest(
        f"r-{number}", "shop", band=band, facts=facts, phases_ms={"lane": 1.0} if facts else {}, **known
    )
    return audit_line(scored, START_MS + number * MINUTE_MS, Provenance(HASHES[0], "defaults"))


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in lines))
    return path


LOG = [
    line(0),
    line(1, "amber", cut_distance=0.2, reason_codes=("between_cuts", "low_support"), latency_ms=40.0),
    line(2, "red", cut_distance=0.01, reason_codes=("red_cut", "other_value")),
    line(3, status=503, error="overloaded"),
    line(4, verifier="away"),
    line(5, "green", calibration=HASHES[3], latency_ms=3_000.0),
    line(5, "amber", origin="shadow", live_band="green", live_score=0.8, score=0.5, calibration=HASHES[3]),
    line(6, "green", origin="shadow", live_band="green", live_score=0.7, score=0.9, calibration=HASHES[3]),
]


def test_what_a_summary_counts(tmp_path: Path) -> None:
    found = summarise([write(tmp_path / "a.jsonl", LOG)], None, 0.05)
    rag = found["lanes"]["rag"]
    assert (found["lines"], found["skipped"], rag["decisions"]) == (8, 0, 6)
    assert rag["bands"] == {"amber": 1, "green": 3, "none": 1, "red": 1}
    assert rag["near_cut"] == {"red": 1}
    assert found["origins"] == {"live": 6, "shadow": 2}
    assert found["verifier"] == {"away": 1, "used": 4}
    assert found["errors"] == {"overloaded": 1}
    assert {"band": "red", "codes": ["red_cut", "other_value"], "decisions": 1} in found["reasons"]
    first, second = found["versions"]["calibration_sha256"]
    assert (first["sha256"], first["decisions"]) == (HASHES[1], 4)
    assert (second["sha256"], second["first"]) == (HASHES[3], "2026-11-30T00:58:20.000Z")
    [shadow] = found["shadow"]
    assert (shadow["decisions"], shadow["mean_score_difference"]) == (2, -0.05)
    assert shadow["moves"] == [
        {"from": "green", "to": "amber", "decisions": 1},
        {"from": "green", "to": "green", "decisions": 1},
    ]
    assert found["trend"]["slots"][1] == {"from": "2026-11-30T00:54", "bands": {"amber": 1}}
    assert rag["latency_ms"]["p99"] == pytest.approx(3000, rel=0.03)
    assert "| rag | 6 |" in summary_markdown(found)


def test_the_order_of_lines_and_files_changes_nothing(tmp_path: Path) -> None:
    lines = [line(number, random.Random(number).choice(["green", "amber", "red"])) for number in range(600)]
    first = summarise([write(tmp_path / "a.jsonl", lines)], None, 0.05)
    second = find_candidates([tmp_path / "a.jsonl"], None, Thresholds(), {}, 3)
    random.Random(1).shuffle(lines)
    parts = [write(tmp_path / f"part/{place}.jsonl", lines[place::3]) for place in range(3)]
    assert {**summarise(parts, None, 0.05), "files": 1} == first
    assert find_candidates(parts, None, Thresholds(), {}, 3) == second
    assert first["trend"]["slot"] == "ten minutes"


def test_several_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bands = ["green", "amber", "red"]
    paths = [
        write(tmp_path / f"{place}.jsonl", [*LOG, *[line(n * 7, bands[n % 3]) for n in range(place, 300, 3)]])
        for place in range(3)
    ]
    one = summarise(paths, None, 0.05, 1)
    monkeypatch.setattr("serving.audit.summaries._PART_BYTES", 1)
    assert summarise(paths, None, 0.05, 2) == one
    assert summarise(paths, 60, 0.05, 3) == summarise(paths, 60, 0.05, 1)


def test_a_window_ends_with_the_newest_line(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{place}.jsonl", [line(number) for number in range(place, 60, 2)]) for place in range(2)]
    assert summarise(paths, 10, 0.05)["lines"] == 11
    assert summarise(paths, 10, 0.05) == summarise(paths, 10, 0.05)
    assert summarise(paths, 0, 0.05)["lines"] == 1


def test_clusters_come_worst_first_with_the_same_examples(tmp_path: Path) -> None:
    lines = [*LOG, *[line(100 + number, "amber", cut_distance=0.2) for number in range(20)]]
    labels = {request_pseudonym("shop", "r-0"): "down"}
    found = find_candidates([write(tmp_path / "a.jsonl", lines)], None, Thresholds(), labels, 2)
    whys = [cluster["why"] for cluster in found["clusters"]]
    order = ["error", "contradicted", "degraded_verifier", "shadow_moved", "near_cut", "amber", "amber", "slow"]
    assert whys == order
    amber = found["clusters"][5]
    assert (amber["decisions"], len(amber["examples"])) == (20, 2)
    assert amber["examples"][0]["request"] == min(request_pseudonym("shop", f"r-{100 + n}") for n in range(20))
    assert found["clusters"][1]["examples"][0]["label"] == "down"
    assert amber["examples"][0]["review_text"] == {"exists": False}
    assert "tenant" not in json.dumps(found)
    assert f"| {amber['cluster']} | amber |" in candidates_markdown(found)


def test_of_review_texts_only_their_existence_is_told(tmp_path: Path) -> None:
    request = request_pseudonym("shop", "r-1")
    text = {"request": request, "mode": "redacted", "cut": True, "characters": 77, "body": {"response_text": "SECRET"}}
    texts = [write(tmp_path / "t.jsonl", [text])]
    found = find_candidates([write(tmp_path / "a.jsonl", LOG)], None, Thresholds(), {}, 2, texts)
    [amber] = [cluster for cluster in found["clusters"] if cluster["why"] == "amber"]
    assert amber["examples"][0]["review_text"] == {"exists": True, "mode": "redacted", "cut": True, "characters": 77}
    assert "SECRET" not in json.dumps(found)


ROUTER = {
    "timestamp": 1_796_000_000,
    "request_id": "what is my PIN 1234?",
    "route_id": "cheap",
    "reason": "short",
    "score": 0.61,
    "second_score": 0.6,
}


def test_a_routers_log_is_read_in_the_same_shape(tmp_path: Path) -> None:
    lines = [ROUTER, {**ROUTER, "route_id": "dear", "second_score": 0.1, "system": "router", "latency_ms": 12}]
    path = write(tmp_path / "router.jsonl", lines)
    found = summarise([path], None, 0.05)
    assert found["lanes"]["other"]["bands"] == {"cheap": 1}
    assert found["lanes"]["router"]["bands"] == {"dear": 1}
    assert found["lanes"]["other"]["near_cut"] == {"cheap": 1}
    assert {"band": "cheap", "codes": ["short"], "decisions": 1} in found["reasons"]
    clusters = find_candidates([path], None, Thresholds(), {}, 2)["clusters"]
    assert [cluster["why"] for cluster in clusters] == ["near_cut"]
    assert "PIN" not in json.dumps(clusters)


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param({**ROUTER, "reason": "the user said: my secret"}, id="reason-as-text"),
        pytest.param({**ROUTER, "route_id": "a secret route"}, id="decision-as-text"),
        pytest.param({**LOG[1], "reason_codes": ["my secret words"]}, id="ours-with-a-text-for-a-code"),
        pytest.param({**LOG[1], "language": "secret!"}, id="ours-with-a-text-for-a-language"),
        pytest.param({**LOG[1], "secret": "my secret"}, id="ours-with-a-field-more"),
    ],
)
def test_text_in_a_line_is_never_repeated(tmp_path: Path, planted: dict[str, Any]) -> None:
    path = write(tmp_path / "a.jsonl", [planted])
    found = summarise([path], None, 0.05)
    assert found["lines"] == 1
    assert "secret" not in json.dumps([found, find_candidates([path], None, Thresholds(0.5), {}, 2)])


def test_what_is_no_decision_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [LOG[0], {"no": "time"}, {"time": "soon", "band": "green"}])
    half = orjson.dumps(LOG[1])[:200]
    path.write_bytes(path.read_bytes() + b"not json\n\n" + half)
    found = summarise([path], None, 0.05)
    assert (found["lines"], found["skipped"]) == (1, 4)


def test_places_are_folders_patterns_and_files(tmp_path: Path) -> None:
    for name in ("2026-11-29/a.jsonl", "2026-11-30/a.jsonl", "2026-11-30/b.jsonl", "2026-11-30/notes.txt"):
        write(tmp_path / name, LOG[:1])
    names = [path.relative_to(tmp_path).as_posix() for path in find_files([str(tmp_path)])]
    assert names == ["2026-11-29/a.jsonl", "2026-11-30/a.jsonl", "2026-11-30/b.jsonl"]
    assert len(find_files([f"{tmp_path}/2026-11-30/*.jsonl", f"{tmp_path}/2026-11-30"])) == 2
    with pytest.raises(ValidationFailedError, match="more than 2 files"):
        find_files([str(tmp_path)], 2)
    for place in (f"{tmp_path}/none", f"{tmp_path}/*.nothing"):
        with pytest.raises(ValidationFailedError):
            find_files([place])


def test_labels_are_checked(tmp_path: Path) -> None:
    good = write(tmp_path / "l.jsonl", [{"request": "a" * 32, "label": "down"}])
    assert read_labels(good) == {"a" * 32: "down"}
    with pytest.raises(ValidationFailedError, match="line 1"):
        read_labels(write(tmp_path / "bad.jsonl", [{"request": "a" * 32, "label": "meh"}]))
