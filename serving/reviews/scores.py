"""Scores and labels of spans, turns, conversations and run items: kept, changed, undone, listed, summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from serving.api.errors import ValidationFailedError
from serving.config.traces import TraceSettings
from serving.redaction.patterns import redact_json
from serving.reviews.people import author_of, note_bytes, short_text
from serving.reviews.turn_state import FEEDBACK, THUMB, bring_up_to_date
from serving.reviews.views import next_page, revision_view, score_view
from serving.store import score_records as rows
from serving.store.review_records import put_reasons, read_reasons
from serving.store.store import Store
from serving.store.tenancy import TenantConnection
from serving.store.trace_reads import read_turn, trace_of_request
from serving.store.trace_totals import Row
from serving.store.values import encode_json
from serving.traces.span import span_id_of, trace_id_of

UNKNOWN: Final = "unknown"
TEXT_CHARACTERS: Final = 20_000
MAX_REASONS: Final = 40
TargetKind = Literal["span", "trace", "conversation", "run_item"]
_OWN: Final = (THUMB, FEEDBACK, rows.GROUNDEDNESS)
"""Names that have a route of their own, or that the server writes."""


@dataclass(frozen=True)
class Target:
    """What a score is about. ``trace_id`` tells two spans of one id apart."""

    kind: TargetKind
    id: str
    trace_id: str | None = None


@dataclass(frozen=True)
class NewScore:
    """A score as it comes in. ``value``: a number, a truth, a category or a text by ``data_type``, or ``unknown``."""

    target: Target
    name: str
    data_type: Literal["NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT"]
    value: float | bool | str
    annotator_kind: Literal["HUMAN", "LLM", "CODE"]
    explanation: str | None = None
    author: str | None = None
    evaluator_version: str | None = None
    inclusion_probability: float | None = None


@dataclass(frozen=True)
class NewLabel:
    """A person's thumb. ``reason``: from the project's list, required unless the thumb is ``unknown``."""

    thumb: Literal["up", "down", "unknown"]
    reason: str | None = None
    note: str | None = None
    author: str | None = None


class ScoreService:
    """Every call names its tenant; what another tenant keeps does not exist (NotFoundError)."""

    def __init__(self, store: Store, settings: TraceSettings) -> None:
        self._store = store
        self._settings = settings

    async def put(self, tenant: str, given: NewScore, caller: str | None = None) -> dict[str, Any]:
        """Keep a score, in the place of the one of the same target, name and source. Raises ValidationFailedError."""
        row = _row_of(given, caller)
        return await self._store.tenant(tenant).write(partial(self._put, given.target, row))

    async def label(
        self, tenant: str, span_id: str, label: NewLabel, trace_id: str | None = None, caller: str | None = None
    ) -> dict[str, Any]:
        """Keep a person's label of a call. Raises ValidationFailedError for a reason that the project has not."""
        target = Target("span", span_id, trace_id)
        author = author_of(label.author, caller)
        return await self._store.tenant(tenant).write(partial(self._label, target, THUMB, label, author, None))

    async def label_turn(
        self,
        tenant: str,
        trace_id: str,
        label: NewLabel,
        caller: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """As :meth:`label`, on the call that answered the turn, or on the turn where none did."""
        author = author_of(label.author, caller)
        return await self._store.tenant(tenant).write(partial(self.label_answer, trace_id, label, author, detail))

    async def undo_label(
        self,
        tenant: str,
        span_id: str,
        author: str | None = None,
        trace_id: str | None = None,
        caller: str | None = None,
    ) -> dict[str, Any] | None:
        """Take back an author's latest change; the label that stands again, or None."""
        who = author_of(author, caller)
        return await self._store.tenant(tenant).write(partial(self._undo, Target("span", span_id, trace_id), who))

    async def label_history(
        self,
        tenant: str,
        span_id: str,
        author: str | None = None,
        trace_id: str | None = None,
        caller: str | None = None,
    ) -> list[dict[str, Any]]:
        """Every change of an author's label, latest first."""
        who = author_of(author, caller)
        return await self._store.tenant(tenant).read(partial(_history, Target("span", span_id, trace_id), who))

    async def feedback(
        self,
        tenant: str,
        label: NewLabel,
        request_id: str | None = None,
        trace_id: str | None = None,
        caller: str | None = None,
    ) -> dict[str, Any]:
        """Keep what a user of the application pressed, on the turn of the request. The reason is optional here."""
        if (request_id is None) == (trace_id is None):
            raise ValidationFailedError("name either request_id or trace_id")
        author = author_of(label.author, caller)
        return await self._store.tenant(tenant).write(partial(self._feedback, request_id, trace_id, label, author))

    async def list(
        self, tenant: str, wanted: rows.ScoreFilter, limit: int, after: Sequence[Any] | None
    ) -> dict[str, Any]:
        """A page of scores, latest change first."""
        found = await self._store.tenant(tenant).read(lambda c: rows.list_scores(c, wanted, limit + 1, after))
        return next_page("scores", found, limit, ("updated_ms", *rows.KEY), score_view)

    async def summary(self, tenant: str, wanted: rows.ScoreFilter) -> dict[str, Any]:
        """Counts and means by name; ``unknown`` is counted apart, and no mean counts it."""
        found = await self._store.tenant(tenant).read(lambda c: rows.sum_scores(c, wanted))
        return {
            "summary": [
                {**row, "mean": row["mean"] if row["mean"] is None else round(float(row["mean"]), 6)} for row in found
            ]
        }

    async def reasons(self, tenant: str, project: str) -> dict[str, Any]:
        """The reasons that a label of the project may give, in the order of their keys."""
        own = await self._store.tenant(tenant).read(lambda c: read_reasons(c, project))
        return {"project": project, "reasons": list(own or self._settings.of(project).reasons), "own": own is not None}

    async def put_reasons(
        self, tenant: str, project: str, reasons: Sequence[str], caller: str | None = None
    ) -> dict[str, Any]:
        """Give a project its own list. Labels that were given before keep their reasons."""
        name = short_text(project, "project")
        plain = [short_text(reason, f"reasons[{index}]", 128) for index, reason in enumerate(reasons)]
        if not 1 <= len(plain) <= MAX_REASONS or len(set(plain)) != len(plain):
            raise ValidationFailedError(f"reasons: 1 to {MAX_REASONS}, each different")
        author, now_ms = author_of(None, caller), self._store.now_ms()
        await self._store.tenant(tenant).write(lambda c: put_reasons(c, name, plain, author, now_ms))
        return {"project": name, "reasons": plain, "own": True}

    def label_answer(
        self,
        trace_id: str,
        label: NewLabel,
        author: str,
        detail: Mapping[str, Any] | None,
        connection: TenantConnection,
    ) -> dict[str, Any]:
        """:meth:`label_turn` inside a transaction."""
        turn = read_turn(connection, trace_id_of(trace_id))
        name = turn["trace_id"]
        answered = turn["answer_span_id"]
        target = Target("trace", name) if answered is None else Target("span", answered, name)
        return self._label(target, THUMB, label, author, detail, connection)

    def _put(self, target: Target, row: Row, connection: TenantConnection) -> dict[str, Any]:
        target_id, trace_id = _require(connection, target)
        kept = rows.put_score(
            connection, {**row, "target_kind": target.kind, "target_id": target_id, "trace_id": trace_id}, self._now()
        )
        return score_view(kept)

    def _label(
        self,
        target: Target,
        name: str,
        label: NewLabel,
        author: str,
        detail: Mapping[str, Any] | None,
        connection: TenantConnection,
    ) -> dict[str, Any]:
        target_id, trace_id = _require(connection, target)
        assert trace_id is not None, "spans and traces belong to a turn"
        connection.alone("traces")
        turn = read_turn(connection, trace_id)
        settings = self._settings.of(turn["project"])
        self._check_reason(connection, turn["project"], label, required=name == THUMB)
        row = {
            "target_kind": target.kind,
            "target_id": target_id,
            "trace_id": trace_id,
            "name": name,
            "source": f"author:{author}",
            "data_type": "CATEGORICAL",
            "value": {"up": 1.0, "down": 0.0}.get(label.thumb),
            "label": label.thumb,
            "reason": label.reason,
            "explanation": note_bytes(label.note, settings.privacy_mode),
            "annotator_kind": "HUMAN",
            "author": author,
            "evaluator_version": None,
            "inclusion_probability": self._drawn_with(connection, turn, author, (target.kind, target_id, name)),
            "detail": None if detail is None else encode_json(dict(detail)),
        }
        kept = rows.put_score(connection, row, self._now())
        bring_up_to_date(connection, trace_id, self._settings, self._now())
        return score_view(kept)

    def _drawn_with(
        self, connection: TenantConnection, turn: Row, author: str, of: tuple[str, str, str]
    ) -> float | None:
        """The probability with which the item was drawn, where its label is a review of the queue: its holder's.

        A change of mind after the review stays one. Other labels were drawn by nobody knows what, and have none.
        """
        if of[2] != THUMB:
            return None
        earlier = rows.find_score(connection, dict(zip(rows.KEY, (*of, f"author:{author}"), strict=True)))
        if earlier is not None and earlier["inclusion_probability"] is not None:
            return float(earlier["inclusion_probability"])
        held = turn["locked_by"] == author and (turn["lock_expires_ms"] or 0) > self._now()
        return turn["review_probability"] if held else None

    def _feedback(
        self, request_id: str | None, trace_id: str | None, label: NewLabel, author: str, connection: TenantConnection
    ) -> dict[str, Any]:
        name = trace_of_request(connection, request_id) if request_id is not None else trace_id_of(trace_id or "")
        return self._label(Target("trace", name), FEEDBACK, label, author, None, connection)

    def _check_reason(self, connection: TenantConnection, project: str, label: NewLabel, required: bool) -> None:
        known = read_reasons(connection, project) or self._settings.of(project).reasons
        if label.reason is None:
            if required and label.thumb != UNKNOWN:
                raise ValidationFailedError(f"reason: is required; project {project!r} has {', '.join(known)}")
        elif label.reason not in known:
            raise ValidationFailedError(
                f"reason: {label.reason[:64]!r} is none of project {project!r}: {', '.join(known)}",
                "Add it with PUT /api/v1/projects/{project}/reasons, or send one of the list.",
            )

    def _undo(self, target: Target, author: str, connection: TenantConnection) -> dict[str, Any] | None:
        key, trace_id = _label_key(connection, target, author)
        kept = rows.undo_score(connection, key, self._now())
        bring_up_to_date(connection, trace_id, self._settings, self._now())
        return None if kept is None else score_view(kept)

    def _now(self) -> int:
        return self._store.now_ms()


def _require(connection: TenantConnection, target: Target) -> tuple[str, str | None]:
    if not target.id.isprintable():
        raise ValidationFailedError("target: an id has no control characters")
    name = span_id_of(target.id) if target.kind == "span" else target.id
    name = trace_id_of(target.id) if target.kind == "trace" else name
    trace_id = trace_id_of(target.trace_id) if target.trace_id else None
    return rows.require_target(connection, target.kind, name, trace_id)


def _label_key(connection: TenantConnection, target: Target, author: str) -> tuple[Row, str]:
    target_id, trace_id = _require(connection, target)
    assert trace_id is not None, "a span belongs to a turn"
    key = {"target_kind": target.kind, "target_id": target_id, "name": THUMB, "source": f"author:{author}"}
    return key, trace_id


def _history(target: Target, author: str, connection: TenantConnection) -> list[dict[str, Any]]:
    key, _ = _label_key(connection, target, author)
    return [revision_view(one) for one in rows.history(connection, key)]


def _row_of(given: NewScore, caller: str | None) -> Row:
    name = short_text(given.name, "name", 128)
    if name in _OWN:
        raise ValidationFailedError(
            f"name: {name!r} is the server's own; send labels to /spans/{{span_id}}/labels and clicks to /feedback"
        )
    version = None if given.evaluator_version is None else short_text(given.evaluator_version, "evaluator_version")
    author = None if version is not None and given.author is None else author_of(given.author, caller)
    if given.annotator_kind != "HUMAN" and version is None:
        raise ValidationFailedError("evaluator_version: is required of LLM and CODE; it tells two evaluators apart")
    drawn = given.inclusion_probability
    if drawn is not None and not 0.0 < drawn <= 1.0:
        raise ValidationFailedError("inclusion_probability: is above 0 and at most 1")
    value, label, detail = _typed(given)
    return {
        "name": name,
        "source": f"evaluator:{version}" if version is not None else f"author:{author}",
        "data_type": given.data_type,
        "value": value,
        "label": label,
        "reason": None,
        "explanation": note_bytes(given.explanation, privacy_mode=False),
        "annotator_kind": given.annotator_kind,
        "author": author,
        "evaluator_version": version,
        "inclusion_probability": drawn,
        "detail": detail,
    }


def _typed(given: NewScore) -> tuple[float | None, str | None, bytes | None]:
    """Value, label and detail of a score. Raises ValidationFailedError for a value of another type than it says."""
    value = given.value
    if value == UNKNOWN and isinstance(value, str):
        return None, UNKNOWN, None
    if given.data_type == "BOOLEAN" and isinstance(value, bool):
        return float(value), str(value).lower(), None
    if given.data_type == "NUMERIC" and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value) or abs(value) > 1e300:
            raise ValidationFailedError("value: is no finite number")
        return float(value), None, None
    if given.data_type == "CATEGORICAL" and isinstance(value, str):
        return None, short_text(value, "value"), None
    if given.data_type == "TEXT" and isinstance(value, str):
        if not 0 < len(value) <= TEXT_CHARACTERS:
            raise ValidationFailedError(f"value: has 1 to {TEXT_CHARACTERS} characters")
        return None, None, encode_json(redact_json({"text": value})[0])
    expected = {"BOOLEAN": "true or false", "NUMERIC": "a number"}.get(given.data_type, "a text")
    raise ValidationFailedError(f"value: of {given.data_type} is {expected}, or 'unknown'")
