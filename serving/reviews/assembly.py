"""The services of reviews on one store, as the gateway and the pages hold them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from serving.config.traces import TraceSettings
from serving.evals.case_service import CaseService
from serving.lanes.traffic import Traffic
from serving.reviews.causes import CauseService
from serving.reviews.queue import ReviewQueue
from serving.reviews.scores import ScoreService
from serving.reviews.selections import SelectionService
from serving.reviews.settling import Embed, Lanes, Settler
from serving.reviews.suggestions import SuggestionService
from serving.reviews.views import item_view, score_view, suggestion_view, triage_view
from serving.store import review_records as records
from serving.store.score_records import scores_of_traces
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn
from serving.traces.span import trace_id_of
from serving.traces.views import compact


@dataclass(frozen=True)
class Reviews:
    """Everything about reviews. Each call takes the tenant first, and where someone acts, who he is."""

    scores: ScoreService
    suggestions: SuggestionService
    causes: CauseService
    queue: ReviewQueue
    selections: SelectionService
    settler: Settler
    store: Store

    async def of_turns(self, tenant: str, trace_ids: list[str]) -> dict[str, dict[str, Any]]:
        """By turn: its scores and labels, suggestions, cause and place in the queue. Raises NotFoundError."""
        names = [trace_id_of(one) for one in trace_ids]
        return await self.store.tenant(tenant).read(partial(self._of_turns, names))

    def _of_turns(self, names: list[str], connection: TenantConnection) -> dict[str, dict[str, Any]]:
        now_ms = self.store.now_ms()
        found: dict[str, dict[str, Any]] = {}
        for name in names:
            turn = read_turn(connection, name)
            place = None if turn["review_state"] is None else {**item_view(turn, now_ms), "state": turn["review_state"]}
            found[name] = {"trace_id": name, "scores": [], "suggestions": [], "queue": place, "label": turn["label"]}
        for row in scores_of_traces(connection, names):
            found[row["trace_id"]]["scores"].append(score_view(row))
        for row in records.suggestions_of(connection, names):
            found[row["trace_id"]]["suggestions"].append(suggestion_view(row))
        for name, row in records.triages_of(connection, names).items():
            found[name]["triage"] = triage_view(row)
        return {name: compact(view) for name, view in found.items()}


def build_reviews(
    store: Store,
    settings: TraceSettings,
    cases: CaseService,
    lanes: Lanes | None = None,
    embed: Embed | None = None,
    traffic: Traffic | None = None,
) -> Reviews:
    """The services. ``lanes`` score answers, ``embed`` compares questions by meaning, where they are given."""
    scores = ScoreService(store, settings)
    return Reviews(
        scores=scores,
        suggestions=SuggestionService(store, settings, scores),
        causes=CauseService(store, settings),
        queue=ReviewQueue(store, settings),
        selections=SelectionService(store, cases),
        settler=Settler(store, settings, lanes, embed, traffic),
        store=store,
    )
