"""A component for Haystack: replies are checked against the documents of the same pipeline.

pipeline.add_component("check", GroundlaneChecker())
pipeline.connect("llm.replies", "check.replies")
pipeline.connect("retriever.documents", "check.documents")
"""

from __future__ import annotations

from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.dataclasses import ChatMessage

from groundlane.integrations.policy import NO_EVIDENCE, Policy, summary, units_of, unscored
from groundlane.sync import Groundlane


@component
class GroundlaneChecker:
    """``replies``: those that the policy does not refuse; ``refused``: the others; ``results``: one a reply, in order.

    The server's address is ``base_url``, else ``GROUNDLANE_URL``; the key comes from ``GROUNDLANE_API_KEY`` alone, so that no
    pipeline file holds one.
    """

    def __init__(self, base_url: str | None = None, bands: tuple[str, ...] = ("red",)) -> None:
        self.base_url = base_url
        self.bands = tuple(bands)

    @component.output_types(replies=list[str], refused=list[str], results=list[dict[str, Any]])
    def run(
        self, replies: list[str] | list[ChatMessage], documents: list[Document], query: str | None = None
    ) -> dict[str, Any]:
        """Score every reply. Raises a GroundlaneError."""
        policy = Policy(bands=self.bands)
        units = units_of([document.content or "" for document in documents])
        extra: dict[str, Any] = {"query_text": query} if query and query.strip() else {}
        passed: list[str] = []
        refused: list[str] = []
        results: list[dict[str, Any]] = []
        with Groundlane(base_url=self.base_url) as client:
            for reply in replies:
                text = reply if isinstance(reply, str) else reply.text or ""
                if not units or not text.strip():
                    passed.append(text)
                    results.append(unscored(NO_EVIDENCE))
                    continue
                score = client.rag(response_text=text, support_units=units, **extra)
                faults = policy.faults(score)
                (refused if faults else passed).append(text)
                results.append(summary(score, faults))
        return {"replies": passed, "refused": refused, "results": results}

    def to_dict(self) -> dict[str, Any]:
        """The component in a pipeline file."""
        return dict(default_to_dict(self, base_url=self.base_url, bands=list(self.bands)))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> GroundlaneChecker:
        """The component from a pipeline file."""
        made: GroundlaneChecker = default_from_dict(cls, data)
        return made
