"""Early stop that stays valid however often one looks: an e-value over the discordant pairs."""

from __future__ import annotations

from math import exp, log

from scipy.special import betaln


def paired_e_value(candidate_wins: int, baseline_wins: int, prior: float = 1.0) -> float:
    """Evidence against "as many gained as lost": 2ᵐ B(a + x, a + m - x) / B(a, a) with x wins of m discordant pairs.

    A run may stop once it reaches 1/α, 20 for .05: under the null that ever happens with probability α at most (Ville).
    """
    if candidate_wins < 0 or baseline_wins < 0 or prior <= 0:
        raise ValueError("wins are counts and the prior is above 0")
    pairs = candidate_wins + baseline_wins
    exponent = pairs * log(2.0) + float(betaln(prior + candidate_wins, prior + baseline_wins) - betaln(prior, prior))
    return exp(min(exponent, 700.0))
