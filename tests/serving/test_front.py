"""The layer around Serve's proxy: its own answers get the envelope, the gateway's pass with one request id."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from serving.http.edge import Receive, Scope, Send
from serving.ray.front import FRONT, PROXY_CALLBACK, Front, front_installed, middlewares


class Proxy:
    """Sends what it is told to, as Serve's proxy would; nothing at all for no status."""

    def __init__(self, status: int | None, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.status is not None:
            await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
            await send({"type": "http.response.body", "body": b"plain text"})


async def ask(status: int | None, headers: list[tuple[bytes, bytes]], path: str = "/healthz") -> httpx.Response:
    transport = httpx.ASGITransport(Front(Proxy(status, headers)))
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        return await client.get(path, headers={"x-request-id": "r-1"})


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        pytest.param(None, 503, "overloaded", id="gateway-died"),
        pytest.param(404, 503, "overloaded", id="no-application"),
        pytest.param(503, 503, "overloaded", id="queue-full"),
        pytest.param(429, 503, "overloaded", id="back-pressure"),
        pytest.param(408, 504, "timeout", id="proxy-timeout"),
        pytest.param(500, 500, "internal_error", id="proxy-defect"),
    ],
)
async def test_the_proxys_own_answers_become_envelopes(status: int | None, expected: int, code: str) -> None:
    answer = await ask(status, [(b"content-type", b"text/plain"), (b"X-Request-ID", b"p")])
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["error"], document["success"]) == (expected, code, False)
    assert document["request_id"] == "r-1"
    assert answer.headers.get_list("x-request-id") == ["r-1"]
    assert ("retry-after" in answer.headers) == (expected == 503)


@pytest.mark.parametrize("status", [200, 400, 404, 500, 503])
async def test_the_gateways_answers_pass_with_its_request_id(status: int) -> None:
    marks = [(b"x-cost-usd", b"0"), (b"x-request-id", b"gateway"), (b"X-Request-ID", b"proxy")]
    answer = await ask(status, marks)
    assert (answer.status_code, answer.text) == (status, "plain text")
    assert answer.headers.get_list("x-request-id") == ["gateway"]


async def test_serves_own_paths_are_left_alone() -> None:
    assert (await ask(503, [], "/-/healthz")).text == "plain text"


def test_the_proxy_is_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROXY_CALLBACK, raising=False)
    assert not front_installed()
    monkeypatch.setenv(PROXY_CALLBACK, FRONT)
    assert front_installed()
    assert [middleware.cls for middleware in middlewares()] == [Front]


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        pytest.param("x-request-timeout-seconds", b"0.001", False, id="timeout"),
        pytest.param("X-Request-Disconnect-Disabled", b"1", False, id="disconnect"),
        pytest.param("x-session-id", b"a", False, id="session"),
        pytest.param("serve_multiplexed_model_id", b"m", False, id="model"),
        pytest.param("Serve-Multiplexed-Model-Id", b"m", False, id="model-hyphens"),
        pytest.param("x-request-id", b"\xff", False, id="bytes-in-the-id"),
        pytest.param("x-request-id", b"r 1", False, id="blank-in-the-id"),
        pytest.param("x-request-id", b"r-2", True, id="an-id"),
        pytest.param("x-own", b"\xff", True, id="another"),
    ],
)
async def test_a_caller_cannot_set_what_ray_serve_reads(name: str, value: bytes, passes: bool) -> None:
    arrived: list[bytes] = []

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.extend(found for key, found in scope["headers"] if key.decode("latin-1").lower() == name.lower())
        await Proxy(200, [(b"x-cost-usd", b"0")])(scope, receive, send)

    transport = httpx.ASGITransport(Front(proxy))
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        assert (await client.get("/healthz", headers=[(name.encode(), value)])).status_code == 200
    assert arrived == ([value] if passes else [])
