"""Claims that stand in a premise word for word: nothing is left to verify. Pure.

Claims with a literal that the context lacks, or that a cell contradicts, are settled as well, but the verifier is asked about
them all the same: it says which other words are wrong (docs/rag-lane.md has the figures).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scoring.types import Claim

MIN_WORDS = 4
_WORD = re.compile(r"\w+")


def verbatim_claims(claims: Sequence[Claim], texts: Sequence[str]) -> tuple[bool, ...]:
    """For every claim of at least four words whether one of ``texts`` has these words in this order, case and marks aside."""
    known = [f" {_words(text)} " for text in texts]
    found = []
    for claim in claims:
        words = _words(claim.text)
        long_enough = words.count(" ") >= MIN_WORDS - 1
        found.append(long_enough and any(f" {words} " in text for text in known))
    return tuple(found)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
