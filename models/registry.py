"""A model's name in configuration -> a loaded model. Importing this module does not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from models.specs import DEFAULT_ENCODER, SHIPPED_VERIFIER, EncoderSpec, VerifierSpec
from models.tokenization import Tokenizer
from models.weights import BUNDLED, BUNDLED_SOURCE, ModelLoadError, check_digest, locate, require_files

if TYPE_CHECKING:
    from models.encoder import TransformerEncoder
    from models.trained_verifier import TrainedVerifier
    from models.verifier import SequenceVerifier, TokenVerifier

__all__ = [
    "DEFAULT_ENCODER",
    "ENCODERS",
    "SHIPPED_VERIFIER",
    "VERIFIERS",
    "EncoderSpec",
    "VerifierSpec",
    "encoder_spec",
    "load_encoder",
    "load_tokenizer",
    "load_verifier",
]

VERIFIERS: Mapping[str, VerifierSpec] = MappingProxyType(
    {SHIPPED_VERIFIER: VerifierSpec(name=SHIPPED_VERIFIER, source=BUNDLED_SOURCE)}
)
ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType({name: EncoderSpec(name=name) for name in BUNDLED})


def encoder_spec(name: str) -> EncoderSpec:
    """The spec of a known name; ValueError that lists the known ones."""
    if name not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        raise ValueError(f"no encoder is called {name!r}; known are: {known}. Others need a source (folder or hub id).")
    return ENCODERS[name]


def load_tokenizer(spec: EncoderSpec | VerifierSpec) -> Tokenizer:
    """The tokenizer alone, without torch."""
    return Tokenizer.from_folder(locate(spec.name, spec.source))


def load_encoder(spec: EncoderSpec | None = None) -> TransformerEncoder:
    """Load, check and place an encoder; :class:`~models.weights.ModelLoadError` says what is wrong with it.

    On a CPU this sets torch's thread count for the whole process.
    """
    from models import assembly

    spec = spec or EncoderSpec()
    folder, revision = _checked_folder(spec)
    return assembly.assemble_encoder(spec, folder, revision)


def load_verifier(spec: VerifierSpec) -> SequenceVerifier | TokenVerifier | TrainedVerifier:
    """Load, check and place a verifier, by the head its configuration names; errors as in :func:`load_encoder`.

    Of the shipped verifier (source ``bundled``) labels and temperature are its own; the spec's must stay at their defaults.
    """
    if spec.source == BUNDLED_SOURCE:
        return _load_bundled_verifier(spec)
    from models import assembly

    folder, revision = _checked_folder(spec)
    return assembly.assemble_verifier(spec, folder, revision)


def _load_bundled_verifier(spec: VerifierSpec) -> TrainedVerifier:
    from models.shipped import load_shipped_verifier

    if spec.name not in VERIFIERS:
        raise ModelLoadError(f"no bundled verifier is called {spec.name!r}; bundled are: {', '.join(VERIFIERS)}.")
    if spec.label_map or spec.temperature != 1.0:
        raise ModelLoadError(
            f"the bundled verifier {spec.name!r} has its own labels and temperature; leave both unset."
        )
    return load_shipped_verifier(
        dtype=spec.dtype, device=spec.device, threads=spec.threads, token_budget=spec.token_budget
    )


def _checked_folder(spec: EncoderSpec | VerifierSpec) -> tuple[Path, str]:
    folder = locate(spec.name, spec.source)
    require_files(folder)
    return folder, check_digest(spec.name, spec.source, folder)
