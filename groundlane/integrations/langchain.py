"""Scores every answer of a LangChain or LangGraph run against what its retrievers and tools returned.

    pip install langchain-core
    from groundlane.integrations.langchain import groundlane_handler

    with Groundlane() as client:
        handler = groundlane_handler(client.sessions.create(kind="rag"))
        graph.invoke(inputs, config={"callbacks": [handler]})
        for turn in handler.turns:
            print(turn.trace_response.band)

LangChain is imported only when a handler is made. ``TurnScorer`` has the logic and knows nothing of LangChain.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from groundlane.errors import GroundlaneError
from groundlane.results import Turn
from groundlane.sync import Session

_LOGGER = logging.getLogger("groundlane.langchain")


class TurnScorer:
    """Collects the evidence of a run and scores the model's answers against it.

    A failed call to the server is logged and leaves the chain alone. ``turns`` holds the scored turns, in order.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.turns: list[Turn] = []
        self._question: str | None = None
        self._evidence: list[str] = []
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A new run: what was retrieved for the one before is no evidence for it."""
        with self._lock:
            self._question, self._evidence = None, []

    def ask(self, question: str) -> None:
        """The user's question."""
        with self._lock:
            self._question = question

    def learn(self, source: str, text: str) -> None:
        """Text that a retriever or a tool returned."""
        if not text.strip():
            return
        with self._lock:
            self._evidence.append(text)
        self._guarded(lambda: self.session.event("tool_result", text, metadata={"source": source}))

    def answer(self, text: str) -> None:
        """Score a final answer; without evidence there is nothing to score it against."""
        with self._lock:
            question, evidence = self._question, list(self._evidence)
        if not text.strip() or not evidence:
            return
        units: Any = [{"text": each} for each in evidence]
        fields: dict[str, Any] = {"response_text": text, "support_units": units}
        if question and question.strip():
            fields["query_text"] = question
        turn = self._guarded(lambda: self.session.rag(**fields))
        if isinstance(turn, Turn):
            self.turns.append(turn)

    def _guarded(self, call: Any) -> Any:
        try:
            return call()
        except GroundlaneError as error:
            _LOGGER.warning("not scored: %s", error)
            return None


class CallbackMethods:
    """The methods that LangChain calls. Mixed with its base class by :func:`groundlane_handler`."""

    scorer: TurnScorer

    @property
    def turns(self) -> list[Turn]:
        """The scored turns."""
        return self.scorer.turns

    def on_chain_start(self, *_: Any, parent_run_id: Any = None, **__: Any) -> None:
        """The outermost chain or graph begins a run."""
        if parent_run_id is None:
            self.scorer.begin()

    def on_chat_model_start(self, _: Mapping[str, Any], messages: Sequence[Sequence[Any]], **__: Any) -> None:
        """The last human message is the question."""
        humans = [message for message in messages[0] if getattr(message, "type", "") == "human"]
        if humans:
            self.scorer.ask(text_of_content(humans[-1].content))

    def on_llm_start(self, _: Mapping[str, Any], prompts: Sequence[str], **__: Any) -> None:
        """A plain completion model: the prompt is the question."""
        self.scorer.ask(prompts[0])

    def on_retriever_end(self, documents: Sequence[Any], **_: Any) -> None:
        """Retrieved documents are evidence."""
        for document in documents:
            source = str((getattr(document, "metadata", None) or {}).get("source", "retriever"))
            self.scorer.learn(source, document.page_content)

    def on_tool_end(self, output: Any, **options: Any) -> None:
        """So is what a tool returned."""
        self.scorer.learn(str(options.get("name") or "tool"), text_of_content(getattr(output, "content", output)))

    def on_llm_end(self, response: Any, **_: Any) -> None:
        """An answer is scored; a message that only calls tools is not an answer."""
        generation = response.generations[0][0]
        if not getattr(getattr(generation, "message", None), "tool_calls", None):
            self.scorer.answer(generation.text)


def groundlane_handler(session: Session) -> Any:
    """A callback handler for ``config={"callbacks": [...]}``. Raises ImportError saying what to install."""
    try:
        from langchain_core.callbacks import BaseCallbackHandler
    except ImportError as error:
        raise ImportError("the callback needs LangChain; install it with: pip install langchain-core") from error

    # The scoring methods come first: they replace the base class's empty ones.
    handler_type = type("GroundlaneCallbackHandler", (CallbackMethods, BaseCallbackHandler), {})
    handler = handler_type()
    handler.scorer = TurnScorer(session)
    return handler


def text_of_content(content: Any) -> str:
    """The text of a message: a string, or the text blocks of a list."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        blocks = [block if isinstance(block, str) else block.get("text", "") for block in content]
        return "\n".join(block for block in blocks if block)
    return str(content)
