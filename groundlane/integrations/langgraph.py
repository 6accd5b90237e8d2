"""A node for LangGraph, and the edge behind it: the state's answer is checked against the state's documents.

    graph.add_node("check", grounded_node(Groundlane()))
    graph.add_conditional_edges("check", route, {"grounded": END, "not_grounded": "rewrite", "not_scored": END})

The node reads and writes a plain mapping and works with any runner of such nodes; nothing of LangGraph is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from groundlane.integrations.langchain import text_of_content
from groundlane.integrations.policy import NO_EVIDENCE, Policy, summary, units_of, unscored
from groundlane.sync import Groundlane

GROUNDEDNESS = "groundedness"


def grounded_node(
    client: Groundlane,
    *,
    answer: str = "answer",
    documents: str = "documents",
    question: str | None = "question",
    into: str = GROUNDEDNESS,
    policy: Policy | None = None,
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A node that writes ``into`` the state what became of the answer: band, score, ``grounded``, ``faults``, claims.

    ``answer``, ``documents``, ``question``: keys of the state. The answer is a text, a message or a list of messages, whose last
    one counts; documents are texts or have ``page_content``. Raises KeyError for a state without them, GroundlaneError.
    """
    rule = policy or Policy()

    def check(state: Mapping[str, Any]) -> dict[str, Any]:
        text = _text(state[answer])
        units = units_of([_text(document) for document in state[documents]])
        if not units or not text.strip():
            return {into: unscored(NO_EVIDENCE)}
        asked = _text(state.get(question) or "") if question else ""
        extra: dict[str, Any] = {"query_text": asked} if asked.strip() else {}
        score = client.rag(response_text=text, support_units=units, **extra)
        return {into: summary(score, rule.faults(score))}

    return check


def route(state: Mapping[str, Any]) -> Literal["grounded", "not_grounded", "not_scored"]:
    """Where to go behind :func:`grounded_node`."""
    found = state[GROUNDEDNESS]
    if not found["scored"]:
        return "not_scored"
    return "grounded" if found["grounded"] else "not_grounded"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return _text(value[-1]) if value else ""
    if isinstance(value, str):
        return value
    return text_of_content(getattr(value, "page_content", None) or getattr(value, "content", value))
