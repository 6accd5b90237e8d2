"""The page of the server's own decisions: clusters, the trend, marks where something that decides changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.api.audit_facts import AuditFacts, Provenance, VersionHashes
from serving.api.scored import ScoredRequest
from serving.audit.line import audit_line
from serving.pages.audit import HEIGHT, WIDTH, bars, marks
from tests.serving.audit.test_readers import HASHES, START_MS, write

MINUTE_MS = 60_000


def decision(number: int, band: str, calibration: str, tenant: str = "anonymous", **facts: Any) -> dict[str, Any]:
    known = AuditFacts(
        score=0.5,
        reason_codes=(f"{band}_cut",),
        hashes=VersionHashes(HASHES[0], "defaults", calibration, HASHES[2], HASHES[3]),
        **({"cut_distance": 0.3, "verifier": "used"} | facts),
    )
    scored = ScoredRequest(
        f"r-{number}", tenant, "rag", "live", 200, 9.0, band=band, phases_ms={"lane": 1.0}, facts=known
    )
    return audit_line(scored, START_MS + number * MINUTE_MS, Provenance(HASHES[0], "defaults"))


LOG = [
    *[decision(number, "green", HASHES[1]) for number in range(5)],
    *[decision(number, "red", HASHES[2], verifier="away") for number in range(5, 8)],
    *[decision(number, "amber", HASHES[1], tenant="other") for number in range(50)],
]


def test_the_page_shows_trend_marks_and_clusters_of_the_visitors_tenant(site) -> None:
    write(Path(site.folder) / "audit/2999-01-01/planted.jsonl", LOG)
    answer = httpx.get(f"{site.url}/review/audit")
    assert answer.status_code == 200
    page = re.sub(r"\s+", " ", answer.text)
    assert "8 decisions" in page
    assert f"another <strong>calibration</strong>, <code>{HASHES[2][:12]}</code>" in page
    assert "degraded verifier" in page
    assert '<span class="tag">red_cut</span>' in page
    assert "amber_cut" not in page
    assert page.count('class="bar-green"') == 5
    assert page.count('class="bar-mark"') == 1
    assert "style=" not in page
    assert 'aria-current="page">Decisions' in page
    assert len(answer.content) < 150_000


def test_the_page_needs_a_key_where_keys_exist(locked_site) -> None:
    with httpx.Client(base_url=locked_site.url) as client:
        assert client.get("/review/audit").status_code == 303


def test_bars_fill_the_drawing_and_marks_stand_where_a_hash_is_new() -> None:
    slots = [
        {"from": "2026-11-30T00:00", "bands": {"green": 3, "red": 1}},
        {"from": "2026-11-30T00:01", "bands": {"amber": 2}},
    ]
    drawn = bars(slots)
    assert [bar["band"] for bar in drawn] == ["green", "red", "amber"]
    for start in (0, WIDTH / 2):
        assert sum(bar["height"] for bar in drawn if bar["x"] == start) == pytest.approx(HEIGHT)
    versions = {
        "config_sha256": [
            {"sha256": "a", "first": "2026-11-30T00:00:10.000Z"},
            {"sha256": "b", "first": "2026-11-30T00:01:10.000Z"},
        ]
    }
    assert marks(versions, slots) == [
        {"kind": "configuration", "sha256": "b", "first": "2026-11-30T00:01:10.000Z", "slot": 1, "x": WIDTH / 2}
    ]
    assert bars([]) == marks({"config_sha256": []}, []) == []
