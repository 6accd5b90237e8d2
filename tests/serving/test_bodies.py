"""Bodies that come slowly, never, or from one tenant alone: they hold up nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.api.errors import BodyTimeoutError, OverloadedError, PayloadTooLargeError
from serving.auth.keys import KeyFile
from serving.config.load import parse_config
from serving.http.bodies import BodyLimits, Message, SenderGoneError, has_body, receive_body, replayed
from serving.http.gateway import create_app
from serving.http.limits import Admission
from serving.lanes.dispatch import Lanes
from tests.serving.http_server import running
from tests.serving.test_gateway import FakeLane, ReadyRollup

RAG = "/api/v1/trace/rag"
BODY = json.dumps({"response_text": "a", "raw_context": "b"}).encode()


def parts(*given: bytes, then: str = "end"):
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in given]

    async def receive() -> Message:
        if messages:
            message = messages.pop(0)
            message["more_body"] = bool(messages) or then != "end"
            return message
        if then == "gone":
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


@pytest.fixture
def admission() -> Admission:
    return Admission({"rag": 4}, 100, time.monotonic, receiving=4)


async def test_a_body_is_read_whole_and_counted_as_it_arrives(admission: Admission) -> None:
    with admission.receive("rag") as permit:
        assert await receive_body(parts(b"ab", b"", b"cde"), permit, BodyLimits(5)) == b"abcde"
        assert (admission.in_flight_bytes, admission.in_flight("rag"), admission.receiving) == (5, 0, 1)
        permit.begin()
        assert (admission.in_flight_bytes, admission.in_flight("rag"), admission.receiving) == (5, 1, 0)
    assert (admission.in_flight_bytes, admission.in_flight("rag"), admission.receiving) == (0, 0, 0)


@pytest.mark.parametrize(
    ("receive", "limits", "error"),
    [
        pytest.param(parts(b"abc", b"def"), BodyLimits(5), PayloadTooLargeError, id="too-long"),
        pytest.param(parts(b"a" * 60, b"a" * 60), BodyLimits(500), OverloadedError, id="past-memory"),
        pytest.param(parts(b"a", then="gone"), BodyLimits(5), SenderGoneError, id="client-left"),
        pytest.param(parts(b"a", then="silence"), BodyLimits(5, deadline_s=0.05), BodyTimeoutError, id="silence"),
    ],
)
async def test_a_body_that_is_not_taken_holds_nothing(admission, receive, limits, error) -> None:
    with admission.receive("rag") as permit, pytest.raises(error):
        await receive_body(receive, permit, limits)
    assert (admission.in_flight_bytes, admission.receiving) == (0, 0)


async def test_a_body_must_come_at_a_least_rate(admission: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.http.bodies.GRACE_S", 0.05)

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with admission.receive("rag") as permit, pytest.raises(BodyTimeoutError):
        await receive_body(drip, permit, BodyLimits(1_000, deadline_s=60.0, bytes_per_s=1_000))


async def test_what_was_read_is_given_again_then_what_follows() -> None:
    receive = replayed(b"abc", parts(then="gone"))
    assert await receive() == {"type": "http.request", "body": b"abc", "more_body": False}
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"content-length": "0"}, False),
        ({"content-length": "3"}, True),
        ({"content-length": "x"}, True),
        ({"transfer-encoding": "chunked"}, True),
    ],
)
def test_which_requests_have_a_body(headers: dict[str, str], expected: bool) -> None:
    assert has_body(headers) is expected


def test_one_tenant_leaves_room_for_others() -> None:
    admission = Admission({"rag": 4}, 100, time.monotonic, receiving=4)
    held = [admission.admit("rag", 20, "a", 0.75) for _ in range(3)]
    with pytest.raises(OverloadedError, match="of yours"):
        admission.admit("rag", 1, "a", 0.75)
    with admission.admit("rag", 20, "b", 0.75):
        for permit in held:
            permit.release()
        with admission.receive("rag", "a", 0.5) as first, admission.receive("rag", "a", 0.5) as second:
            first.reserve(10)
            with pytest.raises(OverloadedError, match="bytes"):
                second.reserve(45)
    slow = [admission.receive("rag", "a", 0.5) for _ in range(2)]
    with pytest.raises(OverloadedError, match="on their way"):
        admission.receive("rag", "a", 0.5)
    with admission.receive("rag", "b", 0.5):
        pass
    for permit in slow:
        permit.release()
    assert (admission.in_flight_bytes, admission.receiving, admission.in_flight("rag")) == (0, 0, 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """A gateway's address with the keys of two tenants; bodies may take half a second, two may be on their way a tenant."""
    keys = KeyFile(tmp_path / "keys.json")
    slow, other = keys.create("slow", "s")[1], keys.create("other", "o")[1]
    limits = {"body_deadline_s": 0.5, "receiving": 3, "tenant_share": 0.5, "permits": {"rag": 1}}
    config = parse_config({"data_dir": str(tmp_path), "limits": limits}, environment={})
    lane = FakeLane()
    with running(create_app(config, Lanes(rag=lane, code=lane, rollup=ReadyRollup()))) as url:
        yield url, slow, other


def begin(url: str, key: str, announced: int) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    opened = socket.create_connection((host, int(port)), timeout=20)
    head = f"POST {RAG} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Length: {announced}\r\n\r\n"
    opened.sendall(head.encode() + BODY[:1])
    return opened


def test_slow_senders_hold_no_permit_and_are_ended(server: tuple[str, str, str]) -> None:
    url, slow, other = server
    held = [begin(url, slow, 16 * 2**20) for _ in range(2)]
    answer = httpx.post(url + RAG, content=BODY, headers={"Authorization": f"Bearer {other}"}, timeout=20)
    assert answer.status_code == 200
    for connection in held:
        with connection, connection.makefile("rb") as answer_file:
            text = answer_file.read()
        assert text.startswith(b"HTTP/1.1 408")
        assert b"body_timeout" in text
    assert (
        httpx.post(url + RAG, content=BODY, headers={"Authorization": f"Bearer {slow}"}, timeout=20).status_code == 200
    )
