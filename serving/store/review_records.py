"""What people and rules say of turns, as rows: suggestions, causes, reasons of projects, stored selections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, select, tuple_, update

from serving.api.errors import NotFoundError
from serving.store.tenancy import TenantConnection
from serving.store.trace_records import parts
from serving.store.trace_schema import conversations, review_reasons, selections, suggestions, traces, triages
from serving.store.trace_totals import Row, replace_facets, review_facets
from serving.store.values import decode_json, encode_json

OPEN = "open"


def suggestions_of(connection: TenantConnection, trace_ids: Sequence[str]) -> list[Row]:
    """Suggestions about the answers of turns, the surest first."""
    found: list[Row] = []
    for part in parts(trace_ids):
        found += [
            _suggestion(row) for row in connection.rows(select(suggestions).where(suggestions.c.trace_id.in_(part)))
        ]
    return sorted(found, key=lambda row: (-row["confidence"], row["trace_id"], row["rule"]))


def put_suggestion(connection: TenantConnection, trace_id: str, given: Mapping[str, Any] | None, now_ms: int) -> None:
    """Keep what the next turn says of an answer, in the place of what nobody has decided on yet."""
    rule = "" if given is None else str(given["rule"])
    stale = and_(suggestions.c.trace_id == trace_id, suggestions.c.state == OPEN, suggestions.c.rule != rule)
    connection.change(delete(suggestions).where(stale))
    if given is not None:
        row = {**given, "evidence": encode_json(given["evidence"]), "trace_id": trace_id}
        connection.insert(suggestions, [{**row, "state": OPEN, "created_ms": now_ms}], ignore_existing=True)


def decide_suggestion(connection: TenantConnection, trace_id: str, rule: str, state: str) -> Row:
    """Mark a suggestion accepted or dismissed. Raises NotFoundError."""
    mine = and_(suggestions.c.trace_id == trace_id, suggestions.c.rule == rule)
    if not connection.change(update(suggestions).where(mine).values(state=state)):
        raise NotFoundError(f"trace {trace_id} has no suggestion of rule {rule[:64]!r}")
    return _suggestion(connection.first(select(suggestions).where(mine)))


def list_suggestions(
    connection: TenantConnection,
    state: str,
    thumb: str | None,
    project: str | None,
    limit: int,
    after: Sequence[Any] | None,
) -> list[Row]:
    """A page of suggestions with their turns' previews, latest first. ``after``: (created_ms, trace_id, rule)."""
    place = tuple_(suggestions.c.created_ms, suggestions.c.trace_id, suggestions.c.rule)
    statement = select(suggestions, *_preview()).where(
        suggestions.c.trace_id == traces.c.trace_id, suggestions.c.state == state
    )
    if thumb is not None:
        statement = statement.where(suggestions.c.thumb == thumb)
    if project is not None:
        statement = statement.where(traces.c.project == project)
    if after is not None:
        statement = statement.where(place < tuple_(*after))
    order = (suggestions.c.created_ms.desc(), suggestions.c.trace_id.desc(), suggestions.c.rule.desc())
    return [_suggestion(row) for row in connection.rows(statement.order_by(*order).limit(limit))]


def triages_of(connection: TenantConnection, trace_ids: Sequence[str]) -> dict[str, Row]:
    """Causes by turn."""
    found = {}
    for part in parts(trace_ids):
        for row in connection.rows(select(triages).where(triages.c.trace_id.in_(part))):
            found[str(row.trace_id)] = _triage(row)
    return found


def put_proposal(connection: TenantConnection, trace_id: str, proposal: Mapping[str, Any] | None, now_ms: int) -> None:
    """Keep the server's proposal for a negative; None takes it away where no person has decided."""
    found = triages_of(connection, [trace_id]).get(trace_id)
    if proposal is None:
        undecided = and_(triages.c.trace_id == trace_id, triages.c.cause.is_(None))
        connection.change(delete(triages).where(undecided))
        return
    row = {
        "trace_id": trace_id,
        "proposed_cause": proposal["cause"],
        "proposed_reason": encode_json(dict(proposal)),
        "cause": None if found is None else found["cause"],
        "triage_by": None if found is None else found["triage_by"],
        "completed_ms": None if found is None else found["completed_ms"],
        "cluster": None,
        "created_ms": now_ms if found is None else found["created_ms"],
    }
    connection.upsert(triages, row)


def decide_cause(connection: TenantConnection, trace_id: str, cause: str | None, author: str, now_ms: int) -> None:
    """A person's cause, or with None the decision taken back."""
    found = triages_of(connection, [trace_id]).get(trace_id)
    row = {
        "trace_id": trace_id,
        "proposed_cause": None if found is None else found["proposed_cause"],
        "proposed_reason": None if found is None or found["proposal"] is None else encode_json(found["proposal"]),
        "cause": cause,
        "triage_by": None if cause is None else author,
        "completed_ms": None if cause is None else now_ms,
        "cluster": None,
        "created_ms": now_ms if found is None else found["created_ms"],
    }
    connection.upsert(triages, row)


def list_triages(
    connection: TenantConnection,
    done: bool | None,
    cause: str | None,
    project: str | None,
    limit: int,
    after: Sequence[Any] | None,
) -> list[Row]:
    """A page of negatives with their causes and previews, latest first. ``after``: (created_ms, trace_id)."""
    statement = select(triages, *_preview()).where(triages.c.trace_id == traces.c.trace_id)
    if done is not None:
        statement = statement.where(triages.c.cause.is_not(None) if done else triages.c.cause.is_(None))
    if cause is not None:
        statement = statement.where(func.coalesce(triages.c.cause, triages.c.proposed_cause) == cause)
    if project is not None:
        statement = statement.where(traces.c.project == project)
    if after is not None:
        statement = statement.where(tuple_(triages.c.created_ms, triages.c.trace_id) < tuple_(*after))
    order = (triages.c.created_ms.desc(), triages.c.trace_id.desc())
    return [_triage(row) for row in connection.rows(statement.order_by(*order).limit(limit))]


def read_reasons(connection: TenantConnection, project: str) -> tuple[str, ...] | None:
    """The project's own reasons; None where it has no list of its own."""
    row = connection.first(select(review_reasons.c.reasons).where(review_reasons.c.project == project))
    return None if row is None else tuple(decode_json(row.reasons))


def put_reasons(connection: TenantConnection, project: str, reasons: Sequence[str], author: str, now_ms: int) -> None:
    """Give a project a list of its own."""
    row = {"project": project, "reasons": encode_json(list(reasons)), "author": author, "updated_ms": now_ms}
    connection.upsert(review_reasons, row)


def put_selection(connection: TenantConnection, row: Row) -> None:
    """Keep a selection: its filters, and the turns that they found."""
    values = {**row, "filters": encode_json(row["filters"]), "trace_ids": encode_json(list(row["trace_ids"]))}
    connection.insert(selections, [values])


def read_selection(connection: TenantConnection, selection_id: str) -> Row:
    """A stored selection. Raises NotFoundError."""
    row = connection.first(select(selections).where(selections.c.selection_id == selection_id))
    if row is None:
        raise NotFoundError(f"selection {selection_id[:64]} does not exist")
    return _selection(row)


def list_selections(connection: TenantConnection, limit: int, after: Sequence[Any] | None) -> list[Row]:
    """A page of selections, latest first. ``after``: (created_ms, selection_id)."""
    statement = select(selections)
    if after is not None:
        statement = statement.where(tuple_(selections.c.created_ms, selections.c.selection_id) < tuple_(*after))
    order = (selections.c.created_ms.desc(), selections.c.selection_id.desc())
    return [_selection(row) for row in connection.rows(statement.order_by(*order).limit(limit))]


def delete_selection(connection: TenantConnection, selection_id: str) -> int:
    """Delete a selection, and nothing that it selected. Raises NotFoundError."""
    gone = connection.change(delete(selections).where(selections.c.selection_id == selection_id))
    if not gone:
        raise NotFoundError(f"selection {selection_id[:64]} does not exist")
    return gone


def change_turn(connection: TenantConnection, trace_id: str, **values: Any) -> None:
    """Write columns of a turn."""
    connection.change(update(traces).where(traces.c.trace_id == trace_id).values(**values))


def turns_around(connection: TenantConnection, turn: Row) -> tuple[Row | None, Row | None]:
    """The turn before and the one after in the conversation, by the time they began."""
    table = traces.c
    place, mine = tuple_(table.started_ms, table.trace_id), tuple_(turn["started_ms"], turn["trace_id"])
    same = select(traces).where(table.conversation_id == turn["conversation_id"])
    earlier = connection.first(
        same.where(place < mine).order_by(table.started_ms.desc(), table.trace_id.desc()).limit(1)
    )
    later = connection.first(same.where(place > mine).order_by(table.started_ms, table.trace_id).limit(1))
    return (
        None if earlier is None else _as_dict(earlier),
        None if later is None else _as_dict(later),
    )


_WORST_LABEL = ("down", "unknown", "up")
_WORST_BAND = ("red", "amber", "unknown", "green")


def refresh_conversation(connection: TenantConnection, conversation_id: str) -> None:
    """Bring label, band, score and reviews' facets of a conversation up to date: of its turns, the worst."""
    held = select(conversations.c.facets).where(conversations.c.conversation_id == conversation_id)
    row = connection.first(held)
    if row is None:
        return
    table = traces.c
    columns = select(table.facets, table.label, table.band, table.score)
    turns = connection.rows(columns.where(table.conversation_id == conversation_id))
    lines = {line for turn in turns for line in review_facets(turn.facets)}
    values = {
        "label": _worst([turn.label for turn in turns], _WORST_LABEL),
        "band": _worst([turn.band for turn in turns], _WORST_BAND),
        "score": min((turn.score for turn in turns if turn.score is not None), default=None),
        "facets": replace_facets(row.facets, {line.partition("=")[0] for line in review_facets(row.facets)}, lines),
    }
    connection.change(update(conversations).where(conversations.c.conversation_id == conversation_id).values(**values))


def _worst(values: Sequence[str | None], order: Sequence[str]) -> str | None:
    return next((one for one in order if one in values), None)


def _preview() -> tuple[Any, ...]:
    return (
        traces.c.conversation_id,
        traces.c.project,
        traces.c.question,
        traces.c.answer,
        traces.c.answer_span_id,
        traces.c.label.label("turn_label"),
    )


def _suggestion(row: Any) -> Row:
    values = _as_dict(row)
    values["evidence"] = decode_json(values["evidence"])
    return values


def _triage(row: Any) -> Row:
    values = _as_dict(row)
    proposed = values.pop("proposed_reason")
    values["proposal"] = None if proposed is None else decode_json(proposed)
    return values


def _selection(row: Any) -> Row:
    values = _as_dict(row)
    values["filters"] = decode_json(values["filters"])
    values["trace_ids"] = decode_json(values["trace_ids"])
    return values


def _as_dict(row: Any) -> Row:
    return {str(name): value for name, value in row._mapping.items() if name != "tenant"}
