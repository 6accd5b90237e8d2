"""Clients that do not read: their answers do not pile up before them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import uvicorn

from serving.api.errors import OverloadedError
from serving.http.edge import Receive, Scope, Send
from serving.ray.delivery import PIECE_BYTES, Delivery, StalledReaderError, announced_bytes, caller_of
from serving.ray.front import Front

LARGE = b"x" * (8 * 1024 * 1024)


async def large_answers(scope: Scope, receive: Receive, send: Send) -> None:
    """A gateway, as Serve's proxy sees it: the whole answer in one message."""
    headers = [(b"x-cost-usd", b"0"), (b"content-length", str(len(LARGE)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": LARGE})


@contextmanager
def served(app: Front) -> Iterator[tuple[str, int]]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def received(connection: socket.socket) -> int:
    """How many bytes still come until the server ends it."""
    count = 0
    with connection, suppress(ConnectionResetError):
        while part := connection.recv(1 << 20):
            count += len(part)
    return count


def test_a_client_that_does_not_read_is_ended_and_others_are_served() -> None:
    delivery = Delivery(stall_s=0.3)
    with served(Front(large_answers, delivery)) as (host, port):
        silent = []
        for _ in range(4):
            connection = socket.create_connection((host, port), timeout=20)
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            silent.append(connection)
        until_s = time.monotonic() + 20
        while delivery.waiting_bytes == 0 and time.monotonic() < until_s:
            time.sleep(0.01)
        assert httpx.get(f"http://{host}:{port}/x", headers={"authorization": "Bearer b"}, timeout=20).content == LARGE
        while delivery.waiting_bytes and time.monotonic() < until_s:
            time.sleep(0.01)
        assert delivery.waiting_bytes == 0
        assert all(received(connection) < len(LARGE) for connection in silent)


async def test_a_caller_with_too_much_unread_is_refused_and_another_is_not() -> None:
    delivery, gate = Delivery(caller_bytes=3 * PIECE_BYTES), asyncio.Event()

    async def hold(message: object) -> None:
        await gate.wait()

    waiting = asyncio.create_task(
        delivery.send("a", {"type": "http.response.body", "body": LARGE[: 2 * PIECE_BYTES]}, hold)
    )
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError, match="wait to be read"):
        delivery.require_room("a", 2 * PIECE_BYTES)
    delivery.require_room("a", PIECE_BYTES)
    delivery.require_room("b", len(LARGE))
    gate.set()
    await waiting
    delivery.require_room("a", len(LARGE))
    assert delivery.waiting_bytes == 0


async def test_pieces_make_the_whole_and_a_stall_raises() -> None:
    sent: list[dict[str, object]] = []

    async def keep(message: dict[str, object]) -> None:
        sent.append(message)

    body = LARGE[: 2 * PIECE_BYTES + 5]
    await Delivery().send("a", {"type": "http.response.body", "body": body, "more_body": True}, keep)
    assert b"".join(message["body"] for message in sent) == body  # type: ignore[misc]
    assert [message["more_body"] for message in sent] == [True, True, True]

    async def never(message: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(StalledReaderError):
        await Delivery(stall_s=0.01).send("a", {"type": "http.response.body", "body": b"a"}, never)


def test_callers_are_told_apart_by_key_then_by_address() -> None:
    keyed = caller_of([(b"Authorization", b"Bearer a")], ("1.2.3.4", 5))
    assert (
        keyed
        == caller_of([(b"authorization", b"Bearer a")], None)
        != caller_of([(b"authorization", b"Bearer b")], None)
    )
    assert caller_of([], ("1.2.3.4", 5)) == "1.2.3.4"
    assert [announced_bytes([(b"Content-Length", value)]) for value in (b"12", b"x")] == [12, 0]
