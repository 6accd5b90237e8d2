"""The MCP server, called by the SDK's own client over stdio and over streamable HTTP, in front of the real lanes."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from benchmarks.store_server import build_app, build_services
from groundlane.cli.main import run
from groundlane.mcp_server.command import build_server
from serving.store import admin
from serving.store.store import Store
from tests.serving.http_server import running

SHOP = {"path": "shop.py", "content": "class Cart:\n    def add_item(self, name: str) -> None: ...\n"}
PHANTOM = "from shop import Cart\n\nCart().add_product('tea')\n"
BRIDGE = [{"text": "The Lindau Bridge is 1,149 metres long.", "source": "bridge.md"}]
TOOLS = {
    "check_answer",
    "check_code",
    "session_append",
    "session_check_answer",
    "session_check_code",
    "session_close",
    "session_context",
    "session_repair",
    "session_rollup",
    "session_source",
    "session_start",
}


@asynccontextmanager
async def over_stdio(url: str) -> AsyncIterator[Client]:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "groundlane", "mcp"], env={"GROUNDLANE_URL": url}
    )
    async with Client(command) as client:
        yield client


@asynccontextmanager
async def over_http(url: str) -> AsyncIterator[Client]:
    app = build_server(url).streamable_http_app(stateless_http=True)
    with running(app) as address:
        async with Client(f"{address}/mcp") as client:
            yield client


@pytest.fixture(params=[over_stdio, over_http], ids=["stdio", "http"])
def connect(request: pytest.FixtureRequest) -> Any:
    return request.param


async def called(client: Client, name: str, **arguments: Any) -> Any:
    """The structured answer of a tool, which must fit the schema that the tool declares."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == name]
    assert tool.output_schema is not None
    Draft202012Validator(tool.output_schema).validate(result.structured_content)
    return result.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def test_every_tool_says_what_it_does_and_gives(connect: Any, server_url: str) -> None:
    async with connect(server_url) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.description, tool.name
        assert tool.output_schema is not None, tool.name
        assert tool.annotations is not None, tool.name
        assert "ctx" not in tool.input_schema["properties"], tool.name


async def test_an_answer_gets_a_verdict_for_each_claim(server_url: str) -> None:
    answer = "The Lindau Bridge is 1,490 metres long."
    async with Client(build_server(server_url)) as client:
        found = await called(client, "check_answer", answer=answer, question="How long is it?", passages=BRIDGE)
        as_text = await called(client, "check_answer", answer=answer, context=BRIDGE[0]["text"])
    (claim,) = found["claims"]
    assert (found["band"], claim["verdict"], claim["context_says"]) == ("red", "contradicted", "1,149 metres")
    assert answer[claim["char_start"] : claim["char_end"]] == claim["text"]
    assert claim["evidence"][0]["source"] == "bridge.md"
    assert "1,149 metres" in found["summary"]
    assert as_text["claims"][0]["verdict"] == "contradicted"


async def test_a_phantom_comes_with_its_line_and_suggestion(server_url: str) -> None:
    async with Client(build_server(server_url)) as client:
        found = await called(client, "check_code", code=PHANTOM, files=[SHOP])
        clean = await called(client, "check_code", code=PHANTOM.replace("add_product", "add_item"), files=[SHOP])
    (finding,) = found["findings"]
    assert (found["verdict"], finding["status"], finding["line"]) == ("phantom", "phantom", 3)
    assert finding["suggestion"] == "add_item"
    assert "did you mean add_item?" in found["summary"]
    assert (clean["verdict"], clean["findings"]) == ("grounded", [])


async def test_a_session_remembers_and_adds_up(connect: Any, server_url: str) -> None:
    async with connect(server_url) as client:
        session = (await called(client, "session_start", kind="code", retention="close"))["session_id"]
        event = {"session_id": session, "event_type": "decision", "content": "We decided to serve on port 8443."}
        kept = await called(client, "session_append", **event, idempotency_key="k")
        again = await called(client, "session_append", **event, idempotency_key="k")
        assert (kept["duplicate"], again["duplicate"]) == (False, True)
        turn = await called(client, "session_check_code", session_id=session, code=PHANTOM, files=[SHOP])
        assert (turn["turn"], turn["code"]["verdict"], turn["session"]["turns"]) == (1, "phantom", 1)
        answered = await called(
            client,
            "session_check_answer",
            session_id=session,
            answer="The port is 8443.",
            passages=BRIDGE,
            use_memory=True,
        )
        assert answered["answer"]["claims"][0]["verdict"] == "supported"
        memory = await called(client, "session_context", session_id=session, max_tokens=200)
        assert "8443" in memory["text"]
        assert memory["tokens"] <= memory["budget_tokens"] == 200
        original = await called(client, "session_source", session_id=session, source_id=kept["source_id"])
        assert original["text"] == "We decided to serve on port 8443."
        packet = await called(client, "session_repair", session_id=session, missing_terms=["8443", "zebra"])
        assert "8443" in packet["found"]
        assert any("8443" in excerpt["text"] for excerpt in packet["excerpts"])
        assert (await called(client, "session_rollup", session_id=session))["turns_processed"] == 2
        await called(client, "session_close", session_id=session)
        assert "not_found" in await refused(client, "session_context", session_id=session)


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        pytest.param("check_answer", {"answer": "x"}, "either context", id="no-context"),
        pytest.param("check_answer", {"answer": "", "context": "x"}, "at least 1 character", id="empty-answer"),
        pytest.param("check_code", {"code": "x"}, "files", id="no-files"),
        pytest.param("check_code", {"code": "x = 1", "files": [SHOP], "language": "cobol"}, "language", id="cobol"),
        pytest.param("session_context", {"session_id": "ses_none"}, "ses_none", id="unknown-session"),
        pytest.param("session_start", {"kind": "poem"}, "kind", id="unknown-kind"),
    ],
)
async def test_a_refusal_says_what_to_do(server_url: str, tool: str, arguments: dict[str, Any], says: str) -> None:
    async with Client(build_server(server_url)) as client:
        text = await refused(client, tool, **arguments)
    assert says in text
    assert "Traceback" not in text


async def test_without_a_server_the_tool_says_how_to_start_one() -> None:
    async with Client(build_server("http://127.0.0.1:9")) as client:
        text = await refused(client, "session_start")
    assert "groundlane serve" in text
    assert "GROUNDLANE_URL" in text


async def test_over_http_each_caller_has_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDLANE_API_KEY", raising=False)
    database = f"sqlite:///{tmp_path / 'store.db'}"
    admin.upgrade(database)
    store = Store.open(database)
    with (
        running(build_app(build_services(store))) as url,
        running(build_server(url).streamable_http_app(stateless_http=True)) as at,
    ):
        async with calling(at, "one") as client:
            session = (await called(client, "session_start"))["session_id"]
            await called(client, "session_context", session_id=session)
        async with calling(at, "two") as client:
            assert "not_found" in await refused(client, "session_context", session_id=session)
        async with calling(at, None) as client:
            assert "unauthorized" in await refused(client, "session_context", session_id=session)
    store.close()


@asynccontextmanager
async def calling(address: str, key: str | None) -> AsyncIterator[Client]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--http", "--host", "0.0.0.0"], "each caller sends its own key", id="open-address-with-a-key"),
        pytest.param(["--http", "--port", "99999"], "a port is 0 to 65535", id="bad-port"),
    ],
)
def test_a_mistake_stops_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.setenv("GROUNDLANE_API_KEY", "gl_secret")
    with pytest.raises(SystemExit) as stop:
        run(["mcp", *arguments])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert "gl_secret" not in said
