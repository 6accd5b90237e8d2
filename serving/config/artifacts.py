"""Reads the fitted artefacts that ship with the scoring package, or their configured replacements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from scoring.band_curves import DEFAULT_TARGETS, BandTargets
from scoring.calibration import RagArtifact, parse_rag_artifact
from scoring.rag.decision import DecisionHead, parse_head

RAG_ARTIFACTS = ("rag", "rag_verified")


@dataclass(frozen=True)
class RagFits:
    """What the RAG lane decides with: its calibrations, without a verifier and with each known one, and the decision head.

    ``targets``: the precision that bands must hold under ``risk_band_policy: balanced``. ``hashes``: SHA-256 of the calibrations'
    files, by the verifier that each was fitted with.
    """

    artifacts: tuple[RagArtifact, ...]
    head: DecisionHead
    targets: BandTargets = DEFAULT_TARGETS
    hashes: Mapping[str | None, str] = field(default_factory=dict)


def read_artifact(name: str, directory: Path | None = None) -> dict[str, Any]:
    """The JSON document ``<name>.json`` of ``directory`` if it has one, else the packaged one."""
    document: dict[str, Any] = json.loads(_content(name, directory))
    return document


def artifact_sha256(name: str, directory: Path | None = None) -> str:
    """SHA-256 of the file that :func:`read_artifact` reads, as ``sha256sum`` prints it."""
    return hashlib.sha256(_content(name, directory)).hexdigest()


def _content(name: str, directory: Path | None) -> bytes:
    replacement = directory / f"{name}.json" if directory is not None else None
    if replacement is not None and replacement.is_file():
        return replacement.read_bytes()
    return resources.files("scoring").joinpath("artifacts", f"{name}.json").read_bytes()


def well_known_packages(directory: Path | None = None) -> dict[str, frozenset[str]]:
    """Names of well-known packages by registry: 'pypi', 'npm', 'crates', 'go'. Their source stands in the file's provenance."""
    document = read_artifact("well_known_packages", directory)
    return {name: frozenset(text.split()) for name, text in document.items() if isinstance(text, str)}


def null_texts(directory: Path | None = None) -> tuple[str, ...]:
    """The unrelated texts that similarities are calibrated against."""
    return tuple(read_artifact("null_bank", directory)["texts"])


def rag_artifacts(directory: Path | None = None) -> tuple[RagArtifact, ...]:
    """The RAG lane's calibrations: without a verifier, and with each that one was fitted for."""
    return tuple(parse_rag_artifact(read_artifact(name, directory)) for name in RAG_ARTIFACTS)


def rag_fits(directory: Path | None = None, targets: BandTargets = DEFAULT_TARGETS) -> RagFits:
    """Calibrations and decision head of the RAG lane; ``targets``: what its bands must hold."""
    artifacts = rag_artifacts(directory)
    names = zip(artifacts, RAG_ARTIFACTS, strict=True)
    hashes = {artifact.verifier: artifact_sha256(name, directory) for artifact, name in names}
    return RagFits(artifacts, parse_head(read_artifact("runtime_head", directory)), targets, hashes)
