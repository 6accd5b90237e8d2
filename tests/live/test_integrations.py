"""The integrations inside the real frameworks, against the real lane. Only the language models are played."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest

from groundlane import Groundlane
from groundlane.integrations.policy import Policy
from tests.live.support import CONTEXT


class State(TypedDict):
    """A graph's state."""

    messages: list[Any]
    documents: list[Any]
    question: str
    groundedness: Any


GOOD = "The Lindau Bridge opened on 4 May 1932."
WRONG = "The Lindau Bridge opened on 4 May 1932. It is 1,490 metres long."
QUESTION = "When did the bridge open?"


@pytest.fixture
def client(url: str) -> Iterator[Groundlane]:
    with Groundlane(base_url=url) as opened:
        yield opened


def test_the_package_loads_no_framework() -> None:
    program = (
        "import sys, groundlane.integrations, groundlane.integrations.policy, groundlane.integrations.langchain\n"
        "import groundlane.integrations.langgraph\n"
        "print(sorted({'langchain_core', 'langgraph', 'agents', 'llama_index', 'haystack'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("answer", "policy", "faults"),
    [
        pytest.param(GOOD, Policy(), 0, id="supported"),
        pytest.param(WRONG, Policy(bands=()), 1, id="contradicted"),
        pytest.param(WRONG, Policy(bands=(), verdicts=()), 0, id="nothing-is-refused"),
        pytest.param(GOOD + " The mayor of Vienna paid for it.", Policy(bands=()), 0, id="unsupported-may-pass"),
        pytest.param(
            GOOD + " The mayor of Vienna paid for it.", Policy((), ("unsupported",)), 1, id="unsupported-is-refused"
        ),
    ],
)
def test_a_policy_names_its_faults(client: Groundlane, answer: str, policy: Policy, faults: int) -> None:
    found = policy.faults(client.rag(response_text=answer, raw_context=CONTEXT))
    assert len(found) == faults
    if answer == WRONG and faults:
        assert "1,490" in found[0]


class TestLangGraph:
    """``langgraph``: an answer that is not grounded is written anew."""

    def graph(self, client: Groundlane) -> Any:
        from langchain_core.messages import AIMessage
        from langgraph.graph import END, START, StateGraph

        from groundlane.integrations.langgraph import grounded_node, route

        graph = StateGraph(State)
        graph.add_node("check", grounded_node(client, answer="messages"))
        graph.add_node("rewrite", lambda _: {"messages": [AIMessage(GOOD)]})
        graph.add_edge(START, "check")
        graph.add_conditional_edges("check", route, {"grounded": END, "not_grounded": "rewrite", "not_scored": END})
        graph.add_edge("rewrite", "check")
        return graph.compile()

    def test_what_is_not_grounded_is_rewritten(self, client: Groundlane) -> None:
        from langchain_core.documents import Document
        from langchain_core.messages import AIMessage

        state = {"messages": [AIMessage(WRONG)], "documents": [Document(page_content=CONTEXT)], "question": QUESTION}
        done = self.graph(client).invoke(state)
        assert done["messages"][-1].content == GOOD
        assert done["groundedness"]["band"] == "green"

    async def test_without_documents_nothing_is_scored(self, client: Groundlane) -> None:
        from langchain_core.messages import AIMessage

        done = await self.graph(client).ainvoke({"messages": [AIMessage(WRONG)], "documents": [" "], "question": ""})
        assert done["groundedness"]["scored"] is False


class TestLlamaIndex:
    """``llama-index-core``."""

    async def test_a_response_is_evaluated_against_its_nodes(self, client: Groundlane) -> None:
        from llama_index.core.base.response.schema import Response
        from llama_index.core.schema import NodeWithScore, TextNode

        from groundlane.integrations.llama_index import GroundlaneEvaluator

        nodes = [NodeWithScore(node=TextNode(text=CONTEXT), score=1.0)]
        evaluator = GroundlaneEvaluator(client)
        good = await evaluator.aevaluate_response(query=QUESTION, response=Response(GOOD, source_nodes=nodes))
        wrong = await evaluator.aevaluate_response(query=QUESTION, response=Response(WRONG, source_nodes=nodes))
        bare = await evaluator.aevaluate(query=QUESTION, response=GOOD)
        assert good.passing
        assert wrong.passing is False
        assert "1,490" in (wrong.feedback or "")
        assert good.score is not None
        assert wrong.score is not None
        assert good.score > wrong.score
        assert bare.invalid_result

    def test_one_evaluator_serves_several_event_loops(self, client: Groundlane) -> None:
        from groundlane.integrations.llama_index import GroundlaneEvaluator

        evaluator = GroundlaneEvaluator(client)
        for _ in range(2):
            assert evaluator.evaluate(query=QUESTION, response=GOOD, contexts=[CONTEXT]).passing


class TestHaystack:
    """``haystack-ai``: in a pipeline, and through its file format."""

    def test_a_pipeline_separates_what_is_refused(self, url: str) -> None:
        from haystack import Document, Pipeline
        from haystack.dataclasses import ChatMessage

        from groundlane.integrations.haystack import GroundlaneChecker

        pipeline = Pipeline()
        pipeline.add_component("check", GroundlaneChecker(base_url=url))
        again = Pipeline.loads(pipeline.dumps(), allowed_modules=["groundlane.integrations.haystack"])
        inputs = {"replies": [ChatMessage.from_assistant(GOOD), ChatMessage.from_assistant(WRONG)], "query": QUESTION}
        done = again.run({"check": inputs | {"documents": [Document(content=CONTEXT)]}})["check"]
        assert done["replies"] == [GOOD]
        assert done["refused"] == [WRONG]
        assert [result["grounded"] for result in done["results"]] == [True, False]

    def test_without_documents_replies_pass_unscored(self, url: str) -> None:
        from groundlane.integrations.haystack import GroundlaneChecker

        done = GroundlaneChecker(base_url=url).run([WRONG], [])
        assert done["replies"] == [WRONG]
        assert done["results"][0]["scored"] is False
