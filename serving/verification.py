"""What a verifier replica does: judge (premise, claim) pairs of several requests in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from models.types import ModelInfo, NliScores, Verifier
from serving.lanes.types import VerifyReply
from serving.rounds import RoundQueue, Waiting

_ROUND_CHARACTERS = 48_000
_Pairs = Sequence[tuple[str, str]]


class VerificationService:
    """A verifier behind one queue; a plain class, so that it runs with and without Ray."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._queue: RoundQueue[_Pairs, list[NliScores]] = RoundQueue(self._run, _ROUND_CHARACTERS, "verifier")

    @property
    def info(self) -> ModelInfo:
        """The verifier's identity."""
        return self._verifier.info

    async def verify(self, pairs: _Pairs) -> VerifyReply:
        """One verdict per pair, in order."""
        size = sum(len(premise) + len(claim) for premise, claim in pairs)
        return VerifyReply(tuple(await self._queue.submit(pairs, size)), self.info)

    def _run(self, entries: Sequence[Waiting[_Pairs, list[NliScores]]]) -> list[list[NliScores]]:
        verdicts = iter(self._verifier.verify(list(chain.from_iterable(entry.item for entry in entries))))
        return [[next(verdicts) for _ in entry.item] for entry in entries]

    def close(self) -> None:
        """End the worker thread."""
        self._queue.close()
