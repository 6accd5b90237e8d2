"""What the tools take and give. The descriptions are read by models: they become the tools' JSON schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from groundlane.results import Claim, CodeScore, Rollup, Score, SessionView, Symbol, Turn

Band = Literal["green", "amber", "red", "unknown"]
WRONG_STATUSES = ("phantom", "drift", "not_imported", "undeclared_import")


class Passage(BaseModel):
    """A text that the answer may rest on."""

    text: str = Field(min_length=1)
    source: str | None = Field(None, description="Its name or path; citations repeat it.")


class File(BaseModel):
    """A file of the project, as it is before the change."""

    path: str = Field(min_length=1, description="Path in the project, such as src/shop/cart.py.")
    content: str


class Evidence(BaseModel):
    """The text that a claim rests on."""

    text: str
    source: str | None = None


class ClaimVerdict(BaseModel):
    """A claim of the answer: ``answer[char_start:char_end]`` is its text."""

    text: str
    char_start: int
    char_end: int
    verdict: Literal["supported", "contradicted", "unsupported"]
    score: float | None = Field(None, description="Probability that the claim is grounded, 0 to 1.")
    context_says: str | None = Field(None, description="What stands in the context instead of the claim's value.")
    evidence: list[Evidence] = Field(default_factory=list)

    @classmethod
    def of(cls, claim: Claim) -> ClaimVerdict:
        """From the client's value."""
        return cls.model_validate(
            {
                "text": claim.text,
                "char_start": claim.char_start,
                "char_end": claim.char_end,
                "verdict": claim.verdict,
                "score": claim.score,
                "context_says": claim.source_value["text"] if claim.source_value else None,
                "evidence": [
                    {"text": one["text"], "source": one.get("source_id")} for one in claim.citations if "text" in one
                ],
            }
        )


class AnswerCheck(BaseModel):
    """Whether an answer is grounded in its context."""

    summary: str = Field(description="The result in one sentence.")
    band: Band = Field(description="green: grounded; red: not; amber: in doubt; unknown: could not be judged.")
    score: float | None = Field(None, description="Probability that the answer is grounded, 0 to 1.")
    reason: str | None = None
    outcome: str | None = Field(None, description="answered, abstained or no_claim.")
    claims: list[ClaimVerdict] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    request_id: str

    @classmethod
    def of(cls, score: Score) -> AnswerCheck:
        """From the client's value."""
        claims = [ClaimVerdict.of(claim) for claim in score.claims]
        return cls.model_validate(
            {
                "summary": _answer_summary(score.band, claims),
                "band": score.band,
                "score": score.score,
                "reason": score.reason,
                "outcome": score.outcome,
                "claims": claims,
                "warnings": list(score.warnings),
                "request_id": score.request_id,
            }
        )


class CodeFinding(BaseModel):
    """A name in the code that does not exist, or not so."""

    name: str
    kind: str | None = Field(None, description="import, function, method, attribute, type, keyword …")
    line: int | None = Field(None, description="Line of the code as it was sent, from 1.")
    status: Literal["phantom", "drift", "not_imported", "undeclared_import"] = Field(
        description="phantom: it does not exist; drift: it exists, but not with this signature or spelling."
    )
    reason: str | None = None
    suggestion: str | None = Field(None, description="The existing name that was probably meant.")
    defined_in: str | None = None

    @classmethod
    def of(cls, symbol: Symbol) -> CodeFinding:
        """From the client's value."""
        more = {name: symbol.raw.get(name) for name in ("kind", "defined_in")}
        fields = {name: getattr(symbol, name) for name in ("name", "line", "status", "reason", "suggestion")}
        return cls.model_validate(fields | more)


class CodeCheck(BaseModel):
    """Whether code calls what exists in the given files and in its language."""

    summary: str = Field(description="The result in one sentence.")
    verdict: Literal["grounded", "phantom", "cannot_tell"]
    band: Band
    score: float | None = None
    findings: list[CodeFinding] = Field(default_factory=list)
    names_checked: int = Field(description="How many uses of names were looked at.")
    names_unverifiable: int = Field(description="Of these, how many could be neither confirmed nor refuted.")
    edits_not_applicable: list[str] = Field(
        default_factory=list, description="Search/replace blocks or diffs whose old text is not in the file."
    )
    warnings: list[str] = Field(default_factory=list)
    request_id: str

    @classmethod
    def of(cls, score: CodeScore) -> CodeCheck:
        """From the client's value."""
        lane = score.code_lane
        findings = [CodeFinding.of(symbol) for symbol in lane.symbols if symbol.status in WRONG_STATUSES]
        return cls.model_validate(
            {
                "summary": _code_summary(lane.verdict, findings),
                "verdict": lane.verdict,
                "band": score.band,
                "score": score.score,
                "findings": findings,
                "names_checked": len(lane.symbols),
                "names_unverifiable": sum(symbol.status == "unverifiable" for symbol in lane.symbols),
                "edits_not_applicable": [
                    _not_applicable(one) for one in lane.placements if one.get("edit") == "edit_does_not_apply"
                ],
                "warnings": list(score.warnings),
                "request_id": score.request_id,
            }
        )


class SessionState(BaseModel):
    """A session as the server keeps it."""

    session_id: str
    status: str
    kind: str | None = None
    events: int = 0
    turns: int = 0
    retention: str | None = None

    @classmethod
    def of(cls, view: SessionView) -> SessionState:
        """From the client's value."""
        return cls.model_validate({name: getattr(view, name) for name in cls.model_fields})


class Kept(BaseModel):
    """Where an event stands; it is on the server's disk."""

    sequence: int
    source_id: str = Field(description="Names the event's text; session_source reads it back.")
    duplicate: bool = Field(description="Its idempotency key had come before; nothing was kept twice.")


class SessionTurn(BaseModel):
    """A scored turn: ``answer`` or ``code`` by the tool's lane."""

    session: SessionState
    turn: int | None = None
    recommendation: str | None = Field(None, description="continue, re_anchor or fresh_chat.")
    answer: AnswerCheck | None = None
    code: CodeCheck | None = None

    @classmethod
    def of(cls, turn: Turn) -> SessionTurn:
        """From the client's value."""
        score = turn.trace_response
        signals = score.session_signals or turn.session.session_signals or {}
        code = CodeCheck.of(score) if isinstance(score, CodeScore) else None
        return cls(
            session=SessionState.of(turn.session),
            turn=turn.turn,
            recommendation=signals.get("recommendation"),
            answer=AnswerCheck.of(score) if code is None else None,
            code=code,
        )


class Memory(BaseModel):
    """What the session remembers, within a budget of tokens."""

    text: str
    tokens: int
    budget_tokens: int


class Excerpt(BaseModel):
    """A piece of an original of the session."""

    text: str
    source_id: str | None = None


class Repair(BaseModel):
    """Exact excerpts of the session's originals for terms that the context lacks."""

    excerpts: list[Excerpt]
    found: list[str]
    not_found: list[str]
    tokens: int


class Original(BaseModel):
    """A text of the session, without secrets."""

    source_id: str
    text: str


class Scoreboard(BaseModel):
    """A session's turns in one view; the ``_pct`` values are fractions of 1."""

    turns_processed: int
    noise_pct: float | None = None
    model_drift_pct: float | None = None
    retrieval_waste_pct: float | None = None
    risk_band_trail: list[Any] = Field(default_factory=list)
    recommendations: list[Any] = Field(default_factory=list)

    @classmethod
    def of(cls, board: Rollup) -> Scoreboard:
        """From the client's value."""
        values = {name: getattr(board, name) for name in cls.model_fields}
        return cls.model_validate({name: list(one) if isinstance(one, tuple) else one for name, one in values.items()})


def _answer_summary(band: str, claims: list[ClaimVerdict]) -> str:
    bad = [claim for claim in claims if claim.verdict != "supported"]
    if not claims:
        return f"{band}: the answer makes no claim that could be checked."
    if not bad:
        return f"{band}: the context supports all {len(claims)} claims."
    first = next((claim for claim in bad if claim.verdict == "contradicted"), bad[0])
    says = f" (the context says: {first.context_says})" if first.context_says else ""
    return f"{band}: {len(bad)} of {len(claims)} claims not supported; first {first.verdict}: {first.text!r}{says}."


def _code_summary(verdict: str, findings: list[CodeFinding]) -> str:
    if not findings:
        said = "no name is missing" if verdict == "grounded" else "no name could be shown to be missing"
        return f"{verdict}: {said}."
    first = findings[0]
    place = "" if first.line is None else f" in line {first.line}"
    hint = f"; did you mean {first.suggestion}?" if first.suggestion else "."
    return f"{verdict}: {len(findings)} finding(s); {first.name}{place}: {first.reason or first.status}{hint}"


def _not_applicable(placement: Mapping[str, Any]) -> str:
    nearest = placement.get("nearest") or {}
    where = f"; the most similar line is {nearest['line']}: {nearest['text']}" if nearest else ""
    return f"{placement.get('path') or 'no file'} does not have the text that the edit replaces{where}"
