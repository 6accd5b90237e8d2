"""Which process of the server is which."""

from __future__ import annotations

import re


def role(command: list[str]) -> str:
    """What a process of the server does, from its command line: a replica's deployment, or a part of Ray."""
    text = " ".join(command)
    replica = re.match(r"ray::ServeReplica:groundlane:(\w+)", text)
    if replica:
        return replica.group(1)
    known = (
        "ServeController",
        "ProxyActor",
        "HAProxy",
        "haproxy",
        "DashboardAgent",
        "raylet",
        "gcs_server",
        "serving.cli.main",
    )
    return next((name for name in known if name in text), "other")
