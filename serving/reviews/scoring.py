"""Answers scored by themselves: which, by which lane, against what; and what is kept of the score."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parsers.blocks.fences import find_code
from scoring.session.types import TurnObservation
from scoring.session.update import initial_state, update
from scoring.types import Band
from serving.api.errors import ApiError
from serving.api.schemas import CodeRequest, LaneRequest, RagRequest
from serving.config.traces import ProjectSettings
from serving.store.score_records import GROUNDEDNESS, SERVER
from serving.store.trace_totals import Row, facet_line
from serving.store.values import encode_json
from serving.traces.span import RUN_PROJECT
from serving.traces.turn_contents import TurnContents

ScoreJob = Callable[[str, dict[str, Any], str], Awaitable[dict[str, Any]]]
"""``score(lane, request, tenant)`` below interactive traffic. Raises an ApiError."""
CheckRequest = Callable[[LaneRequest], None]
"""Raises an ApiError for a request past a limit of the server."""

SESSION_TURNS: Final = 200
"""Turns of a conversation, the latest before this one, that its drift is read from."""
_BITS: Final = 52
_SYMBOLS: Final = 50
_SCHEMAS: Final[Mapping[str, type[LaneRequest]]] = {"rag": RagRequest, "code": CodeRequest}


@dataclass(frozen=True)
class Plan:
    """What to ask of which lane; or no lane, and why the answer is not scored."""

    lane: str | None
    request: Mapping[str, Any]
    reason: str = ""


def plan(turn: Row, contents: TurnContents, settings: ProjectSettings, now_ms: int, check: CheckRequest) -> Plan:
    """How the answer of a turn is scored. Looks for code in the answer: keep it off the event loop."""
    reason = _left_out(turn, contents, settings, now_ms)
    if reason is not None:
        return Plan(None, {}, reason)
    lane, premises = _premises(contents)
    if not premises:
        return Plan(
            None, {}, "nothing was retrieved, and the answer holds no code to compare with code of the question"
        )
    request = {"response_text": contents.answer, "heatmap_format": "none", **premises}
    if contents.question.strip():
        request["query_text"] = contents.question
    try:
        check(_SCHEMAS[lane].model_validate(request))
    except ApiError as error:
        return Plan(None, {}, error.message)
    except ValueError as error:
        return Plan(None, {}, f"the lane takes no such request: {str(error)[:200]}")
    return Plan(lane, request)


def is_chosen(trace_id: str, facets: str, settings: ProjectSettings) -> bool:
    """Whether the answer is among those that the project has scored: by a facet it names, or by its share of all."""
    if any(facet_line(entry) in facets for entry in settings.always_score):
        return True
    digest = hashlib.sha256(f"score {trace_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) < settings.score_rate * float(1 << _BITS)


def _left_out(turn: Row, contents: TurnContents, settings: ProjectSettings, now_ms: int) -> str | None:
    if turn["project"] == RUN_PROJECT:
        return "an eval run's answer is judged by its case's graders"
    if settings.metadata_only:
        return "metadata_only keeps nothing that was said"
    if not is_chosen(turn["trace_id"], turn["facets"], settings):
        return f"not drawn: score_rate is {settings.score_rate:g}"
    if now_ms - turn["received_ms"] > settings.score_within_ms:
        return f"waited longer than score_within, {settings.score_within}: more comes than is scored"
    return None if contents.answer.strip() else "the turn has no answer"


def _premises(contents: TurnContents) -> tuple[str, dict[str, Any]]:
    """The lane and what the answer is held against: the documents; for code without any, the code that was asked about."""
    codes = "```" in contents.answer and bool(find_code(contents.answer))
    units = [{"text": one["content"], "source_id": str(one["document_id"])[:1024]} for one in contents.documents]
    if units:
        return ("code" if codes else "rag"), {"support_units": units}
    if not codes:
        return "rag", {}
    given = [message["content"] for message in contents.messages if message["role"] != "assistant"]
    context = "\n\n".join(text for text in given or [contents.question] if "```" in text or "# file:" in text)
    return "code", ({"raw_context": context} if context.strip() else {})


def score_row(turn: Row, lane: str, answer: Mapping[str, Any], drift: Mapping[str, Any]) -> Row:
    """The score as it is kept, with the lane's claims; a headline of None is ``unknown``."""
    score = answer.get("score")
    answered = turn["answer_span_id"]
    return {
        "target_kind": "trace" if answered is None else "span",
        "target_id": turn["trace_id"] if answered is None else f"{turn['trace_id']}/{answered}",
        "trace_id": turn["trace_id"],
        "name": GROUNDEDNESS,
        "source": SERVER,
        "data_type": "NUMERIC",
        "value": score,
        "label": "unknown" if score is None else None,
        "reason": None,
        "explanation": None if answer.get("reason") is None else str(answer["reason"]).encode("utf-8", "replace"),
        "annotator_kind": "CODE",
        "author": None,
        "evaluator_version": str(answer.get("version", lane)),
        "inclusion_probability": None,
        "detail": encode_json(_detail(lane, answer, drift)),
    }


def _detail(lane: str, answer: Mapping[str, Any], drift: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows and a proposal reads. Places, not the documents' texts: those are kept already."""
    symbols = (answer.get("code_lane") or {}).get("symbols") or ()
    phantoms = [one.get("name") for one in symbols if one.get("status") == "phantom"]
    detail: dict[str, Any] = {
        "lane": lane,
        "band": answer.get("band"),
        "reasons": answer.get("reasons"),
        "outcome": answer.get("outcome"),
        "claims": [_claim(claim) for claim in answer.get("claims") or ()],
        "unsupported_spans": [
            {name: one[name] for name in ("start", "end", "support") if name in one}
            for one in answer.get("unsupported_spans") or ()
        ],
        "session": dict(drift) or None,
    }
    if lane == "code":
        detail |= {"phantom_symbols": len(phantoms), "phantoms": phantoms[:_SYMBOLS]}
    return {name: value for name, value in detail.items() if value is not None}


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    citations = [{name: value for name, value in one.items() if name != "text"} for one in claim.get("citations") or ()]
    return {**claim, "citations": citations}


def drift_of(before: list[tuple[float | None, str | None]], score: float | None, band: str) -> dict[str, Any]:
    """The session's signals at this turn. ``before``: score and band of the turns before it, oldest first."""
    state = initial_state()
    for value, name in before[-SESSION_TURNS:]:
        if name is not None:
            state, _ = update(state, TurnObservation(value, Band(name)))
    _, signals = update(state, TurnObservation(score, Band(band)))
    found = {
        "turns": signals.total_turns,
        "drift_z_score": signals.drift_z_score,
        "groundedness_drift": signals.groundedness_drift,
        "red_streak": signals.red_streak,
        "recommendation": signals.recommendation.value,
        "triggers": list(signals.triggers) or None,
    }
    return {name: value for name, value in found.items() if value is not None}
