"""The rag lane over HTTP, field by field of the request."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.serve.support import ROLLUP, Rag, check_envelope

FACTS = [
    "The Lindau Bridge opened on 4 May 1932 after six years of construction.",
    "It is 1,149 metres long and carries eight lanes of road traffic.",
    "The engineer Clara Hoffmann designed the bridge in Bremen.",
    "A ferry had crossed the river at this place since 1788.",
]
BRIDGE = " ".join(FACTS)
TRUE = "The Lindau Bridge opened on 4 May 1932."
INVENTED = "Its pylons are painted bright orange by volunteers every spring."


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"response_text": ...}, "response_text", id="no-response"),
        pytest.param({"response_text": " \n\t"}, "response_text", id="blank-response"),
        pytest.param({"response_text": 7}, "response_text", id="response-no-text"),
        pytest.param({"query_text": ["q"]}, "query_text", id="query-no-text"),
        pytest.param({"raw_context": ...}, "raw_context, chunk_ids or support_units", id="no-premises"),
        pytest.param({"raw_context": "\n"}, "raw_context", id="blank-context"),
        pytest.param({"support_units": [{"text": "a"}]}, "support_units", id="units-beside-context"),
        pytest.param(
            {"raw_context": ..., "chunk_ids": ["a"], "support_units": [{"text": "a"}]}, "support_units", id="units-ids"
        ),
        pytest.param({"raw_context": ..., "support_units": [{"text": " "}]}, "support_units[0].text", id="blank-unit"),
        pytest.param({"raw_context": ..., "support_units": ["a"]}, "support_units[0]", id="unit-no-object"),
        pytest.param(
            {"raw_context": ..., "support_units": [{"text": "a", "source": "b"}]}, "source_id", id="unit-unknown-field"
        ),
        pytest.param({"chunk_ids": [1.5]}, "chunk_ids[0]", id="chunk-id-fraction"),
        pytest.param({"primary_metric": "cosine"}, "primary_metric", id="metric"),
        pytest.param({"primary_metric": "triangular"}, "query_text", id="triangular-no-query"),
        pytest.param({"evidence_limit": 0}, "evidence_limit", id="evidence-0"),
        pytest.param({"evidence_limit": 129}, "evidence_limit", id="evidence-129"),
        pytest.param({"evidence_limit": "8"}, "evidence_limit", id="evidence-text"),
        pytest.param({"coverage_threshold": -0.1}, "coverage_threshold", id="threshold-low"),
        pytest.param({"coverage_threshold": 1.1}, "coverage_threshold", id="threshold-high"),
        pytest.param({"segmentation_mode": "word"}, "segmentation_mode", id="segmentation"),
        pytest.param({"raw_context_chunk_tokens": 15}, "raw_context_chunk_tokens", id="context-tokens-low"),
        pytest.param({"raw_context_chunk_tokens": 8193}, "raw_context_chunk_tokens", id="context-tokens-high"),
        pytest.param({"response_chunk_tokens": 15}, "response_chunk_tokens", id="response-tokens-low"),
        pytest.param({"attribution_mode": "half_open"}, "attribution_mode", id="attribution"),
        pytest.param({"include_triangular_diagnostics": "yes"}, "include_triangular_diagnostics", id="triangular-text"),
        pytest.param({"heatmap_format": "svg"}, "heatmap_format", id="heatmap"),
        pytest.param({"verification_samples": "a"}, "verification_samples", id="samples-no-list"),
        pytest.param({"content_type": "image/png"}, "content_type", id="content-type"),
        pytest.param({"risk_band_stratum": "s" * 65}, "risk_band_stratum", id="stratum-long"),
        pytest.param({"runtime_head_features": {"a": "b"}}, "runtime_head_features", id="head-feature-text"),
        pytest.param({"trajectory_features": [1]}, "trajectory_features", id="trajectory-list"),
        pytest.param({"profile": "cheap"}, "profile", id="profile"),
        pytest.param({"session_id": "a b"}, "session_id", id="session-blank"),
        pytest.param({"session_id": "s" * 129}, "session_id", id="session-long"),
        pytest.param({"request_id": "a b"}, "request_id", id="request-id-blank"),
        pytest.param({"verbose": 1}, "verbose", id="verbose-number"),
        pytest.param({"return_job": "no"}, "return_job", id="return-job-text"),
        pytest.param({"respnse_text": "a"}, "did you mean 'response_text'", id="near-miss"),
        pytest.param({"scoring_mode": "rag"}, "fixed by the URL", id="scoring-mode"),
        pytest.param({"response_language_hint": "python"}, "belongs to the code lane", id="code-hint"),
        pytest.param({"emit_chunk_ownership": True}, "belongs to the code lane", id="code-ownership"),
        pytest.param({"session_state": {}}, "belongs to the code lane", id="code-state"),
    ],
)
def test_a_bad_value_is_refused_by_name(rag: Rag, changes: dict[str, Any], field: str) -> None:
    envelope = rag.refused(**changes)
    assert envelope["error"] == "validation_error"
    assert field in envelope["message"]


def test_an_unknown_model_lists_the_known_ones(rag: Rag) -> None:
    assert "minilm" in rag.refused(model="nonesuch")["message"]
    assert rag.score(model="minilm")["versions"]["encoder"] == rag.score()["versions"]["encoder"]


def test_unknown_chunks_are_a_404_that_names_every_one(rag: Rag) -> None:
    envelope = rag.refused(404, chunk_ids=["doc-a", 7, "doc-b"])
    assert envelope["error"] == "not_found"
    assert all(name in envelope["message"] for name in ("doc-a", "7", "doc-b"))


def test_provenance_of_units_is_echoed(rag: Rag) -> None:
    given = [
        {"text": FACTS[0], "source_id": "wiki/lindau", "speaker": "Ada", "timestamp": "2024-05-01T10:00:00Z"},
        {"text": FACTS[1], "source_id": "wiki/lindau", "metadata": {"page": 3, "tags": ["a", None], "x": {"y": 1.5}}},
        {"text": FACTS[3]},
    ]
    answer = rag.score(raw_context=..., support_units=given, response_text=TRUE)
    for unit, sent in zip(answer["support_units"], given, strict=True):
        assert {key: unit[key] for key in sent if key != "text"} == {k: v for k, v in sent.items() if k != "text"}
        assert "char_start" not in unit
    assert [file["path"] for file in answer["file_attribution"]["files"]] == ["wiki/lindau"]


def test_triangular_becomes_the_headline_metric_and_needs_the_query(rag: Rag) -> None:
    asked = {"raw_context": BRIDGE, "response_text": TRUE, "query_text": "When did the Lindau Bridge open?"}
    triangular = rag.score(**asked, primary_metric="triangular")
    plain = rag.score(**asked)
    assert (triangular["primary_metric"], plain["primary_metric"]) == ("triangular", "reverse_context")
    values = {signal["name"]: signal.get("value") for signal in triangular["structured_score"]["signals"]}
    assert values["similarity"] == triangular["structured_score"]["triangular"]["score"]
    # The second answer finds its units in the cache; another batch moves bfloat16 vectors by some 1e-4.
    assert triangular["structured_score"]["triangular"] == pytest.approx(
        plain["structured_score"]["triangular"], abs=2e-3
    )


def test_triangular_diagnostics_need_a_query_and_can_be_left_out(rag: Rag) -> None:
    query = {"query_text": "When did it open?"}
    assert "triangular" in rag.score(**query)["structured_score"]
    assert "triangular" not in rag.score(**query, include_triangular_diagnostics=False)["structured_score"]
    assert "triangular" not in rag.score()["structured_score"]


@pytest.mark.parametrize("limit", [1, 2, 128])
def test_evidence_is_limited_and_the_strongest_first(rag: Rag, limit: int) -> None:
    everything = rag.score(raw_context=BRIDGE, response_text=BRIDGE, evidence_limit=128)["top_evidence"]
    some = rag.score(raw_context=BRIDGE, response_text=BRIDGE, evidence_limit=limit)["top_evidence"]
    assert len(some) == min(limit, len(everything))
    assert [link["unit_index"] for link in some] == [link["unit_index"] for link in everything[:limit]]


def test_the_coverage_threshold_decides_what_counts_as_covered(rag: Rag) -> None:
    body = {"raw_context": BRIDGE, "response_text": f"{TRUE} {INVENTED}"}
    ratios = [rag.score(**body, coverage_threshold=cut)["context_coverage_ratio"] for cut in (0.0, 0.5, 1.0)]
    assert ratios[0] == 1.0
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > ratios[2]


def test_segmentation_modes_cut_the_context_as_they_say(rag: Rag) -> None:
    context = " ".join(FACTS[:2]) + "\n\n" + " ".join(FACTS[2:])

    def texts(mode: str) -> list[str]:
        units = rag.score(raw_context=context, response_text=TRUE, segmentation_mode=mode)["support_units"]
        return [context[unit["char_start"] : unit["char_end"]].strip() for unit in units]

    assert texts("sentence") == FACTS
    assert texts("paragraph") == [part.strip() for part in context.split("\n\n")]
    assert texts("sentence_packed") == [context]


def test_packed_units_keep_to_their_token_limit(rag: Rag) -> None:
    answer = rag.score(raw_context=" ".join(FACTS * 3), response_text=TRUE, raw_context_chunk_tokens=32, verbose=True)
    units = answer["support_units"]
    assert len(units) >= answer["diagnostics"]["context_tokens"] / 32
    assert all(len(" ".join(FACTS * 3)[u["char_start"] : u["char_end"]].split()) <= 32 for u in units)


def test_open_domain_forgives_what_the_context_does_not_mention(rag: Rag) -> None:
    body = {"raw_context": BRIDGE, "response_text": f"{TRUE} {INVENTED}"}
    closed = rag.score(**body)
    opened = rag.score(**body, attribution_mode="open_domain")
    assert opened["score"] > closed["score"]
    table = "city,population\nOslo,709000\n"
    contradicted = rag.score(
        raw_context=table, response_text="The population of Oslo is 912000.", attribution_mode="open_domain"
    )
    assert contradicted["claims"][0]["verdict"] == "contradicted"
    assert contradicted["score"] < opened["score"]


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        pytest.param("none", set(), id="none"),
        pytest.param("data", {"heatmap"}, id="data"),
        pytest.param("html", {"heatmap", "heatmap_html"}, id="html"),
    ],
)
def test_heatmap_forms(rag: Rag, form: str, keys: set[str]) -> None:
    answer = rag.score(heatmap_format=form)
    assert {key for key in answer if key.startswith("heatmap")} == keys


def test_verification_samples_become_a_signal_or_say_why_not(rag: Rag) -> None:
    answer = rag.score(verification_samples=["Paris is France's capital.", "Lyon is France's capital."])
    signal = next(s for s in answer["structured_score"]["signals"] if s["name"] == "consistency")
    assert ("value" in signal) != ("reason" in signal)
    unsampled = next(s for s in rag.score()["structured_score"]["signals"] if s["name"] == "consistency")
    assert "verification_samples" in unsampled["reason"]


@pytest.mark.parametrize(
    ("context", "content_type"),
    [
        pytest.param('[{"name": "Oslo", "population": 709000}]', "application/json", id="json"),
        pytest.param("city,population\nOslo,709000\n", "text/csv", id="csv"),
        pytest.param("| city | population |\n| --- | --- |\n| Oslo | 709000 |\n", "text/markdown", id="markdown"),
        pytest.param(
            "<table><tr><th>city</th><th>population</th></tr><tr><td>Oslo</td><td>709000</td></tr></table>",
            "text/html",
            id="html",
        ),
    ],
)
@pytest.mark.parametrize("hinted", [True, False], ids=["hinted", "detected"])
def test_a_cell_decides_over_a_number(rag: Rag, context: str, content_type: str, hinted: bool) -> None:
    body = {"raw_context": context, "content_type": content_type if hinted else ...}
    right = rag.score(**body, response_text="The population of Oslo is 709000.")
    wrong = rag.score(**body, response_text="The population of Oslo is 912000.")
    assert right["claims"][0]["verdict"] == "supported"
    assert wrong["claims"][0]["verdict"] == "contradicted"
    assert wrong["score"] < right["score"]


def test_an_unknown_stratum_is_a_warning_not_a_silent_default(rag: Rag) -> None:
    assert any("risk_band_stratum" in warning for warning in rag.score(risk_band_stratum="nonesuch")["warnings"])
    assert not any("risk_band_stratum" in warning for warning in rag.score().get("warnings", []))


def test_head_features_bring_a_runtime_decision(rag: Rag) -> None:
    assert "runtime_decision" not in rag.score()
    for field in ("runtime_head_features", "trajectory_features"):
        decision = rag.score(**{field: {"red_streak": 0.0}})["runtime_decision"]
        assert decision["action"] in {"allow", "auto_repair", "block"}
        assert {"head_id", "head_score", "reason_codes"} <= set(decision)


def test_profiles_are_echoed(rag: Rag) -> None:
    for profile in ("standard", "quality"):
        answer = rag.score(profile=profile)
        assert (answer["profile"], answer["effective_profile"]) == (profile, profile)


def test_ids_are_echoed(rag: Rag) -> None:
    answer = rag.post(session_id="s:1.a_b-C", request_id="caller-7")
    assert answer.json()["session_id"] == "s:1.a_b-C"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "caller-7"
    assert "session_id" not in rag.score()


def test_verbose_adds_diagnostics(rag: Rag) -> None:
    answer = rag.score(verbose=True)
    assert {"phases_ms", "tokens", "context_tokens", "response_tokens", "encoder"} <= set(answer["diagnostics"])
    assert len(answer["diagnostics"]["tokens"]) == answer["diagnostics"]["response_tokens"]
    assert "diagnostics" not in rag.score()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param(
            {"response_text": "a " * 32_001}, "response_text: 64002 characters, the limit is 64000", id="response"
        ),
        pytest.param({"raw_context": "a " * 200_001}, "context: 400002 characters, the limit is 400000", id="context"),
        pytest.param(
            {"raw_context": ..., "support_units": [{"text": "ab " * 7_000}] * 20},
            "the limit is 400000",
            id="units-text",
        ),
        pytest.param(
            {"raw_context": ..., "support_units": [{"text": "a"}] * 513}, "support_units: 513 units", id="units"
        ),
        pytest.param({"chunk_ids": list(range(513))}, "chunk_ids: 513 units", id="chunks"),
        pytest.param({"raw_context": "A fact. " * 600, "segmentation_mode": "sentence"}, "600 support units", id="cut"),
        pytest.param({"query_text": "q" * 16_001}, "query_text: 16001", id="query"),
        pytest.param({"verification_samples": ["a"] * 17}, "verification_samples: 17", id="samples"),
    ],
)
def test_past_a_limit_the_whole_request_is_refused(rag: Rag, changes: dict[str, Any], name: str) -> None:
    envelope = rag.refused(413, **changes)
    assert envelope["error"] == "payload_too_large"
    assert name in envelope["message"]
    assert "limit" in envelope["message"]


def test_rollup_takes_both_shapes_of_a_turn(rag: Rag) -> None:
    flat = rag.score(session_id="s-1")
    compact = {"scores": {"reverse_context": 0.2}, "risk_band": "red", "recommendation": "re_anchor"}
    answer = rag.client.post(ROLLUP, json={"turns": [flat, compact], "session_id": "s-1", "heatmap_format": "html"})
    assert answer.status_code == 200, answer.text
    board = answer.json()
    assert board["turns_processed"] == 2
    assert board["risk_band_trail"] == [flat["band"], "red"]
    assert board["session_id"] == "s-1"
    assert set(board["drift_trend"]) == {"min", "max", "mean", "last"}
    assert board["heatmap_html"].startswith("<div")
    for name in ("noise_pct", "model_drift_pct"):
        assert 0.0 <= board[name] <= 1.0
    again = rag.client.post(ROLLUP, json={"turns": [flat, compact], "session_id": "s-1", "heatmap_format": "html"})
    moving = {"latency_ms", "request_id"}
    assert {k: v for k, v in again.json().items() if k not in moving} == {
        k: v for k, v in board.items() if k not in moving
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "turns", id="no-turns"),
        pytest.param({"turns": []}, "turns", id="empty"),
        pytest.param({"turns": [{"score": 0.5}] * 10_001}, "turns", id="too-many"),
        pytest.param({"turns": [{"score": 0.5}, {"score": 2}]}, "turns[1].score", id="score-range"),
        pytest.param({"turns": [{"band": "blue"}]}, "turns[0].band", id="band"),
        pytest.param({"turns": [7]}, "turns[0]", id="no-object"),
        pytest.param({"turns": [{"score": 0.5}], "raw_context": "a"}, "raw_context", id="other-lane"),
        pytest.param({"turns": [{"score": 0.5}], "heatmap_format": "pdf"}, "heatmap_format", id="heatmap"),
    ],
)
def test_a_malformed_rollup_is_refused_by_name(rag: Rag, body: dict[str, Any], field: str) -> None:
    assert field in check_envelope(rag.client.post(ROLLUP, json=body), 400)["message"]


@pytest.mark.parametrize("spelling", ["return_job", "async"])
def test_a_job_is_accepted_and_answers_what_the_lane_would(rag: Rag, spelling: str) -> None:
    accepted = rag.post(raw_context=BRIDGE, response_text=TRUE, **{spelling: True})
    assert accepted.status_code == 202, accepted.text
    job = finished(rag, accepted.json()["poll_url"])
    assert job["status"] == "COMPLETED"
    assert job["progress"] == {"done": 1, "failed": 0, "total": 1}
    at_once = rag.score(raw_context=BRIDGE, response_text=TRUE)
    assert job["output"]["score"] == pytest.approx(at_once["score"], abs=1e-3)
    assert job["output"]["claims"] == at_once["claims"]


def finished(rag: Rag, poll_url: str) -> dict[str, Any]:
    """The job once it has ended."""
    for _ in range(300):
        job: dict[str, Any] = rag.client.get(poll_url).json()
        if job["status"] not in {"QUEUED", "IN_PROGRESS"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"the job did not end: {job}")
