"""A metric for Ragas: the share of an answer's claims that its contexts support, without a language model as judge.

metric = GroundlaneFaithfulness(Groundlane())
result = await metric.ascore(user_input=question, response=answer, retrieved_contexts=contexts)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.result import MetricResult

from groundlane.integrations.policy import NO_EVIDENCE, claim_fault, units_of
from groundlane.sync import Groundlane


class GroundlaneFaithfulness(BaseMetric):
    """Takes the arguments of Ragas' own Faithfulness. ``reason`` names the claims that are not supported.

    The client is the synchronous one, called on a thread: ``score`` runs each call in an event loop of its own, and a
    connection belongs to one loop. ``value`` is None, with a reason, where there is nothing to judge.
    """

    def __init__(self, client: Groundlane, name: str = "groundlane_faithfulness") -> None:
        super().__init__(name=name)
        self._client = client

    async def ascore(
        self, user_input: str = "", response: str = "", retrieved_contexts: Sequence[str] = (), **_: Any
    ) -> MetricResult:
        """Score one row. Raises a GroundlaneError."""
        units = units_of(retrieved_contexts)
        if not units or not response.strip():
            return MetricResult(value=None, reason=NO_EVIDENCE)
        extra: dict[str, Any] = {"query_text": user_input} if user_input.strip() else {}
        ask = partial(self._client.rag, response_text=response, support_units=units, **extra)
        score = await asyncio.to_thread(ask)
        if not score.claims:
            return MetricResult(value=None, reason=score.reason or "the answer makes no claim")
        doubted = [claim for claim in score.claims if claim.verdict != "supported"]
        value = 1.0 - len(doubted) / len(score.claims)
        return MetricResult(value=value, reason="; ".join(map(claim_fault, doubted)) or score.reason)
