"""Asks the verifier about the claims of one response, and about the samples beside it.

Keeps, by tenant and content, the passages of contexts that were read before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from models.tokenization import Tokenizer
from models.types import NliScores
from scoring.rag.entropy import clusters
from scoring.rag.entropy import consistency as consistency_of
from scoring.rag.premises import (
    DEFAULT_BUDGET_TOKENS,
    Passages,
    claim_premise,
    context_passages,
    count_tokens,
    with_asked,
    with_question,
    without_asked,
)
from scoring.rag.score import RagFacts
from scoring.rag.verbatim import verbatim_claims
from scoring.types import SupportUnit
from serving.api.errors import ApiError
from serving.api.lane_types import LaneInput, PairVerifier, VerifyReply
from serving.inference.kept import Kept, digest_of
from serving.lanes.off_loop import off_loop

_PREMISE_TOKENS = {"standard": DEFAULT_BUDGET_TOKENS, "quality": 2 * DEFAULT_BUDGET_TOKENS}
_DEADLINE_SHARE = 0.6
_KEPT_CONTEXTS = 64
_KEPT_PASSAGES = 64_000


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


@dataclass(frozen=True)
class _Counted:
    """A context's passages and the tokens of each."""

    passages: Passages
    tokens: tuple[int, ...]


class ClaimVerifier:
    """A verifier, or none, as the lane asks it: within its share of the deadline, and never in the way of a score."""

    def __init__(self, verifier: PairVerifier | None) -> None:
        self._verifier = verifier
        self._passages: Kept[tuple[str, str | None, bytes], _Counted] = Kept(
            _KEPT_CONTEXTS, _KEPT_PASSAGES, lambda counted: len(counted.tokens)
        )

    @property
    def present(self) -> bool:
        """Whether there is a verifier."""
        return self._verifier is not None

    async def verdicts(
        self, request: LaneInput, facts: RagFacts, tokenizer: Tokenizer | None, growing: bool = False
    ) -> Verdicts:
        """The verifier's word on every claim that does not stand in a premise word for word; one call for all of them.

        ``growing``: other claims will follow, so that a single one is not the whole of a short answer.
        """
        claims, units = facts.claims, facts.units
        nothing: tuple[NliScores | None, ...] = (None,) * len(claims)
        if self._verifier is None:
            return Verdicts(nothing, "no verifier is configured")
        if not claims or not units:
            return Verdicts(nothing, "there is no claim or no premise to verify")
        if tokenizer is None:
            return Verdicts(nothing, "without an encoder there are no premises to verify")
        asked = "" if growing else with_asked(request.query_text, claims)
        verbatim, pairs = await off_loop(request, lambda: self._questions(request, facts, tokenizer, asked))
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

    def _questions(
        self, request: LaneInput, facts: RagFacts, tokenizer: Tokenizer, asked: str
    ) -> tuple[tuple[bool, ...], list[tuple[str, str]]]:
        """By claim, whether it stands in a premise word for word; for the others what the verifier reads."""
        verbatim = verbatim_claims(facts.claims, [unit.text for unit in facts.units])
        unknown = [claim for claim, known in zip(facts.claims, verbatim, strict=True) if not known]
        if not unknown:
            return verbatim, []
        counted = self._counted(request, facts.units, tokenizer)
        budget = _PREMISE_TOKENS[request.profile]
        pairs = []
        for claim in unknown:
            premise = claim_premise(facts.alignment, claim, counted.passages, counted.tokens, budget)
            pairs.append((with_question(request.query_text, premise), asked + claim.text))
        return verbatim, pairs

    def _counted(self, request: LaneInput, units: Sequence[SupportUnit], tokenizer: Tokenizer) -> _Counted:
        def read() -> _Counted:
            passages = context_passages(units, request.raw_context)
            return _Counted(passages, count_tokens(passages, tokenizer.count))

        places = [f"{unit.char_start}:{unit.text}" for unit in units]
        key = (request.tenant, request.model, digest_of([request.raw_context or "", *places]))
        return self._passages.get_or_make(key, read)
