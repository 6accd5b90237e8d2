"""What a suite can see before it runs: the paired normal approximation (Miettinen 1968)."""

from __future__ import annotations

from math import ceil, sqrt

from scipy.stats import norm


def cases_needed(effect: float, discordant: float, power: float = 0.8, confidence: float = 0.95) -> int:
    """Cases to see a difference of ``effect`` in the pass rate when a share ``discordant`` of them changes outcome.

    n = (z₁ + z₂)² (ψ - δ²) / δ²; of ten points in the pass rate at 10% discordant cases, 71. The exact McNemar test is
    more careful and wants a few more. Raises ValueError unless 0 < effect <= discordant <= 1.
    """
    if not 0.0 < effect <= discordant <= 1.0:
        raise ValueError("an effect is above 0 and at most the share of discordant cases")
    return ceil(_both(power, confidence) * (discordant - effect**2) / effect**2)


def smallest_visible_effect(n: int, discordant: float, power: float = 0.8, confidence: float = 0.95) -> float:
    """The difference in the pass rate that ``n`` cases show with ``power``; 1.0 when they show none. Inverse of the above."""
    if n <= 0 or not 0.0 < discordant <= 1.0:
        raise ValueError("cases and a share of discordant ones are above 0")
    both = _both(power, confidence)
    effect = sqrt(both * discordant / (n + both))
    return effect if effect <= discordant else 1.0


def _both(power: float, confidence: float) -> float:
    return float(norm.ppf(0.5 + confidence / 2) + norm.ppf(power)) ** 2
