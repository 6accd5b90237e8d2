"""Ray Serve's switches, each on in a server of its own: it starts, scores, refuses as ever and stops in order."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.serve.support import RAG, ROLLUP, UNLIMITED, check_envelope, free_port, rag_body, start_server

CODE = "/api/v1/trace/code"
ONE_LOOP_AND_GRPC = {"SERVER__ONE_LOOP": "true", "SERVER__GRPC": "true"}
INHERITED = {
    "SERVER__ONE_LOOP": ("RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD", "0"),
    "SERVER__GRPC": ("RAY_SERVE_USE_GRPC_BY_DEFAULT", "1"),
    "SERVER__HA_PROXY": ("RAY_SERVE_ENABLE_HA_PROXY", "1"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param(ONE_LOOP_AND_GRPC, id="one-loop-and-grpc"),
        pytest.param({**ONE_LOOP_AND_GRPC, "SERVER__HA_PROXY": "true"}, id="all-with-haproxy"),
    ],
)
def test_a_server_with_the_switches_on(
    switches: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("METRICS", "STATS"):  # Ray's ports for them are fixed; another test run may hold them
        monkeypatch.setenv(f"RAY_SERVE_HAPROXY_{name}_PORT", str(free_port()))
    server = start_server(tmp_path, {**UNLIMITED, **switches})
    try:
        server.wait_ready()
        reached = server.replicas("Gateway")[0].environ()
        assert {switch: reached[INHERITED[switch][0]] for switch in switches} == {
            switch: INHERITED[switch][1] for switch in switches
        }
        with httpx.Client(base_url=server.url, timeout=60.0) as client:
            answers_as_ever(client)
    finally:
        code = server.stop()
    assert code == 0, server.log()


def answers_as_ever(client: httpx.Client) -> None:
    """A score, and refusals: of a large body that arrived whole, by the gateway, by lanes in other processes."""
    answer = client.post(RAG, json=rag_body())
    assert answer.status_code == 200, answer.text
    assert answer.json()["versions"]["verifier"]
    assert len(answer.headers.get_list("x-request-id")) == 1
    large = check_envelope(client.post(RAG, json=rag_body(raw_context="x" * 420_000)), 413)  # beyond HAProxy's buffers
    assert "420000 characters" in large["message"]
    check_envelope(client.post(RAG, json={}), 400)
    state = check_envelope(client.post(CODE, json={**rag_body(), "session_state": {"version": 1, "nothing": 1}}), 400)
    assert "session_state" in state["message"]
    check_envelope(client.post(ROLLUP, json={"turns": [{}]}), 400)
    check_envelope(client.get("/nowhere"), 404)
