"""Fitted numbers as data: what turns similarities into probabilities, with where they came from.

The artefacts are JSON files in ``scoring/artifacts``; ``python -m benchmarks.calibrate`` writes them. This module gives
them a type and applies them; reading the file is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.band_curves import DEFAULT_TARGETS, BandCurves, BandTargets, pick_bands
from scoring.bands import BandCuts
from scoring.lexical import LexicalMatch
from scoring.types import Alignment

_LOGIT_CLIP = 0.02


class ArtifactError(ValueError):
    """A calibration artefact is malformed; the message names the key."""


@dataclass(frozen=True)
class TokenCalibration:
    """Logistic model of "this token is supported", at even prior odds; weights ≥ 0, so each feature is monotone."""

    bias: float
    best: float
    z: float
    word: float
    pair: float
    neighbour: float


@dataclass(frozen=True)
class SignalWeight:
    """Weight of one signal in the fusion: ``weight`` ≥ 0 on (logit(value) - ``center``)."""

    weight: float
    center: float


@dataclass(frozen=True)
class VerifiedCalibration:
    """How the verifier's word joins the lane's own: two logistic models, weights ≥ 0, see :mod:`scoring.rag.verifier_fusion`.

    Claims: from the log-odds of p(entail) and of the lane's score. Tokens: from the log-odds of the verifier's support of the
    token, of its mean over the two neighbours on each side, of the claim's score, and of the lane's support around it.
    """

    claim_bias: float
    claim_entail: float
    claim_dense: float
    token_bias: float
    token_support: float
    token_neighbours: float
    token_claim: float
    token_dense: float


@dataclass(frozen=True)
class RagArtifact:
    """Everything fitted that the RAG lane uses. ``encoder``, ``verifier``: the models the numbers were fitted with.

    ``dense_cut``: support under which a claim counts as unsupported by the lane's own signals; ``claim_cut``, ``token_cut``: the
    same for a claim, a token, after the verifier's word. Without ``verified`` a verifier's p(entail) is the claim's score.
    ``curves``: what ``bands`` were picked from; None for an artefact from before there were curves, whose cuts are fixed.
    """

    version: str
    encoder: str
    verifier: str | None
    token: TokenCalibration
    unit_bias: float
    unit_z: float
    claim_cut: float
    token_cut: float
    contradiction_cap: float
    fusion_bias: float
    fusion: Mapping[str, SignalWeight]
    bands: Mapping[str, BandCuts]
    dense_cut: float
    verified: VerifiedCalibration | None = None
    curves: BandCurves | None = None

    def with_bands(self, targets: BandTargets) -> RagArtifact:
        """The same artefact with bands that hold ``targets``; unchanged where it has no curves to pick them from."""
        return self if self.curves is None else replace(self, bands=pick_bands(self.curves, targets))


def parse_rag_artifact(document: Mapping[str, Any]) -> RagArtifact:
    """The typed artefact of a JSON document; an absent or ill-typed key raises :class:`ArtifactError`."""
    try:
        curves = None if document.get("curves") is None else BandCurves.from_json(document["curves"])
        artifact = RagArtifact(
            version=str(document["version"]),
            encoder=str(document["encoder"]),
            verifier=None if document.get("verifier") is None else str(document["verifier"]),
            token=TokenCalibration(**{k: float(v) for k, v in document["token"].items()}),
            unit_bias=float(document["unit"]["bias"]),
            unit_z=float(document["unit"]["z"]),
            claim_cut=float(document["claim_cut"]),
            token_cut=float(document["token_cut"]),
            contradiction_cap=float(document["contradiction_cap"]),
            fusion_bias=float(document["fusion"]["bias"]),
            fusion={
                name: SignalWeight(float(entry["weight"]), float(entry["center"]))
                for name, entry in document["fusion"]["signals"].items()
            },
            bands={} if curves else {name: BandCuts.from_json(entry) for name, entry in document["bands"].items()},
            dense_cut=float(document.get("dense_cut", document["claim_cut"])),
            verified=_verified(document.get("verified")),
            curves=curves,
        )
        return artifact.with_bands(DEFAULT_TARGETS)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"calibration artefact: {type(error).__name__} at {error}; refit it") from error


def _verified(entry: Mapping[str, Any] | None) -> VerifiedCalibration | None:
    return None if entry is None else VerifiedCalibration(**{name: float(value) for name, value in entry.items()})


def logit(value: float) -> float:
    """Log-odds, clipped to probabilities in [0.02, 0.98] so that one signal cannot drown the others."""
    clipped = min(max(value, _LOGIT_CLIP), 1.0 - _LOGIT_CLIP)
    return math.log(clipped / (1.0 - clipped))


def sigmoid(value: float) -> float:
    """The inverse of the unclipped log-odds, without overflow."""
    return 1.0 / (1.0 + math.exp(-value)) if value >= 0 else math.exp(value) / (1.0 + math.exp(value))


def token_features(alignment: Alignment, lexical: LexicalMatch) -> NDArray[np.float32]:
    """(tokens, 5): best similarity, null-bank z, word found, pair found, and the mean z of the two neighbours."""
    z = np.clip(alignment.z, -2.0, 12.0)
    padded = np.pad(z, 1, mode="edge") if len(z) else np.zeros(2, np.float32)
    neighbours = (padded[:-2] + padded[2:]) / 2.0
    columns = [np.clip(alignment.best, -1.0, 1.0), z, lexical.word, lexical.pair, neighbours]
    return np.stack(columns, axis=1).astype(np.float32) if len(z) else np.zeros((0, 5), np.float32)


def token_support(features: NDArray[np.float32], model: TokenCalibration) -> NDArray[np.float64]:
    """(tokens,) probability that each token is supported, from :func:`token_features`."""
    weights = np.array([model.best, model.z, model.word, model.pair, model.neighbour])
    return sigmoid_array(features @ weights + model.bias)


def unit_coverage_score(unit_z: NDArray[np.float32], artifact: RagArtifact) -> NDArray[np.float64]:
    """(units,) calibrated coverage in [0, 1] from the units' best null-bank z."""
    return sigmoid_array(unit_z * artifact.unit_z + artifact.unit_bias)


def sigmoid_array(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Elementwise :func:`sigmoid`."""
    bounded = np.clip(values.astype(np.float64), -30.0, 30.0)
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-bounded))
    return result
