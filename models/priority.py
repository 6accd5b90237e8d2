"""How much of a contended core a thread gets: its niceness."""

from __future__ import annotations

import os
import sys

_HIGHEST_NICENESS = 19


def lower_priority(niceness: int) -> None:
    """Let the calling thread, and the threads that it starts, wait for others: its niceness rises by ``niceness``.

    Only Linux has a niceness for each thread; elsewhere nothing happens.
    """
    if sys.platform == "linux" and niceness:
        os.setpriority(os.PRIO_PROCESS, 0, min(_HIGHEST_NICENESS, thread_niceness() + niceness))


def thread_niceness() -> int:
    """Niceness of the calling thread; 0 where threads have none of their own."""
    return os.getpriority(os.PRIO_PROCESS, 0) if sys.platform == "linux" else 0
