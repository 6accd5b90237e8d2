"""Requests to score again: bodies of lane requests, or review texts. Texts stay in these rows; reports have their hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from serving.api.errors import ValidationFailedError
from serving.audit.line import pseudonym, request_pseudonym
from serving.audit.reading import MOST_LINE_BYTES

LANES: Final = ("rag", "code")
_BESIDE: Final = frozenset({"lane", "hallucinated", "grounded", "return_job", "async"})
"""What may stand beside a request's fields: which lane, and whether a person says it is grounded."""


@dataclass(frozen=True)
class ReplayRow:
    """One request. ``grounded``: a person's label, None without one. ``cluster``: requests on the same passages share it."""

    request: str
    lane: str
    body: bytes
    cluster: str
    grounded: bool | None = None

    @property
    def texts(self) -> tuple[str, list[str]]:
        """The response and its passages."""
        value = orjson.loads(self.body)
        passages = [unit.get("text", "") for unit in value.get("support_units") or ()]
        return value.get("response_text", ""), [*passages, value.get("raw_context") or ""]


@dataclass
class LeftOut:
    """Rows that are not scored again, by why."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, why: str) -> None:
        """Count one."""
        self.counts[why] = self.counts.get(why, 0) + 1


def read_requests(files: Sequence[Path], limit: int, left_out: LeftOut) -> tuple[ReplayRow, ...]:
    """At most ``limit`` rows of JSON lines, in their order. Raises ValidationFailedError naming a malformed line."""
    found: list[ReplayRow] = []
    for where, value in _values(files):
        row = _row(value, where, left_out)
        if row is None:
            continue
        if len(found) >= limit:
            left_out.add("past the limit")
            continue
        found.append(row)
    return tuple(found)


def _values(files: Sequence[Path]) -> Iterator[tuple[str, Any]]:
    for path in files:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if raw.isspace():
                    continue
                where = f"{path.name} line {number}"
                if len(raw) > MOST_LINE_BYTES:
                    raise ValidationFailedError(f"{where}: has more than {MOST_LINE_BYTES} bytes")
                try:
                    yield where, orjson.loads(raw)
                except orjson.JSONDecodeError as error:
                    raise ValidationFailedError(f"{where}: not JSON: {error}") from None


def _row(value: Any, where: str, left_out: LeftOut) -> ReplayRow | None:
    if not isinstance(value, dict):
        raise ValidationFailedError(f"{where}: a line is the body of a lane request, or a review text")
    if isinstance(value.get("body"), dict):  # a review text
        if value.get("cut"):
            left_out.add("cut")
            return None
        return _made(value["body"], str(value.get("request")), value.get("lane") or "rag", _label(value), left_out)
    body = {name: item for name, item in value.items() if name not in _BESIDE}
    if not isinstance(body.get("response_text"), str):
        raise ValidationFailedError(f"{where}: has no response_text; a line is the body of a lane request")
    given = body.get("request_id")
    name = request_pseudonym("local", str(given)) if given is not None else pseudonym(orjson.dumps(body).decode())
    return _made(body, name, value.get("lane") or "rag", _label(value), left_out)


def _made(
    body: Mapping[str, Any], request: str, lane: str, grounded: bool | None, left_out: LeftOut
) -> ReplayRow | None:
    if lane not in LANES:
        left_out.add("of another lane")
        return None
    if body.get("chunk_ids"):
        left_out.add("on stored chunks")
        return None
    passages = [unit.get("text") for unit in body.get("support_units") or ()] + [body.get("raw_context")]
    cluster = pseudonym(*(str(passage) for passage in passages))
    return ReplayRow(request, lane, orjson.dumps(body), cluster, grounded)


def _label(value: Mapping[str, Any]) -> bool | None:
    if isinstance(value.get("grounded"), bool):
        return bool(value["grounded"])
    return not value["hallucinated"] if isinstance(value.get("hallucinated"), bool) else None
