"""One line for every scored request of every lane, and nothing of what was sent in it: a gateway in process, real lanes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.rag.language import detect_language
from serving.api.audit_facts import Provenance
from serving.api.lane_types import LaneInput, UnitInput
from serving.api.scored import ScoredRequest
from serving.audit.line import audit_line, request_pseudonym
from serving.auth.keys import KeyFile
from serving.config.artifacts import read_artifact
from serving.config.load import load_config
from serving.lanes.factory import alignment_service, rag_lane
from tests.serving.audit.gateways import LocalEncoder, gateway, logged

SHOP = "# file: shop.py\nclass Cart:\n    def add_item(self, name: str) -> None: ...\n"
PHANTOM = "```python\nfrom shop import Cart\nCart().add_product('tea')\n```"
BRIDGE = "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long."


@pytest.fixture(scope="module")
def encoder() -> Iterator[LocalEncoder]:
    built = LocalEncoder(alignment_service(load_config(environment={})))
    yield built
    built.close()


async def finished(client: Any, job: dict[str, Any]) -> dict[str, Any]:
    for _ in range(300):
        found: dict[str, Any] = (await client.get(f"/api/v1/jobs/{job['job_id']}")).json()
        if found["status"] in {"COMPLETED", "FAILED"}:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("the job did not end")


async def test_every_lane_and_job_row_has_its_line(encoder: LocalEncoder, tmp_path: Path) -> None:
    async with gateway(encoder, tmp_path, {}) as client:
        rag = (
            await client.post(
                "/api/v1/trace/rag", json={"response_text": BRIDGE, "raw_context": BRIDGE, "request_id": "r-1"}
            )
        ).json()
        code = (await client.post("/api/v1/trace/code", json={"response_text": PHANTOM, "raw_context": SHOP})).json()
        rollup = (await client.post("/api/v1/trace/rollup", json={"turns": [{"score": 0.9, "band": "green"}]})).json()
        missing = await client.post("/api/v1/trace/rag", json={"response_text": "x", "chunk_ids": ["none"]})
        invalid = await client.post("/api/v1/trace/rag", json={"response_text": "x"})
        session = (await client.post("/api/v1/trace/sessions", json={"kind": "rag"})).json()["session"]["session_id"]
        turn = {"lane": "rag", "trace_request": {"response_text": BRIDGE, "raw_context": BRIDGE}}
        scored = await client.post(f"/api/v1/trace/sessions/{session}/score", json=turn)
        rows = [{"response_text": "It opened in 1933.", "raw_context": BRIDGE}] * 3
        job = (await client.post("/api/v1/jobs", json={"lane": "rag", "requests": rows})).json()
        await finished(client, job)
        counters = (await client.get("/api/v1/counters")).json()["counters"]
    assert (missing.status_code, invalid.status_code, scored.status_code) == (404, 400, 200)
    lines = logged(tmp_path)
    told = [(line["lane"], line["origin"], line["status"]) for line in lines]
    live = [
        ("rag", "live", 200),
        ("code", "live", 200),
        ("rollup", "live", 200),
        ("rag", "live", 404),
        ("rag", "live", 200),
    ]
    assert told == [*live, *[("rag", "job", 200)] * 3]
    assert counters["audit"]["audit"]["dropped"] == counters["audit"]["audit"]["failed"] == 0
    assert lines[0]["request"] == request_pseudonym("anonymous", "r-1")
    assert (lines[0]["band"], lines[0]["score"]) == (rag["band"], rag["score"])
    assert lines[0]["reason_codes"] == ["green_cut"]
    assert (lines[1]["band"], lines[1]["reason_codes"][0]) == (code["band"], "code_phantom")
    assert lines[3]["error"] == "not_found"
    assert len({line["request"] for line in lines[5:]}) == 3
    for line, answer in ((lines[0], rag), (lines[1], code), (lines[2], rollup)):
        for name in ("config_sha256", "calibration_sha256", "encoder_sha256"):
            assert line.get(name) == answer["versions"].get(name), name
    assert len({line["config_sha256"] for line in lines}) == 1
    assert rag["versions"]["calibration_sha256"] != code["versions"]["calibration_sha256"]


async def test_planted_secrets_are_nowhere_in_log_status_and_counters(
    encoder: LocalEncoder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A secret of its own in every field that a caller may fill, a path among them, and the key."""
    record, key = KeyFile(tmp_path / "keys.json").create("planted-tenant", "planted-name")
    hexadecimal = "5ec4e7" + "0f1e2d3c4b5a69788796a5b4c3d2e1f0"[:26]
    body: dict[str, Any] = {
        "response_text": "PLANTED-response opened on 4 May 1932.",
        "query_text": "PLANTED-query?",
        "support_units": [
            {
                "text": "PLANTED-unit opened on 4 May 1932.",
                "source_id": "/home/planted/PLANTED-path.txt",
                "speaker": "PLANTED-speaker",
                "timestamp": "PLANTED-time",
                "metadata": {"PLANTED-key": "PLANTED-value"},
            }
        ],
        "risk_band_stratum": "PLANTED-stratum",
        "verification_samples": ["PLANTED-sample"],
        "runtime_head_features": {"PLANTED-feature": 1.0},
        "trajectory_features": {"PLANTED-trajectory": 1.0},
        "session_id": "PLANTED-session",
        "request_id": "PLANTED-request",
    }
    headers = {
        "authorization": f"Bearer {key}",
        "x-request-id": "PLANTED-header",
        "traceparent": f"00-{hexadecimal}-00f067aa0ba902b7-01",
    }
    async with gateway(encoder, tmp_path, {}) as client:
        for lane, extra in (
            ("rag", {}),
            ("code", {"session_state": {"PLANTED": "PLANTED-state"}}),
            ("rag", {"model": "PLANTED-model"}),
        ):
            await client.post(f"/api/v1/trace/{lane}", json=body | extra, headers=headers)
        turns = {"turns": [{"score": 0.4, "band": "red", "PLANTED": "PLANTED-turn", "reason_codes": ["PLANTED-code"]}]}
        await client.post("/api/v1/trace/rollup", json=turns | {"session_id": "PLANTED-session"}, headers=headers)
        await client.post(
            "/api/v1/trace/rag", json={"response_text": "PLANTED", "chunk_ids": ["PLANTED-chunk"]}, headers=headers
        )
        answers = [(await client.get(f"/api/v1/{page}", headers=headers)).text for page in ("status", "counters")]
        refused = [(await client.get(f"/api/v1/{page}")).status_code for page in ("status", "counters")]
        metrics = (await client.get("/metrics")).text
    assert refused == [401, 401]
    files = b"".join(path.read_bytes() for path in (tmp_path / "audit").rglob("*.jsonl"))
    assert len(logged(tmp_path)) == 5
    for surface in (files.decode(), *answers, metrics):
        for secret in ("PLANTED", "planted", key, record.key_id, hexadecimal, str(tmp_path)):
            assert secret not in surface
    assert not (tmp_path / "review-texts").exists()


async def test_status_says_what_runs(encoder: LocalEncoder, tmp_path: Path) -> None:
    async with gateway(encoder, tmp_path, {"bands.green_precision": 0.95}) as client:
        answer = (await client.post("/api/v1/trace/rag", json={"response_text": BRIDGE, "raw_context": BRIDGE})).json()
        status = (await client.get("/api/v1/status")).json()["status"]
        counters = (await client.get("/api/v1/counters")).json()["counters"]
    assert status["config_source"] == "custom"
    assert status["config_sha256"] == answer["versions"]["config_sha256"]
    assert status["encoders"][0]["sha256"] == answer["versions"]["encoder_sha256"]
    assert (status["store"], status["verifier"], status["audit"]["review_texts"]) == ("sqlite", None, "off")
    assert counters["requests"]["rag/200"] == 1.0
    assert counters["bands"] == {f"rag/{answer['band']}": 1.0}


async def test_a_candidate_scores_its_share_and_only_the_log_tells(encoder: LocalEncoder, tmp_path: Path) -> None:
    candidate = read_artifact("rag")
    candidate |= {"version": "rag-candidate", "bands": {"overall": dict(candidate["bands"]["overall"], green_at=0.99)}}
    (tmp_path / "candidate").mkdir()
    (tmp_path / "candidate/rag.json").write_text(json.dumps(candidate))
    shadow_settings = {"audit.shadow": {"share": 1.0, "artifacts": str(tmp_path / "candidate")}}
    asked = {"response_text": "The bridge opened on 4 May 1932 and is old.", "raw_context": BRIDGE}
    async with gateway(encoder, tmp_path / "with", shadow_settings) as client:
        with_shadow = (await client.post("/api/v1/trace/rag", json=asked | {"request_id": "r"})).json()
        for _ in range(300):
            counted = (await client.get("/api/v1/counters")).json()["counters"]["audit"]["shadow"]
            if counted["scored"]:
                break
            await asyncio.sleep(0.02)
    async with gateway(encoder, tmp_path / "without", {}) as client:
        without = (await client.post("/api/v1/trace/rag", json=asked | {"request_id": "r"})).json()
    assert counted == {"scored": 1, "dropped": 0, "failed": 0}
    assert {**with_shadow, "latency_ms": 0} == {**without, "latency_ms": 0}
    live, shadow = logged(tmp_path / "with")
    assert (live["origin"], shadow["origin"]) == ("live", "shadow")
    assert shadow["request"] == live["request"]
    assert (shadow["live_band"], shadow["live_score"]) == (live["band"], live["score"])
    assert shadow["score"] == live["score"]
    assert (shadow["artifact"], live["artifact"]) == ("rag-candidate", read_artifact("rag")["version"])
    for name in ("config_sha256", "calibration_sha256", "cut_distance"):
        assert shadow[name] != live[name]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(
        st.text(alphabet="bcdfghjklmnpqrstvwxz0123456789/.:-", min_size=12, max_size=30),
        min_size=9,
        max_size=9,
        unique=True,
    )
)
def test_whatever_a_request_says_none_of_it_is_in_its_line(encoder: LocalEncoder, words: list[str]) -> None:
    """Through the real lane: every text field is made of words of its own, and no word is in the line."""
    lane = rag_lane(load_config(None, {"verifier": None}, environment={}), {"minilm": encoder}, None)
    said, asked, known, source, speaker, stamp, stratum, key, identity = words
    body = LaneInput(
        request_id=identity,
        tenant=key,
        response_text=f"{said} is {known}.",
        query_text=asked,
        support_units=(UnitInput(f"{known} is {said}.", source, speaker, stamp, {key: source}),),
        risk_band_stratum=stratum,
        session_id=speaker,
        runtime_head_features={key: 1.0},
    )
    answer = asyncio.run(lane.score(body))
    scored = ScoredRequest(
        identity,
        key,
        "rag",
        "live",
        200,
        1.0,
        speaker,
        None,
        answer.band,
        answer.phases_ms,
        answer.token_counts,
        answer.audit,
    )
    text = json.dumps(audit_line(scored, 1_796_000_000_000, Provenance()))
    assert not [word for word in words if word in text]
    assert detect_language(body.response_text) in text
