"""Scores and labels as rows: one for each target, name and source, every change kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, delete, func, select, tuple_

from serving.api.errors import NotFoundError
from serving.store.eval_schema import eval_results
from serving.store.tenancy import TenantConnection
from serving.store.trace_records import parts
from serving.store.trace_schema import conversations, score_revisions, scores, spans, traces
from serving.store.trace_totals import Row
from serving.store.values import decode_json, encode_json

KEY: Final = ("target_kind", "target_id", "name", "source")
GROUNDEDNESS: Final = "groundedness"
"""The name of the score that the server gives by itself."""
SERVER: Final = "evaluator:server"
"""Its source: whichever version scored last, there is one."""
_KEPT: Final = (
    "data_type",
    "value",
    "label",
    "reason",
    "annotator_kind",
    "author",
    "evaluator_version",
    "inclusion_probability",
)
"""Columns that a revision keeps as they are; explanation and detail are bytes and go in as text."""


@dataclass(frozen=True)
class ScoreFilter:
    """What a list of scores is narrowed to."""

    name: str | None = None
    target_kind: str | None = None
    annotator_kind: str | None = None
    author: str | None = None
    trace_id: str | None = None
    label: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def put_score(connection: TenantConnection, given: Row, now_ms: int) -> Row:
    """Keep a score in the place of the one of the same target, name and source; that one stays in the history."""
    connection.alone("traces")
    current = find_score(connection, given)
    row = {
        **given,
        "revision": _last_revision(connection, given) + 1,
        "created_ms": now_ms if current is None else current["created_ms"],
        "updated_ms": now_ms,
    }
    connection.upsert(scores, row)
    _remember(connection, row, 0 if current is None else current["revision"], now_ms)
    return row


def undo_score(connection: TenantConnection, key: Row, now_ms: int) -> Row | None:
    """Take back the latest change: what stood before it stands again, None if nothing did. Raises NotFoundError."""
    connection.alone("traces")
    current = find_score(connection, key)
    if current is None:
        raise NotFoundError(f"there is no {key['name']} of {key['source']} on this {key['target_kind']} to undo")
    undone = _revision(connection, key, current["revision"])
    earlier = _revision(connection, key, undone["before"]) if undone["before"] else None
    if earlier is None:
        remove_score(connection, current, now_ms)
        return None
    row = {
        **current,
        **{name: earlier[name] for name in _KEPT},
        "explanation": _bytes(earlier["explanation"]),
        "detail": None if earlier["detail"] is None else encode_json(earlier["detail"]),
        "revision": _last_revision(connection, key) + 1,
        "updated_ms": now_ms,
    }
    connection.upsert(scores, row)
    _remember(connection, row, earlier["before"], now_ms)
    return row


def remove_score(connection: TenantConnection, row: Row, now_ms: int) -> None:
    """Take a score away; its history says so."""
    connection.change(delete(scores).where(_of(scores, row)))
    gone = {**row, "revision": _last_revision(connection, row) + 1}
    _remember(connection, gone, 0, now_ms, removed=True)


def find_score(connection: TenantConnection, key: Mapping[str, Any]) -> Row | None:
    """The score of a target, name and source as it stands."""
    row = connection.first(select(scores).where(_of(scores, key)))
    return None if row is None else _as_dict(row)


def history(connection: TenantConnection, key: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every revision of a score, latest first."""
    table = score_revisions
    rows = connection.rows(select(table).where(_of(table, key)).order_by(table.c.revision.desc()))
    return [{"revision": row.revision, "created_ms": row.created_ms, **decode_json(row.content)} for row in rows]


def scores_of_traces(
    connection: TenantConnection, trace_ids: Sequence[str], names: Sequence[str] | None = None
) -> list[Row]:
    """Scores of turns and of their calls, in the order in which they were last changed."""
    found: list[Row] = []
    for part in parts(trace_ids):
        statement = select(scores).where(scores.c.trace_id.in_(part))
        if names is not None:
            statement = statement.where(scores.c.name.in_(list(names)))
        found += [_as_dict(row) for row in connection.rows(statement)]
    return sorted(found, key=lambda row: (row["updated_ms"], row["target_kind"], row["name"], row["source"]))


def list_scores(
    connection: TenantConnection, wanted: ScoreFilter, limit: int, after: Sequence[Any] | None
) -> list[Row]:
    """A page of scores, latest change first. ``after``: (updated_ms, kind, id, name, source) of the page before."""
    table = scores.c
    place = tuple_(table.updated_ms, table.target_kind, table.target_id, table.name, table.source)
    statement = select(scores).where(*_conditions(wanted))
    if after is not None:
        statement = statement.where(place < tuple_(*after))
    order = [column.desc() for column in (table.updated_ms, *(table[name] for name in KEY))]
    return [_as_dict(row) for row in connection.rows(statement.order_by(*order).limit(limit))]


def sum_scores(connection: TenantConnection, wanted: ScoreFilter) -> list[Row]:
    """For each name and data type: how many, how many unknown, and the mean of those that have a value."""
    table = scores.c
    unknown = func.count(table.name).filter(table.label == "unknown")
    statement = (
        select(
            table.name,
            table.data_type,
            func.count(table.name).label("n"),
            unknown.label("unknown"),
            func.avg(table.value).label("mean"),
        )
        .where(*_conditions(wanted))
        .group_by(table.name, table.data_type)
        .order_by(table.name, table.data_type)
    )
    return [_as_dict(row) for row in connection.rows(statement)]


def require_target(
    connection: TenantConnection, kind: str, target: str, trace_id: str | None
) -> tuple[str, str | None]:
    """The target's name in the table and the turn it belongs to. Raises NotFoundError where there is none.

    A span is kept as ``TRACE/SPAN``, for two turns may have a span of one id; a run item is ``RUN/TASK/REPEAT``.
    """
    if kind == "span":
        statement = select(spans.c.trace_id).where(spans.c.span_id == target)
        if trace_id is not None:
            statement = statement.where(spans.c.trace_id == trace_id)
        row = connection.first(statement.order_by(spans.c.started_us.desc()).limit(1))
        if row is not None:
            return f"{row.trace_id}/{target}", str(row.trace_id)
    elif kind == "trace":
        if connection.first(select(traces.c.trace_id).where(traces.c.trace_id == target)) is not None:
            return target, target
    elif kind == "conversation":
        held = conversations.c.conversation_id
        if connection.first(select(held).where(held == target)) is not None:
            return target, None
    elif _is_run_item(connection, target):
        return target, None
    raise NotFoundError(f"{kind} {target[:128]} does not exist")


def _is_run_item(connection: TenantConnection, target: str) -> bool:
    run_id, _, rest = target.partition("/")
    task_id, _, repeat = rest.rpartition("/")
    if not repeat.isascii() or not repeat.isdigit() or len(repeat) > 6:
        return False
    table = eval_results.c
    statement = select(table.task_id).where(
        and_(table.run_id == run_id, table.task_id == task_id, table.repeat == int(repeat))
    )
    return connection.first(statement) is not None


def _conditions(wanted: ScoreFilter) -> list[Any]:
    table = scores.c
    bounds = (
        (table.name, "==", wanted.name),
        (table.target_kind, "==", wanted.target_kind),
        (table.annotator_kind, "==", wanted.annotator_kind),
        (table.author, "==", wanted.author),
        (table.trace_id, "==", wanted.trace_id),
        (table.label, "==", wanted.label),
        (table.updated_ms, ">=", wanted.since_ms),
        (table.updated_ms, "<", wanted.until_ms),
    )
    return [
        column == value if sign == "==" else column.op(sign)(value)
        for column, sign, value in bounds
        if value is not None
    ]


def _of(table: Any, key: Mapping[str, Any]) -> Any:
    return and_(*(table.c[name] == key[name] for name in KEY))


def _last_revision(connection: TenantConnection, key: Mapping[str, Any]) -> int:
    table = score_revisions
    row = connection.first(select(func.max(table.c.revision).label("last")).where(_of(table, key)))
    return int((row.last if row is not None else None) or 0)


def _revision(connection: TenantConnection, key: Mapping[str, Any], revision: int) -> dict[str, Any]:
    table = score_revisions
    row = connection.first(select(table.c.content).where(_of(table, key), table.c.revision == revision))
    assert row is not None, "every score has its revision"
    content: dict[str, Any] = decode_json(row.content)
    return content


def _remember(connection: TenantConnection, row: Row, before: int, now_ms: int, *, removed: bool = False) -> None:
    """Keep what a score is now. ``before``: the revision that an undo brings back, 0 for none.

    What a lane found (``detail`` of CODE) is large, and made again at will: of it only the latest is kept.
    """
    content: dict[str, Any] = {name: row[name] for name in _KEPT}
    content["explanation"] = None if row["explanation"] is None else row["explanation"].decode()
    by_hand = row["annotator_kind"] == "HUMAN" and row["detail"] is not None
    content["detail"] = decode_json(row["detail"]) if by_hand else None
    content |= {"before": before, "removed": removed}
    connection.insert(
        score_revisions,
        [
            {
                **{name: row[name] for name in KEY},
                "revision": row["revision"],
                "trace_id": row["trace_id"],
                "content": encode_json(content),
                "created_ms": now_ms,
            }
        ],
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _as_dict(row: Any) -> Row:
    return {str(name): value for name, value in row._mapping.items() if name != "tenant"}
