"""The RAG lane: is this answer grounded in the context retrieved for it?

A plain class. It cuts the premises, asks the encoder for the alignment, gathers literals and cells meanwhile, asks the
verifier where there is one, lets :func:`scoring.rag.score.decide` decide, and renders the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from models.tokenization import Tokenizer
from models.types import ModelInfo
from scoring.band_curves import BALANCED, POLICIES
from scoring.bands import OVERALL, UNSEEN, BandCuts
from scoring.calibration import RagArtifact
from scoring.rag.decision import decide_action
from scoring.rag.decision_facts import decision_facts
from scoring.rag.score import OPEN_DOMAIN, RagDecision, RagFacts, RagOptions
from scoring.types import Claim, SupportUnit
from serving.api.audit_facts import AuditFacts, Provenance, VersionHashes
from serving.api.errors import DeadlineExceededError, ValidationFailedError
from serving.api.lane_types import (
    Aligner,
    AlignReply,
    AlignRequest,
    ClaimsAnswer,
    ClaimsInput,
    LaneAnswer,
    LaneInput,
    PairVerifier,
)
from serving.config.artifacts import RagFits
from serving.inference.affinity import affinity_key
from serving.lanes.audited import format_signals, unit_sha256
from serving.lanes.claim_verifier import ClaimVerifier
from serving.lanes.off_loop import TextReading
from serving.lanes.render import (
    DocumentWriter,
    band_precision_json,
    claim_json,
    diagnostics,
    render,
    rounded,
)
from serving.lanes.text_steps import TextSteps


@dataclass(frozen=True)
class EncoderClient:
    """One configured encoder as the lane sees it: where to align, and its tokenizer for cutting units.

    Without a tokenizer the parts of a raw context become units whole.
    """

    aligner: Aligner
    tokenizer: Tokenizer | None
    source: str


@dataclass(frozen=True, eq=False)
class Gathered:
    """Facts about one response, and where they came from. ``source``: the encoder's, as configured.

    ``pairs``: verdicts asked of the verifier, ``cached_pairs`` of them known from before. ``verifier_use``: used, not_needed,
    away or absent. ``table``: some premise is a table or a record.
    """

    facts: RagFacts
    reply: AlignReply
    source: str
    verifier: ModelInfo | None
    warnings: tuple[str, ...]
    phases_ms: Mapping[str, float]
    pairs: int = 0
    cached_pairs: int = 0
    verifier_use: str = "not_needed"
    table: bool = False


class _Phases:
    """Milliseconds between marks."""

    def __init__(self) -> None:
        self.phases_ms: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def mark(self, phase: str) -> None:
        now_s = time.perf_counter()
        self.phases_ms[phase] = (now_s - self._last_s) * 1000.0
        self._last_s = now_s


class RagLane:
    """Scores requests; all it keeps between them is what it read off contexts."""

    def __init__(
        self,
        encoders: Mapping[str, EncoderClient],
        default_encoder: str,
        fitted: RagFits,
        max_units: int,
        write: DocumentWriter,
        verifier: PairVerifier | None = None,
        provenance: Provenance | None = None,
        worker_characters: int = 0,
        workers: int = 0,
    ) -> None:
        """``workers``: processes that read texts of ``worker_characters`` and more, see :class:`TextReading`."""
        self.provenance = provenance or Provenance()
        self._hashes = fitted.hashes
        self.encoders = encoders
        self._default = default_encoder
        self.write = write
        self._artifacts = {
            (artifact.verifier, policy): artifact.with_bands(fitted.targets.stricter(share_of_error))
            for artifact in fitted.artifacts
            for policy, share_of_error in POLICIES.items()
        }
        self._head = fitted.head
        steps = TextSteps({name: client.tokenizer for name, client in encoders.items()}, max_units)
        self.texts = TextReading(steps, worker_characters, workers)
        self._verifier = ClaimVerifier(verifier, self.texts)

    async def score(self, request: LaneInput) -> LaneAnswer:
        """The rendered answer, within the request's deadline."""
        try:
            async with asyncio.timeout(request.deadline_s):
                return await self._score(request)
        except TimeoutError:
            raise DeadlineExceededError(f"scoring took longer than {request.deadline_s:g} s") from None

    async def _score(self, request: LaneInput) -> LaneAnswer:
        started_s = time.perf_counter()
        marks, plain = await self.texts.run(request, TextSteps.plain, request)
        gathered = await self.gather(plain)
        decided_s = time.perf_counter()
        decision = await self.decide(plain, gathered)
        phases_ms = {**gathered.phases_ms, "decide": (time.perf_counter() - decided_s) * 1000.0}
        document, reading = await self.texts.run(
            request, TextSteps.document, request, gathered.facts, gathered.reply, decision, marks
        )
        document["band_precision"] = band_precision_json(decision.score.band, self._cuts(request, gathered))
        document |= reading
        document["versions"] = self.versions(gathered)
        document["runtime_decision"] = self.runtime_decision(request, decision.score.headline)
        document["warnings"] = self.warnings(request, gathered) or None
        if request.verbose:
            document["diagnostics"] = diagnostics(gathered.reply, decision, phases_ms)
        return LaneAnswer(
            body=render(document, started_s, self.write),
            band=decision.score.band.value,
            context_tokens=gathered.reply.context_tokens,
            response_tokens=gathered.reply.response_tokens,
            phases_ms={**phases_ms, "lane": (time.perf_counter() - started_s) * 1000.0},
            cached_tokens=gathered.reply.cached_tokens,
            batch_requests=gathered.reply.batch_requests,
            pairs=gathered.pairs,
            cached_pairs=gathered.cached_pairs,
            audit=self.audit(request, gathered, decision),
        )

    async def judge(self, asked: ClaimsInput) -> ClaimsAnswer:
        """Verdicts on claims of an answer that is still being written, within the request's deadline.

        They are those of the text so far: what follows can change the words that a claim is matched to, and whether the
        answer abstains. :meth:`score` has the last word.
        """
        request = asked.request
        try:
            async with asyncio.timeout(request.deadline_s):
                found = await self.gather(request, given=asked.claims, verify=False, whole=asked.abstaining)
                gathered = await self.verified(request, found, growing=True)
                decision = await self.decide(request, gathered)
        except TimeoutError:
            raise DeadlineExceededError(f"a verdict took longer than {request.deadline_s:g} s") from None
        units = gathered.facts.units
        documents = tuple(claim_json(judged, units, request.response_text) for judged in decision.claims)
        return ClaimsAnswer(documents, gathered.phases_ms, gathered.pairs, gathered.cached_pairs)

    async def gather(
        self,
        request: LaneInput,
        files: Sequence[tuple[int, int, str | None]] = (),
        given: Sequence[Claim] | None = None,
        verify: bool = True,
        whole: bool = False,
    ) -> Gathered:
        """The facts about one response. The texts are read here while the encoder works elsewhere.

        ``files``: parts of ``raw_context``, see :class:`UnitCutter`. ``given``: the claims; None takes the sentences.
        ``verify`` False leaves the verifier out; :meth:`verified` asks it later. ``whole``: ``given`` is all that the
        response says, as the sentences are, so that it may abstain.
        """
        clock = _Phases()
        client = self._client(request.model)
        units, claims = await self.texts.run(request, TextSteps.cut, request, self._encoder(request), files, given)
        clock.mark("segment")
        pending = asyncio.ensure_future(client.aligner.align(_align_request(request, units, claims)))
        try:
            await asyncio.sleep(0)  # let the call leave before the texts are read
            says_all = whole or given is None
            text = await self.texts.run(request, TextSteps.facts, request, units, claims, says_all)
            clock.mark("text")
            reply = await pending
        except BaseException:
            pending.cancel()
            raise
        clock.mark("align_wait")
        facts = RagFacts(
            response=request.response_text,
            units=units,
            claims=claims,
            alignment=reply.alignment,
            words=text.words,
            literals=text.reading.report,
            cells=text.cells,
            nli=(None,) * len(claims),
            nli_reason="the verifier was not needed",
            rulings=text.reading.rulings,
            conflicts=text.reading.conflicts,
            kind=text.kind,
            language=text.language,
        )
        phases_ms = {**reply.phases_ms, **clock.phases_ms}
        gathered = Gathered(facts, reply, client.source, None, text.warnings, phases_ms, table=text.table)
        return await self.verified(request, gathered) if verify else gathered

    async def verified(self, request: LaneInput, gathered: Gathered, growing: bool = False) -> Gathered:
        """The same facts with the verifier's verdicts on the claims and on the samples, where there is one.

        ``growing``: more claims will follow these.
        """
        clock = _Phases()
        facts = gathered.facts
        encoder = None if self._client(request.model).tokenizer is None else self._encoder(request)
        verdicts = await self._verifier.verdicts(request, facts, encoder, growing)
        consistent, inconsistency_reason = await self._verifier.consistency(request)
        clock.mark("verify")
        return replace(
            gathered,
            facts=replace(
                facts,
                nli=verdicts.by_claim,
                verbatim=verdicts.verbatim,
                nli_reason=verdicts.reason,
                consistency=consistent,
                consistency_reason=inconsistency_reason,
            ),
            verifier=None if verdicts.reply is None else verdicts.reply.model,
            warnings=(*gathered.warnings, *verdicts.warnings),
            phases_ms={**gathered.phases_ms, **clock.phases_ms, **(verdicts.reply.phases_ms if verdicts.reply else {})},
            pairs=len(verdicts.reply.verdicts) if verdicts.reply else 0,
            cached_pairs=verdicts.reply.cached if verdicts.reply else 0,
            verifier_use=verdicts.use if self._verifier.present else "absent",
        )

    async def decide(self, request: LaneInput, gathered: Gathered) -> RagDecision:
        """The decision on gathered facts."""
        options = RagOptions(
            primary_metric=request.primary_metric,
            coverage_threshold=request.coverage_threshold,
            open_domain=request.attribution_mode == OPEN_DOMAIN,
            stratum=self._stratum(request, gathered),
            calibrated=not self._uncalibrated(gathered),
        )
        artifact = self.artifact(gathered, request.risk_band_policy)
        return await self.texts.run(request, TextSteps.decide, gathered.facts, options, artifact)

    def artifact(self, gathered: Gathered, policy: str = BALANCED) -> RagArtifact:
        """The calibration fitted with the verifier that answered; that without one if there is no such."""
        name = None if gathered.verifier is None else gathered.verifier.name
        return self._artifacts.get((name, policy)) or self._artifacts[None, policy]

    def _stratum(self, request: LaneInput, gathered: Gathered) -> str:
        """Whose bands the request gets: a stratum that the calibration never saw has those of :data:`UNSEEN`."""
        bands = self.artifact(gathered).bands
        wanted = request.risk_band_stratum or OVERALL
        return wanted if wanted in bands or UNSEEN not in bands else UNSEEN

    def _cuts(self, request: LaneInput, gathered: Gathered) -> BandCuts | None:
        bands = self.artifact(gathered, request.risk_band_policy).bands
        return bands.get(self._stratum(request, gathered)) or bands.get(OVERALL)

    def _uncalibrated(self, gathered: Gathered) -> list[str]:
        """Models that answered and that no calibration was fitted with."""
        artifact = self.artifact(gathered)
        found = [] if gathered.source == artifact.encoder else [f"encoder {gathered.source}"]
        if gathered.verifier is not None and gathered.verifier.name != artifact.verifier:
            found.append(f"verifier {gathered.verifier.name}")
        return found

    def _encoder(self, request: LaneInput) -> str:
        return request.model or self._default

    def _client(self, name: str | None) -> EncoderClient:
        client = self.encoders.get(name or self._default)
        if client is None:
            known = ", ".join(sorted(self.encoders))
            raise ValidationFailedError(f"model: no encoder is called {name!r}; this server has {known}")
        return client

    def runtime_decision(self, request: LaneInput, headline: float | None) -> dict[str, object] | None:
        """The decision head's answer; None when the request sent no features."""
        if request.runtime_head_features is None and request.trajectory_features is None:
            return None
        features = {**(request.trajectory_features or {}), **(request.runtime_head_features or {})}
        return asdict(decide_action(headline, features, self._head))

    def warnings(self, request: LaneInput, gathered: Gathered) -> list[str]:
        """What the caller should know about this score beyond its reasons."""
        warnings = list(gathered.warnings)
        artifact = self.artifact(gathered)
        for model in self._uncalibrated(gathered):
            warnings.append(f"no calibration was fitted with {model}; the score has no band but amber")
        if request.risk_band_stratum and request.risk_band_stratum not in artifact.bands:
            known = ", ".join(sorted(set(artifact.bands) - {UNSEEN}))
            stricter = ", held to a smaller error" if UNSEEN in artifact.bands else ""
            warnings.append(f"risk_band_stratum is not among {known}; the overall bands were used{stricter}")
        if request.risk_band_policy != BALANCED and artifact.curves is None:
            warnings.append(
                "risk_band_policy changes nothing: this calibration has fixed cuts; refit it to have curves"
            )
        if request.attribution_mode == OPEN_DOMAIN and gathered.verifier is None:
            warnings.append("open_domain without a verifier sees only contradicted literals and cells")
        return warnings

    def versions(self, gathered: Gathered) -> dict[str, str]:
        """Models and artefacts behind a score, by name and by hash."""
        versions = {"encoder": _label(gathered.reply.model), "calibration": self.artifact(gathered).version}
        if gathered.verifier is not None:
            versions["verifier"] = _label(gathered.verifier)
        return versions | self.hashes(gathered).versions()

    def hashes(self, gathered: Gathered) -> VersionHashes:
        """The hashes of what decided: the loaded models' own, else those of the configured ones."""
        asked = gathered.verifier
        return VersionHashes(
            config_sha256=self.provenance.config_sha256,
            config_source=self.provenance.config_source,
            calibration_sha256=self._hashes.get(self.artifact(gathered).verifier),
            encoder_sha256=gathered.reply.model.revision or None,
            verifier_sha256=self.provenance.verifier if asked is None else asked.revision,
        )

    def audit(self, request: LaneInput, gathered: Gathered, decision: RagDecision) -> AuditFacts:
        """What the audit log says of a decision."""
        found = decision_facts(gathered.facts, decision, self._cuts(request, gathered))
        stratum = self._stratum(request, gathered)  # without a stratum for unseen ones it may be the request's own text
        return AuditFacts(
            score=rounded(decision.score.headline),
            reason_codes=found.reason_codes,
            hashes=self.hashes(gathered),
            cut_distance=rounded(found.cut_distance),
            second_distance=rounded(found.second_distance),
            artifact=self.artifact(gathered).version,
            verifier=gathered.verifier_use,
            profile=request.profile,
            policy=request.risk_band_policy,
            stratum=stratum if stratum in self.artifact(gathered).bands else None,
            deciding_unit_index=found.deciding_unit,
            deciding_unit_sha256=unit_sha256(gathered.facts.units, found.deciding_unit),
            format=format_signals(request, gathered.facts, gathered.table),
        )

    def close(self) -> None:
        """End the worker threads of models that live in this process, and the processes that read long texts."""
        self.texts.close()
        for client in self.encoders.values():
            client.aligner.close()
        self._verifier.close()


def _align_request(request: LaneInput, units: Sequence[SupportUnit], claims: Sequence[Claim]) -> AlignRequest:
    texts = tuple(unit.text for unit in units)
    return AlignRequest(
        tenant=request.tenant,
        response=request.response_text,
        units=texts,
        claims=tuple((claim.char_start, claim.char_end) for claim in claims),
        query=request.query_text if request.query_text and request.query_text.strip() else None,
        response_window_tokens=request.response_chunk_tokens,
        stored={index: chunk.vectors for index, chunk in enumerate(request.chunks) if chunk.vectors is not None},
        affinity=affinity_key(request.tenant, request.session_id, texts),
        background=request.background,
    )


def _label(model: ModelInfo) -> str:
    return f"{model.name}@{model.revision[:12]}/{model.dtype}"
