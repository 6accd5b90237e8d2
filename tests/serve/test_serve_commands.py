"""Ray's own ``serve run`` and ``serve deploy`` with our file, on a cluster of their own; and a start that fails."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from serving.config.load import PROFILES
from tests.serve.support import RAG, free_port, rag_body, start_server

LAPTOP = Path(__file__).parents[2] / "serving" / "config" / "profiles" / f"{PROFILES[0]}.yaml"
READY_LIMIT_S = 250.0


@dataclass(frozen=True)
class Cluster:
    """A Ray head without Serve. ``environment`` leads Ray's commands to it."""

    address: str
    dashboard: str
    environment: dict[str, str]


def command(name: str) -> str:
    """A console script of this environment."""
    return str(Path(sys.executable).with_name(name))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """``ray start --head`` on loopback and free ports; ended with everything that it started."""
    names = ("port", "dashboard-port", "dashboard-agent-listen-port", "dashboard-agent-grpc-port")
    names += ("metrics-export-port", "ray-client-server-port", "node-manager-port", "object-manager-port")
    ports = {name: free_port() for name in names}
    folder = tmp_path_factory.mktemp("cluster")
    token = secrets.token_hex(32)
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    environment["RAY_ADDRESS"] = f"127.0.0.1:{ports['port']}"
    arguments = [f"--{name}={port}" for name, port in ports.items()]
    arguments += ["--dashboard-host=127.0.0.1", "--include-dashboard=true"]
    with (folder / "head.log").open("wb") as log:
        started = {key: value for key, value in environment.items() if key != "RAY_ADDRESS"}
        head = subprocess.Popen(
            [command("ray"), "start", "--head", "--block", *arguments], env=started, stdout=log, stderr=log
        )
    try:
        dashboard = f"http://127.0.0.1:{ports['dashboard-port']}"
        wait_for(f"{dashboard}/api/version", head, {"Authorization": f"Bearer {token}"})
        yield Cluster(environment["RAY_ADDRESS"], dashboard, environment)
    finally:
        started_processes = psutil.Process(head.pid).children(recursive=True)
        head.send_signal(signal.SIGTERM)
        head.wait(60)
        _, left = psutil.wait_procs(started_processes, timeout=20.0)
        for process in left:
            process.kill()


def wait_for(url: str, process: subprocess.Popen[bytes], headers: dict[str, str] | None = None) -> None:
    """Return once ``url`` answers 200."""
    until_s = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < until_s:
        assert process.poll() in {None, 0}, f"ended with {process.returncode}"
        try:
            if httpx.get(url, headers=headers, timeout=15.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{url} did not answer 200 within {READY_LIMIT_S:.0f} s")


def serve_file(folder: Path) -> tuple[Path, str]:
    """The laptop profile's file with a free port and a data folder of its own; the server's address."""
    document = yaml.safe_load(LAPTOP.read_text(encoding="utf-8"))
    port = free_port()
    document["http_options"]["port"] = port
    document["applications"][0]["args"]["data_dir"] = str(folder / "data")
    (folder / "data").mkdir()
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path, f"http://127.0.0.1:{port}"


def check_answers(url: str) -> None:
    """The server scores, names its requests once, and refuses what it should."""
    answer = httpx.post(f"{url}{RAG}", json=rag_body(), timeout=60.0)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert httpx.post(f"{url}{RAG}", json={}, timeout=60.0).json()["error"] == "validation_error"


@pytest.mark.slow
def test_serve_deploy_takes_our_file(cluster: Cluster, tmp_path: Path) -> None:
    path, url = serve_file(tmp_path)
    deploy = [command("serve"), "deploy", str(path), "--address", cluster.dashboard]
    done = subprocess.Popen(deploy, env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = done.communicate(timeout=60)
    assert done.returncode == 0, output.decode()
    wait_for(f"{url}/readyz", done)
    check_answers(url)
    stop = [command("serve"), "shutdown", "--yes", "--address", cluster.dashboard]
    assert subprocess.run(stop, env=cluster.environment, timeout=120, check=False).returncode == 0


@pytest.mark.slow
def test_serve_run_takes_our_file(cluster: Cluster, tmp_path: Path) -> None:
    path, url = serve_file(tmp_path)
    with (tmp_path / "run.log").open("wb") as log:
        run = subprocess.Popen([command("serve"), "run", str(path)], env=cluster.environment, stdout=log, stderr=log)
    try:
        wait_for(f"{url}/readyz", run)
        check_answers(url)
    finally:
        run.send_signal(signal.SIGINT)
        try:
            run.wait(60)
        except subprocess.TimeoutExpired:  # Ray's command, not ours, sometimes waits for ever
            run.kill()
            run.wait()


def test_a_failed_start_names_the_reason_and_ends(tmp_path: Path) -> None:
    server = start_server(tmp_path, {"ENCODERS": f'[{{"name": "minilm", "source": "{tmp_path}/nowhere"}}]'})
    assert server.process.wait(180) == 1
    log = server.log()
    assert "Traceback" not in log
    last = log.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "nowhere" in last


def test_a_stop_before_everything_is_up_is_orderly(tmp_path: Path) -> None:
    server = start_server(tmp_path, {})
    until_s = time.monotonic() + READY_LIMIT_S
    while not server.replicas("Encoder"):
        assert server.process.poll() is None, server.log()
        assert time.monotonic() < until_s, server.log()
        time.sleep(0.05)
    assert server.stop() == 0
    assert "SIGTERM received" not in server.log()
