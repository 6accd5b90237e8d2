"""One target for each parser and each decoder: what it is fed, and what must hold of any answer.

A target takes one input and returns; whatever it raises is a finding, but for the errors that its contract names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
from hypothesis import strategies as st

from groundlane.errors import UnexpectedAnswerError, error_from, parse_retry_after_s
from groundlane.hook.payload import PayloadError, read_payload
from groundlane.streams import EventParser, next_page, parse_row
from parsers.blocks.context_files import split_context
from parsers.blocks.diffs import find_replacements
from parsers.blocks.fences import find_code, find_fences
from parsers.blocks.manifests import read_manifests
from parsers.blocks.prose import mentions, named_paths, plain_names, prose_spans
from parsers.project.library import read_parameters
from parsers.syntax.languages import LANGUAGES
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source
from parsers.values.literals import extract_literals
from parsers.values.markup import decode_references
from parsers.values.quantities import extract_quantities, parse_quantity
from parsers.values.records import cells_of_trees, find_key_values, find_trees
from parsers.values.structured import parse_structured
from parsers.values.tables import parse_csv, parse_html, parse_markdown
from scoring.rag.citation_marks import citation_marks, without_marks
from scoring.rag.language import detect_language
from scoring.segmentation import split_claims
from scoring.session.codec import from_json, to_json
from scoring.session.types import SessionStateError
from serving.api.config_errors import ConfigError
from serving.api.errors import ApiError, ValidationFailedError
from serving.api.lane_types import LaneInput
from serving.api.schemas import CodeRequest, RagRequest, RollupRequest, parse_body
from serving.audit.reading import normal
from serving.auth.keys import KeyFile
from serving.config.load import parse_config
from serving.evals.imports import import_cases
from serving.http.tracing import TraceContext
from serving.lanes.text_steps import TextSteps
from serving.libraries.archives import ArchiveError, read_archive
from serving.redaction.patterns import redact, redact_json
from serving.traces.mapping import to_span
from serving.traces.otlp import decode_json, decode_protobuf
from serving.traces.plain import read_plain
from tests.fuzz.inputs import (
    CODE,
    MANIFESTS,
    PROSE,
    RECORDS,
    SECRETS,
    TABLES,
    VALUES,
    json_bytes_of,
    json_like,
    text_of,
)

_NOW_US: Final = 1_790_000_000_000_000
_LIMITS: Final = ParseLimits(deadline_s=5.0)


@dataclass(frozen=True)
class Target:
    """``steps_per_character``: calls of functions that a character of the input may cost, beyond a fixed share."""

    name: str
    inputs: st.SearchStrategy[Any]
    run: Callable[[Any], None]
    steps_per_character: int = 500


def _spans(spans: Iterable[tuple[int, int]], text: str) -> None:
    for start, end in spans:
        assert 0 <= start <= end <= len(text), (start, end, len(text))


def _literals(text: str) -> None:
    found = extract_literals(text)
    _spans((one.span for one in found), text)


def _quantities(text: str) -> None:
    extract_quantities(text)
    parse_quantity(text)


def _references(text: str) -> None:
    decoded = decode_references(text)
    assert "\x00" in text or "\x00" not in decoded.text


def _records(text: str) -> None:
    trees, _ = find_trees(text)
    cells_of_trees(trees)
    find_key_values(text)


def _tables(text: str) -> None:
    for parse in (parse_csv, parse_markdown, parse_html):
        parse(text)


def _structured(text: str) -> None:
    for kind in (None, "application/json", "text/csv", "text/markdown", "text/html"):
        parse_structured(text, kind)


def _blocks(text: str) -> None:
    code = find_code(text)
    for block in code:
        _spans(((one.response, one.response + one.length) for one in block.segments), text)
    spans = prose_spans(text, code)
    _spans(spans, text)
    for read in (mentions, plain_names, named_paths):
        list(read(text, spans))
    find_fences(text)
    find_replacements(text, None)


def _context_files(text: str) -> None:
    for file in split_context(text):
        assert text[file.char_start : file.char_start + len(file.text)] == file.text


def _manifests(text: str) -> None:
    names = ("pyproject.toml", "requirements.txt", "package.json", "go.mod", "Cargo.toml", "setup.cfg", "setup.py")
    read_manifests([(name, text) for name in names])


def _source(language: str) -> Callable[[str], None]:
    def run(text: str) -> None:
        found = parse_source(text, language, limits=_LIMITS)
        for one in found.definitions:
            assert text[slice(*one.span)] == one.name
        _spans(found.errors, text)

    return run


def _reading(texts: tuple[str, str, str | None]) -> None:
    answer, context, question = texts
    request = LaneInput("r", "t", answer, question, context)
    steps = TextSteps({"none": None}, 8_192)
    marks, plain = steps.plain(request)
    assert len(plain.response_text) == len(answer)
    _spans((mark.span for mark in marks if hasattr(mark, "span")), answer)
    units, claims = steps.cut(plain, "none", (), None)
    for claim in claims:
        assert plain.response_text[claim.char_start : claim.char_end] == claim.text
    steps.facts(plain, units, claims, True)


def _sentences(text: str) -> None:
    for claim in split_claims(text, atomic=True):
        assert text[claim.char_start : claim.char_end] == claim.text
    assert len(without_marks(text, citation_marks(text))) == len(text)
    detect_language(text)


def _redacted(text: str) -> None:
    for privacy in (False, True):
        once = redact(text, privacy_mode=privacy).text
        assert redact(once, privacy_mode=privacy).text == once


def _redacted_json(document: Any) -> None:
    cleaned, _ = redact_json(document, privacy_mode=True)
    orjson.dumps(cleaned)


def _bodies(body: bytes) -> None:
    for schema in (RagRequest, CodeRequest, RollupRequest):
        with suppress(ValidationFailedError):
            parse_body(schema, body)


def _otlp(decode: Callable[[bytes, int], Any]) -> Callable[[bytes], None]:
    def run(body: bytes) -> None:
        try:
            decoded = decode(body, _NOW_US)
        except ValidationFailedError:
            return
        for raw in decoded.spans:
            to_span(raw)

    return run


def _plain_traces(document: Any) -> None:
    with suppress(ValidationFailedError):
        read_plain(document, _NOW_US)


def _cases(given: tuple[str, bytes]) -> None:
    suffix, body = given
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"cases{suffix}"
        path.write_bytes(body)
        with suppress(ApiError, ConfigError):
            import_cases(path)


def _session_state(document: Any) -> None:
    with suppress(SessionStateError):
        state, _ = from_json(document)
        assert from_json(to_json(state))[0] == state


def _keys(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        path.write_bytes(body)
        with suppress(ConfigError):
            KeyFile(path).read()


def _configuration(document: Any) -> None:
    with suppress(ConfigError):
        parse_config(document if isinstance(document, dict) else {"limits": document}, environment={})


def _trace_headers(headers: tuple[str, str]) -> None:
    found = TraceContext.from_headers(*headers)
    assert TraceContext.from_headers(found.traceparent).trace_id == found.trace_id


def _client_rows(text: str) -> None:
    parser = EventParser()
    for line in text.split("\n"):
        with suppress(UnexpectedAnswerError):
            parse_row(line)
        with suppress(UnexpectedAnswerError):
            next_page(line)
        with suppress(UnexpectedAnswerError):
            parser.feed(line)


def _client_errors(given: tuple[int, bytes, str]) -> None:
    status, body, retry_after = given
    error_from(httpx.Response(status, content=body))
    waited_s = parse_retry_after_s(retry_after)
    assert waited_s is None or waited_s >= 0


def _hook(text: str) -> None:
    with suppress(PayloadError):
        read_payload(text)


def _archives(given: tuple[str, bytes]) -> None:
    suffix, body = given
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"package-1.0{suffix}"
        path.write_bytes(body)
        with suppress(ArchiveError):
            read_archive(path, lambda _: True)


def _zip_bytes() -> st.SearchStrategy[bytes]:
    pieces = [
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x00" * 18,
        b"\x14\x00",
        b"a.py",
        b"../x",
        b"\xff\xff\xff\xff",
        b"\x1f\x8b\x08",
    ]
    return st.lists(st.one_of(st.sampled_from(pieces), st.binary(max_size=12)), max_size=20).map(b"".join)


def _protobuf_bytes() -> st.SearchStrategy[bytes]:
    """Fields of lengths that may fit: tag, length, content, nested."""
    leaf = st.one_of(st.binary(max_size=20), st.just(b"\x01" * 16), st.just(b"\x02" * 8))
    field = st.builds(
        lambda number, content: bytes([number << 3 | 2, len(content) & 0x7F]) + content, st.integers(1, 15), leaf
    )
    nested = st.recursive(
        field,
        lambda inner: st.builds(
            lambda number, parts: bytes([number << 3 | 2, len(b"".join(parts)) & 0x7F]) + b"".join(parts),
            st.integers(1, 15),
            st.lists(inner, max_size=4),
        ),
        max_leaves=12,
    )
    return st.lists(nested, max_size=4).map(b"".join)


_OTLP_NAMES = (
    "resourceSpans scopeSpans spans resource attributes key value stringValue intValue doubleValue boolValue arrayValue values "
    "kvlistValue traceId spanId parentSpanId name startTimeUnixNano endTimeUnixNano status code events links bytesValue"
).split()
_OTLP_VALUES = [
    "0102030405060708090a0b0c0d0e0f10",
    "0102030405060708",
    "1790000000000000000",
    "gen_ai.system",
    "input.value",
    "1e400",
]
_LANE_NAMES = (
    "response_text raw_context query_text support_units text source_id metadata chunk_ids model request_id session_id profile "
    "turns band score verification_samples primary_metric content_type session_state"
).split()
_LANE_VALUES: list[Any] = ["Paris is in France.", "standard", "green", "reverse_context", 0.5, "application/json"]
_TRACE_NAMES = (
    "traces spans trace_id span_id parent_id kind name input output start_time end_time messages role content documents "
    "retrieval tokens model error tags metadata call_type startTime response endTime session_id conversation_id"
).split()
_TRACE_VALUES: list[Any] = ["llm", "retriever", "user", "2026-01-01T00:00:00Z", 1_790_000_000.5, "a" * 32]
_CASE_NAMES = (
    "input ideal tests prompts defaultTest vars assert type value threshold description task_id input_messages graders kind text "
    "reference_answer messages role content pattern question"
).split()
_CASE_VALUES: list[Any] = ["contains", "regex", "(", "[a-z]+", "latency", "user", "{{question}}", "a"]
_STATE_NAMES = (
    "version total_turns bands trail files path last_seen mean m2 count streak reason_streaks half_life_turns score red_streak"
).split()
_KEY_NAMES = "format keys key_id tenant name sha256 created_at revoked_at requests_per_minute".split()
_CONFIG_NAMES = (
    "limits server store auth encoders verifier lanes bands audit observability url port host permits rag source name "
    "body_bytes deadline_s profile data_dir dtype device"
).split()
_AUDIT_NAMES = (
    "v t ts id tenant lane band score reason_codes system decision status latency_ms versions group labels".split()
)

_TARGETS: Final = (
    Target("literals", text_of(VALUES), _literals),
    Target("quantities", text_of(VALUES), _quantities),
    Target("references", text_of(TABLES), _references),
    Target("records", text_of(RECORDS), _records),
    Target("tables", text_of(TABLES), _tables),
    Target("structured", text_of(TABLES + RECORDS), _structured, 2_000),
    Target("blocks", text_of(CODE + PROSE), _blocks),
    Target("context-files", text_of(CODE), _context_files),
    Target("manifests", text_of(MANIFESTS + RECORDS), _manifests, 2_000),
    Target("parameters", text_of([",", "*", "/", "**", "=", "a", "b="]), lambda text: void(read_parameters(text))),
    *(Target(f"source-{name}", text_of(CODE, 25), _source(name), 20_000) for name in LANGUAGES),
    Target(
        "reading",
        st.tuples(text_of(PROSE + VALUES, 15), text_of(PROSE + VALUES + TABLES, 25), st.none() | text_of(PROSE, 4)),
        _reading,
        20_000,
    ),
    Target("sentences", text_of(PROSE + VALUES), _sentences, 1_000),
    Target("redaction", text_of(SECRETS), _redacted, 1_000),
    Target(
        "redaction-json",
        json_like(["password", "token", "content", "a"], ["ghp_" + "a" * 36, "hunter2"]),
        _redacted_json,
        5_000,
    ),
    Target("bodies", json_bytes_of(_LANE_NAMES, _LANE_VALUES), _bodies, 5_000),
    Target("otlp-json", json_bytes_of(_OTLP_NAMES, _OTLP_VALUES), _otlp(decode_json), 5_000),
    Target("otlp-protobuf", _protobuf_bytes(), _otlp(decode_protobuf), 5_000),
    Target("plain-traces", json_like(_TRACE_NAMES, _TRACE_VALUES), _plain_traces, 5_000),
    Target(
        "cases",
        st.tuples(st.sampled_from([".yaml", ".jsonl"]), json_bytes_of(_CASE_NAMES, _CASE_VALUES)),
        _cases,
        20_000,
    ),
    Target("session-state", json_like(_STATE_NAMES, [1, 2, 0.5, "green"]), _session_state, 5_000),
    Target("keys-file", json_bytes_of(_KEY_NAMES, [1, "acme", "2026-01-01T00:00:00Z"]), _keys, 5_000),
    Target(
        "configuration",
        json_like(_CONFIG_NAMES, [1, 0.5, "minilm", "laptop", "gpu", "/tmp/x", "cpu"]),
        _configuration,
        20_000,
    ),
    Target("audit-lines", json_bytes_of(_AUDIT_NAMES, ["green", "rag", 1, 0.5]), lambda raw: void(normal(raw)), 5_000),
    Target(
        "trace-headers",
        st.tuples(
            text_of(["00-", "0" * 32, "a" * 32, "-", "b" * 16, "01", "ff", "=", ","], 8),
            text_of(["a=b", ",", "=", "x@y="], 8),
        ),
        _trace_headers,
    ),
    Target(
        "client-rows",
        text_of([*RECORDS, "data: ", "event: ", "id: ", '{"next_after": 3}', '{"index": 0}'], 20),
        _client_rows,
        1_000,
    ),
    Target(
        "client-errors",
        st.tuples(
            st.integers(400, 599),
            json_bytes_of(["error", "message", "hint", "request_id", "success"], ["timeout", False]),
            text_of(["1", "Wed, 21 Oct 2015 07:28:00 GMT", "-", "e9", "nan"], 4),
        ),
        _client_errors,
        5_000,
    ),
    Target(
        "hook-payload",
        text_of(
            [*RECORDS, '"tool_name"', '"tool_input"', '"file_path"', '"new_string"', '"edits"', '"command"', *CODE], 20
        )
        | json_like(
            ["tool_name", "tool_input", "file_path", "content", "edits", "new_string", "old_string", "cwd", "patch"],
            ["Edit", "Write", "a.py"],
        ).map(lambda one: orjson.dumps(one).decode()),
        _hook,
        2_000,
    ),
    Target("archives", st.tuples(st.sampled_from([".whl", ".tar.gz", ".zip"]), _zip_bytes()), _archives, 5_000),
)


def void(_: object) -> None:
    """For a parser of whose answer nothing is known but that there is one."""


TARGETS: Final = {target.name: target for target in _TARGETS}
