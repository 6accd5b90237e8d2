"""Whether a lower precision gives the same scores on this machine: asked once per model and process, at load."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.types import Encoder, Verifier

ENCODER_TOLERANCE = 0.01
"""Largest difference of a reverse-MaxSim score (a mean of cosines) that still counts as the same."""
VERIFIER_TOLERANCE = 0.02
"""Largest difference of a probability that still counts as the same."""

_CONTEXTS = (
    "The bridge was opened in 1932, spans 503 metres and carries eight lanes of traffic.",
    "Revenue rose by 4.2 % to 118 million euros, while the number of employees fell to 640.",
    "Der Vertrag endet am 31. März 2024 und verlängert sich nicht von selbst.",
)
_CLAIMS = (
    "Opened in 1932, the bridge is 503 metres long.",
    "Revenue fell by 7 % to 96 million dollars.",
    "The contract ends in March 2024.",
)

_verdicts: dict[tuple[str, str], bool] = {}


def encoder_agrees(revision: str, build: Callable[[torch.dtype], Encoder]) -> Callable[[torch.dtype], bool]:
    """A check that an encoder's reverse-MaxSim scores are those of float32 to :data:`ENCODER_TOLERANCE`."""
    return _check(revision, lambda dtype: _maxsim_scores(build(dtype)), ENCODER_TOLERANCE)


def verifier_agrees(revision: str, build: Callable[[torch.dtype], Verifier]) -> Callable[[torch.dtype], bool]:
    """A check that a verifier's probabilities are those of float32 to :data:`VERIFIER_TOLERANCE`."""
    return _check(revision, lambda dtype: _entail_scores(build(dtype)), VERIFIER_TOLERANCE)


def _check(revision: str, scores: Callable[[torch.dtype], Tensor], tolerance: float) -> Callable[[torch.dtype], bool]:
    def agrees(dtype: torch.dtype) -> bool:
        key = (revision, str(dtype))
        if key not in _verdicts:
            difference = (scores(dtype) - scores(torch.float32)).abs().max()
            _verdicts[key] = bool(difference <= tolerance)
        return _verdicts[key]

    return agrees


def _maxsim_scores(encoder: Encoder) -> Tensor:
    """(claims, contexts) mean over a claim's tokens of the best cosine with a context's tokens."""
    vectors = encoder.encode([*_CONTEXTS, *_CLAIMS])
    contexts, claims = vectors[: len(_CONTEXTS)], vectors[len(_CONTEXTS) :]
    rows = [
        [(claim.vectors.float() @ context.vectors.float().T).amax(dim=1).mean() for context in contexts]
        for claim in claims
    ]
    return torch.stack([torch.stack(row) for row in rows]).cpu()


def _entail_scores(verifier: Verifier) -> Tensor:
    pairs = [(context, claim) for context in _CONTEXTS for claim in _CLAIMS]
    return torch.tensor([scores.entail for scores in verifier.verify(pairs)])
