"""Which attribute says what: for each field the names in order, first found wins.

OpenTelemetry's GenAI conventions come first, then OpenInference, Langfuse, OpenLLMetry (traceloop) and MLflow, ours last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Names = tuple[str, ...]

CONVERSATION: Final[Names] = (
    "gen_ai.conversation.id",
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.conversation_id",
    "mlflow.trace.session",
    "conversation.id",
    "thread.id",
    "groundlane.conversation.id",
)
PROJECT: Final[Names] = (
    "groundlane.project",
    "openinference.project.name",
    "langfuse.project.name",
    "service.namespace",
    "service.name",
)
"""Looked for in the call's attributes, then in its resource's."""

NAMED: Final[Mapping[str, Names]] = {
    "surface": ("groundlane.surface", "gen_ai.operation.name", "llm.request.type"),
    "requested_model": (
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "langfuse.observation.model.name",
        "llm.request.model",
    ),
    "selected_model": (
        "gen_ai.response.model",
        "llm.response.model",
        "llm.model_name",
        "gen_ai.request.model",
        "langfuse.observation.model.name",
    ),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    "route_id": ("groundlane.route.id", "route.id", "route_id"),
    "route_reason": ("groundlane.route.reason", "route.reason", "route_reason"),
    "segment": ("groundlane.segment", "segment", "user.segment"),
    "session_id": ("session.id", "langfuse.session.id", "gen_ai.conversation.id"),
    "experiment_name": ("groundlane.experiment.name", "experiment.name", "experiment_name"),
    "task_hint": ("groundlane.task_hint", "task_hint", "gen_ai.agent.name", "traceloop.workflow.name"),
    "request_id": ("groundlane.request_id", "gen_ai.request.id", "request.id", "request_id", "gen_ai.response.id"),
    "config_hash": ("groundlane.config.hash", "config.hash", "config_hash"),
    "prompt_version": (
        "groundlane.prompt.version",
        "gen_ai.prompt.version",
        "langfuse.observation.prompt.version",
        "llm.prompt_template.version",
        "prompt.version",
    ),
    "knowledge_version": ("groundlane.knowledge.version", "knowledge_base.version"),
    "embedding_version": ("groundlane.embedding.version", "embedding.version"),
    "chunking_version": ("groundlane.chunking.version", "chunking.version"),
}
TAGS: Final[Names] = ("groundlane.tags", "tag.tags", "langfuse.trace.tags", "tags")

KIND: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    (
        "gen_ai.operation.name",
        {
            "chat": "llm",
            "text_completion": "llm",
            "completion": "llm",
            "generate_content": "llm",
            "responses": "llm",
            "embeddings": "embedding",
            "retrieval": "retriever",
            "rerank": "reranker",
            "execute_tool": "tool",
            "create_agent": "agent",
            "invoke_agent": "agent",
            "invoke_workflow": "chain",
        },
    ),
    (
        "openinference.span.kind",
        {
            "llm": "llm",
            "retriever": "retriever",
            "reranker": "reranker",
            "tool": "tool",
            "agent": "agent",
            "chain": "chain",
            "embedding": "embedding",
            "guardrail": "guardrail",
            "evaluator": "evaluator",
            "prompt": "chain",
        },
    ),
    (
        "langfuse.observation.type",
        {
            "generation": "llm",
            "retriever": "retriever",
            "tool": "tool",
            "agent": "agent",
            "chain": "chain",
            "span": "chain",
            "event": "chain",
            "embedding": "embedding",
            "guardrail": "guardrail",
            "evaluator": "evaluator",
        },
    ),
    ("traceloop.span.kind", {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}),
    ("llm.request.type", {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}),
    (
        "mlflow.spanType",
        {
            "llm": "llm",
            "chat_model": "llm",
            "retriever": "retriever",
            "reranker": "reranker",
            "tool": "tool",
            "agent": "agent",
            "chain": "chain",
            "embedding": "embedding",
        },
    ),
)
"""Attribute and what its values (in small letters) mean; a value that is not listed leaves the question to the next."""

INPUT_MESSAGES: Final[Names] = ("gen_ai.input.messages", "llm.input_messages", "gen_ai.prompt")
"""Structured, JSON text, or numbered: ``llm.input_messages.0.message.role``."""
INPUT_TEXT: Final[Names] = (
    "input.value",
    "langfuse.observation.input",
    "langfuse.trace.input",
    "traceloop.entity.input",
    "mlflow.spanInputs",
    "gen_ai.tool.call.arguments",
    "llm.prompts",
)
OUTPUT_MESSAGES: Final[Names] = ("gen_ai.output.messages", "llm.output_messages", "gen_ai.completion")
OUTPUT_TEXT: Final[Names] = (
    "output.value",
    "langfuse.observation.output",
    "langfuse.trace.output",
    "traceloop.entity.output",
    "mlflow.spanOutputs",
    "gen_ai.tool.call.result",
)
SYSTEM: Final[Names] = ("gen_ai.system_instructions",)

DOCUMENTS: Final[Names] = (
    "gen_ai.retrieval.documents",
    "retrieval.documents",
    "reranker.output_documents",
    "traceloop.retrieval.documents",
)
"""A list, JSON text, or numbered: ``retrieval.documents.0.document.content``."""
QUERY: Final[Names] = (
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.query",
    "retrieval.query",
    "reranker.query",
    "groundlane.retrieval.query",
)
TOP_K: Final[Names] = ("gen_ai.retrieval.top_k", "retrieval.top_k", "reranker.top_k", "gen_ai.request.top_k")
THRESHOLD: Final[Names] = ("gen_ai.retrieval.threshold", "retrieval.threshold", "reranker.threshold")

TOKEN_PREFIXES: Final = ("gen_ai.usage.", "llm.token_count.", "llm.usage.")
"""What stands behind the prefix is the kind: ``gen_ai.usage.input_tokens``, ``llm.token_count.prompt``."""
INPUT_TOKENS: Final[Names] = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
OUTPUT_TOKENS: Final[Names] = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
)
COST: Final[Names] = (
    "gen_ai.usage.cost",
    "gen_ai.usage.cost_usd",
    "gen_ai.usage.total_cost",
    "gen_ai.cost.total_cost",
    "llm.cost.total",
    "groundlane.charge_usd",
)
