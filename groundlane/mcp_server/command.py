"""``groundlane mcp``: over stdio for one agent on this machine, or over streamable HTTP for several."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from groundlane.address import KEY_VARIABLE, api_key, server_url
from groundlane.cli.common import EXIT_FAILURE, EXIT_USAGE, CommandError, parser_of, reported

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from groundlane.asynchronous import AsyncGroundlane
    from groundlane.mcp_server.tools import Caller

_BODY_BYTES: Final = 16 * 1024 * 1024
"""As the scoring server's own limit by default."""
_INSTRUCTIONS: Final = (
    "Groundlane checks what a language model says and writes. Call check_answer before you give an answer that rests on "
    "retrieved text, and check_code after you write code that uses the project's own files; correct what they find. "
    "session_* keep what was decided over many turns and give it back within a budget of tokens."
)


def run(arguments: list[str]) -> int:
    """Serve until the client leaves (stdio) or Ctrl-C (HTTP)."""
    with reported():
        return _serve(arguments[1:])


def _serve(arguments: list[str]) -> int:
    parser = parser_of("mcp", "Give agents the checks as tools (Model Context Protocol), on stdio without options.")
    parser.add_argument("--http", action="store_true", help="streamable HTTP at /mcp instead of stdio")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on with --http (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on with --http (8765)")
    options = parser.parse_args(arguments)
    if find_spec("mcp") is None:
        raise CommandError("groundlane mcp needs groundlane[mcp]: pip install 'groundlane[mcp]'", EXIT_FAILURE)
    if not 0 <= options.port <= 65535:
        raise CommandError(f"--port {options.port}: a port is 0 to 65535", EXIT_USAGE)
    if options.http:
        _serve_http(options.url, options.host, options.port)
    else:
        build_server(options.url).run("stdio")
    return 0


def _serve_http(url: str | None, host: str, port: int) -> None:
    if not _is_loopback(host) and api_key() is not None:
        raise CommandError(
            f"--host {host} is open to others, who would call with the key in {KEY_VARIABLE}. Unset it: beyond "
            "loopback each caller sends its own key, as the header Authorization: Bearer KEY",
            EXIT_USAGE,
        )
    server = build_server(url)
    print(
        f"MCP on http://{host}:{port}/mcp, in front of {server_url(url)}. Stop with Ctrl-C.",
        file=sys.stderr,
        flush=True,
    )
    try:
        server.run("streamable-http", host=host, port=port, max_request_body_size=_BODY_BYTES, stateless_http=True)
    except KeyboardInterrupt:
        return


def build_server(url: str | None) -> MCPServer:
    """The server with all tools, in front of the Groundlane server at ``url``.

    A call that carries a bearer token over HTTP is passed on with it; others have the key of this process's environment.
    """
    import httpx
    from mcp.server.mcpserver import MCPServer

    from groundlane.asynchronous import AsyncGroundlane
    from groundlane.mcp_server.tools import Tools, add_tools
    from groundlane.retries import RetryPolicy

    address = server_url(url)
    connections = httpx.AsyncHTTPTransport()
    retry = RetryPolicy(attempts=2, first_wait_s=0.2)  # an agent waits for the answer

    @asynccontextmanager
    async def connected(_: MCPServer) -> AsyncIterator[None]:
        async with connections:
            yield

    def client_of(ctx: Caller) -> AsyncGroundlane:
        sent = (ctx.headers or {}).get("authorization", "")
        scheme, _, token = sent.partition(" ")
        key = token.strip() if scheme.lower() == "bearer" and token.strip() else None
        return AsyncGroundlane(
            key, address, retry=retry, transport=connections
        )  # only headers: the connections are shared

    server: MCPServer = MCPServer(
        "groundlane",
        title="Groundlane",
        instructions=_INSTRUCTIONS,
        version=version("groundlane"),
        log_level="WARNING",
        lifespan=connected,
    )
    add_tools(server, Tools(client_of))
    return server


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
