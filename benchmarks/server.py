"""A server of one's own for a benchmark: started on a free port, ended by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.serve_options import free_port

_START_LIMIT_S = 180.0


@contextmanager
def running_server(
    config: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, float]]:
    """(base URL, seconds from start to ready) of a fresh server with its own data folder."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="groundlane-bench-") as folder:
        settings = {
            **os.environ,
            "GROUNDLANE__DATA_DIR": folder,
            "GROUNDLANE__SERVER__PORT": str(port),
            "GROUNDLANE__LIMITS__REQUESTS_PER_MINUTE": "10000000",
            "GROUNDLANE__LIMITS__BURST": "10000000",
            "GROUNDLANE__OBSERVABILITY__LOG_LEVEL": "error",
            **(environment or {}),
        }
        command = [sys.executable, "-m", "serving.cli.main", "serve", *(["--config", str(config)] if config else [])]
        started_s = time.monotonic()
        server = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_ready(server, url, started_s)
            yield url, time.monotonic() - started_s
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=120)


def _wait_ready(server: subprocess.Popen[bytes], url: str, started_s: float) -> None:
    while time.monotonic() - started_s < _START_LIMIT_S:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with exit code {server.returncode}")
        try:
            if httpx.get(f"{url}/readyz", timeout=10.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"the server was not ready within {_START_LIMIT_S:.0f} s")
