"""From the configuration to the plain working parts: used by the replicas, the command line and offline scoring.

Importing this module does not load torch: lanes and gateway run without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.registry import SHIPPED_VERIFIER, EncoderSpec, VerifierSpec, load_encoder, load_tokenizer, load_verifier
from models.weights import BUNDLED, BUNDLED_SOURCE
from scoring.code.score import parse_code_artifact
from serving.api.lane_types import Aligner, PairVerifier
from serving.config.artifacts import null_texts, rag_fits, read_artifact, well_known_packages
from serving.config.load import Config
from serving.config.settings import EncoderSettings, VerifierSettings
from serving.lanes.code import CodeLane
from serving.lanes.json_bytes import json_bytes
from serving.lanes.no_encoder import NoAligner
from serving.lanes.provenance import provenance_of
from serving.lanes.rag import EncoderClient, RagLane
from serving.libraries.store import LibraryStore

if TYPE_CHECKING:
    from serving.inference.encoding import AlignmentService
    from serving.inference.verification import VerificationService

_DTYPES = {"auto": "auto", "fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def encoder_spec(settings: EncoderSettings) -> EncoderSpec:
    """The encoder's loading instructions."""
    bundled = settings.source in BUNDLED
    return EncoderSpec(
        name=settings.source if bundled else settings.name,
        source=BUNDLED_SOURCE if bundled else settings.source,
        dtype=_DTYPES[settings.dtype],
        device=settings.device,
        threads=settings.threads,
        token_budget=settings.token_budget,
        window_tokens=settings.max_window_tokens,
    )


def verifier_spec(settings: VerifierSettings) -> VerifierSpec:
    """The verifier's loading instructions."""
    return VerifierSpec(
        name=settings.source,
        source=BUNDLED_SOURCE if settings.source == SHIPPED_VERIFIER else settings.source,
        dtype=_DTYPES[settings.dtype],
        device=settings.device,
        threads=settings.threads,
        token_budget=settings.token_budget,
        window_tokens=settings.max_pair_tokens,
        label_map=dict(settings.label_map),
        temperature=settings.temperature,
    )


def alignment_service(config: Config, name: str | None = None) -> AlignmentService:
    """A loaded encoder behind its queue."""
    from serving.inference.encoding import AlignmentService
    from serving.inference.vector_cache import VectorCache

    settings = config.encoder(name)
    encoder = load_encoder(encoder_spec(settings))
    cache = VectorCache(settings.cache_bytes, settings.host_cache_bytes)
    return AlignmentService(encoder, null_texts(config.artifacts.directory), cache, settings.token_budget)


def verification_service(config: Config) -> VerificationService | None:
    """A loaded verifier behind its queue; None when none is configured."""
    from serving.inference.verdict_cache import VerdictCache
    from serving.inference.verification import VerificationService

    settings = config.verifier
    if settings is None:
        return None
    verifier = load_verifier(verifier_spec(settings))
    return VerificationService(verifier, VerdictCache(settings.cache_bytes), settings.token_budget)


def rag_lane(config: Config, aligners: Mapping[str, Aligner], verifier: PairVerifier | None) -> RagLane:
    """The RAG lane on the given models; ``aligners`` by configured encoder name."""
    clients = {
        settings.name: EncoderClient(aligners[settings.name], load_tokenizer(encoder_spec(settings)), settings.source)
        for settings in config.encoders
    }
    return RagLane(
        encoders=clients,
        default_encoder=config.default_encoder_name,
        fitted=rag_fits(config.artifacts.directory, config.bands.targets),
        max_units=config.limits.units,
        write=json_bytes,
        verifier=verifier,
        provenance=provenance_of(config),
        worker_characters=config.limits.worker_characters,
        workers=config.limits.text_workers,
    )


def code_lane(config: Config, rag: RagLane) -> CodeLane:
    """The code lane on top of a RAG lane, or of one that aligns nothing where the configuration says so."""
    artifact = parse_code_artifact(read_artifact("code", config.artifacts.directory))
    libraries = LibraryStore(config.data_dir / "libraries")
    well_known = well_known_packages(config.artifacts.directory)
    for_names = CodeLane(
        _lane_without_encoder(config), artifact, use_encoder=False, libraries=libraries, well_known=well_known
    )
    if not config.lanes.code.use_encoder:
        return for_names
    return CodeLane(rag, artifact, libraries=libraries, well_known=well_known, for_names=for_names)


def _lane_without_encoder(config: Config) -> RagLane:
    return RagLane(
        encoders={settings.name: EncoderClient(NoAligner(), None, settings.source) for settings in config.encoders},
        default_encoder=config.default_encoder_name,
        fitted=rag_fits(config.artifacts.directory, config.bands.targets),
        max_units=config.limits.units,
        write=json_bytes,
        provenance=provenance_of(config),
    )


def local_rag_lane(config: Config) -> RagLane:
    """The RAG lane with every model in this process."""
    aligners = {settings.name: alignment_service(config, settings.name) for settings in config.encoders}
    return rag_lane(config, aligners, verification_service(config))
