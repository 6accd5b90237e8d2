"""The real server as a process of its own, and the requests that the tests send to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

START_LIMIT_S = 280.0
STOP_LIMIT_S = 90.0

UNLIMITED = {"LIMITS__REQUESTS_PER_MINUTE": "10000000", "LIMITS__BURST": "10000000"}
RAG = "/api/v1/trace/rag"
ROLLUP = "/api/v1/trace/rollup"

CONTEXT = "France's capital city is Paris. The city proper has 2.1 million inhabitants."
ANSWER = "Paris is the capital of France. It has 2.1 million inhabitants."


@dataclass
class Server:
    """A running ``groundlane serve``. ``data_dir`` is its own; ``log_path`` holds what it printed."""

    process: subprocess.Popen[bytes]
    url: str
    data_dir: Path
    log_path: Path

    def descendants(self) -> list[psutil.Process]:
        """Every process that it started: Ray's own and the replicas."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The living replicas of one deployment."""
        title = f"ray::ServeReplica:groundlane:{deployment}"
        return [process for process in self.descendants() if _command(process).startswith(title)]

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Return once ``/readyz`` answers 200; fail with the log if the process ends or the time is up."""
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=15.0).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"the server was not ready within {limit_s:.0f} s:\n{self.log()}")

    def stop(self) -> int:
        """SIGTERM, wait for the end, and the exit code; what does not end in time is killed, and that fails."""
        started = self.descendants() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        _, left = psutil.wait_procs(started, timeout=15.0)
        names = [_command(process) for process in left]
        for process in left:
            process.kill()
        if code is None or left:
            raise AssertionError(f"exit code {code}, left behind: {names}\n{self.log()}")
        return code

    def log(self) -> str:
        """The end of what the server printed."""
        return self.log_path.read_text(errors="replace")[-6000:]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def free_port() -> int:
    """A loopback port that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(folder: Path, settings: Mapping[str, str]) -> Server:
    """A server on a free loopback port with its own data folder; ``settings`` by ``SECTION__KEY``. Not ready yet."""
    port = free_port()
    data_dir = folder / "data"
    data_dir.mkdir(exist_ok=True)
    log_path = folder / "server.log"
    values = {"DATA_DIR": str(data_dir), "SERVER__PORT": str(port), **settings}
    environment = {**os.environ, **{f"GROUNDLANE__{key}": value for key, value in values.items()}}
    environment.pop("RAY_ADDRESS", None)
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.cli.main", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Server(process, f"http://127.0.0.1:{port}", data_dir, log_path)


def rag_body(**changes: Any) -> dict[str, Any]:
    """A short, well-formed request; a change to ``...`` leaves the field out."""
    body = {"response_text": ANSWER, "raw_context": CONTEXT} | changes
    return {name: value for name, value in body.items() if value is not ...}


class Rag:
    """Sends rag requests and checks what every answer must be."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def post(self, **changes: Any) -> httpx.Response:
        """The raw answer."""
        return self.client.post(RAG, json=rag_body(**changes))

    def score(self, **changes: Any) -> dict[str, Any]:
        """The document of a successful answer."""
        answer = self.post(**changes)
        assert answer.status_code == 200, answer.text[:1000]
        document: dict[str, Any] = answer.json()
        assert document["success"] is True
        return document

    def refused(self, status: int = 400, **changes: Any) -> dict[str, Any]:
        """The envelope of a refused request."""
        return check_envelope(self.post(**changes), status)


def check_envelope(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Every 4xx and 5xx is the same typed JSON; returns it."""
    assert answer.status_code == status, answer.text[:1000]
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    assert set(document) == {"success", "error", "message", "hint", "request_id"}
    assert document["success"] is False
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["message"]
    assert document["hint"]
    return document
