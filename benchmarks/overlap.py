"""The trivial baseline of support: how many of a claim's words stand in the passage."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def overlap(premise: str, claim: str) -> float:
    """Share of the claim's words, case apart, that the premise has; 0 for a claim without words."""
    words, known = _WORD.findall(claim.lower()), set(_WORD.findall(premise.lower()))
    return sum(word in known for word in words) / max(1, len(words))
