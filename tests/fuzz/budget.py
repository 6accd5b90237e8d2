"""A budget of steps for one call: calls of functions, Python's and C's, counted by the interpreter, not by a clock."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class StepsExceededError(AssertionError):
    """More calls than inputs of this size may take."""


@contextmanager
def step_budget(most: int) -> Iterator[None]:
    """Raise StepsExceededError at the first call past ``most`` within the block."""
    left = most

    def count(_frame: FrameType, event: str, _given: Any) -> None:
        nonlocal left
        if event in {"call", "c_call"}:
            left -= 1
            if left < 0:
                sys.setprofile(None)
                raise StepsExceededError(f"more than {most:,} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
