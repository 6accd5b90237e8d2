"""Why answers were bad: a person's cause beside the server's proposal, and negatives in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from scoring.feedback import Negative, NegativeCluster, RootCause, cluster_negatives
from scoring.feedback.types import SuggestionKind
from serving.api.errors import ConflictError
from serving.config.traces import TraceSettings
from serving.reviews.people import author_of
from serving.reviews.turn_state import bring_up_to_date
from serving.reviews.views import next_page, triage_view
from serving.store import review_records as records
from serving.store.score_records import GROUNDEDNESS, scores_of_traces
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn
from serving.store.trace_totals import Row
from serving.store.values import decode_json
from serving.traces.span import trace_id_of

CLUSTERED: Final = 2_000
"""Negatives that are put into clusters: the latest; the answer says when there are more."""


class CauseService:
    """Every call names its tenant."""

    def __init__(self, store: Store, settings: TraceSettings) -> None:
        self._store = store
        self._settings = settings

    async def list(
        self,
        tenant: str,
        limit: int,
        after: Sequence[Any] | None = None,
        *,
        done: bool | None = None,
        cause: str | None = None,
        project: str | None = None,
    ) -> dict[str, Any]:
        """A page of negatives with their causes, latest first."""
        found = await self._store.tenant(tenant).read(
            lambda c: records.list_triages(c, done, cause, project, limit + 1, after)
        )
        return next_page("triages", found, limit, ("created_ms", "trace_id"), triage_view)

    async def decide(
        self,
        tenant: str,
        trace_id: str,
        cause: RootCause | None,
        author: str | None = None,
        caller: str | None = None,
    ) -> dict[str, Any]:
        """Keep a person's cause of a negative; None takes it back. Raises ConflictError for an answer nobody called bad."""
        work = partial(self._decide, trace_id_of(trace_id), cause, author_of(author, caller))
        return await self._store.tenant(tenant).write(work)

    async def clusters(self, tenant: str, project: str | None = None) -> dict[str, Any]:
        """Negatives by cause and what they share, the largest cluster first."""
        found, cut = await self._store.tenant(tenant).read(partial(clusters_of, project))
        return {
            "clusters": [
                {
                    "key": cluster.key,
                    "cause": cluster.cause.value,
                    "shared": cluster.shared,
                    "size": len(cluster.members),
                    "trace_ids": list(cluster.members),
                }
                for cluster in found
            ],
            **({"cut": True, "clustered": CLUSTERED} if cut else {}),
        }

    def _decide(
        self, trace_id: str, cause: RootCause | None, author: str, connection: TenantConnection
    ) -> dict[str, Any]:
        connection.alone("traces")
        read_turn(connection, trace_id)
        if trace_id not in records.triages_of(connection, [trace_id]):
            raise ConflictError(
                f"nobody has called the answer of trace {trace_id} bad", "Label it down first, with a reason."
            )
        now_ms = self._store.now_ms()
        records.decide_cause(connection, trace_id, None if cause is None else cause.value, author, now_ms)
        bring_up_to_date(connection, trace_id, self._settings, now_ms)
        kept = records.triages_of(connection, [trace_id]).get(trace_id)
        return {} if kept is None else triage_view(kept)


def clusters_of(project: str | None, connection: TenantConnection) -> tuple[tuple[NegativeCluster, ...], bool]:
    """Clusters of the latest negatives, and whether there are older ones that are in none."""
    found = records.list_triages(connection, None, None, project, CLUSTERED + 1, None)
    rows = found[:CLUSTERED]
    names = [row["trace_id"] for row in rows]
    details = {
        row["trace_id"]: decode_json(row["detail"])
        for row in scores_of_traces(connection, names, (GROUNDEDNESS,))
        if row["detail"] is not None
    }
    kinds = {row["trace_id"]: row["evidence"]["kind"] for row in records.suggestions_of(connection, names)}
    # oldest first: a cluster is named after its first member, and keeps the name as others join it
    negatives = [_negative(row, details.get(row["trace_id"], {}), kinds.get(row["trace_id"])) for row in reversed(rows)]
    return cluster_negatives(negatives), len(found) > CLUSTERED


def _negative(row: Row, detail: dict[str, Any], kind: str | None) -> Negative:
    claims = [claim for claim in detail.get("claims") or () if claim.get("verdict") != "supported"]
    documents = [
        citation["source_id"]
        for claim in claims
        for citation in claim.get("citations") or ()
        if "source_id" in citation
    ]
    return Negative(
        item_id=row["trace_id"],
        cause=RootCause(row["cause"] or row["proposal"]["cause"]),
        question=row["question"].decode("utf-8", "replace"),
        failing_document=str(documents[0]) if documents else None,
        claim_kind=claims[0].get("verdict") if claims else (SuggestionKind(kind).value if kind else None),
    )
