"""Asks the verifier about the claims of one response, and about the samples beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import permutations

from models.types import NliScores
from scoring.rag.entropy import clusters
from scoring.rag.entropy import consistency as consistency_of
from scoring.rag.premises import with_asked, without_asked
from scoring.rag.score import RagFacts
from serving.api.errors import ApiError
from serving.api.lane_types import LaneInput, PairVerifier, VerifyReply
from serving.lanes.off_loop import TextReading
from serving.lanes.text_steps import TextSteps

_DEADLINE_SHARE = 0.6


@dataclass(frozen=True)
class Verdicts:
    """The verifier's word by claim, None where it was not asked or did not answer, and why.

    ``verbatim``: by claim, whether it stands in a premise word for word; empty where nothing was to be asked.
    """

    by_claim: tuple[NliScores | None, ...]
    reason: str
    warnings: tuple[str, ...] = ()
    reply: VerifyReply | None = None
    verbatim: tuple[bool, ...] = ()

    @property
    def use(self) -> str:
        """``used``; ``not_needed``: there was nothing to ask; ``away``: it was asked and did not answer."""
        if self.warnings:
            return "away"
        return "used" if self.reply is not None and self.reply.verdicts else "not_needed"


class ClaimVerifier:
    """A verifier, or none, as the lane asks it: within its share of the deadline, and never in the way of a score."""

    def __init__(self, verifier: PairVerifier | None, texts: TextReading) -> None:
        self._verifier = verifier
        self._texts = texts

    @property
    def present(self) -> bool:
        """Whether there is a verifier."""
        return self._verifier is not None

    async def verdicts(
        self, request: LaneInput, facts: RagFacts, encoder: str | None, growing: bool = False
    ) -> Verdicts:
        """The verifier's word on every claim that does not stand in a premise word for word; one call for all of them.

        ``encoder``: whose tokenizer counts, None where it has none.
        ``growing``: other claims will follow, so that a single one is not the whole of a short answer.
        """
        claims, units = facts.claims, facts.units
        nothing: tuple[NliScores | None, ...] = (None,) * len(claims)
        if self._verifier is None:
            return Verdicts(nothing, "no verifier is configured")
        if not claims or not units:
            return Verdicts(nothing, "there is no claim or no premise to verify")
        if encoder is None:
            return Verdicts(nothing, "without an encoder there are no premises to verify")
        asked = "" if growing else with_asked(request.query_text, claims)
        verbatim, pairs = await self._texts.run(request, TextSteps.questions, request, facts, encoder, asked)
        try:
            async with asyncio.timeout(request.deadline_s * _DEADLINE_SHARE):
                reply = await self._verifier.verify(pairs, request.tenant, request.background)
        except (TimeoutError, ApiError) as error:
            what = "was too slow" if isinstance(error, TimeoutError) else "is away"
            return Verdicts(nothing, f"the verifier {what}", (f"the verifier {what}; scored without its signal",))
        answers = iter(without_asked(verdict, asked) for verdict in reply.verdicts)
        by_claim = tuple(None if known else next(answers) for known in verbatim)
        reason = "the verifier gave no entailment" if pairs else "every claim stands in the premises word for word"
        return Verdicts(by_claim, reason, (), reply, verbatim)

    async def consistency(self, request: LaneInput) -> tuple[float | None, str]:
        """Semantic consistency of the response with its alternates, or None and why not."""
        if not request.verification_samples:
            return None, "no verification_samples were sent"
        if self._verifier is None:
            return None, "verification_samples need a verifier, none is configured"
        texts = [request.response_text, *request.verification_samples]
        ordered = list(permutations(range(len(texts)), 2))
        try:
            async with asyncio.timeout(request.deadline_s * _DEADLINE_SHARE):
                pairs = [(texts[i], texts[j]) for i, j in ordered]
                reply = await self._verifier.verify(pairs, request.tenant, request.background)
        except (TimeoutError, ApiError):
            return None, "the verifier did not answer in time"
        entail = {pair: verdict.entail or 0.0 for pair, verdict in zip(ordered, reply.verdicts, strict=True)}
        return consistency_of(clusters(len(texts), entail)), "there is nothing to compare"

    def close(self) -> None:
        """End the worker thread of a verifier that lives in this process."""
        if self._verifier is not None:
            self._verifier.close()
