"""Release aliases: promoted only past a GO for exactly these runs, rolled back, each step with its decision record."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from scoring.evals.gate import Decision
from serving.api.errors import ConflictError, NotFoundError
from serving.api.times import timestamp
from serving.evals.policy import policy_of
from serving.evals.reading import sha256_of
from serving.evals.run_service import RunService
from serving.evals.run_types import RunStatus
from serving.store import eval_records as records
from serving.store.store import Store


class ReleaseService:
    """Every call names its tenant."""

    def __init__(self, store: Store, runs: RunService) -> None:
        self._store = store
        self._runs = runs

    async def promote(
        self, tenant: str, alias: str, baseline: str, candidate: str, policy: dict[str, Any]
    ) -> dict[str, Any]:
        """Point the alias at the candidate's target. Raises ConflictError unless the gate says GO and both runs ended.

        Once an alias is there, the baseline has to be a run of what it points at.
        """
        ours = self._store.tenant(tenant)
        before, after = await self._runs.record(tenant, baseline), await self._runs.record(tenant, candidate)
        for run in (before, after):
            if run.status != RunStatus.COMPLETED:
                raise ConflictError(f"run {run.run_id} is {run.status}; a release rests on runs that ended")
        kept = await ours.read(lambda c: records.read_releases(c, alias, 1))
        if kept and kept[0]["target_hash"] != before.target_hash:
            raise ConflictError(f"the baseline is no run of what {alias} points at ({kept[0]['target_hash'][:12]})")
        document, decision = await self._runs.compare(tenant, baseline, candidate, policy_of(policy))
        if decision is not Decision.GO:
            reasons = "; ".join(one["text"] for one in document["reasons"] if one["outcome"] != "pass")
            raise ConflictError(f"the gate says {decision}: {reasons}")
        record = {
            "action": "promote",
            "decision": decision.value,
            "sentence": document["sentence"],
            "suite_hash": after.suite_hash,
            "baseline": {"run_id": baseline, "target_hash": before.target_hash, "config_hash": before.config_hash},
            "candidate": {"run_id": candidate, "target_hash": after.target_hash, "config_hash": after.config_hash},
            "policy_hash": sha256_of(policy),
            "reasons": document["reasons"],
            "server": version("groundlane"),
        }
        return await self._put(tenant, alias, after.target_hash, record)

    async def rollback(self, tenant: str, alias: str) -> dict[str, Any]:
        """Point the alias at what it pointed at before. Raises ConflictError when there is no earlier one."""
        kept = await self._store.tenant(tenant).read(lambda c: records.read_releases(c, alias))
        if not kept:
            raise NotFoundError(f"release {alias} does not exist")
        earlier = next((one for one in kept if one["target_hash"] != kept[0]["target_hash"]), None)
        if earlier is None:
            raise ConflictError(f"release {alias} has no earlier version to go back to")
        record = {
            "action": "rollback",
            "from_version": kept[0]["version"],
            "to_version": earlier["version"],
            "server": version("groundlane"),
        }
        return await self._put(tenant, alias, earlier["target_hash"], record)

    async def get(self, tenant: str, alias: str) -> dict[str, Any]:
        """What the alias points at, and its history, latest first. Raises NotFoundError."""
        kept = await self._store.tenant(tenant).read(lambda c: records.read_releases(c, alias))
        if not kept:
            raise NotFoundError(f"release {alias} does not exist")
        history = [{**one, "created_at": timestamp(one.pop("created_ms"))} for one in kept]
        return {
            "alias": alias,
            "version": kept[0]["version"],
            "target_hash": kept[0]["target_hash"],
            "history": history,
        }

    async def _put(self, tenant: str, alias: str, target_hash: str, record: dict[str, Any]) -> dict[str, Any]:
        now_ms = self._store.now_ms()
        number = await self._store.tenant(tenant).write(
            lambda c: records.put_release(c, alias, target_hash, record, now_ms)
        )
        return {"alias": alias, "version": number, "target_hash": target_hash, "record": record}
