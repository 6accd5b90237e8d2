"""Runs on the job queue: estimated first, budgeted, resumable without paying an answer twice, paused and cancelled."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from scoring.evals.gate import Decision, Policy
from serving.api.errors import ConflictError, NotFoundError, ValidationFailedError
from serving.evals.case_service import CaseService
from serving.evals.cases import Case
from serving.evals.comparing import Comparison, by_task, compare_runs, gate, retrieval_first
from serving.evals.graders.types import Services
from serving.evals.kept_answers import KeptAnswers
from serving.evals.observer import Observed, observe
from serving.evals.plans import Rules, estimate, make_target, openai_settings
from serving.evals.reading import Fields
from serving.evals.reports import Record, as_json
from serving.evals.results import read_result
from serving.evals.run_traces import KeepCalls, call_of
from serving.evals.run_types import RunDraft, RunStatus, run_tags, run_view
from serving.evals.runs import NoAnswerStore, Unit, UnitResult, run_unit, units_of
from serving.evals.suites import Suite, sample
from serving.evals.targets.http import OpenAITarget
from serving.evals.targets.types import Target
from serving.jobs.jobs import JobDraft, JobService
from serving.redaction.patterns import redact_json
from serving.store import eval_records as records
from serving.store.store import Store

MAX_UNITS: Final = 100_000
_KEPT_TARGETS: Final = 16
_WATCH_S: Final = 0.5
_KEEP_ALIVE_S: Final = 15.0
"""Also how soon a stream ends whose key was revoked, and whose client left."""


_OPEN: Final = (RunStatus.RUNNING.value,)
_RESUMABLE: Final = (RunStatus.PAUSED.value, RunStatus.STOPPED.value, RunStatus.COMPLETED.value)


@dataclass(frozen=True)
class _Opened:
    """A run ready to work: its target is connected once and used by all its units."""

    target: Target
    cases: Mapping[str, Case]
    services: Services
    judge: OpenAITarget | None


class RunService:
    """Every call names its tenant. ``confirm_above_usd``: from which estimate a run needs ``confirm``.

    ``keep_calls``: where what was asked and answered is kept to be read as a conversation; None keeps the results alone.
    """

    def __init__(
        self,
        store: Store,
        cases: CaseService,
        jobs: JobService,
        services: Services,
        rules: Rules,
        confirm_above_usd: float,
        keep_calls: KeepCalls | None = None,
    ) -> None:
        self._store = store
        self._cases = cases
        self._jobs = jobs
        self._services = services
        self._rules = rules
        self._confirm_above_usd = confirm_above_usd
        self._keep_calls = keep_calls
        self._opened: dict[tuple[str, str], _Opened] = {}

    async def estimate(self, tenant: str, draft: RunDraft) -> dict[str, Any]:
        """Calls, tokens, cost, and what so many cases can show. Nothing is called."""
        suite = await self._cases.suite(tenant, draft.suite_hash)
        cases = sample(suite.cases, draft.sample, suite.suite_hash)
        await self._check_target(draft)
        found = estimate(cases, draft.repeats, draft.target)
        return {**found.view(), "confirm_needed": found.cost_usd > self._confirm_above_usd}

    async def start(self, tenant: str, draft: RunDraft) -> dict[str, Any]:
        """Queue a run. Raises ConflictError when its estimate wants a confirmation."""
        suite = await self._cases.suite(tenant, draft.suite_hash)
        if draft.config_hash is not None:
            await self._cases.get_config(tenant, draft.config_hash)
        cases = sample(suite.cases, draft.sample, suite.suite_hash)
        now_ms = self._store.now_ms()
        plan = redact_json({**draft.__dict__, "confirm": None, "tags": run_tags(draft, now_ms)})[0]
        identity = await self._check_target(replace(draft, target=plan["target"]))
        expected = estimate(cases, draft.repeats, draft.target)
        if expected.cost_usd > self._confirm_above_usd and not draft.confirm:
            raise ConflictError(
                f"the run is estimated at {expected.cost_usd:.2f} USD in {expected.calls} calls", "Send confirm: true."
            )
        units = _ordered(cases, draft.repeats)
        if len(units) > MAX_UNITS:
            raise ValidationFailedError(f"repeats: the run has {len(units)} calls; the limit is {MAX_UNITS}")
        run = records.RunRow(
            run_id=f"run_{secrets.token_hex(16)}",
            suite_hash=suite.suite_hash,
            config_hash=draft.config_hash,
            target_hash=identity,
            plan=plan,
            status=RunStatus.RUNNING.value,
            reason=None,
            job_id=None,
            total=len(units),
            created_ms=now_ms,
            completed_ms=None,
        )
        await self._store.tenant(tenant).write(lambda c: records.put_run(c, run))
        await self._queue(tenant, run, units)
        return await self.get(tenant, run.run_id)

    def allowed(self) -> dict[str, list[str]]:
        """What the operator lets runs call and read: hosts, and environment variables that hold keys."""
        egress = self._rules.egress
        return {
            "hosts": [*egress.hosts, *egress.private],
            "key_variables": sorted(self._rules.key_variables),
        }

    async def get(self, tenant: str, run_id: str) -> dict[str, Any]:
        """The run and how far it is."""
        ours = self._store.tenant(tenant)
        run = await ours.read(lambda c: records.read_run(c, run_id))
        figures = await ours.read(lambda c: records.run_figures(c, run_id))
        return {"run": run_view(run, figures)}

    async def record(self, tenant: str, run_id: str) -> records.RunRow:
        """The run as it is kept. Raises NotFoundError."""
        return await self._store.tenant(tenant).read(lambda c: records.read_run(c, run_id))

    async def list(self, tenant: str, limit: int) -> dict[str, Any]:
        """The latest runs, without figures."""
        rows = await self._store.tenant(tenant).read(lambda c: records.list_runs(c, limit))
        return {"runs": [run_view(row, None) for row in rows]}

    async def results(self, tenant: str, run_id: str, cursor: str, limit: int) -> dict[str, Any]:
        """A page of results by task and repeat."""
        ours = self._store.tenant(tenant)
        await ours.read(lambda c: records.read_run(c, run_id))
        task_id, _, repeat = cursor.rpartition(":")
        after = (task_id, int(repeat)) if repeat.isdigit() else ("", -1)
        rows = await ours.read(lambda c: records.read_results(c, run_id, after, limit))
        last = f"{rows[-1]['task_id']}:{rows[-1]['repeat']}" if len(rows) == limit else None
        return {"results": rows, "next_cursor": last}

    async def watch(self, tenant: str, run_id: str) -> AsyncIterator[bytes]:
        """Server-sent events: the run whenever its figures change, until it rests."""
        first = await self.get(tenant, run_id)
        return self._events(tenant, run_id, first["run"])

    async def _events(self, tenant: str, run_id: str, run: dict[str, Any]) -> AsyncIterator[bytes]:
        shown: dict[str, Any] | None = None
        sent_s = time.monotonic()
        while True:
            if run != shown:
                yield b"event: progress\ndata: " + orjson.dumps(run) + b"\n\n"
                shown, sent_s = run, time.monotonic()
            elif time.monotonic() - sent_s > _KEEP_ALIVE_S:
                sent_s = time.monotonic()
                yield b": keep-alive\n\n"
            if run["status"] != RunStatus.RUNNING:
                return
            await asyncio.sleep(_WATCH_S)
            try:
                run = (await self.get(tenant, run_id))["run"]
            except NotFoundError:
                return

    async def pause(self, tenant: str, run_id: str) -> dict[str, Any]:
        """Begin no more calls; those under way are kept. Raises ConflictError when the run rests already."""
        return await self._rest(tenant, run_id, RunStatus.PAUSED, "paused")

    async def cancel(self, tenant: str, run_id: str) -> dict[str, Any]:
        """End the run for good; results so far stay."""
        before = (RunStatus.PAUSED.value, RunStatus.STOPPED.value)
        return await self._rest(tenant, run_id, RunStatus.CANCELLED, "cancelled", before)

    async def resume(self, tenant: str, run_id: str, budget_usd: float | None) -> dict[str, Any]:
        """Go on with what has no answer yet, a new budget where one is given. Kept answers are not asked for again."""
        ours = self._store.tenant(tenant)
        run = await ours.read(lambda c: records.read_run(c, run_id))
        suite = await self._cases.suite(tenant, run.suite_hash)
        cases = sample(suite.cases, run.plan["sample"], suite.suite_hash)
        finished = await ours.read(lambda c: records.finished_units(c, run_id))
        units = [u for u in _ordered(cases, run.plan["repeats"]) if (u.case.task_id, u.repeat) not in finished]
        if not units:
            raise ConflictError(f"run {run_id} has an answer to every case")
        plan = dict(run.plan) if budget_usd is None else {**run.plan, "budget_usd": budget_usd}
        values = {"status": RunStatus.RUNNING.value, "reason": None, "completed_ms": None, "plan": orjson.dumps(plan)}
        if not await ours.write(lambda c: records.move_run(c, run_id, _RESUMABLE, **values)):
            raise ConflictError(f"run {run_id} is {run.status}")
        await self._discard((tenant, run_id))
        await self._queue(tenant, replace(run, plan=plan), units)
        return await self.get(tenant, run_id)

    async def compare(
        self, tenant: str, baseline: str, candidate: str, policy: Policy
    ) -> tuple[dict[str, Any], Decision]:
        """Both runs of one suite beside each other, and the policy's decision. Raises ConflictError for two suites."""
        first, second = await self.record(tenant, baseline), await self.record(tenant, candidate)
        if first.suite_hash != second.suite_hash:
            raise ConflictError("the runs are of different suites, so their cases cannot be paired")
        suite = await self._cases.suite(tenant, first.suite_hash)
        rows = [await self._all_results(tenant, run_id) for run_id in (baseline, candidate)]
        document, decision = await asyncio.to_thread(_compared, suite, rows, (first, second), policy)
        return document, decision

    async def ask(self, tenant: str, run_id: str, question: str) -> dict[str, Any]:
        """What the run's data say to a question, while it runs and after."""
        run = (await self.get(tenant, run_id))["run"]
        suite = await self._cases.suite(tenant, run["suite_hash"])
        results = await self._all_results(tenant, run_id)
        seen = Observed(run, results, {case.task_id: case for case in suite.cases})
        return await asyncio.to_thread(observe, question, seen)

    async def work(self, tenant: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request of a run's job: its units at the same time. Called by the job runner, again after a kill."""
        run_id = str(request["run_id"])
        ours = self._store.tenant(tenant)
        run = await ours.read(lambda c: records.read_run(c, run_id))
        if run.status != RunStatus.RUNNING:
            return {"run_id": run_id, "skipped": run.status}
        opened = await self._open(tenant, run)
        tasks = sorted({task for task, _ in request["units"]})
        finished = await ours.read(lambda c: records.finished_units(c, run_id, tasks))
        asked = [Unit(opened.cases[task], repeat) for task, repeat in request["units"]]
        units = [unit for unit in asked if (unit.case.task_id, unit.repeat) not in finished]
        results = await asyncio.gather(*(self._unit(tenant, run, opened, unit) for unit in units))
        told = [(unit, result) for unit, result in zip(units, results, strict=True) if result is not None]
        if len(units) < len(asked):  # a gateway that died may have kept these results, and not yet their conversations
            told = [*told, *await self._results_of(tenant, run_id, [unit for unit in asked if unit not in units])]
        await self._keep_conversations(tenant, run, told)
        await self._settle(tenant, run)
        return {"run_id": run_id, "done": len(units)}

    async def close(self) -> None:
        """Give connections back."""
        for key in list(self._opened):
            await self._discard(key)

    async def _discard(self, key: tuple[str, str]) -> None:
        opened = self._opened.pop(key, None)
        if opened is not None:
            await opened.target.close()
            if opened.judge is not None:
                await opened.judge.close()

    async def _keep_conversations(
        self, tenant: str, run: records.RunRow, told: Sequence[tuple[Unit, UnitResult]]
    ) -> None:
        if self._keep_calls is not None and told:
            now_ms = self._store.now_ms()
            await self._keep_calls(tenant, [call_of(run, unit, result, now_ms) for unit, result in told])

    async def _results_of(self, tenant: str, run_id: str, units: Sequence[Unit]) -> Sequence[tuple[Unit, UnitResult]]:
        kept = {(one.task_id, one.repeat): one for one in await self._all_results(tenant, run_id)}
        return [(unit, kept[unit.case.task_id, unit.repeat]) for unit in units]

    async def _unit(self, tenant: str, run: records.RunRow, opened: _Opened, unit: Unit) -> UnitResult | None:
        """The result, kept; None where the budget is used up."""
        if await self._over_budget(tenant, run):
            return None
        answers = KeptAnswers(self._store, tenant) if opened.target.paid else NoAnswerStore()
        result = await run_unit(unit, opened.target, answers, opened.services)
        view = redact_json(result.view())[0]
        spent = 0.0 if result.reused else result.answer.cost_usd or 0.0
        await self._store.tenant(tenant).write(lambda c: records.put_result(c, run.run_id, view, spent))
        return result

    async def _over_budget(self, tenant: str, run: records.RunRow) -> bool:
        budget = run.plan.get("budget_usd")
        if budget is None:
            return False
        ours = self._store.tenant(tenant)
        figures = await ours.read(lambda c: records.run_figures(c, run.run_id))
        if figures.spent_usd < budget:
            return False
        reason = f"the budget of {budget:g} USD is used up ({figures.spent_usd:.4f} spent)"
        await ours.write(
            lambda c: records.move_run(c, run.run_id, _OPEN, status=RunStatus.STOPPED.value, reason=reason)
        )
        return True

    async def _settle(self, tenant: str, run: records.RunRow) -> None:
        """A run whose every unit has a result is complete."""
        ours = self._store.tenant(tenant)
        figures = await ours.read(lambda c: records.run_figures(c, run.run_id))
        if figures.done >= run.total:
            now_ms = self._store.now_ms()
            await ours.write(
                lambda c: records.move_run(c, run.run_id, _OPEN, status=RunStatus.COMPLETED.value, completed_ms=now_ms)
            )
            await self._discard((tenant, run.run_id))

    async def _rest(
        self, tenant: str, run_id: str, status: RunStatus, reason: str, also: Sequence[str] = ()
    ) -> dict[str, Any]:
        ours = self._store.tenant(tenant)
        run = await ours.read(lambda c: records.read_run(c, run_id))
        before = (*_OPEN, *also)
        if not await ours.write(lambda c: records.move_run(c, run_id, before, status=status.value, reason=reason)):
            raise ConflictError(f"run {run_id} is {run.status}")
        if run.job_id is not None:
            with suppress(NotFoundError):  # its results have expired: nothing of it is left to cancel
                await self._jobs.cancel(tenant, run.job_id)
        return await self.get(tenant, run_id)

    async def _queue(self, tenant: str, run: records.RunRow, units: Sequence[Unit]) -> None:
        """One job whose requests hold as many units as may be in flight."""
        size = max(int(run.plan["concurrency"]), -(-len(units) // 10_000))
        pairs = [(unit.case.task_id, unit.repeat) for unit in units]
        requests = [{"run_id": run.run_id, "units": pairs[i : i + size]} for i in range(0, len(pairs), size)]
        job = await self._jobs.submit(
            tenant, JobDraft("eval", requests, batch=True, experiment_name=run.plan["tags"][0])
        )
        await self._store.tenant(tenant).write(
            lambda c: records.move_run(c, run.run_id, tuple(RunStatus), job_id=job["job_id"])
        )

    async def _check_target(self, draft: RunDraft) -> str:
        """The target's identity, once it and the judge are known to be allowed."""
        target = make_target(draft.target, self._rules)
        identity = target.identity
        await target.close()
        if draft.judge is not None:
            await _judge(draft.judge, self._rules).close()
        return identity

    async def _open(self, tenant: str, run: records.RunRow) -> _Opened:
        key = (tenant, run.run_id)
        if key not in self._opened:
            suite = await self._cases.suite(tenant, run.suite_hash)
            judge = None if run.plan.get("judge") is None else _judge(run.plan["judge"], self._rules)
            services = self._services if judge is None else replace(self._services, judge=judge.complete)
            target = make_target(run.plan["target"], self._rules)
            if key not in self._opened:  # another request of the run may have opened it meanwhile
                while len(self._opened) >= _KEPT_TARGETS:
                    await self._discard(next(iter(self._opened)))
                self._opened[key] = _Opened(target, {case.task_id: case for case in suite.cases}, services, judge)
        return self._opened[key]

    async def _all_results(self, tenant: str, run_id: str) -> Sequence[UnitResult]:
        rows = await self._store.tenant(tenant).read(lambda c: records.read_results(c, run_id))
        return await asyncio.to_thread(lambda: [read_result(row) for row in rows])


def _ordered(cases: Sequence[Case], repeats: int) -> tuple[Unit, ...]:
    """Every call, cases of retrieval alone first: they are cheap, and say early whether answers can be any good."""
    alone, others = retrieval_first(cases)
    return units_of([*alone, *others], repeats)


def _compared(
    suite: Suite, rows: Sequence[Sequence[UnitResult]], runs: tuple[records.RunRow, records.RunRow], policy: Policy
) -> tuple[dict[str, Any], Decision]:
    comparison: Comparison = compare_runs(suite.cases, by_task(rows[0]), by_task(rows[1]), policy)
    decision = gate(comparison, policy)
    record = Record(suite, runs[0].target_hash, runs[1].target_hash, "", "")
    return as_json(record, comparison, decision), decision.decision


def _judge(value: Any, rules: Rules) -> OpenAITarget:
    fields = Fields(value, "judge")
    settings = openai_settings(fields, rules)
    fields.end()
    return OpenAITarget(settings, rules.egress)
