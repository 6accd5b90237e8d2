"""What a verifier replica does: judge (premise, claim) pairs of several requests in one batch, each pair of a tenant once."""

from __future__ import annotations

from collections.abc import Sequence

from models.batching import DEFAULT_TOKEN_BUDGET
from models.row_pool import prepare_thread
from models.types import ModelInfo, NliScores, Verifier
from serving.api.lane_types import VerifyReply
from serving.inference.priorities import PriorityQueues
from serving.inference.verdict_cache import VerdictCache

_ROUND_CHARACTERS_PER_TOKEN = 3
_Pair = tuple[str, str]


class VerificationService:
    """A verifier behind one queue; a plain class, so that it runs with and without Ray.

    ``cache``: verdicts given before. ``token_budget``: a round holds about as many tokens.
    """

    def __init__(
        self, verifier: Verifier, cache: VerdictCache | None = None, token_budget: int = DEFAULT_TOKEN_BUDGET
    ) -> None:
        self._verifier = verifier
        self._cache = cache or VerdictCache(0)
        round_size = token_budget * _ROUND_CHARACTERS_PER_TOKEN
        self._queue: PriorityQueues[_Pair, NliScores] = PriorityQueues(
            self._run, round_size, "verifier", shared=not self.info.device.startswith("cpu")
        )
        self._queue.in_each_thread(prepare_thread)

    @property
    def info(self) -> ModelInfo:
        """The verifier's identity."""
        return self._verifier.info

    async def verify(self, pairs: Sequence[_Pair], tenant: str, background: bool = False) -> VerifyReply:
        """One verdict per pair, in order; from the cache where the tenant sent it before. Others go before ``background``."""
        keys = [self._cache.key(tenant, self.info, pair) for pair in pairs]
        known = {key: verdict for key in keys if (verdict := self._cache.get(key)) is not None}
        missing = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in known}
        asked = list(missing.values())
        outcome = await self._queue.submit(asked, [len(premise) + len(claim) for premise, claim in asked], background)
        found = dict(zip(missing, outcome.results, strict=True))
        for key, verdict in found.items():
            self._cache.put(key, verdict)
        verdicts = known | found
        return VerifyReply(
            tuple(verdicts[key] for key in keys),
            self.info,
            cached=sum(key in known for key in keys),
            phases_ms={"verifier_queue": outcome.queue_ms, "judge": outcome.work_ms},
        )

    def _run(self, pairs: Sequence[_Pair]) -> list[NliScores]:
        return self._verifier.verify(list(pairs))

    def close(self) -> None:
        """End the worker thread."""
        self._queue.close()
