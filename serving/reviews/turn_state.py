"""What reviews make of a turn: its label and facets, a proposed cause, its risk and its place in the queue.

One function brings all of it up to date from what is kept, whatever changed: a label, a click, a suggestion, a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from scoring.evals.refusals import is_refusal
from scoring.feedback import (
    Risk,
    RiskSignals,
    SuggestionKind,
    Thumb,
    TurnSignals,
    draw_probability,
    propose,
    risk_of,
)
from scoring.types import Band
from serving.config.traces import TraceSettings
from serving.store import review_records as records
from serving.store.review_order import is_drawn
from serving.store.review_queue import LABELLED, PASSED, QUEUED, REVIEWED
from serving.store.score_records import GROUNDEDNESS, scores_of_traces
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn
from serving.store.trace_schema import spans
from serving.store.trace_totals import REVIEW_FACETS, Row, facet, replace_facets
from serving.store.values import decode_json
from serving.traces.span import RUN_PROJECT

THUMB: Final = "thumb"
"""The name of a person's label."""
FEEDBACK: Final = "feedback"
"""The name of what an application's own users pressed."""
SETTLED: Final = ("scored", "skipped", "failed")
"""States of a turn that is taken as complete."""


def bring_up_to_date(connection: TenantConnection, trace_id: str, settings: TraceSettings, now_ms: int) -> Row:
    """The turn as it stands afterwards; its conversation follows. Raises NotFoundError."""
    connection.alone("traces")
    turn = read_turn(connection, trace_id)
    given = scores_of_traces(connection, [trace_id], (THUMB, FEEDBACK, GROUNDEDNESS))
    label = _latest(given, THUMB)
    feedback = _latest(given, FEEDBACK)
    proposals = [row for row in records.suggestions_of(connection, [trace_id]) if row["state"] == records.OPEN]
    negative = (label or feedback or {}).get("label") == Thumb.DOWN
    _propose(connection, turn, given, proposals, now_ms, negative)
    triage = records.triages_of(connection, [trace_id]).get(trace_id)
    lines = [
        *([facet("label", label["label"])] if label else []),
        *([facet("reason", label["reason"])] if label and label["reason"] else []),
        *([facet("feedback", feedback["label"])] if feedback else []),
        *(facet("suggestion", row["thumb"]) for row in proposals[:1]),
        *([facet("cause", triage["cause"] or triage["proposed_cause"])] if triage else []),
        *([facet("band", turn["band"])] if turn["band"] else []),
    ]
    values: dict[str, Any] = {
        "label": label["label"] if label else None,
        "facets": replace_facets(turn["facets"], REVIEW_FACETS, lines),
        **_place(turn, given, _risk(turn, feedback, proposals), settings),
    }
    records.change_turn(connection, trace_id, **values)
    records.refresh_conversation(connection, turn["conversation_id"])
    return {**turn, **values}


def _latest(given: Sequence[Row], name: str) -> Row | None:
    """The last word of a person on the turn; who said what before stays in the list of scores."""
    return next((row for row in reversed(given) if row["name"] == name and row["annotator_kind"] == "HUMAN"), None)


def _risk(turn: Row, feedback: Row | None, proposals: Sequence[Row]) -> Risk:
    pressed = feedback["label"] if feedback else None
    first = proposals[0] if proposals else None
    return risk_of(
        RiskSignals(
            band=Band(turn["band"]) if turn["band"] else None,
            feedback=Thumb(pressed) if pressed in (Thumb.UP, Thumb.DOWN) else None,
            suggestion=None if first is None else (Thumb(first["thumb"]), first["confidence"]),
            failed_calls=turn["errors"],
        )
    )


def _place(turn: Row, given: Sequence[Row], risk: Risk, settings: TraceSettings) -> dict[str, Any]:
    """The turn's place in the queue. A probability never falls, and a turn that was labelled keeps its step of risk."""
    if turn["project"] == RUN_PROJECT:
        return {}  # a test is nobody's conversation: it would bias what reviews say of production
    label = _latest(given, THUMB)
    if turn["score_state"] not in SETTLED and label is None and turn["review_state"] is None:
        return {}
    probability = draw_probability(risk, settings.of(turn["project"]).review_rate)
    probability = max(probability, turn["review_probability"] or 0.0)
    drawn = is_drawn(turn["review_order"], probability)
    if label is not None:
        done = turn["review_state"] in (REVIEWED, LABELLED)
        by_queue = any(row["name"] == THUMB and row["inclusion_probability"] is not None for row in given)
        state = REVIEWED if by_queue else LABELLED if drawn else PASSED
        return {
            "review_state": state,
            "locked_by": None,
            "lock_expires_ms": None,
            **({} if done else {"review_risk": risk.value, "review_probability": probability}),
        }
    return {
        "review_state": QUEUED if drawn else PASSED,
        "review_risk": risk.value,
        "review_probability": probability,
    }


def _propose(
    connection: TenantConnection, turn: Row, given: Sequence[Row], proposals: Sequence[Row], now_ms: int, negative: bool
) -> None:
    if not negative:
        records.put_proposal(connection, turn["trace_id"], None, now_ms)
        return
    found = propose(signals_of(connection, turn, given, proposals))
    proposal = {
        "cause": found.cause.value,
        "reason": found.reason,
        "confidence": found.confidence,
        "rule": found.rule,
    }
    records.put_proposal(connection, turn["trace_id"], proposal, now_ms)


def signals_of(connection: TenantConnection, turn: Row, given: Sequence[Row], proposals: Sequence[Row]) -> TurnSignals:
    """What the server itself knows of the answer; None where nothing was measured."""
    label = _latest(given, THUMB) or _latest(given, FEEDBACK)
    score = next((row for row in reversed(given) if row["name"] == GROUNDEDNESS and row["detail"]), None)
    detail = {} if score is None else decode_json(score["detail"])
    claims = detail.get("claims") or []
    session = detail.get("session") or {}
    verdicts = [claim.get("verdict") for claim in claims]
    complaint = next((row for row in proposals if row["thumb"] == Thumb.DOWN), None)
    return TurnSignals(
        reason=None if label is None else label["reason"],
        suggestion_kind=None if complaint is None else SuggestionKind(complaint["evidence"]["kind"]),
        supported_share=verdicts.count("supported") / len(verdicts) if verdicts else None,
        contradicted_claims=verdicts.count("contradicted") if verdicts else None,
        retrieved_documents=_retrieved(connection, turn["trace_id"]),
        session_recommendation=session.get("recommendation"),
        drift_z_score=session.get("drift_z_score"),
        answer_refused=is_refusal(turn["answer"].decode("utf-8", "replace")) if turn["answer"] else None,
        phantom_symbols=detail.get("phantom_symbols"),
    )


def _retrieved(connection: TenantConnection, trace_id: str) -> int | None:
    """How many documents the turn's retrievals gave; None where it retrieved nothing because it never tried."""
    asked = spans.c.kind.in_(("retriever", "reranker"))
    statement: Any = select(func.count(spans.c.span_id).label("calls"), func.sum(spans.c.hit_count).label("hits"))
    row = connection.first(statement.where(spans.c.trace_id == trace_id, asked))
    return int(row.hits or 0) if row is not None and row.calls else None
