"""What the RAG lane computes from the texts of a request alone, step by step: no model, no network, no event loop.

The same steps run in the lane's process and, for long texts, in one that can be killed (:mod:`serving.lanes.text_worker`), so
arguments and results are plain values that can be pickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.tokenization import Tokenizer
from scoring.calibration import RagArtifact
from scoring.rag.citation_marks import CitationMark, citation_marks, without_marks
from scoring.rag.outcome import telling_claims
from scoring.rag.premises import (
    DEFAULT_BUDGET_TOKENS,
    Passages,
    claim_premise,
    context_passages,
    count_tokens,
    with_question,
)
from scoring.rag.score import RagDecision, RagFacts, RagOptions, decide
from scoring.rag.verbatim import verbatim_claims
from scoring.segmentation import split_claims
from scoring.types import Claim, SupportUnit
from serving.api.lane_types import AlignReply, LaneInput
from serving.inference.kept import Kept, digest_of
from serving.lanes.context_facts import CACHED_CHARACTERS, ContextReader
from serving.lanes.premises import UnitCutter
from serving.lanes.reading_fields import reading_fields
from serving.lanes.render import rag_document
from serving.lanes.text_facts import TextFacts, text_facts

_QUALITY = "quality"
_PREMISE_TOKENS = {"standard": DEFAULT_BUDGET_TOKENS, "quality": 2 * DEFAULT_BUDGET_TOKENS}
_KEPT_CONTEXTS = 64
_KEPT_PASSAGES = 64_000
_KEPT_THERE = 400_000
"""Characters of contexts kept in a process for long texts: one of the longest, some 100 MiB."""

FileParts = Sequence[tuple[int, int, str | None]]


@dataclass(frozen=True)
class _Counted:
    """A context's passages and the tokens of each."""

    passages: Passages
    tokens: tuple[int, ...]


class TextSteps:
    """The steps, with what they keep of contexts read before. ``tokenizers``: by configured encoder, None cuts nothing."""

    def __init__(
        self,
        tokenizers: Mapping[str, Tokenizer | None],
        max_units: int,
        kept_characters: int = CACHED_CHARACTERS,
    ) -> None:
        self._tokenizers = dict(tokenizers)
        self._max_units = max_units
        self._cutter = UnitCutter(max_units)
        self._reader = ContextReader(kept_characters)
        self._passages: Kept[tuple[str, str | None, bytes], _Counted] = Kept(
            _KEPT_CONTEXTS, _KEPT_PASSAGES, lambda counted: len(counted.tokens)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without what it keeps: another process begins with nothing read, and keeps less."""
        return TextSteps, (self._tokenizers, self._max_units, _KEPT_THERE)

    def plain(self, request: LaneInput) -> tuple[tuple[CitationMark, ...], LaneInput]:
        """The marks of citations in the response, and the request without them."""
        marks = tuple(citation_marks(request.response_text))
        return marks, replace(request, response_text=without_marks(request.response_text, marks)) if marks else request

    def cut(
        self, request: LaneInput, encoder: str, files: FileParts, given: Sequence[Claim] | None
    ) -> tuple[tuple[SupportUnit, ...], tuple[Claim, ...]]:
        """The units of the context and the claims of the response; ``given``: the claims where they are known."""
        units = self._cutter.units(request, self._tokenizers[encoder], files)
        if given is None:
            given = telling_claims(split_claims(request.response_text, atomic=request.profile == _QUALITY))
        return units, tuple(given)

    def facts(
        self, request: LaneInput, units: Sequence[SupportUnit], claims: Sequence[Claim], says_all: bool
    ) -> TextFacts:
        """What can be read off the texts."""
        return text_facts(self._reader, request, units, claims, says_all)

    def questions(
        self, request: LaneInput, facts: RagFacts, encoder: str, asked: str
    ) -> tuple[tuple[bool, ...], list[tuple[str, str]]]:
        """By claim, whether it stands in a premise word for word; for the others what the verifier reads."""
        verbatim = verbatim_claims(facts.claims, [unit.text for unit in facts.units])
        unknown = [claim for claim, known in zip(facts.claims, verbatim, strict=True) if not known]
        if not unknown:
            return verbatim, []
        counted = self._counted(request, facts.units, encoder)
        budget = _PREMISE_TOKENS[request.profile]
        pairs = []
        for claim in unknown:
            premise = claim_premise(facts.alignment, claim, counted.passages, counted.tokens, budget)
            pairs.append((with_question(request.query_text, premise), asked + claim.text))
        return verbatim, pairs

    def decide(self, facts: RagFacts, options: RagOptions, artifact: RagArtifact) -> RagDecision:
        """The decision on all facts."""
        return decide(facts, options, artifact)

    def document(
        self,
        request: LaneInput,
        facts: RagFacts,
        reply: AlignReply,
        decision: RagDecision,
        marks: Sequence[CitationMark],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer's fields of the score, and those that say how the response was read."""
        return rag_document(request, facts.units, reply, decision), reading_fields(request, facts, decision, marks)

    def _counted(self, request: LaneInput, units: Sequence[SupportUnit], encoder: str) -> _Counted:
        tokenizer = self._tokenizers[encoder]
        assert tokenizer is not None  # without one there is nothing to ask

        def read() -> _Counted:
            passages = context_passages(units, request.raw_context)
            return _Counted(passages, count_tokens(passages, tokenizer.count))

        places = [f"{unit.char_start}:{unit.text}" for unit in units]
        key = (request.tenant, request.model, digest_of([request.raw_context or "", *places]))
        return self._passages.get_or_make(key, read)
