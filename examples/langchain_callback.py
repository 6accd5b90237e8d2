"""A LangChain run whose answers are scored against what its retriever returned.

    pip install langchain-core
    groundlane serve &
    python examples/langchain_callback.py

The model is played by LangChain's own fake chat model, so that the example runs without a key; put yours in its place.
"""

from __future__ import annotations

from groundlane import Groundlane
from groundlane.integrations.langchain import groundlane_handler

__all__ = ["groundlane_handler", "main"]

GATEWAY = "The gateway listens on port 8443 and is owned by the platform team."


def main() -> None:
    """Ask one question and print the band of each answer."""
    from langchain_core.documents import Document
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool

    @tool
    def look_up(question: str) -> str:
        """What the handbook says."""
        return Document(page_content=GATEWAY).page_content

    model = FakeListChatModel(responses=["The gateway listens on port 9443."])
    chain = RunnableLambda(lambda question: look_up.invoke(question) + "\n" + question) | model
    with Groundlane() as client:
        handler = groundlane_handler(client.sessions.create(kind="rag"))
        chain.invoke("Which port?", config={"callbacks": [handler]})
        for turn in handler.turns:
            print(turn.trace_response.band, [claim.text for claim in turn.trace_response.claims])


if __name__ == "__main__":
    main()
