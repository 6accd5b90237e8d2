"""Ray Serve's own options that a benchmark compares, as environments of the process that starts it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

_ONE_LOOP = {
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1000",
}
_GRPC = {"RAY_SERVE_USE_GRPC_BY_DEFAULT": "1"}
_HAPROXY = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # the default of 5 s is too short for two busy cores
}
_THROUGHPUT = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}

SERVE_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "one_loop": _ONE_LOOP,
    "grpc": _GRPC,
    "one_loop_grpc": {**_ONE_LOOP, **_GRPC},
    "throughput": {**_THROUGHPUT, "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"},
    "haproxy": _HAPROXY,
    "haproxy_one_loop": {**_HAPROXY, **_ONE_LOOP},
    "haproxy_one_loop_grpc": {**_HAPROXY, **_ONE_LOOP, **_GRPC},
    "haproxy_throughput": {**_HAPROXY, **_THROUGHPUT},
}
"""By the name under which results list them; ``default`` is Ray Serve as it comes.

``throughput`` is Ray's own summary switch: one loop, gRPC, log lines off stderr, objects of the start kept out of garbage
collection. It also lets gateways listen on ports of their own with no proxy before them, which only HAProxy makes sense of.
"""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def serve_environment(name: str, folder: Path) -> dict[str, str]:
    """The environment of one option. HAProxy's files go to ``folder`` and its ports are free ones: Ray's are fixed."""
    files = {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": "admin.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": ".",
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "server-state",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "metrics.sock",
    }
    ports = ("RAY_SERVE_HAPROXY_METRICS_PORT", "RAY_SERVE_HAPROXY_STATS_PORT")
    own = {key: str(folder / file) for key, file in files.items()} | {key: str(free_port()) for key in ports}
    return {**SERVE_OPTIONS[name], **own}
