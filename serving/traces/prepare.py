"""From a call in our terms to what the store keeps: redacted first, then named, measured and encoded."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

import orjson

from serving.config.traces import TraceSettings
from serving.redaction.patterns import Redaction, redact, redact_json
from serving.store.trace_records import NewSpan
from serving.store.trace_schema import NAME_CHARACTERS, NAMED
from serving.store.trace_totals import facet, join_facets
from serving.traces.bodies import encode_body
from serving.traces.content import last_text
from serving.traces.span import Span

DEFAULT_PROJECT: Final = "default"
PREVIEW_CHARACTERS: Final = 400
"""What a list shows of a question and an answer; the whole lies in the body."""
ERROR_CHARACTERS: Final = 512

_REMEMBERED: Final = 65_536
_SHORT: Final = 48
"""Names of attributes, models and kinds are no longer; those that need nothing are known as they are, without a digest."""
_REMEMBERED_SHORT: Final = 8_192
_LEAST_SECRET: Final = 6
"""Characters of the shortest text that any rule finds something in: ``a@b.cc``."""
_TALKING: Final = ("llm", "agent", "chain")
"""Kinds of call whose input may be the user's question and whose output his answer."""
_METERED: Final = ("llm", "embedding", "reranker")
"""Kinds whose tokens and cost count: an agent's are the sum of its calls' and would count twice."""
_ROOT_RANK: Final = 2**61
_CHAIN_RANK: Final = 2**59
_LLM_RANK: Final = 2**55

FACETS: Final[Mapping[str, str]] = {
    "requested_model": "model",
    "selected_model": "model",
    "provider": "provider",
    "route_id": "route",
    "segment": "segment",
    "task_hint": "task",
    "config_hash": "config",
    "experiment_name": "experiment",
    "prompt_version": "prompt",
    "knowledge_version": "knowledge",
    "surface": "surface",
}
"""Columns that a list of conversations is filtered by, and the filter's name."""


class Cleaner:
    """Redacts texts and remembers, by digest, which need nothing: calls of one turn say the same things again and again.

    Bounded; holds no text that had a secret in it, only what became of it.
    """

    def __init__(self, privacy_mode: bool) -> None:
        self._privacy_mode = privacy_mode
        self._known: OrderedDict[bytes, Redaction | None] = OrderedDict()
        self._plain: set[str] = set()
        self._lock = Lock()

    def text(self, text: str) -> Redaction:
        """As :func:`serving.redaction.patterns.redact`."""
        if len(text) < _LEAST_SECRET or text in self._plain:
            return Redaction(text)
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key] or Redaction(text)
        done = redact(text, privacy_mode=self._privacy_mode)
        with self._lock:
            if len(text) <= _SHORT and done.text == text and len(self._plain) < _REMEMBERED_SHORT:
                self._plain.add(text)
                return done
            self._known[key] = None if done.text == text else done
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return done

    def value(self, value: Any) -> Any:
        """A JSON value without its secrets. Raises ValueError past 64 levels."""
        return redact_json(value, clean=self.text)[0]


class Preparer:
    """Turns calls into rows by their project's settings."""

    def __init__(self, settings: TraceSettings) -> None:
        self._settings = settings
        self._cleaners = {mode: Cleaner(mode) for mode in (False, True)}

    def prepare(self, span: Span, project: str | None = None) -> NewSpan:
        """The call as it is kept. ``project``: where the call names none. Raises ValueError for one that has no JSON."""
        name = span.project or project or DEFAULT_PROJECT
        name = DEFAULT_PROJECT if name.startswith("unknown_service") else name
        settings = self._settings.of(name)
        clean = self._cleaners[settings.privacy_mode]
        names = {key: _short(clean.text(value).text) for key, value in span.names.items()}
        tags = [_short(clean.text(tag).text) for tag in span.tags[:32]]
        error = _printable(clean.text(span.error).text)[:ERROR_CHARACTERS] if span.error is not None else None
        contents = {} if settings.metadata_only else _contents(span, clean)
        conversation = clean.text(span.conversation_id).text if span.conversation_id else None
        return NewSpan(
            trace_id=span.trace_id,
            span_id=span.span_id,
            columns=_columns(span, names, tags, error, _short(name)),
            bodies={role: encode_body(value) for role, value in contents.items()},
            call=_call(span, contents, _facets(span, names, tags)),
            project=_short(name),
            text=_searchable(span, contents),
            conversation_id=_identifier(conversation) if conversation else None,
            request_id=names.get("request_id"),
        )


def _contents(span: Span, clean: Cleaner) -> dict[str, Any]:
    given = {
        "input": span.input,
        "output": span.output,
        "documents": None if span.retrieval is None else span.retrieval.to_json(),
        "rest": dict(span.rest) or None,
    }
    return {role: clean.value(value) for role, value in given.items() if value is not None}


def _columns(span: Span, names: Mapping[str, str], tags: list[str], error: str | None, project: str) -> dict[str, Any]:
    return {
        **{name: names.get(name) for name in NAMED},
        "project": project,
        "parent_id": span.parent_id[:16] if span.parent_id else None,
        "kind": span.kind,
        "tags": orjson.dumps(tags) if tags else None,
        "error": error,
        "status": "ok" if error is None else "error",
        "input_tokens": span.tokens.get("input"),
        "output_tokens": span.tokens.get("output"),
        "tokens": orjson.dumps(dict(span.tokens)) if span.tokens else None,
        "charge_usd": span.charge_usd,
        "started_us": span.started_us,
        "ended_us": span.ended_us,
        "hit_count": None if span.retrieval is None else len(span.retrieval.results),
    }


def _call(span: Span, contents: Mapping[str, Any], facets: str) -> dict[str, Any]:
    """What the call adds to its turn: the root's question and answer are the turn's, without a root the model's last."""
    metered = span.kind in _METERED
    talking = span.kind in _TALKING
    root = span.parent_id is None and talking
    model = span.kind == "llm"
    question = last_text(contents.get("input"), ("user",)) if talking else ""
    answer = last_text(contents.get("output"), ("assistant",)) if talking else ""
    return {
        "span_id": span.span_id,
        "spans": 1,
        "errors": int(span.error is not None),
        "input_tokens": span.tokens.get("input", 0) if metered else 0,
        "output_tokens": span.tokens.get("output", 0) if metered else 0,
        "charge_usd": (span.charge_usd or 0.0) if metered else 0.0,
        "started_ms": span.started_us // 1000,
        "ended_ms": span.ended_us // 1000,
        "question": question[:PREVIEW_CHARACTERS].encode("utf-8", "replace"),
        "question_rank": _ROOT_RANK if root else (_LLM_RANK if model else _CHAIN_RANK) - span.started_us,
        "answer": answer[:PREVIEW_CHARACTERS].encode("utf-8", "replace"),
        "answer_rank": _ROOT_RANK if root else (_LLM_RANK if model else 0) + span.ended_us,
        "facets": facets,
    }


def _facets(span: Span, names: Mapping[str, str], tags: list[str]) -> str:
    found = [facet(filter_name, names[column]) for column, filter_name in FACETS.items() if names.get(column)]
    found += [facet("tag", tag) for tag in tags]
    found += ["status=error"] if span.error is not None else []
    return join_facets("\n".join(found))


def _searchable(span: Span, contents: Mapping[str, Any]) -> str:
    if span.kind not in _TALKING:
        return ""
    said = (last_text(contents.get("input"), ("user",)), last_text(contents.get("output"), ("assistant",)))
    return "\n".join(filter(None, said))


def _short(text: str) -> str:
    """A text that fits its column, without control characters, which PostgreSQL's text has not all of."""
    return _printable(text)[:NAME_CHARACTERS]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _identifier(text: str) -> str:
    """A conversation's name: itself where it fits the column and an address, else a digest of it."""
    if len(text) <= NAME_CHARACTERS and text.isprintable() and text == text.strip():
        return text
    return "c_" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
