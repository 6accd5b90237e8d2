"""The verifier's word on claims and tokens, joined with the lane's own signals. Pure; fitted by ``benchmarks.calibrate``.

The verifier reads meaning and misses changed numbers and cells; similarity, words, literals and cells see those and miss
meaning. Each sees errors that the other does not, so neither has the last word: their log-odds are added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.types import NliScores
from scoring.calibration import VerifiedCalibration, sigmoid, sigmoid_array
from scoring.types import Alignment, Claim

_CLAIM_CLIP = 0.01
_TOKEN_CLIP = 0.005
_AROUND = 2


def joined_claim_score(entail: float, dense: float, model: VerifiedCalibration) -> float:
    """P(claim supported) from the verifier's p(entail) and the lane's own score, both in [0, 1]."""
    entail_odds, dense_odds = clipped_logit(np.array([entail, dense]), _CLAIM_CLIP)
    return sigmoid(model.claim_bias + model.claim_entail * float(entail_odds) + model.claim_dense * float(dense_odds))


def joined_support(
    dense: NDArray[np.float64],
    alignment: Alignment,
    claims: Sequence[tuple[Claim, NliScores | None, float | None]],
    model: VerifiedCalibration,
) -> NDArray[np.float64]:
    """(tokens,) P(token supported); tokens that the verifier did not judge keep ``dense``. Claims with their scores."""
    features, judged = token_columns(dense, alignment, claims)
    weights = np.array([model.token_support, model.token_neighbours, model.token_claim, model.token_dense])
    joined = dense.copy()
    joined[judged] = sigmoid_array(features[judged] @ weights + model.token_bias)
    return joined


def token_columns(
    dense: NDArray[np.float64], alignment: Alignment, claims: Sequence[tuple[Claim, NliScores | None, float | None]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(tokens, 4) features of :func:`joined_support` in its order, and (tokens,) which of them the verifier judged."""
    starts = alignment.token_spans[:, 0]
    columns = np.zeros((len(starts), 4))
    judged = np.zeros(len(starts), dtype=np.bool_)
    around_dense = mean_around(clipped_logit(dense, _TOKEN_CLIP), _AROUND)
    for claim, verdict, score in claims:
        if verdict is None or not verdict.token_support or score is None:
            continue
        values = spread_tokens(verdict, claim.char_start, starts)
        inside = np.flatnonzero(~np.isnan(values))
        if not len(inside):
            continue
        own = clipped_logit(values[inside], _TOKEN_CLIP)
        columns[inside, 0] = own
        columns[inside, 1] = mean_around(own, _AROUND)
        columns[inside, 2] = clipped_logit(np.array([score]), _TOKEN_CLIP)[0]
        columns[inside, 3] = around_dense[inside]
        judged[inside] = True
    return columns, judged


def spread_tokens(verdict: NliScores, offset: int, starts: NDArray[np.int32]) -> NDArray[np.float64]:
    """(tokens,) the verifier's support at each response token that starts inside one of its own; NaN elsewhere.

    ``offset``: where the claim starts in the response. The two models may cut words differently.
    """
    spans = np.array([(start, end) for start, end, _ in verdict.token_support]) + offset
    values = np.array([value for _, _, value in verdict.token_support])
    owners = np.searchsorted(spans[:, 0], starts, side="right") - 1
    inside = (owners >= 0) & (starts < spans[np.maximum(owners, 0), 1])
    return np.where(inside, values[owners], np.nan)


def clipped_logit(values: NDArray[np.float64], clip: float) -> NDArray[np.float64]:
    """Log-odds of probabilities clipped to [``clip``, 1 - ``clip``]."""
    clipped = np.clip(values, clip, 1.0 - clip)
    result: NDArray[np.float64] = np.log(clipped / (1.0 - clipped))
    return result


def mean_around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """(n,) mean over the ``reach`` neighbours on each side, the value itself left out; at the ends the last one repeats."""
    if not len(values):
        return values
    padded = np.pad(values, reach, mode="edge")
    window = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    result: NDArray[np.float64] = (window.sum(axis=1) - values) / (2 * reach)
    return result
