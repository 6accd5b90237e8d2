"""Answers as frozen values. Each keeps the whole JSON in ``raw``: a newer server's fields are never lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, TypeVar

from groundlane.errors import UnexpectedAnswerError

Json = Mapping[str, Any]
FINISHED: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True, kw_only=True)
class Result:
    """Base: the JSON it was read from."""

    raw: Json = field(repr=False)


R = TypeVar("R", bound=Result)


def read(kind: type[R], document: object) -> R:
    """``kind`` from its JSON: fields by name, nested ones as their metadata says.

    Raises UnexpectedAnswerError where a field without a default is missing.
    """
    if not isinstance(document, dict):
        raise UnexpectedAnswerError(f"{kind.__name__}: the server sent {type(document).__name__}, not a JSON object")
    values: dict[str, Any] = {"raw": document}
    for spec in fields(kind):
        if spec.name == "raw":
            continue
        value = document.get(spec.name)
        if value is None:
            if spec.default is MISSING and spec.default_factory is MISSING:
                raise UnexpectedAnswerError(f"{kind.__name__}: the answer has no {spec.name!r}; is this Groundlane?")
            continue
        convert: Callable[[Any], Any] | None = spec.metadata.get("convert")
        values[spec.name] = convert(value) if convert else value
    return kind(**values)


def reader(kind: type[R]) -> Callable[[object], R]:
    """:func:`read` for one kind."""
    return lambda document: read(kind, document)


def _one(kind: type[Result]) -> dict[str, Any]:
    return {"convert": reader(kind)}


def _each(kind: type[Result]) -> dict[str, Any]:
    return {"convert": lambda items: tuple(read(kind, item) for item in items)}


_TUPLE: Final = {"convert": tuple}


@dataclass(frozen=True, kw_only=True)
class Claim(Result):
    """A claim of the response; ``response_text[char_start:char_end]`` is its text."""

    text: str
    char_start: int
    char_end: int
    verdict: str
    score: float | None = None
    citations: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    reasons: tuple[str, ...] = field(default=(), metadata=_TUPLE)
    source_value: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Score(Result):
    """Groundedness of a response: ``score`` in [0, 1], ``band`` green, amber, red or unknown.

    ``score`` is None where the server could not say; ``reason`` says why.
    """

    band: str
    request_id: str
    score: float | None = None
    primary_metric: str | None = None
    reason: str | None = None
    context_coverage_ratio: float | None = None
    context_usage_ratio: float | None = None
    claims: tuple[Claim, ...] = field(default=(), metadata=_each(Claim))
    unsupported_spans: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    warnings: tuple[str, ...] = field(default=(), metadata=_TUPLE)
    session_signals: Json | None = None
    next_session_state: Json | None = None
    outcome: str | None = None
    abstention: Json | None = None
    citation_checks: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    conflicts: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    language: str | None = None
    language_support: str | None = None
    versions: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Symbol(Result):
    """A name that generated code uses: defined, builtin, phantom, drift or unverifiable."""

    name: str
    status: str
    line: int | None = None
    reason: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, kw_only=True)
class CodeVerdict(Result):
    """What the code lane adds: grounded, phantom or cannot_tell, and the symbols it judged."""

    verdict: str
    phantom_probability: float | None = None
    symbols: tuple[Symbol, ...] = field(default=(), metadata=_each(Symbol))
    placements: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    libraries: Json | None = None


@dataclass(frozen=True, kw_only=True)
class CodeScore(Score):
    """A score of generated code. Pass ``next_session_state`` as the next turn's ``session_state``."""

    code_lane: CodeVerdict = field(metadata=_one(CodeVerdict))
    context_ref: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rollup(Result):
    """Many turns as one scoreboard; the ``_pct`` values are fractions in [0, 1]."""

    turns_processed: int
    noise_pct: float | None = None
    model_drift_pct: float | None = None
    retrieval_waste_pct: float | None = None
    reason_code_histogram: Json = field(default_factory=dict)
    recommendations: tuple[Any, ...] = field(default=(), metadata=_TUPLE)
    risk_band_trail: tuple[Any, ...] = field(default=(), metadata=_TUPLE)
    drift_trend: Json | None = None
    top_dead_files: tuple[Any, ...] = field(default=(), metadata=_TUPLE)
    versions: Json | None = None


@dataclass(frozen=True, kw_only=True)
class SessionView(Result):
    """A session as the server keeps it. Times are ISO 8601 in UTC."""

    session_id: str
    status: str
    kind: str | None = None
    metadata: Json = field(default_factory=dict)
    retention: str | None = None
    events: int = 0
    turns: int = 0
    created_at: str | None = None
    session_signals: Json | None = None


@dataclass(frozen=True, kw_only=True)
class KeptEvent(Result):
    """Where an event stands. ``duplicate``: its key had come before, and nothing was kept twice."""

    sequence: int
    source_id: str
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True)
class HotContext(Result):
    """The session's memory as text within ``budget_tokens``; every line names its source."""

    text: str
    tokens: int
    budget_tokens: int
    lines: tuple[Json, ...] = field(default=(), metadata=_TUPLE)


@dataclass(frozen=True, kw_only=True)
class SessionContext(Result):
    """The hot context, and how many items of memory are hot, warm and cold."""

    hot_context: HotContext = field(metadata=_one(HotContext))
    memory: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RepairPacket(Result):
    """Exact excerpts of the session's originals for the terms that were missing."""

    tokens: int
    excerpts: tuple[Json, ...] = field(default=(), metadata=_TUPLE)
    found: tuple[str, ...] = field(default=(), metadata=_TUPLE)
    not_found: tuple[str, ...] = field(default=(), metadata=_TUPLE)
    vector_search: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Repair(Result):
    """The answer to a request for repair."""

    repair_packet: RepairPacket = field(metadata=_one(RepairPacket))
    reason: str | None = None


def _read_score(document: object) -> Score:
    return read(CodeScore if isinstance(document, dict) and document.get("code_lane") else Score, document)


@dataclass(frozen=True, kw_only=True)
class Turn(Result):
    """A scored turn: the score (a :class:`CodeScore` on the code lane), the session after it, what it remembers.

    ``trigger`` and ``repair_packet`` are set where ``force_original_on_trigger`` led to something.
    """

    trace_response: Score = field(metadata={"convert": _read_score})
    session: SessionView = field(metadata=_one(SessionView))
    turn: int | None = None
    hot_context: HotContext | None = field(default=None, metadata=_one(HotContext))
    memory: Json = field(default_factory=dict)
    trigger: Json | None = None
    repair_packet: RepairPacket | None = field(default=None, metadata=_one(RepairPacket))


@dataclass(frozen=True, kw_only=True)
class Source(Result):
    """A redacted original."""

    source_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Chunk(Result):
    """A stored chunk."""

    chunk_id: str
    text: str | None = None
    source_id: str | None = None
    metadata: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Progress(Result):
    """Requests of a job: how many are done, failed, and there in all."""

    done: int = 0
    failed: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class Job(Result):
    """A job: QUEUED, IN_PROGRESS, COMPLETED, FAILED or CANCELLED."""

    job_id: str
    status: str
    tag: str | None = None
    progress: Progress | None = field(default=None, metadata=_one(Progress))
    output: Any = None
    error_code: str | None = None
    error_message: str | None = None
    created_at: str | None = None
    completed_at: str | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINISHED


@dataclass(frozen=True, kw_only=True)
class JobPage(Result):
    """A page of jobs, latest first."""

    jobs: tuple[Job, ...] = field(metadata=_each(Job))
    total: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobRow(Result):
    """The outcome of one request: ``index`` is its place; ``result`` is the answer, else ``error`` says what failed."""

    index: int
    status: str
    result: Json | None = None
    error: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class JobEvent:
    """One server-sent event of a job."""

    event: str
    data: Any
    event_id: str | None = None
