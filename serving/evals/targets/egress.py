"""Where targets and judges may connect to: nowhere, unless an operator lists the host. No redirect leaves it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from serving.api.errors import ForbiddenError

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class EgressPolicy:
    """``hosts``: ``api.example.com``, ``*.example.com`` or ``host:port``. ``private``: those whose address may be private.

    A private, loopback, link-local or reserved address is refused unless the very host is in ``private``, so that a name
    that resolves to the machine's own network, or to a cloud's metadata service, does not open it.
    """

    hosts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()

    def check(self, url: str) -> tuple[str, int]:
        """Host and port of an allowed URL. Raises ForbiddenError saying what to list."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ForbiddenError(f"{parts.scheme or 'no'} URL: targets are http or https")
        if parts.username or parts.password:
            raise ForbiddenError("a target's URL carries no password; name an environment variable for its key")
        try:
            port = parts.port or _PORTS[parts.scheme]
        except ValueError:
            raise ForbiddenError("the target's port is not a number below 65,536") from None
        if not _listed(parts.hostname, port, (*self.hosts, *self.private)):
            raise ForbiddenError(
                f"connections to {parts.hostname}:{port} are not allowed", "List the host in evals.egress_hosts."
            )
        return parts.hostname, port

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raise ForbiddenError for an address that is not public, unless the host is listed as private."""
        if not ipaddress.ip_address(address.partition("%")[0]).is_global and not _listed(host, port, self.private):
            raise ForbiddenError(
                f"{host} is at a private address", "List the host in evals.egress_private_hosts if that is meant."
            )


def _listed(host: str, port: int, names: Sequence[str]) -> bool:
    lowered = host.lower().rstrip(".")
    for name in names:
        wanted = name.lower()
        if wanted in (lowered, f"{lowered}:{port}"):
            return True
        if wanted.startswith("*.") and lowered.endswith(wanted[1:]):
            return True
    return False


class GuardedClient:
    """An HTTP client that connects to the very address it checked, follows no redirect and reads no proxy settings."""

    def __init__(self, policy: EgressPolicy, timeout_s: float) -> None:
        self._policy = policy
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=min(10.0, timeout_s)), follow_redirects=False, trust_env=False
        )

    async def request(self, method: str, url: str, *, headers: dict[str, str], content: bytes) -> httpx.Request:
        """A request to the checked address, with the host's name for TLS and in its header. Raises ForbiddenError."""
        host, port = self._policy.check(url)
        address = await self._resolve(host, port)
        target = httpx.URL(url).copy_with(host=address)
        request = self._client.build_request(
            method, target, headers={**headers, "host": httpx.URL(url).netloc.decode()}, content=content
        )
        request.extensions["sni_hostname"] = host
        return request

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not yet read. Raises httpx.HTTPError."""
        return await self._client.send(request, stream=True)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _resolve(self, host: str, port: int) -> str:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"{host} does not resolve: {error.strerror}") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._policy.check_address(host, port, address)
        return addresses[0]
