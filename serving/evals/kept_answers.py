"""Answers kept in the store, so that none is paid for twice."""

from __future__ import annotations

from serving.evals.answers import Answer, read_answer
from serving.redaction.patterns import redact_json
from serving.store import eval_records as records
from serving.store.store import Store


class KeptAnswers:
    """Answers of one tenant by key, durable before they are graded."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store, self._tenant = store, tenant

    async def get(self, key: str) -> Answer | None:
        """The answer kept under ``key``."""
        found = await self._store.tenant(self._tenant).read(lambda c: records.read_answer(c, key))
        return None if found is None else read_answer(found, "kept answer")

    async def put(self, key: str, answer: Answer) -> None:
        """Keep an answer, secrets in it redacted."""
        content, now_ms = redact_json(answer.view())[0], self._store.now_ms()
        await self._store.tenant(self._tenant).write(lambda c: records.put_answer(c, key, content, now_ms))
