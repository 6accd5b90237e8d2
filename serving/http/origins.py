"""Without keys, whoever reaches loopback is served: a page in the user's browser must not be among them.

A page of another site reaches this machine in two ways. Its own name may lead to 127.0.0.1 (DNS rebinding): then ``Host`` is
that name. Or it posts to ``http://127.0.0.1`` directly: then ``Origin`` is its own. Addresses and names without a dot
cannot be taken by a stranger's domain and pass.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from serving.api.errors import ForbiddenError

_HINT = "Use http://127.0.0.1, name the host in server.allowed_hosts, or create a key with 'groundlane keys create'."


def check_browser(headers: Mapping[str, str], allowed_hosts: Collection[str]) -> None:
    """Raise ForbiddenError for a call without a key that a page of another site may have made."""
    host = _name(f"//{headers.get('host', '')}")
    if not _is_ours(host, allowed_hosts):
        raise ForbiddenError("calls without a key are not served to this Host", _HINT)
    origin = headers.get("origin")
    if origin is not None and _name(origin) != host and not (origin != "null" and _is_local(_name(origin))):
        raise ForbiddenError("calls without a key are not served to pages of another Origin", _HINT)


def _name(url: str) -> str:
    """The host of an address, '' where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_ours(host: str, allowed_hosts: Collection[str]) -> bool:
    if "." not in host or host.endswith(".localhost") or host in {name.lower() for name in allowed_hosts}:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
