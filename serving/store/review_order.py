"""The place of a turn in the order of reviews, which is also its draw: fixed by its id, and as good as random."""

from __future__ import annotations

import hashlib
from typing import Final

_BITS: Final = 52


def review_order(trace_id: str) -> int:
    """A number from 0 to 2**52 - 1. Ids that hold a time (UUID version 7) would not do by themselves."""
    digest = hashlib.sha256(f"review {trace_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def is_drawn(order: int, probability: float) -> bool:
    """Whether the turn is in a sample of this probability. Whoever is in one is in every larger one."""
    return order < probability * float(1 << _BITS)
