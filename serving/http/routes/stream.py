"""``/api/v1/trace/rag/stream``: an answer is judged over a WebSocket while it is written.

The client sends ``start`` with the fields of the rag lane but ``response_text``, then ``text`` messages, then ``end``. The
server sends ``started``, a ``claim`` for each verdict, ``judged`` with the character before which nothing is open, and at the
end ``result``; or ``error`` in place of any of them, and closes with 4000 + the status that a request would get.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from serving.api.errors import (
    ApiError,
    DeadlineExceededError,
    ForbiddenError,
    PayloadTooLargeError,
    ValidationFailedError,
)
from serving.api.schemas import RagRequest, parse_body
from serving.config.settings import LimitSettings, PriceSettings
from serving.http.edge import Exchange
from serving.http.routes.lanes import check_limits, tenant_of
from serving.http.senders import CLOSE_NORMAL, SocketSender
from serving.lanes.answer_stream import AnswerStream
from serving.lanes.dispatch import Dispatcher

_NOT_IN_START = {
    "response_text": "the answer comes in messages of type text; leave the field out",
    "return_job": "a streamed answer is scored at once; leave the field out",
    "async": "a streamed answer is scored at once; leave the field out",
}
_ANY_TEXT = "."


def stream_router(dispatcher: Dispatcher, limits: LimitSettings, prices: PriceSettings) -> APIRouter:
    """The route of answers that are judged while they are written."""
    router = APIRouter(prefix="/api/v1/trace", tags=["lanes"])
    usd = {"standard": prices.standard_usd, "quality": prices.quality_usd}

    @router.websocket("/rag/stream")
    async def stream(socket: WebSocket) -> None:
        exchange: Exchange = socket.state.exchange
        sender: SocketSender = socket.state.sender
        try:
            _check_origin(socket)
            await socket.accept()
            async with asyncio.timeout(limits.stream_s):
                await _Conversation(socket, exchange, limits).run(dispatcher, usd)
            await socket.close(CLOSE_NORMAL)
        except WebSocketDisconnect:
            sender.left()
        except ApiError as error:
            await sender.fail(error)
        except TimeoutError:
            late = DeadlineExceededError(f"the answer was not complete after {limits.stream_s:g} s")
            await sender.fail(late)

    @router.api_route("/rag/stream", methods=["GET", "POST"], include_in_schema=False)
    async def plain_request() -> None:
        raise ValidationFailedError(
            "this path is a WebSocket, not a plain request",
            "Connect to it with ws:// or wss://; see docs/streaming.md.",
        )

    return router


def _check_origin(socket: WebSocket) -> None:
    """Refuse another site's page: a browser lets it open a WebSocket to this machine, and read what comes."""
    origin = socket.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
        raise ForbiddenError(
            "a page of another site may not open this WebSocket", "Connect from your own server, or from this address."
        )


class _Conversation:
    """One WebSocket from ``start`` to ``result``."""

    def __init__(self, socket: WebSocket, exchange: Exchange, limits: LimitSettings) -> None:
        self._socket = socket
        self._exchange = exchange
        self._limits = limits
        self._news = asyncio.Event()
        self._ended = False
        self._judging = False

    async def run(self, dispatcher: Dispatcher, usd: Mapping[str, float]) -> None:
        """Raises an ApiError, WebSocketDisconnect if the client leaves."""
        exchange = self._exchange
        body = self._start(await self._message())
        exchange.request_id = body.request_id or exchange.request_id
        exchange.session_id, exchange.profile, exchange.model = body.session_id, body.profile.value, body.model
        check_limits(body, self._limits)
        await self._send({"type": "started", "request_id": exchange.request_id})
        async with dispatcher.answer_stream(body, exchange.request_id, tenant_of(self._socket)) as answer:
            reading = asyncio.create_task(self._read(answer))
            judging = asyncio.create_task(self._judge(answer, body.verbose))
            try:
                await asyncio.wait({reading, judging}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():  # it goes on until the client leaves or breaks the contract
                    reading.result()
                await judging
            finally:
                for task in (reading, judging):
                    task.cancel()
                    with suppress(asyncio.CancelledError, ApiError, WebSocketDisconnect):
                        await task
        exchange.cost_usd = usd[body.profile.value]

    async def _read(self, answer: AnswerStream) -> None:
        """Takes in the answer; after its end, waits for the client to leave."""
        while True:
            message = await self._message()
            kind = message.get("type")
            if self._ended:
                raise ValidationFailedError("nothing may follow a message of type end")
            if kind == "text" and set(message) == {"type", "text"} and isinstance(message["text"], str):
                limit = self._limits.response_characters
                if answer.characters + len(message["text"]) > limit:
                    raise PayloadTooLargeError(f"the answer has more than {limit} characters, the limit")
                answer.add(message["text"])
            elif kind == "end" and set(message) == {"type"}:
                self._ended = True
            else:
                raise ValidationFailedError('send {"type": "text", "text": "..."} or {"type": "end"}')
            self._news.set()

    async def _judge(self, answer: AnswerStream, verbose: bool) -> None:
        """Judges what is whole, all of it together where a verdict took longer than a sentence, and then the whole."""
        while not self._ended:
            await self._news.wait()
            self._news.clear()
            before = answer.judged_to
            self._judging = True  # a sender that waits for its verdict is not idle
            await self._send_claims(await answer.judge())
            self._judging = False
            if answer.judged_to > before:
                times = {"phases_ms": answer.phases_ms} if verbose else {}
                await self._send({"type": "judged", "char_end": answer.judged_to, **times})
        finished = await answer.finish()
        self._exchange.answer = finished.answer
        await self._send_claims(finished.claims)
        await self._send({"type": "judged", "char_end": answer.judged_to})
        head = orjson.dumps({"type": "result", "revised": finished.revised})
        await self._socket.send_text((head[:-1] + b',"result":' + finished.answer.body + b"}").decode())

    async def _send_claims(self, claims: tuple[Mapping[str, Any], ...]) -> None:
        for claim in claims:
            await self._send({"type": "claim", **claim})

    async def _send(self, document: Mapping[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(document).decode())

    async def _message(self) -> Mapping[str, Any]:
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise ValidationFailedError("send JSON objects as text messages, not binary ones")
        try:
            message = orjson.loads(text)
        except ValueError:
            raise ValidationFailedError("a message is not JSON") from None
        if not isinstance(message, dict):
            raise ValidationFailedError("a message is a JSON object with a type")
        return message

    async def _receive(self) -> Mapping[str, Any]:
        idle_s = self._limits.stream_idle_s
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    return await self._socket.receive()
            except TimeoutError:
                if not (self._ended or self._judging):
                    raise DeadlineExceededError(f"no message came for {idle_s:g} s") from None

    def _start(self, message: Mapping[str, Any]) -> RagRequest:
        if message.get("type") != "start":
            raise ValidationFailedError("the first message has type start and the fields of /api/v1/trace/rag")
        for name, why in _NOT_IN_START.items():
            if name in message:
                raise ValidationFailedError(f"{name}: {why}")
        fields = {name: value for name, value in message.items() if name != "type"}
        return parse_body(RagRequest, orjson.dumps({**fields, "response_text": _ANY_TEXT}))
