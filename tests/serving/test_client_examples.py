"""The examples against the real routes on SQLite; the lane is the labelled fake, LangChain a stand-in of its protocol."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks.store_server import build_app, build_services
from examples.agent_loop import STEPS, describe, run
from examples.langchain_callback import groundlane_handler
from groundlane import Groundlane
from serving.store import admin
from serving.store.store import Store
from tests.serving.http_server import running


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Groundlane]:
    """A client of a server in a thread."""
    database = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    admin.upgrade(database)
    store = Store.open(database)
    with running(build_app(build_services(store))) as url, Groundlane("one", url) as opened:
        yield opened
    store.close()


def test_agent_loop_scores_every_step(client: Groundlane) -> None:
    turns = list(run(client.sessions.create(kind="rag"), STEPS))
    assert [turn.turn for turn in turns] == [1, 2, 3]
    assert [turn.session.turns for turn in turns] == [1, 2, 3]
    assert turns[-1].trace_response.band == "red"
    assert "unsupported: Yes: allow port 9000" in describe(turns[-1])


@dataclass
class Message:
    """A chat message as callbacks see it."""

    content: Any
    type: str = "human"
    tool_calls: list[Any] = field(default_factory=list)


@dataclass
class Document:
    """A retrieved document as callbacks see it."""

    page_content: str
    metadata: dict[str, str]


@dataclass
class Generation:
    """A chat generation as callbacks see it."""

    text: str
    message: Message


@dataclass
class LlmResult:
    """What a model call ends with."""

    generations: list[list[Generation]]


class StandInHandler:
    """The part of LangChain's base handler that matters here: methods that do nothing."""

    raise_error = False

    def on_llm_end(self, response: Any, **_: Any) -> None:
        """Does nothing, as the real one."""


@pytest.fixture
def handler(client: Groundlane, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A handler on a session of its own."""
    stand_in: Any = types.ModuleType("langchain_core.callbacks")
    stand_in.BaseCallbackHandler = StandInHandler
    monkeypatch.setitem(sys.modules, "langchain_core", types.ModuleType("langchain_core"))
    monkeypatch.setitem(sys.modules, "langchain_core.callbacks", stand_in)
    return groundlane_handler(client.sessions.create(kind="rag"))


def ended(text: str, **message: Any) -> LlmResult:
    return LlmResult([[Generation(text, Message(text, "ai", **message))]])


def test_callback_scores_answers_against_what_the_run_retrieved(handler: Any) -> None:
    handler.on_chain_start({}, {})
    handler.on_retriever_end([Document("The port is 8443.", {"source": "gateway.yaml"})])
    handler.on_chain_start({}, {}, parent_run_id="outer")
    handler.on_chat_model_start({}, [[Message("Be brief.", "system"), Message([{"type": "text", "text": "Port?"}])]])
    handler.on_llm_end(ended("", tool_calls=[{"name": "look_up"}]))
    handler.on_tool_end(Message("The owner is the platform team.", "tool"), name="look_up")
    handler.on_llm_end(ended("The port is 8443."))
    (turn,) = handler.turns
    assert isinstance(handler, StandInHandler)
    assert turn.trace_response.band == "green"
    assert handler.scorer.session.get().events == 2

    handler.on_chain_start({}, {})
    handler.on_llm_end(ended("No evidence, no score."))
    assert len(handler.turns) == 1


def test_callback_leaves_the_chain_alone_when_the_server_refuses(
    handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler.scorer.session.close()
    handler.on_retriever_end([Document("The port is 8443.", {})])
    handler.on_llm_end(ended("The port is 8443."))
    assert handler.turns == []
    assert "not scored: 409 conflict" in caplog.text


def test_callback_says_what_to_install(client: Groundlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    monkeypatch.setitem(sys.modules, "langchain_core.callbacks", None)
    with pytest.raises(ImportError, match="pip install langchain-core"):
        groundlane_handler(client.sessions.create(kind="rag"))


def test_callback_in_a_real_langchain_run(client: Groundlane) -> None:
    """The package itself: a tool, a played chat model, and the callbacks that LangChain makes of them."""
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.messages import HumanMessage
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool

    @tool
    def look_up(question: str) -> str:
        """What the handbook says."""
        return "The port is 8443."

    model = FakeListChatModel(responses=["The port is 8443."])
    chain = RunnableLambda(lambda question: [HumanMessage(look_up.invoke(question) + question)]) | model
    handler = groundlane_handler(client.sessions.create(kind="rag"))
    chain.invoke("Which port?", config={"callbacks": [handler]})
    (turn,) = handler.turns
    assert turn.trace_response.band == "green"
    assert handler.scorer.session.get().events == 1
