"""What a target answered to a case, as graders and reports see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.evals.reading import Fields


@dataclass(frozen=True)
class RetrievedDocument:
    """One result of the application's retrieval, best first."""

    document_id: str
    content: str = ""


@dataclass(frozen=True)
class Answer:
    """``error``: why there is no answer, then the text is empty. None: not recorded."""

    text: str
    retrieved: tuple[RetrievedDocument, ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    error: str | None = None

    def view(self) -> dict[str, Any]:
        """As JSON values that :func:`read_answer` reads again."""
        document = {
            "answer": self.text,
            "retrieved": [{"document_id": one.document_id, "content": one.content} for one in self.retrieved],
            "tool_calls": [dict(call) for call in self.tool_calls],
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "latency_ms": self.latency_ms,
            "error": self.error,
        }
        return {name: value for name, value in document.items() if value not in (None, [])}


def read_answer(value: Any, where: str) -> Answer:
    """An answer from JSON values, or from its text alone. Raises ValidationFailedError naming the field."""
    if isinstance(value, str):
        return Answer(value)
    fields = Fields(value, where)
    found = Answer(
        text=fields.text("answer", ""),
        retrieved=tuple(
            _retrieved(one, f"{where}.retrieved[{index}]")
            for index, one in enumerate(fields.take("retrieved", list, []))
        ),
        tool_calls=tuple(fields.take("tool_calls", list, [])),
        input_tokens=fields.take("input_tokens", int, None),
        output_tokens=fields.take("output_tokens", int, None),
        cost_usd=fields.number("cost_usd", None, 0.0),
        latency_ms=fields.number("latency_ms", None, 0.0),
        error=fields.text("error", None),
    )
    fields.end()
    return found


def _retrieved(value: Any, where: str) -> RetrievedDocument:
    fields = Fields({"document_id": value} if isinstance(value, str) else value, where)
    found = RetrievedDocument(fields.text("document_id"), fields.text("content", ""))
    fields.rest().clear()  # scores, ranks and metadata of the application: kept in traces, not needed here
    return found
