"""Versions, cases and suites as their owners use them, kept in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from serving.api.errors import ConflictError, ValidationFailedError
from serving.api.times import timestamp
from serving.evals.answers import Answer
from serving.evals.cases import Case, CaseStatus, read_case
from serving.evals.config_versions import changed_parts, config_version
from serving.evals.graders.types import Services
from serving.evals.life_cycle import DryRun, check_step, dry_run
from serving.evals.suites import Suite, make_suite
from serving.redaction.patterns import redact, redact_json
from serving.store import eval_records as records
from serving.store.store import Store

MAX_CASES: Final = 10_000
_EXPORTED: Final = 20
_EXPORT_BYTES: Final = 4_194_304
"""A page of an export ends with the cases that reach this; a case is never cut."""


class CaseService:
    """Every call names its tenant; nothing of another tenant exists. ``services``: what dry runs may grade with."""

    def __init__(self, store: Store, services: Services) -> None:
        self._store = store
        self._services = services

    async def put_config(self, tenant: str, parts: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a version of a configuration, secrets in it redacted; the same content is the same version."""
        version = config_version(redact_json(dict(parts))[0])
        now_ms = self._store.now_ms()
        await self._store.tenant(tenant).write(
            lambda c: records.put_config(c, version.config_hash, version.parts, now_ms)
        )
        return version.view()

    async def get_config(self, tenant: str, config_hash: str) -> dict[str, Any]:
        """A version. Raises NotFoundError."""
        parts = await self._store.tenant(tenant).read(lambda c: records.read_config(c, config_hash))
        return config_version(parts).view()

    async def compare_configs(self, tenant: str, before: str, after: str) -> dict[str, Any]:
        """Which parts differ."""
        ours = self._store.tenant(tenant)
        first = config_version(await ours.read(lambda c: records.read_config(c, before)))
        second = config_version(await ours.read(lambda c: records.read_config(c, after)))
        changes = changed_parts(first, second)
        return {"changed": [{"part": one.part, "before": one.before, "after": one.after} for one in changes]}

    async def put_cases(self, tenant: str, documents: Sequence[Any]) -> dict[str, Any]:
        """Keep cases, all or none. New and changed ones are DRAFT; texts are redacted first."""
        cases = await asyncio.to_thread(_read_cases, documents)
        now_ms = self._store.now_ms()

        def keep(connection: Any) -> list[records.CaseRow]:
            return [
                records.put_case(
                    connection,
                    records.CaseRow(case.task_id, case.revision, CaseStatus.DRAFT.value, case.view()),
                    case.track,
                    now_ms,
                )
                for case in cases
            ]

        kept = await self._store.tenant(tenant).write(keep)
        return {"cases": [{"task_id": one.task_id, "revision": one.revision, "status": one.status} for one in kept]}

    async def get_case(self, tenant: str, task_id: str) -> dict[str, Any]:
        """The case as it is, and all its revisions."""
        ours = self._store.tenant(tenant)
        row = await ours.read(lambda c: records.read_case(c, task_id))
        revisions = await ours.read(lambda c: records.list_revisions(c, task_id))
        listed = [{"revision": revision, "created_at": timestamp(ms)} for revision, ms in revisions]
        return {"case": _case_view(row), "revisions": listed}

    async def list_cases(
        self, tenant: str, status: str | None, track: str | None, after: str, limit: int
    ) -> dict[str, Any]:
        """A page of cases by task_id."""
        rows = await self._store.tenant(tenant).read(lambda c: records.list_cases(c, status, track, after, limit))
        cursor = rows[-1].task_id if len(rows) == limit else None
        return {"cases": [_case_view(row) for row in rows], "next_cursor": cursor}

    async def export(self, tenant: str, after: str = "") -> bytes:
        """A page of cases, after task ``after``, as JSON lines that an import reads again; where more follow, the last line is
        ``{"next_after": task_id}``.
        """
        lines: list[bytes] = []
        size = 0
        while size < _EXPORT_BYTES:
            page = await self.list_cases(tenant, None, None, after, _EXPORTED)
            for one in page["cases"]:
                lines.append(orjson.dumps({k: v for k, v in one.items() if k not in {"status", "revision"}}) + b"\n")
                size += len(lines[-1])
            if page["next_cursor"] is None:
                return b"".join(lines)
            after = page["next_cursor"]
        lines.append(orjson.dumps({"next_after": after}) + b"\n")
        return b"".join(lines)

    async def move(self, tenant: str, task_id: str, status: CaseStatus, good_answer: str | None) -> dict[str, Any]:
        """One step of the life cycle, after a dry run of the graders. Raises ConflictError naming what is missing."""
        ours = self._store.tenant(tenant)
        row = await ours.read(lambda c: records.read_case(c, task_id))
        case = read_case(row.content)
        run: DryRun | None = None
        if status is CaseStatus.ACTIVE:
            run = await dry_run(case, self._services, None if good_answer is None else Answer(good_answer))
        check_step(case, CaseStatus(row.status), status, run)
        now_ms = self._store.now_ms()
        await ours.write(lambda c: records.set_status(c, row, row.status, status.value, now_ms))
        return {"task_id": task_id, "revision": row.revision, "status": status.value}

    async def put_suite(
        self, tenant: str, name: str, task_ids: Sequence[str] | None, track: str | None
    ) -> dict[str, Any]:
        """A suite of ACTIVE cases: those named, else all, of one track where one is named. Raises ConflictError."""
        rows = await self._named(tenant, task_ids) if task_ids is not None else await self._active(tenant, track)
        waiting = next((row for row in rows if row.status != CaseStatus.ACTIVE), None)
        if waiting is not None:
            raise ConflictError(f"case {waiting.task_id} is {waiting.status}; a suite holds ACTIVE cases")
        suite = make_suite(redact(name).text, [read_case(row.content) for row in rows])
        members = [(case.task_id, case.revision) for case in suite.cases]
        now_ms = self._store.now_ms()
        await self._store.tenant(tenant).write(
            lambda c: records.put_suite(c, suite.suite_hash, suite.name, members, now_ms)
        )
        return suite.view()

    async def suite(self, tenant: str, suite_hash: str) -> Suite:
        """A suite with its cases as they were. Raises NotFoundError."""
        ours = self._store.tenant(tenant)
        name, members = await ours.read(lambda c: records.read_suite(c, suite_hash))
        contents = await ours.read(lambda c: records.read_revisions(c, members))
        return await asyncio.to_thread(lambda: make_suite(name, [read_case(one) for one in contents]))

    async def list_suites(self, tenant: str, limit: int) -> dict[str, Any]:
        """The latest suites."""
        return {"suites": await self._store.tenant(tenant).read(lambda c: records.list_suites(c, limit))}

    async def _named(self, tenant: str, task_ids: Sequence[str]) -> list[records.CaseRow]:
        unique = list(dict.fromkeys(task_ids))
        return await self._store.tenant(tenant).read(lambda c: [records.read_case(c, one) for one in unique])

    async def _active(self, tenant: str, track: str | None) -> list[records.CaseRow]:
        return await self._store.tenant(tenant).read(
            lambda c: records.list_cases(c, CaseStatus.ACTIVE.value, track, "", MAX_CASES)
        )


def _read_cases(documents: Sequence[Any]) -> list[Case]:
    cases = [read_case(redact_json(document)[0], f"cases[{index}]") for index, document in enumerate(documents)]
    if len({case.task_id for case in cases}) < len(cases):
        raise ValidationFailedError("cases: a task_id occurs twice")
    return cases


def _case_view(row: records.CaseRow) -> dict[str, Any]:
    return {**row.content, "status": row.status, "revision": row.revision}
