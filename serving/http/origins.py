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

_FORWARDING = ("x-forwarded-for", "forwarded", "x-real-ip")
"""By which fronts say for whom they call (RFC 7239 and what came before it)."""
_HINT = "Use http://127.0.0.1, name the host in server.allowed_hosts, or create a key with 'groundlane keys create'."


def check_browser(headers: Mapping[str, str], allowed_hosts: Collection[str]) -> None:
    """Raise ForbiddenError for a call without a key that a page of another site may have made."""
    host = _name(f"//{headers.get('host', '')}")
    if not _is_ours(host, allowed_hosts):
        raise ForbiddenError("calls without a key are not served to this Host", _HINT)
    origin = headers.get("origin")
    if origin is not None and _name(origin) != host and not (origin != "null" and _is_local(_name(origin))):
        raise ForbiddenError("calls without a key are not served to pages of another Origin", _HINT)


def forwarded_for(headers: Mapping[str, str], peer: str | None) -> str | None:
    """Whose call it is as a front says: the first address beyond this machine that a forwarding header names, else ``peer``.

    A call without a key that came through a front on this machine has a local peer and is not local. Whoever writes such a
    header himself can only lose by it. An address that cannot be read counts as one of elsewhere: ``unknown``, a hidden name.
    """
    for name in _FORWARDING:
        for part in headers.get(name, "").split(","):
            written = part.strip()
            if name == "forwarded":
                written = next((one[4:] for one in map(str.strip, written.split(";")) if one[:4].lower() == "for="), "")
            address = _address(written)
            if address and not _is_local(address):
                return address
    return peer


def _address(written: str) -> str:
    """``"[2001:db8::1]:4711"`` and ``192.0.2.1:80`` without port, brackets and quotes."""
    plain = written.strip().strip('"')
    if plain.startswith("["):
        return plain[1:].partition("]")[0]
    return plain.partition(":")[0] if plain.count(":") == 1 else plain


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
        address = ipaddress.ip_address(host)
        return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)
    except ValueError:
        return False
