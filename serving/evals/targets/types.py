"""What a target is."""

from __future__ import annotations

from typing import Protocol

from serving.evals.answers import Answer
from serving.evals.cases import Case


class Target(Protocol):
    """Answers cases. A call that failed for good is an Answer with ``error``; nothing is raised for it."""

    @property
    def identity(self) -> str:
        """What tells this target's answers from another's: a hash, part of the key under which answers are kept."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a call may cost money, so that a run is estimated and budgeted."""
        ...

    async def answer(self, case: Case, repeat: int) -> Answer:
        """The answer to one case. ``repeat`` counts from 0."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...
