"""Stored selections of turns, and the eval set that is made of one: DRAFT cases, filled in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from scoring.feedback import RootCause
from serving.api.errors import NotFoundError, PayloadTooLargeError, ValidationFailedError
from serving.evals.case_service import CaseService
from serving.reviews.case_drafts import DraftSource, correcting_turn, draft_case, task_id_of
from serving.reviews.causes import clusters_of
from serving.reviews.people import author_of, short_text
from serving.reviews.turn_state import THUMB
from serving.reviews.views import next_page, selection_view
from serving.store import review_records as records
from serving.store.eval_records import statuses_of
from serving.store.score_records import GROUNDEDNESS, scores_of_traces
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import ConversationFilter, find_turns, read_turn
from serving.store.trace_totals import Row
from serving.store.values import decode_json
from serving.traces.span import trace_id_of
from serving.traces.turn_contents import read_contents

MAX_TURNS: Final = 2_000
_PAGE: Final = 50


@dataclass(frozen=True)
class Drafted:
    """Cases to keep, and turns that made none with the reason."""

    cases: tuple[dict[str, Any], ...]
    skipped: tuple[dict[str, str], ...]


class SelectionService:
    """Every call names its tenant."""

    def __init__(self, store: Store, cases: CaseService) -> None:
        self._store = store
        self._cases = cases

    async def create(
        self,
        tenant: str,
        name: str,
        wanted: ConversationFilter | None = None,
        filters: Mapping[str, Any] | None = None,
        trace_ids: Sequence[str] | None = None,
        author: str | None = None,
        caller: str | None = None,
    ) -> dict[str, Any]:
        """Keep which turns a filter finds now, or those named; ``filters`` is the filter as it was asked for.

        Raises PayloadTooLargeError for more than 2,000 turns, ValidationFailedError for none.
        """
        title = short_text(name, "name", 128)
        who = author_of(author, caller)
        row = {
            "selection_id": f"sel_{secrets.token_hex(12)}",
            "name": title,
            "filters": dict(filters or {}),
            "author": who,
            "created_ms": self._store.now_ms(),
        }
        chosen = None if trace_ids is None else list(dict.fromkeys(map(trace_id_of, trace_ids)))
        return await self._store.tenant(tenant).write(partial(_create, row, wanted, chosen))

    async def list(self, tenant: str, limit: int, after: Sequence[Any] | None = None) -> dict[str, Any]:
        """A page of selections, latest first."""
        found = await self._store.tenant(tenant).read(lambda c: records.list_selections(c, limit + 1, after))
        return next_page("selections", found, limit, ("created_ms", "selection_id"), selection_view)

    async def get(self, tenant: str, selection_id: str) -> dict[str, Any]:
        """A selection with its turns. Raises NotFoundError."""
        row = await self._store.tenant(tenant).read(lambda c: records.read_selection(c, selection_id))
        return selection_view(row, with_traces=True)

    async def delete(self, tenant: str, selection_id: str) -> dict[str, int]:
        """Delete a selection, and nothing that it selected."""
        return {
            "selections": await self._store.tenant(tenant).write(lambda c: records.delete_selection(c, selection_id))
        }

    async def create_cases(self, tenant: str, selection_id: str) -> dict[str, Any]:
        """The eval set of a selection: a DRAFT case a turn. A turn that made a case before makes no second one."""
        ours = self._store.tenant(tenant)
        row = await ours.read(lambda c: records.read_selection(c, selection_id))
        names = row["trace_ids"]
        clusters = await ours.read(_clusters)
        cases: list[dict[str, Any]] = []
        skipped: list[dict[str, str]] = []
        for start in range(0, len(names), _PAGE):
            drafted = await ours.read(partial(_draft, names[start : start + _PAGE], clusters))
            cases += drafted.cases
            skipped += drafted.skipped
        kept = await self._cases.put_cases(tenant, cases) if cases else {"cases": []}
        return {"selection_id": selection_id, "cases": kept["cases"], "skipped": skipped}


def _create(
    row: Row, wanted: ConversationFilter | None, chosen: list[str] | None, connection: TenantConnection
) -> dict[str, Any]:
    if chosen is None:
        found, more = find_turns(connection, wanted or ConversationFilter(), MAX_TURNS)
        if more:
            raise PayloadTooLargeError(
                f"the filter finds more than {MAX_TURNS} turns, or its words are in too many",
                "Narrow the filter, by time for example.",
            )
    else:
        if len(chosen) > MAX_TURNS:
            raise PayloadTooLargeError(f"trace_ids: {len(chosen)} are more than {MAX_TURNS}")
        found = [read_turn(connection, name)["trace_id"] for name in chosen]
    if not found:
        raise ValidationFailedError("the filter finds no turn")
    kept = {**row, "trace_ids": found}
    records.put_selection(connection, kept)
    return selection_view(kept, with_traces=True)


def _clusters(connection: TenantConnection) -> dict[str, str]:
    """The cluster of each negative."""
    found, _ = clusters_of(None, connection)
    return {name: cluster.key for cluster in found for name in cluster.members}


def _draft(names: Sequence[str], clusters: Mapping[str, str], connection: TenantConnection) -> Drafted:
    there = statuses_of(connection, [task_id_of(name) for name in names])
    scores: dict[str, list[Row]] = {}
    for score in scores_of_traces(connection, names, (THUMB, GROUNDEDNESS)):
        scores.setdefault(score["trace_id"], []).append(score)
    triages = records.triages_of(connection, names)
    cases: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for name in names:
        reason = None
        if task_id_of(name) in there:
            reason = f"case {task_id_of(name)} exists already and is {there[task_id_of(name)]}"
        else:
            try:
                turn = read_turn(connection, name)
            except NotFoundError:
                reason = "the turn was deleted meanwhile"
            else:
                source = _source(connection, turn, scores.get(name, []), triages.get(name), clusters.get(name))
                if source.contents.question:
                    cases.append(draft_case(source))
                else:
                    reason = "nothing of what was asked is kept"
        if reason is not None:
            skipped.append({"trace_id": name, "reason": reason})
    return Drafted(tuple(cases), tuple(skipped))


def _correction(connection: TenantConnection, trace_id: str) -> str | None:
    """The user's own words, whole: the evidence of a suggestion is often only "that is wrong"."""
    name = correcting_turn(records.suggestions_of(connection, [trace_id]))
    return None if name is None else read_contents(connection, read_turn(connection, name)).question or None


def _source(
    connection: TenantConnection, turn: Row, scores: Sequence[Row], triage: Row | None, cluster: str | None
) -> DraftSource:
    label = next((row for row in reversed(scores) if row["name"] == THUMB), None)
    score = next((row for row in reversed(scores) if row["name"] == GROUNDEDNESS and row["detail"]), None)
    cause = None if triage is None else triage["cause"] or triage["proposed_cause"]
    detail = {} if score is None else decode_json(score["detail"])
    said = label["explanation"] if label else None
    return DraftSource(
        trace_id=turn["trace_id"],
        contents=read_contents(connection, turn),
        thumb=label["label"] if label else None,
        reason=label["reason"] if label else None,
        note=None if said is None else said.decode(),
        cause=RootCause(cause) if cause else None,
        correction=_correction(connection, turn["trace_id"]),
        cluster=cluster,
        detail=detail,
        lane=detail.get("lane", "rag"),
    )
