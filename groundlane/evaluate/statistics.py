"""Rates and AUROC with 95% intervals that know which answers share a context. Pure Python: the client is light.

Answers to one context err alike: six answers to one article are not six independent ones. The variance is therefore taken
over contexts (the clusters), and turned into an effective number of answers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

Z: Final = NormalDist().inv_cdf(0.975)
_T: Final = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
)  # fmt: skip
"""The .975 quantile of Student's t for 1 to 20 degrees of freedom; from there 1.96 + 2.37/df + 3/df² is right to .001."""


@dataclass(frozen=True)
class Interval:
    """A value in [0, 1] with its 95% interval, of ``n`` answers to ``contexts`` different contexts."""

    value: float
    low: float
    high: float
    n: int
    contexts: int


def rate(hits: Sequence[bool], contexts: Sequence[Hashable]) -> Interval | None:
    """The share of ``hits``: Wilson's interval at the effective number of answers; None of no answers.

    The design effect is the variance over contexts by that of independent answers, at least 1 (Korn and Graubard 1998:
    the effective number also pays for few contexts, by Student's t). With one context alone nothing is known of others:
    the interval is then that of independent answers to this context.
    """
    n = len(hits)
    if n == 0:
        return None
    value = sum(hits) / n
    groups = _grouped(hits, contexts)
    low, high = wilson(value, _effective(value, groups, n))
    return Interval(value, low, high, n, len(groups))


def wilson(value: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a share of ``n`` independent trials; ``n`` need not be whole."""
    squared = Z * Z
    middle = (value + squared / (2 * n)) / (1 + squared / n)
    half = Z * math.sqrt(value * (1 - value) / n + squared / (4 * n * n)) / (1 + squared / n)
    return max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half))


def _effective(value: float, groups: Sequence[tuple[float, int]], n: int) -> float:
    """How many independent answers are as good as these. ``groups``: (hits, answers) of each context."""
    if len(groups) in (1, n):
        return float(n)
    if value in (0.0, 1.0):
        return float(len(groups))  # all alike: how strongly a context binds its answers cannot be seen
    many = len(groups)
    variance = many / (many - 1) * sum((hits - value * size) ** 2 for hits, size in groups) / n**2
    design = max(1.0, variance / (value * (1 - value) / n))
    return max(1.0, n / design * (Z / t_quantile(many - 1)) ** 2)


def t_quantile(freedom: int) -> float:
    """The .975 quantile of Student's t."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    return Z + 2.3722 / freedom + 2.8225 / freedom**2


def _grouped(values: Sequence[float], contexts: Sequence[Hashable]) -> list[tuple[float, int]]:
    sums: dict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for value, context in zip(values, contexts, strict=True):
        sums[context][0] += value
        sums[context][1] += 1
    return [(total, int(size)) for total, size in sums.values()]


def auroc(scores: Sequence[float], positive: Sequence[bool], contexts: Sequence[Hashable]) -> Interval | None:
    """The chance that a positive scores above a negative, ties half; None unless there are both kinds.

    The interval is DeLong's with Obuchowski's sums over clusters (1997), on the logit scale, so that it stays in [0, 1].
    """
    above = sorted(score for score, is_positive in zip(scores, positive, strict=True) if is_positive)
    below = sorted(score for score, is_positive in zip(scores, positive, strict=True) if not is_positive)
    if not above or not below:
        return None
    placements = [
        _share_under(below, score) if is_positive else 1 - _share_under(above, score)
        for score, is_positive in zip(scores, positive, strict=True)
    ]
    value = sum(p for p, is_positive in zip(placements, positive, strict=True) if is_positive) / len(above)
    variance = _auroc_variance(value, placements, positive, contexts)
    low, high = _on_logit_scale(value, variance, min(len(above), len(below)))
    return Interval(value, low, high, len(scores), len(set(contexts)))


def _share_under(ordered: Sequence[float], score: float) -> float:
    """The share of ``ordered`` below ``score``; ties count half."""
    return (bisect_left(ordered, score) + bisect_right(ordered, score)) / (2 * len(ordered))


def _auroc_variance(
    value: float, placements: Sequence[float], positive: Sequence[bool], contexts: Sequence[Hashable]
) -> float:
    up: dict[Hashable, float] = defaultdict(float)
    down: dict[Hashable, float] = defaultdict(float)
    for placement, is_positive, context in zip(placements, positive, contexts, strict=True):
        (up if is_positive else down)[context] += placement - value
    positives = sum(positive)
    negatives = len(positive) - positives
    every = up.keys() | down.keys()
    both = sum(up[context] * down[context] for context in up.keys() & down.keys())
    variance = _spread(up.values(), len(up)) / positives**2 + _spread(down.values(), len(down)) / negatives**2
    return max(0.0, variance + 2 * _spread_factor(len(every)) * both / (positives * negatives))


def _spread(sums: Iterable[float], count: int) -> float:
    return _spread_factor(count) * sum(each * each for each in sums)


def _spread_factor(count: int) -> float:
    return count / (count - 1) if count > 1 else 1.0


def _on_logit_scale(value: float, variance: float, fewest: int) -> tuple[float, float]:
    if value in (0.0, 1.0) or variance == 0.0:
        # Perfect order: at least as wide as the share of the rarer kind would be
        low, high = wilson(value, fewest)
        return low, high
    centre, half = math.log(value / (1 - value)), Z * math.sqrt(variance) / (value * (1 - value))
    return _logistic(centre - half), _logistic(centre + half)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
