"""An evaluator for LlamaIndex: faithfulness of a response to its retrieved nodes, without a judge model.

evaluator = GroundlaneEvaluator(Groundlane())
result = evaluator.evaluate_response(query=question, response=query_engine.query(question))
print(result.passing, result.score, result.feedback)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from llama_index.core.evaluation import BaseEvaluator, EvaluationResult

from groundlane.integrations.policy import NO_EVIDENCE, Policy, units_of
from groundlane.sync import Groundlane


class GroundlaneEvaluator(BaseEvaluator):
    """``passing``: the policy does not refuse the answer. ``score``: the score, ``feedback``: why it is refused, or its reason.

    The client is the synchronous one, called on a thread: ``evaluate`` runs each call in an event loop of its own, and a
    connection belongs to one loop. A result is ``invalid_result`` where there is no context, or no claim that could be scored.
    """

    def __init__(self, client: Groundlane, policy: Policy | None = None) -> None:
        super().__init__()
        self._client = client
        self._policy = policy or Policy()

    def _get_prompts(self) -> dict[str, Any]:
        return {}  # no model is prompted

    def _update_prompts(self, prompts: Any) -> None:
        return None

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Score one response. Raises a GroundlaneError."""
        asked = {"query": query, "response": response, "contexts": contexts}
        units = units_of(contexts or ())
        if not units or not (response or "").strip():
            return EvaluationResult(**asked, invalid_result=True, invalid_reason=NO_EVIDENCE)
        extra: dict[str, Any] = {"query_text": query} if query and query.strip() else {}
        ask = partial(self._client.rag, response_text=response or "", support_units=units, **extra)
        score = await asyncio.to_thread(ask)
        if score.score is None:
            return EvaluationResult(**asked, invalid_result=True, invalid_reason=score.reason)
        faults = self._policy.faults(score)
        feedback = "; ".join(faults) or score.reason
        return EvaluationResult(**asked, passing=not faults, score=score.score, feedback=feedback)
