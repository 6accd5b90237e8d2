"""What can be read off a request's texts without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.lexical import ContextWords
from scoring.rag.careful_reading import Reading, read_claims
from scoring.rag.language import detect_language
from scoring.rag.literals import literal_report
from scoring.rag.outcome import AnswerKind, Outcome, answer_kind
from scoring.rag.structured import StructuredEvidence, StructuredIndex
from scoring.types import Claim, SupportUnit
from serving.api.lane_types import LaneInput
from serving.lanes.context_facts import ContextReader


@dataclass(frozen=True)
class TextFacts:
    """Facts about one response and its premises. ``table``: some premise is a table or a record."""

    words: ContextWords
    reading: Reading
    kind: AnswerKind
    language: str
    cells: tuple[StructuredEvidence | None, ...]
    warnings: tuple[str, ...]
    table: bool


def text_facts(
    reader: ContextReader, request: LaneInput, units: Sequence[SupportUnit], claims: Sequence[Claim], whole: bool
) -> TextFacts:
    """What can be read off the texts without a model. ``whole``: the claims are all that the response says."""
    texts = [unit.text for unit in units]
    candidates = [request.raw_context] if request.raw_context else texts
    speakers = [unit.speaker for unit in units]
    context = reader.read(request.tenant, texts, candidates, request.content_type, speakers)
    index = StructuredIndex(context.sources) if context.sources and claims else None
    cells = tuple(None if index is None else index.check(claim.text) for claim in claims)
    warnings = tuple(warning for source in context.sources for warning in source.warnings)
    report = literal_report(request.response_text, context.literals)
    kind = answer_kind(claims, request.query_text, units) if whole else AnswerKind(Outcome.ANSWERED)
    language = detect_language(request.response_text)
    reading = read_claims(request.response_text, claims, report, context.source, kind, request.query_text, language)
    return TextFacts(context.words, reading, kind, language, cells, warnings, table=bool(context.sources))
