"""The code lane: does this generated code call APIs that exist in the files it was given, and in the language?

A superset of the RAG lane. Names are resolved in a worker thread beside the encoder's call; prose outside the code is
judged claim by claim as in the RAG lane; the session state is carried by the caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from parsers.blocks.block import CodeBlock
from parsers.blocks.context_files import ContextFile, files_of_units
from parsers.blocks.fences import find_code
from parsers.rules.findings import FindingStatus
from parsers.syntax.isolation import is_hostile
from scoring.attribution import source_shares
from scoring.code.score import CodeArtifact, CodeScore, CodeVerdict, score_code
from scoring.rag.decision_facts import cut_distances
from scoring.rag.score import RagDecision
from scoring.segmentation import split_claims
from scoring.session.types import SessionState, SessionStateError
from scoring.session.update import from_json, signals_to_json, to_json, update
from scoring.types import Band, Claim
from serving.api.audit_facts import AuditFacts, VersionHashes
from serving.api.errors import ContextUnknownError, DeadlineExceededError, ValidationFailedError
from serving.api.lane_types import LaneAnswer, LaneInput
from serving.api.observation import observation_of
from serving.lanes.code_analysis import CodeAnalyser, CodeAnalysis
from serving.lanes.code_render import EDIT_DOES_NOT_APPLY, CodeResult, code_fields, code_shares
from serving.lanes.context_splits import ContextSplits
from serving.lanes.no_encoder import without_alignment
from serving.lanes.rag import Gathered, RagLane
from serving.lanes.render import diagnostics, rag_document, render, rounded
from serving.libraries.choice import NO_CHOICE, LibraryChooser
from serving.libraries.store import LibraryStore

_PARSE_THREADS = 2
_QUALITY = "quality"
_BANDS = {CodeVerdict.GROUNDED: Band.GREEN, CodeVerdict.PHANTOM: Band.RED, CodeVerdict.CANNOT_TELL: Band.AMBER}
_REASON_CODES = {
    FindingStatus.PHANTOM: "phantom_api",
    FindingStatus.DRIFT: "api_drift",
    FindingStatus.NOT_IMPORTED: "not_imported",
    FindingStatus.UNDECLARED_IMPORT: "undeclared_import",
}


class CodeLane:
    """Scores code; all it keeps between requests is a cache of parsed contexts."""

    def __init__(
        self,
        rag: RagLane,
        artifact: CodeArtifact,
        use_encoder: bool = True,
        libraries: LibraryStore | None = None,
        well_known: Mapping[str, frozenset[str]] | None = None,
        for_names: CodeLane | None = None,
    ) -> None:
        """``use_encoder`` False: ``rag`` aligns nothing, and what rests on the alignment is left out.

        ``libraries``: packages whose calls are judged; without it those of other packages stay unverifiable.
        ``well_known``: names of well-known packages by registry, for what an undeclared import was meant to be.
        ``for_names``: a lane without an encoder, which takes the requests for names only; this one closes it.
        """
        self._for_names = for_names
        self._libraries = None if libraries is None else LibraryChooser(libraries)
        self.rag = rag
        self._use_encoder = use_encoder
        self._artifact = artifact
        self._analyser = CodeAnalyser(well_known=well_known)
        self._splits = ContextSplits()
        self._threads = ThreadPoolExecutor(max_workers=_PARSE_THREADS, thread_name_prefix="parser")
        self._slow = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slow-parser")

    @property
    def cached_contexts(self) -> tuple[tuple[str, str], ...]:
        """(tenant, content digest) of the contexts whose index is held."""
        return self._analyser.cached

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer, within the request's deadline."""
        if request.names_only and self._for_names is not None:
            return await self._for_names.score(request)
        try:
            async with asyncio.timeout(request.deadline_s):
                return await self._score(request)
        except TimeoutError:
            raise DeadlineExceededError(f"scoring took longer than {request.deadline_s:g} s") from None

    async def _score(self, request: LaneInput) -> LaneAnswer:
        started_s = time.perf_counter()
        state, state_warnings = _session_state(request)
        loop = asyncio.get_running_loop()
        request, reference, files, hostile = await loop.run_in_executor(self._threads, self._context, request)
        threads = self._slow if hostile else self._threads  # those who wait for a slow parse wait together
        code = await loop.run_in_executor(threads, find_code, request.response_text, request.response_language_hint)
        analysis, gathered = await asyncio.gather(
            loop.run_in_executor(threads, self._analyse, request, code, files),
            self.rag.gather(
                request, _parts(files), _prose_claims(request, code) if self._use_encoder else (), verify=False
            ),
        )
        result, gathered = await self._judge(request, analysis, gathered, files)
        document = rag_document(request, gathered.facts.units, gathered.reply, result.decision)
        document |= code_fields(request, result)
        document["reason_codes"] = _reason_codes(result)
        document["context_ref"] = reference
        if not self._use_encoder:
            document = without_alignment(document)
        next_state, signals = update(state, observation_of(document))
        document |= {
            "next_session_state": to_json(next_state),
            "session_signals": signals_to_json(signals),
            "recommendation": signals.recommendation.value,
            "versions": self._versions(gathered),
            "runtime_decision": self.rag.runtime_decision(request, result.headline),
            "warnings": [*self.rag.warnings(request, gathered), *analysis.warnings, *state_warnings] or None,
        }
        phases_ms = {**gathered.phases_ms, "index": analysis.index_ms, "resolve": analysis.resolve_ms}
        if request.verbose:
            document["diagnostics"] = diagnostics(gathered.reply, result.decision, phases_ms)
        return LaneAnswer(
            body=render(document, started_s, self.rag.write),
            band=result.band.value,
            context_tokens=gathered.reply.context_tokens,
            response_tokens=gathered.reply.response_tokens,
            phases_ms={**phases_ms, "lane": (time.perf_counter() - started_s) * 1000.0},
            cached_tokens=gathered.reply.cached_tokens,
            batch_requests=gathered.reply.batch_requests,
            pairs=gathered.pairs,
            cached_pairs=gathered.cached_pairs,
            audit=self._audit(request, gathered, result),
        )

    def _hashes(self, gathered: Gathered) -> VersionHashes:
        """As of the RAG lane, with the code lane's own calibration."""
        return replace(self.rag.hashes(gathered), calibration_sha256=self.rag.provenance.code)

    def _versions(self, gathered: Gathered) -> dict[str, str]:
        version = str(self._artifact.provenance.get("version", "1"))
        return {**self.rag.versions(gathered), **self._hashes(gathered).versions(), "code": version}

    def _audit(self, request: LaneInput, gathered: Gathered, result: CodeResult) -> AuditFacts:
        """What the audit log says of a decision: of the names where there were some, else of the prose as in the RAG lane."""
        facts = replace(self.rag.audit(request, gathered, result.decision), hashes=self._hashes(gathered))
        facts = replace(facts, format=replace(facts.format, code=bool(result.analysis.code)))
        if result.score.probability is None:
            return facts
        cuts = (1.0 - self._artifact.phantom_from, 1.0 - self._artifact.grounded_to)
        near, far = cut_distances(result.headline, tuple(dict.fromkeys(cuts)))
        return replace(
            facts,
            score=rounded(result.headline),
            reason_codes=(f"code_{result.score.verdict.value}", *_reason_codes(result)),
            cut_distance=rounded(near),
            second_distance=rounded(far),
            artifact=str(self._artifact.provenance.get("version", "1")),
            deciding_unit_index=None,
            deciding_unit_sha256=None,
        )

    def _context(self, request: LaneInput) -> tuple[LaneInput, str | None, tuple[ContextFile, ...], bool]:
        """The request with the context that it refers to, that context's reference, its files, and whether they or the
        response are to be parsed in a process of their own.

        Raises ContextUnknownError for a reference that this lane does not hold for the tenant.
        """
        if request.context_ref is not None:
            known = self._splits.known(request.tenant, request.context_ref)
            if known is None:
                raise ContextUnknownError(f"context_ref {request.context_ref[:12]}… names no context that is held here")
            request, split, reference = replace(request, raw_context=known.raw), known, request.context_ref
        else:
            split, reference = self._splits.split(request.tenant, request.raw_context or "")
        units = files_of_units([(unit.source_id, unit.text) for unit in request.support_units])
        hostile = split.hostile or any(is_hostile(text) for text in (request.response_text, *(f.text for f in units)))
        return request, reference if split.raw else None, (*split.files, *units), hostile

    def _analyse(self, request: LaneInput, code: Sequence[CodeBlock], files: Sequence[ContextFile]) -> CodeAnalysis:
        choice = NO_CHOICE if self._libraries is None else self._libraries.choose(request.libraries)
        return self._analyser.analyse(request.tenant, request.response_text, code, files, choice)

    async def _judge(
        self, request: LaneInput, analysis: CodeAnalysis, gathered: Gathered, files: Sequence[ContextFile]
    ) -> tuple[CodeResult, Gathered]:
        """Fuse the findings with the alignment; the verifier reads the prose only when that stays ambiguous."""
        decision = await self.rag.decide(request, gathered)
        score = self._code_score(analysis, gathered, decision)
        if (score.ambiguous or score.probability is None) and gathered.facts.claims:
            gathered = await self.rag.verified(request, gathered)
            decision = await self.rag.decide(request, gathered)
            score = self._code_score(analysis, gathered, decision)
        return _result(analysis, score, decision, gathered, files), gathered

    def _code_score(self, analysis: CodeAnalysis, gathered: Gathered, decision: RagDecision) -> CodeScore:
        share = gathered.facts.literals.share
        contradictions = [v.contradict for v in gathered.facts.nli if v is not None and v.contradict is not None]
        counted = [found for found in analysis.findings if analysis.code or found.flagged]
        return score_code(
            counted,  # of an answer without code only what its prose names wrongly: the rest is judged claim by claim
            self._artifact,
            reverse_context=decision.reverse_context,
            literal_novelty=None if share is None else 1.0 - share,
            contradiction=max(contradictions) if contradictions else None,
        )

    def close(self) -> None:
        """End the parser threads."""
        if self._for_names is not None:
            self._for_names.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._slow.shutdown(wait=True, cancel_futures=True)
        self._analyser.close()


def _session_state(request: LaneInput) -> tuple[SessionState, tuple[str, ...]]:
    try:
        return from_json(None if request.session_state is None else dict(request.session_state))
    except SessionStateError as error:
        raise ValidationFailedError(f"session_state: {error.args[1]} (field {error.field})") from None


def _parts(files: Sequence[ContextFile]) -> list[tuple[int, int, str | None]]:
    return [(f.char_start, f.char_start + len(f.text), f.path) for f in files if f.unit is None and f.text.strip()]


def _prose_claims(request: LaneInput, code: Sequence[CodeBlock]) -> tuple[Claim, ...]:
    """The statements outside the code."""
    spans = [
        (segment.response, segment.response + segment.length)
        for block in code
        for segment in (block.segments[0], block.segments[-1])
    ]
    inside = list(zip([start for start, _ in spans[::2]], [end for _, end in spans[1::2]], strict=True))
    claims = split_claims(request.response_text, atomic=request.profile == _QUALITY)
    prose = [c for c in claims if not any(start < c.char_end and c.char_start < end for start, end in inside)]
    prose = [c for c in prose if not c.text.startswith("```")]
    return tuple(replace(claim, index=index) for index, claim in enumerate(prose))


def _result(
    analysis: CodeAnalysis,
    score: CodeScore,
    decision: RagDecision,
    gathered: Gathered,
    files: Sequence[ContextFile],
) -> CodeResult:
    shares = source_shares(gathered.facts.units, decision.usages)
    owners = code_shares(analysis.findings, [file.path for file in files if file.path], shares)
    headline, band = decision.score.headline, decision.score.band
    if score.probability is not None:
        headline, band = 1.0 - score.probability, _BANDS[score.verdict]
    elif analysis.code:  # code without a name to judge: only its likeness to the context is known
        band = Band.AMBER
    return CodeResult(analysis, score, decision, gathered.facts.alignment, owners, headline, band)


def _reason_codes(result: CodeResult) -> list[str]:
    statuses = {found.status for found in result.analysis.findings}
    found = [code for status, code in _REASON_CODES.items() if status in statuses]
    stale = any(placed.applies is False for placed in result.analysis.placements)
    return [*found, EDIT_DOES_NOT_APPLY] if stale else found
