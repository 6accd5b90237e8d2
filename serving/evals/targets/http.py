"""Targets over HTTP: an endpoint that speaks OpenAI's chat protocol, and an application with a JSON template."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import httpx
import orjson

from serving.api.errors import ApiError, ValidationFailedError
from serving.evals.answers import Answer, read_answer
from serving.evals.cases import Case
from serving.evals.reading import sha256_of
from serving.evals.targets.egress import EgressPolicy, GuardedClient

_RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
_ATTEMPTS: Final = 4
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 60.0
_MOST_BYTES: Final = 8 * 1024 * 1024
"""An answer past this is refused whole: no model writes it, a broken endpoint may."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class OpenAISettings:
    """An OpenAI-compatible endpoint. ``key_env``: the environment variable that holds the key; the key itself is never kept.

    Prices are USD for a million tokens, for the cost of a call whose answer reports tokens.
    """

    base_url: str
    model: str
    key_env: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = False
    timeout_s: float = 60.0
    input_usd: float = 0.0
    output_usd: float = 0.0
    instructions: str | None = None


@dataclass(frozen=True)
class HttpSettings:
    """An application's endpoint. In ``body``, ``{{question}}`` and ``{{messages}}`` stand for the case's.

    ``answer``: where the text is in the reply, ``data.text`` or ``choices.0.text``, empty for an endpoint that only retrieves;
    ``retrieved`` and ``tool_calls`` likewise.
    ``header_env``: header names to environment variables.
    """

    url: str
    body: Any
    answer: str = "answer"
    retrieved: str | None = None
    tool_calls: str | None = None
    header_env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0


class _CallError(Exception):
    """One attempt failed. ``wait_s``: when to try again, None: not again."""

    def __init__(self, message: str, again: bool, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.message, self.again, self.wait_s = message, again, wait_s


class _HttpTarget:
    """Attempts, waits and the clock; what is sent and read is a subclass's."""

    def __init__(self, policy: EgressPolicy, timeout_s: float, sleep: Sleep) -> None:
        self._client = GuardedClient(policy, timeout_s)
        self._timeout_s = timeout_s
        self._sleep = sleep

    @property
    def paid(self) -> bool:
        """A call may cost money."""
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _ask(
        self, url: str, headers: dict[str, str], body: Any, read: Callable[[httpx.Response], Awaitable[Answer]]
    ) -> Answer:
        """The answer after at most four attempts; what failed for good is an answer with an error."""
        content = orjson.dumps(body)
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, _ATTEMPTS + 1):
            started_s = time.perf_counter()
            try:
                answer = await self._once(url, headers, content, read)
            except _CallError as error:
                if not error.again or attempt == _ATTEMPTS:
                    return Answer("", error=f"{error.message} (attempt {attempt})")
                await self._sleep(min(error.wait_s if error.wait_s is not None else wait_s, _LONGEST_WAIT_S))
                wait_s *= 2
            except ApiError as error:
                return Answer("", error=error.message)
            else:
                return Answer(**{**_fields(answer), "latency_ms": (time.perf_counter() - started_s) * 1000.0})
        raise AssertionError("the last attempt returns")

    async def _once(
        self, url: str, headers: dict[str, str], content: bytes, read: Callable[[httpx.Response], Awaitable[Answer]]
    ) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                request = await self._client.request("POST", url, headers=headers, content=content)
                response = await self._client.send(request)
                try:
                    _refuse(response)
                    return await read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise _CallError(f"no answer within {self._timeout_s:g} s", again=True) from None
        except httpx.HTTPError as error:
            raise _CallError(f"the connection failed: {type(error).__name__}", again=True) from None


class OpenAITarget(_HttpTarget):
    """``POST {base_url}/chat/completions``, streamed or not."""

    def __init__(self, settings: OpenAISettings, policy: EgressPolicy, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(policy, settings.timeout_s, sleep)
        self._settings = settings
        policy.check(settings.base_url)

    @property
    def identity(self) -> str:
        """The hash of the settings; the key's variable is not part of it."""
        return sha256_of({**asdict(self._settings), "key_env": None, "timeout_s": None})

    async def answer(self, case: Case, repeat: int) -> Answer:
        """The answer to the case's messages, with the configuration's instructions before them."""
        messages = [dict(message) for message in case.input_messages]
        if self._settings.instructions:
            messages.insert(0, {"role": "system", "content": self._settings.instructions})
        return await self.complete(messages, sha256_of([self.identity, case.revision, repeat]))

    async def complete(self, messages: Sequence[Mapping[str, Any]], key: str | None = None) -> Answer:
        """The model's answer to messages. ``key``: an idempotency key for endpoints that know one."""
        settings = self._settings
        body: dict[str, Any] = {"model": settings.model, "messages": list(messages)}
        for name in ("temperature", "max_tokens"):
            if getattr(settings, name) is not None:
                body[name] = getattr(settings, name)
        if settings.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        if settings.key_env is not None:
            headers["authorization"] = f"Bearer {_secret(settings.key_env)}"
        url = f"{settings.base_url.rstrip('/')}/chat/completions"
        found = await self._ask(url, headers, body, _read_stream if settings.stream else _read_completion)
        return self._priced(found)

    def _priced(self, answer: Answer) -> Answer:
        if answer.input_tokens is None and answer.output_tokens is None:
            return answer
        settings = self._settings
        usd = (answer.input_tokens or 0) * settings.input_usd + (answer.output_tokens or 0) * settings.output_usd
        return Answer(**{**_fields(answer), "cost_usd": usd / 1e6})


class HttpTarget(_HttpTarget):
    """``POST`` of a filled-in template; the reply's parts are found by their paths."""

    def __init__(self, settings: HttpSettings, policy: EgressPolicy, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(policy, settings.timeout_s, sleep)
        self._settings = settings
        policy.check(settings.url)

    @property
    def identity(self) -> str:
        """The hash of the settings; the headers' variables are not part of it."""
        return sha256_of({**asdict(self._settings), "header_env": None, "timeout_s": None})

    async def answer(self, case: Case, repeat: int) -> Answer:
        """The application's answer."""
        headers = {name: _secret(variable) for name, variable in self._settings.header_env.items()}
        key = sha256_of([self.identity, case.revision, repeat])
        headers |= {"content-type": "application/json", "idempotency-key": key}
        return await self._ask(self._settings.url, headers, _filled(self._settings.body, case), self._read)

    async def _read(self, response: httpx.Response) -> Answer:
        document = await _json(response)
        settings = self._settings
        text = _at(document, settings.answer) if settings.answer else ""
        if not isinstance(text, str):
            raise _CallError(f"the reply has no text at {settings.answer!r}", again=False)
        found: dict[str, Any] = {"answer": text}
        for name, path in (("retrieved", settings.retrieved), ("tool_calls", settings.tool_calls)):
            value = None if path is None else _at(document, path)
            if isinstance(value, list):
                found[name] = value
        try:
            return read_answer(found, "reply")
        except ValidationFailedError as error:
            raise _CallError(error.message, again=False) from None


def _refuse(response: httpx.Response) -> None:
    """Raise for a status that is no answer: redirects are not followed, what may pass is tried again."""
    status = response.status_code
    if 300 <= status < 400:
        raise _CallError(f"HTTP {status}: redirects are not followed", again=False)
    if status in _RETRIED:
        raise _CallError(f"HTTP {status}", again=True, wait_s=_retry_after_s(response.headers.get("retry-after")))
    if status >= 400:
        raise _CallError(f"HTTP {status}", again=False)


def _retry_after_s(value: str | None) -> float | None:
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:  # a date: our own waiting time will do
        return None


async def _bytes(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > _MOST_BYTES:
            raise _CallError("the reply is larger than 8 MiB", again=False)
    return bytes(found)


async def _json(response: httpx.Response) -> Any:
    try:
        return orjson.loads(await _bytes(response))
    except orjson.JSONDecodeError:
        raise _CallError("the reply is not JSON", again=False) from None


async def _read_completion(response: httpx.Response) -> Answer:
    document = await _json(response)
    message = _at(document, "choices.0.message")
    if not isinstance(message, Mapping):
        raise _CallError("the reply has no choices.0.message", again=False)
    usage = _at(document, "usage") or {}
    return Answer(
        text=message.get("content") or "",
        tool_calls=tuple(message.get("tool_calls") or ()),
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
    )


async def _read_stream(response: httpx.Response) -> Answer:
    """Server-sent chunks. One that ends without ``[DONE]`` was cut: its text would be half an answer, so it is none."""
    usage: dict[str, Any] = {}
    text, size, done = "", 0, False
    async for line in response.aiter_lines():
        size += len(line)
        if size > _MOST_BYTES:
            raise _CallError("the reply is larger than 8 MiB", again=False)
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            done = True
            break
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise _CallError("the stream has a line that is not JSON", again=False) from None
        text += _at(chunk, "choices.0.delta.content") or ""
        usage = chunk.get("usage") or usage
    if not done:
        raise _CallError("the stream was cut before its end", again=True)
    return Answer(text, input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens"))


def _at(document: Any, path: str) -> Any:
    """The value at ``a.0.b``; None where there is none."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _filled(template: Any, case: Case) -> Any:
    """The template with the case in it. A string that is a placeholder alone becomes the value itself."""
    if isinstance(template, Mapping):
        return {key: _filled(value, case) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, case) for value in template]
    if template == "{{messages}}":
        return [dict(message) for message in case.input_messages]
    if isinstance(template, str):
        return template.replace("{{question}}", case.question).replace("{{task_id}}", case.task_id)
    return template


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise ValidationFailedError(f"the environment variable {variable} holds no key")
    return value


def _fields(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in Answer.__dataclass_fields__}
