"""A batch that a device has no memory for is computed in halves instead of failing its callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory of the device, or of the host, has run out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def in_parts(
    work: Callable[[Batch], Result],
    batch: Batch,
    halves: Callable[[Batch], tuple[Batch, Batch] | None],
    joined: Callable[[Result, Result], Result],
) -> Result:
    """``work(batch)``; where memory runs out, the joined results of its halves, and of theirs in turn.

    ``halves`` gives None for what cannot be split; then the error stands.
    """
    try:
        return work(batch)
    except (RuntimeError, MemoryError) as error:
        parts = halves(batch) if is_out_of_memory(error) else None
        if parts is None:
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # what the failed attempt had taken, in pieces that may not fit the halves
    first, second = (in_parts(work, part, halves, joined) for part in parts)
    return joined(first, second)
