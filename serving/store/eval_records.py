"""Rows of evaluation as services use them. What is content-addressed is written once and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, func, select, update

from serving.api.errors import ConflictError, NotFoundError
from serving.store.eval_schema import (
    eval_answers,
    eval_case_revisions,
    eval_cases,
    eval_configs,
    eval_releases,
    eval_results,
    eval_runs,
    eval_suites,
)
from serving.store.tenancy import TenantConnection
from serving.store.values import decode_json, encode_json, encode_text

_PAGE: Final = 400
"""Task ids in one SELECT: SQLite takes 32,766 parameters, PostgreSQL as many; this keeps statements short."""


@dataclass(frozen=True)
class CaseRow:
    """A case as it is now."""

    task_id: str
    revision: str
    status: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class RunRow:
    """A run. ``plan``: what was asked for, as JSON values."""

    run_id: str
    suite_hash: str
    config_hash: str | None
    target_hash: str
    plan: Mapping[str, Any]
    status: str
    reason: str | None
    job_id: str | None
    total: int
    created_ms: int
    completed_ms: int | None


@dataclass(frozen=True)
class RunFigures:
    """What is done of a run so far."""

    done: int
    passed: int
    failed: int
    spent_usd: float
    mean_latency_ms: float | None


def put_config(connection: TenantConnection, config_hash: str, parts: Mapping[str, Any], now_ms: int) -> None:
    """Keep a version; the same content is there already."""
    row = {"config_hash": config_hash, "parts": encode_json(parts), "created_ms": now_ms}
    connection.insert(eval_configs, [row], ignore_existing=True)


def read_config(connection: TenantConnection, config_hash: str) -> dict[str, Any]:
    """The parts of a version. Raises NotFoundError."""
    row = connection.first(select(eval_configs).where(eval_configs.c.config_hash == config_hash))
    if row is None:
        raise NotFoundError(f"configuration {config_hash} does not exist")
    parts: dict[str, Any] = decode_json(row.parts)
    return parts


def put_case(connection: TenantConnection, case: CaseRow, track: str, now_ms: int) -> CaseRow:
    """Keep a revision of a case. A changed case is a DRAFT again; the same content changes nothing."""
    kept = _case_row(connection, case.task_id)
    if kept is not None and kept.revision == case.revision:
        return CaseRow(case.task_id, case.revision, kept.status, case.content)
    revision = {
        "task_id": case.task_id,
        "revision": case.revision,
        "content": encode_json(case.content),
        "created_ms": now_ms,
    }
    connection.insert(eval_case_revisions, [revision], ignore_existing=True)
    row = {
        "task_id": case.task_id,
        "revision": case.revision,
        "status": case.status,
        "track": track,
        "created_ms": now_ms,
        "updated_ms": now_ms,
    }
    connection.upsert(eval_cases, row, keep=("created_ms",))
    return case


def read_case(connection: TenantConnection, task_id: str) -> CaseRow:
    """The case as it is now. Raises NotFoundError."""
    row = _case_row(connection, task_id)
    if row is None:
        raise NotFoundError(f"case {task_id} does not exist")
    return CaseRow(task_id, row.revision, row.status, read_revisions(connection, [(task_id, row.revision)])[0])


def statuses_of(connection: TenantConnection, task_ids: Sequence[str]) -> dict[str, str]:
    """Where those of the cases stand that exist."""
    found: dict[str, str] = {}
    for start in range(0, len(task_ids), _PAGE):
        wanted = eval_cases.c.task_id.in_(task_ids[start : start + _PAGE])
        for row in connection.rows(select(eval_cases.c.task_id, eval_cases.c.status).where(wanted)):
            found[row.task_id] = row.status
    return found


def read_revisions(connection: TenantConnection, members: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The contents of revisions, in order. Raises NotFoundError for one that is not there."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    table = eval_case_revisions
    for start in range(0, len(members), _PAGE):
        revisions = [revision for _, revision in members[start : start + _PAGE]]
        for row in connection.rows(select(table).where(table.c.revision.in_(revisions))):
            found[row.task_id, row.revision] = decode_json(row.content)
    missing = next((member for member in members if member not in found), None)
    if missing is not None:
        raise NotFoundError(f"case {missing[0]} has no revision {missing[1]}")
    return [found[member] for member in members]


def list_revisions(connection: TenantConnection, task_id: str) -> list[tuple[str, int]]:
    """Revisions of a case and when each came, oldest first."""
    table = eval_case_revisions
    rows = connection.rows(
        select(table).where(table.c.task_id == task_id).order_by(table.c.created_ms, table.c.revision)
    )
    return [(row.revision, row.created_ms) for row in rows]


def set_status(connection: TenantConnection, case: CaseRow, before: str, after: str, now_ms: int) -> None:
    """Move a case that still is at ``before`` and this revision. Raises ConflictError when it is not any more."""
    condition = and_(
        eval_cases.c.task_id == case.task_id, eval_cases.c.revision == case.revision, eval_cases.c.status == before
    )
    if not connection.change(update(eval_cases).where(condition).values(status=after, updated_ms=now_ms)):
        raise ConflictError(f"case {case.task_id} was changed meanwhile")


def list_cases(
    connection: TenantConnection, status: str | None, track: str | None, after: str, limit: int
) -> list[CaseRow]:
    """A page of cases by task_id, from the one past ``after``."""
    wanted = select(eval_cases).where(eval_cases.c.task_id > after)
    if status is not None:
        wanted = wanted.where(eval_cases.c.status == status)
    if track is not None:
        wanted = wanted.where(eval_cases.c.track == track)
    rows = connection.rows(wanted.order_by(eval_cases.c.task_id).limit(limit))
    contents = read_revisions(connection, [(row.task_id, row.revision) for row in rows])
    return [
        CaseRow(row.task_id, row.revision, row.status, content) for row, content in zip(rows, contents, strict=True)
    ]


def put_suite(
    connection: TenantConnection, suite_hash: str, name: str, members: Sequence[tuple[str, str]], now_ms: int
) -> None:
    """Keep a suite; the same set is there already, under the name it had first."""
    row = {
        "suite_hash": suite_hash,
        "name": encode_text(name),
        "members": encode_json([list(member) for member in members]),
        "cases": len(members),
        "created_ms": now_ms,
    }
    connection.insert(eval_suites, [row], ignore_existing=True)


def read_suite(connection: TenantConnection, suite_hash: str) -> tuple[str, list[tuple[str, str]]]:
    """Name and members (task_id, revision) of a suite. Raises NotFoundError."""
    row = connection.first(select(eval_suites).where(eval_suites.c.suite_hash == suite_hash))
    if row is None:
        raise NotFoundError(f"suite {suite_hash} does not exist")
    return row.name.decode(), [(task_id, revision) for task_id, revision in decode_json(row.members)]


def list_suites(connection: TenantConnection, limit: int) -> list[dict[str, Any]]:
    """The latest suites."""
    table = eval_suites
    rows = connection.rows(select(table).order_by(table.c.created_ms.desc(), table.c.suite_hash).limit(limit))
    return [{"name": row.name.decode(), "suite_hash": row.suite_hash, "cases": row.cases} for row in rows]


def put_run(connection: TenantConnection, run: RunRow) -> None:
    """Keep a new run."""
    name = run.plan.get("experiment_name")
    values = {**run.__dict__, "plan": encode_json(run.plan), "reason": None, "experiment_name": name}
    connection.insert(eval_runs, [values])


def read_run(connection: TenantConnection, run_id: str) -> RunRow:
    """The run. Raises NotFoundError."""
    row = connection.first(select(eval_runs).where(eval_runs.c.run_id == run_id))
    if row is None:
        raise NotFoundError(f"run {run_id} does not exist")
    return _run_row(row)


def list_runs(connection: TenantConnection, limit: int) -> list[RunRow]:
    """The latest runs."""
    rows = connection.rows(select(eval_runs).order_by(eval_runs.c.created_ms.desc(), eval_runs.c.run_id).limit(limit))
    return [_run_row(row) for row in rows]


def list_experiments(connection: TenantConnection, limit: int) -> list[dict[str, Any]]:
    """Names of experiments, that of the latest run first, with how many runs each has."""
    table = eval_runs.c
    latest = func.max(table.created_ms).label("latest_ms")
    rows = connection.rows(
        select(table.experiment_name, func.count(table.run_id).label("runs"), latest)
        .where(table.experiment_name.is_not(None))
        .group_by(table.experiment_name)
        .order_by(latest.desc(), table.experiment_name)
        .limit(limit)
    )
    return [{"name": row.experiment_name, "runs": row.runs, "latest_ms": row.latest_ms} for row in rows]


def runs_of_experiment(connection: TenantConnection, name: str, limit: int) -> list[RunRow]:
    """The latest runs of an experiment, latest first."""
    table = eval_runs.c
    wanted = select(eval_runs).where(table.experiment_name == name)
    rows = connection.rows(wanted.order_by(table.created_ms.desc(), table.run_id).limit(limit))
    return [_run_row(row) for row in rows]


def read_outcomes(connection: TenantConnection, run_id: str) -> list[tuple[str, bool]]:
    """Task and whether it passed, of every result of a run."""
    table = eval_results.c
    rows = connection.rows(
        select(table.task_id, table.passed).where(table.run_id == run_id).order_by(table.task_id, table.repeat)
    )
    return [(row.task_id, bool(row.passed)) for row in rows]


def move_run(connection: TenantConnection, run_id: str, before: Sequence[str], **values: Any) -> bool:
    """Change a run whose status is one of ``before``; whether it was."""
    if isinstance(values.get("reason"), str):
        values["reason"] = encode_text(values["reason"])
    condition = and_(eval_runs.c.run_id == run_id, eval_runs.c.status.in_(before))
    return bool(connection.change(update(eval_runs).where(condition).values(**values)))


def read_answer(connection: TenantConnection, answer_key: str) -> dict[str, Any] | None:
    """A kept answer."""
    row = connection.first(select(eval_answers).where(eval_answers.c.answer_key == answer_key))
    return None if row is None else decode_json(row.content)


def put_answer(connection: TenantConnection, answer_key: str, content: Mapping[str, Any], now_ms: int) -> None:
    """Keep an answer; the first one stays."""
    row = {"answer_key": answer_key, "content": encode_json(content), "created_ms": now_ms}
    connection.insert(eval_answers, [row], ignore_existing=True)


def put_result(connection: TenantConnection, run_id: str, result: Mapping[str, Any], spent_usd: float) -> None:
    """Keep a unit's result; a later one replaces one that failed."""
    answer = result["answer"]
    row = {
        "run_id": run_id,
        "task_id": result["task_id"],
        "repeat": result["repeat"],
        "passed": result["passed"],
        "failed": answer.get("error") is not None,
        "spent_usd": spent_usd,
        "latency_ms": answer.get("latency_ms"),
        "content": encode_json(result),
    }
    connection.upsert(eval_results, row)


def finished_units(
    connection: TenantConnection, run_id: str, among: Sequence[str] | None = None
) -> set[tuple[str, int]]:
    """Units that have an answer: of these tasks, or of all."""
    table = eval_results
    wanted = select(table.c.task_id, table.c.repeat).where(and_(table.c.run_id == run_id, table.c.failed.is_(False)))
    if among is None:
        return {(row.task_id, row.repeat) for row in connection.rows(wanted)}
    found: set[tuple[str, int]] = set()
    for start in range(0, len(among), _PAGE):
        rows = connection.rows(wanted.where(table.c.task_id.in_(among[start : start + _PAGE])))
        found |= {(row.task_id, row.repeat) for row in rows}
    return found


def run_figures(connection: TenantConnection, run_id: str) -> RunFigures:
    """How far a run is, by one statement."""
    table = eval_results
    row = connection.first(
        select(
            func.count(table.c.task_id).label("done"),
            func.count(table.c.task_id).filter(table.c.passed.is_(True)).label("passed"),
            func.count(table.c.task_id).filter(table.c.failed.is_(True)).label("failed"),
            func.sum(table.c.spent_usd).label("spent"),
            func.avg(table.c.latency_ms).label("latency"),
        ).where(table.c.run_id == run_id)
    )
    if row is None:
        return RunFigures(0, 0, 0, 0.0, None)
    latency = None if row.latency is None else float(row.latency)
    return RunFigures(int(row.done), int(row.passed), int(row.failed), float(row.spent or 0.0), latency)


def read_results(
    connection: TenantConnection, run_id: str, after: tuple[str, int] = ("", -1), limit: int | None = None
) -> list[dict[str, Any]]:
    """Results by task and repeat, from the one past ``after``."""
    table = eval_results
    past = (table.c.task_id > after[0]) | and_(table.c.task_id == after[0], table.c.repeat > after[1])
    wanted = (
        select(table.c.content).where(and_(table.c.run_id == run_id, past)).order_by(table.c.task_id, table.c.repeat)
    )
    rows = connection.rows(wanted if limit is None else wanted.limit(limit))
    return [decode_json(row.content) for row in rows]


def put_release(
    connection: TenantConnection, alias: str, target_hash: str, record: Mapping[str, Any], now_ms: int
) -> int:
    """The alias's next version, and its number."""
    connection.alone(f"release {alias}")
    latest = connection.first(
        select(func.max(eval_releases.c.version).label("n")).where(eval_releases.c.alias == alias)
    )
    version = 1 + int((latest.n if latest is not None else None) or 0)
    row = {
        "alias": alias,
        "version": version,
        "target_hash": target_hash,
        "record": encode_json(record),
        "created_ms": now_ms,
    }
    connection.insert(eval_releases, [row])
    return version


def read_releases(connection: TenantConnection, alias: str, limit: int = 100) -> list[dict[str, Any]]:
    """An alias's versions, latest first."""
    table = eval_releases
    rows = connection.rows(select(table).where(table.c.alias == alias).order_by(table.c.version.desc()).limit(limit))
    return [
        {
            "version": row.version,
            "target_hash": row.target_hash,
            "record": decode_json(row.record),
            "created_ms": row.created_ms,
        }
        for row in rows
    ]


def _case_row(connection: TenantConnection, task_id: str) -> Any:
    return connection.first(select(eval_cases).where(eval_cases.c.task_id == task_id))


def _run_row(row: Any) -> RunRow:
    return RunRow(
        run_id=row.run_id,
        suite_hash=row.suite_hash,
        config_hash=row.config_hash,
        target_hash=row.target_hash,
        plan=decode_json(row.plan),
        status=row.status,
        reason=None if row.reason is None else row.reason.decode(),
        job_id=row.job_id,
        total=row.total,
        created_ms=row.created_ms,
        completed_ms=row.completed_ms,
    )
