"""Semantic entropy: do alternate answers to one question mean the same?

Answers that entail each other both ways share a meaning (Kuhn, Gal and Farquhar 2023); the entropy over the sizes of these
clusters is high when the model says something else each time. Pure: the entailment probabilities are given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

_ENTAILED_AT = 0.5


def clusters(count: int, entail: Mapping[tuple[int, int], float]) -> tuple[int, ...]:
    """Cluster number of each of ``count`` texts. ``entail[i, j]``: probability that text i entails text j.

    A text joins the first cluster whose first member it entails and is entailed by, else it opens one.
    """
    founders: list[int] = []
    labels: list[int] = []
    for text in range(count):
        for label, founder in enumerate(founders):
            both = min(entail.get((text, founder), 0.0), entail.get((founder, text), 0.0))
            if both >= _ENTAILED_AT:
                labels.append(label)
                break
        else:
            labels.append(len(founders))
            founders.append(text)
    return tuple(labels)


def consistency(labels: tuple[int, ...]) -> float | None:
    """1 - entropy of the cluster sizes over its maximum, in [0, 1]; None with fewer than two texts."""
    if len(labels) < 2:
        return None
    shares = [size / len(labels) for size in Counter(labels).values()]
    entropy = -sum(share * math.log(share) for share in shares)
    return min(max(1.0 - entropy / math.log(len(labels)), 0.0), 1.0)
