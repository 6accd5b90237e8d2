"""Reads the fitted artefacts that ship with the scoring package, or their configured replacements."""

from __future__ import annotations

import json
from dataclasses import dataclass
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

    ``targets``: the precision that bands must hold under ``risk_band_policy: balanced``.
    """

    artifacts: tuple[RagArtifact, ...]
    head: DecisionHead
    targets: BandTargets = DEFAULT_TARGETS


def read_artifact(name: str, directory: Path | None = None) -> dict[str, Any]:
    """The JSON document ``<name>.json`` of ``directory`` if it has one, else the packaged one."""
    replacement = directory / f"{name}.json" if directory is not None else None
    if replacement is not None and replacement.is_file():
        content = replacement.read_bytes()
    else:
        content = resources.files("scoring").joinpath("artifacts", f"{name}.json").read_bytes()
    document: dict[str, Any] = json.loads(content)
    return document


def null_texts(directory: Path | None = None) -> tuple[str, ...]:
    """The unrelated texts that similarities are calibrated against."""
    return tuple(read_artifact("null_bank", directory)["texts"])


def rag_artifacts(directory: Path | None = None) -> tuple[RagArtifact, ...]:
    """The RAG lane's calibrations: without a verifier, and with each that one was fitted for."""
    return tuple(parse_rag_artifact(read_artifact(name, directory)) for name in RAG_ARTIFACTS)


def rag_fits(directory: Path | None = None, targets: BandTargets = DEFAULT_TARGETS) -> RagFits:
    """Calibrations and decision head of the RAG lane; ``targets``: what its bands must hold."""
    return RagFits(rag_artifacts(directory), parse_head(read_artifact("runtime_head", directory)), targets)
