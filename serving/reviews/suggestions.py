"""Weak labels read off the next turn: kept with their evidence, accepted or dismissed by a person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

from scoring.feedback import Suggestion, SuggestionKind, Turn, suggest
from serving.config.traces import TraceSettings
from serving.reviews.people import author_of
from serving.reviews.scores import NewLabel, ScoreService
from serving.reviews.turn_state import bring_up_to_date
from serving.reviews.views import next_page, suggestion_view
from serving.store import review_records as records
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.traces.span import trace_id_of
from serving.traces.turn_contents import TurnContents

MAX_CHARACTERS: Final = 2_000
"""A next turn longer than this is a pasted text, and is not read as a reaction."""
_REASONS: Final = {
    SuggestionKind.SATISFIED: "satisfied",
    SuggestionKind.CORRECTION: "user corrected",
    SuggestionKind.INCOMPLETE: "incomplete",
}
"""The reason of the label that an accepted suggestion becomes; the others say only that the answer was ``wrong``."""


def read_reaction(
    before: TurnContents, after: TurnContents, after_trace_id: str, similarity: float | None = None
) -> dict[str, Any] | None:
    """What the turn after says of the answer before it, as it is kept; None where it says nothing or is too long."""
    if not before.answer or len(after.question) > MAX_CHARACTERS:
        return None
    turns = (
        Turn(before.question[:MAX_CHARACTERS], before.answer[-MAX_CHARACTERS:]),
        Turn(after.question, "", similarity),
    )
    found = suggest(turns)
    return _as_row(found[0], after.question, after_trace_id) if found else None


def _as_row(found: Suggestion, question: str, trace_id: str) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "thumb": found.thumb.value,
        "confidence": found.confidence,
        "rule_version": found.rule_version,
        "evidence": {
            "kind": found.kind.value,
            "trace_id": trace_id,
            "char_start": found.char_start,
            "char_end": found.char_end,
            "text": question[found.char_start : found.char_end],
        },
    }


class SuggestionService:
    """Every call names its tenant. A suggestion counts as nothing until it is accepted."""

    def __init__(self, store: Store, settings: TraceSettings, scores: ScoreService) -> None:
        self._store = store
        self._settings = settings
        self._scores = scores

    async def list(
        self,
        tenant: str,
        limit: int,
        after: Sequence[Any] | None = None,
        *,
        state: str = records.OPEN,
        thumb: str | None = None,
        project: str | None = None,
    ) -> dict[str, Any]:
        """A page of suggestions, latest first."""
        found = await self._store.tenant(tenant).read(
            lambda c: records.list_suggestions(c, state, thumb, project, limit + 1, after)
        )
        return next_page("suggestions", found, limit, ("created_ms", "trace_id", "rule"), suggestion_view)

    async def decide(
        self,
        tenant: str,
        trace_id: str,
        rule: str,
        decision: Literal["accept", "dismiss"],
        label: NewLabel | None = None,
        caller: str | None = None,
    ) -> dict[str, Any]:
        """Accept a suggestion, which labels the answer, or dismiss it. Raises NotFoundError.

        ``label`` may name the author, another reason and a note; its thumb is the suggestion's.
        """
        work = partial(self._decide, trace_id_of(trace_id), rule, decision, label, caller)
        return await self._store.tenant(tenant).write(work)

    def _decide(
        self,
        trace_id: str,
        rule: str,
        decision: str,
        label: NewLabel | None,
        caller: str | None,
        connection: TenantConnection,
    ) -> dict[str, Any]:
        connection.alone("traces")
        state = "accepted" if decision == "accept" else "dismissed"
        row = records.decide_suggestion(connection, trace_id, rule, state)
        kept = None
        if decision == "accept":
            wanted = NewLabel(
                thumb=row["thumb"],
                reason=(label.reason if label else None) or _REASONS.get(row["evidence"]["kind"], "wrong"),
                note=label.note if label else None,
            )
            author = author_of(label.author if label else None, caller)
            detail = {"suggestion": rule, "confidence": row["confidence"], "rule_version": row["rule_version"]}
            kept = self._scores.label_answer(trace_id, wanted, author, detail, connection)
        else:
            bring_up_to_date(connection, trace_id, self._settings, self._store.now_ms())
        return {"suggestion": suggestion_view(row), **({"label": kept} if kept else {})}
