"""What a lane's answer tells a session, and how a request gets more premises. Pure functions on JSON values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring.attribution import PRIMARY_OWNER
from scoring.memory.repair import MAX_MISSING_TERMS, RepairPacket, missing_identifiers
from scoring.memory.terms import find_terms
from scoring.memory.types import HotContext, TurnFeedback
from scoring.types import Band
from serving.store.values import source_id_of

_ROLLUP_FIELDS: Final = (
    "score",
    "band",
    "context_coverage_ratio",
    "context_usage_ratio",
    "context_unused_ratio",
    "context_uncertain_ratio",
    "file_attribution",
    "reason_codes",
)
_TEXT_FIELDS: Final = ("raw_context",)
TRIGGER_BANDS: Final = (Band.AMBER, Band.RED)
HOT_CONTEXT_SOURCE: Final = "hot_context"


@dataclass(frozen=True)
class Trigger:
    """Why a turn gets a repair packet: ``reasons`` is empty when it does not, ``terms`` are to be looked up."""

    reasons: tuple[str, ...]
    terms: tuple[str, ...]


def summary_of(answer: Mapping[str, Any], request: Mapping[str, Any], timestamp: str) -> dict[str, Any]:
    """What is read of a stored turn later: its line in a rollup, and which sources it drew on."""
    line = {name: answer[name] for name in _ROLLUP_FIELDS if answer.get(name) is not None}
    return {"rollup": {**line, "timestamp": timestamp}, "cited": sorted(_cited_sources(answer, request))}


def feedback_of(summary: Mapping[str, Any], own_source: str) -> TurnFeedback:
    """What a stored turn says of the memory: sources it cited; its own text is not believed where it scored red."""
    red = summary["rollup"].get("band") == Band.RED.value
    return TurnFeedback(frozenset(summary["cited"]), frozenset({own_source} if red else ()))


def turn_sources(request: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """(source_id, content) of the texts that a turn brings into the vault: the response first, then its context."""
    texts = [request["response_text"], *_context_texts(request)]
    return list(dict((source_id_of(text), text.encode("utf-8")) for text in texts).items())


def find_trigger(request: Mapping[str, Any], answer: Mapping[str, Any], hot: HotContext) -> Trigger:
    """Amber or red, or an identifier that the hot context lacks; the terms are those missing there.

    Terms that the turn's own context holds are not looked up: the scorer has seen them.
    """
    band = Band(answer.get("band", Band.UNKNOWN))
    missing = missing_identifiers(request["response_text"], hot.text)
    reasons = [f"band_{band.value}"] if band in TRIGGER_BANDS else []
    reasons += ["missing_identifiers"] if missing else []
    unsupported = [claim["text"] for claim in answer.get("claims") or () if claim.get("verdict") != "supported"]
    wanted = dict.fromkeys([term.text for text in unsupported for term in find_terms(text)])
    terms = [term for term in dict.fromkeys([*wanted, *missing]) if term in wanted or term in missing]
    return Trigger(tuple(reasons), tuple(terms[:MAX_MISSING_TERMS]) if reasons else ())


def with_hot_context(request: Mapping[str, Any], hot: HotContext, as_files: bool = False) -> dict[str, Any]:
    """The request with the hot context among its premises."""
    return with_premises(request, [(HOT_CONTEXT_SOURCE, hot.text)] if hot.text else [], as_files)


def with_packet(request: Mapping[str, Any], packet: RepairPacket, as_files: bool = False) -> dict[str, Any]:
    """The request with the packet's excerpts among its premises, each under its source's name."""
    return with_premises(request, [(excerpt.source_id, excerpt.text) for excerpt in packet.excerpts], as_files)


def with_premises(
    request: Mapping[str, Any], premises: Sequence[tuple[str, str]], as_files: bool = False
) -> dict[str, Any]:
    """The request with texts added after its own, so that offsets into what was sent still hold.

    ``as_files``: under headings of their own, so that in the code lane they do not become part of the last file.
    """
    if not premises:
        return dict(request)
    if request.get("support_units"):
        added = [{"text": text, "source_id": name} for name, text in premises]
        return {**request, "support_units": [*request["support_units"], *added]}
    added_texts = [f"# file: {name}.txt\n{text}" if as_files else text for name, text in premises]
    texts = [text for text in (request.get("raw_context"), *added_texts) if text]
    return {**request, "raw_context": "\n\n".join(texts)}


def term_digests(texts: Iterable[str]) -> set[int]:
    """64-bit digests of terms, whatever their case: what the index of a session's vault is asked for."""
    return {
        int.from_bytes(hashlib.sha256(text.casefold().encode("utf-8", "replace")).digest()[:8], "big", signed=True)
        for text in texts
    }


def _context_texts(request: Mapping[str, Any]) -> list[str]:
    texts = [request[name] for name in _TEXT_FIELDS if request.get(name)]
    return texts + [unit["text"] for unit in request.get("support_units") or ()]


def _cited_sources(answer: Mapping[str, Any], request: Mapping[str, Any]) -> set[str]:
    """Vault names of what the turn drew on: what supported claims cite, and what owns most of a turn that is not red.

    By the unit's own name, by its text, or the whole context's.
    """
    units = request.get("support_units") or ()
    whole = source_id_of(request["raw_context"]) if request.get("raw_context") else None
    cited: set[str] = set()
    for claim in answer.get("claims") or ():
        if claim.get("verdict") != "supported":
            continue
        for citation in claim.get("citations") or ():
            index = citation.get("unit_index", -1)
            if citation.get("source_id"):
                cited.add(citation["source_id"])
            if 0 <= index < len(units):
                cited.add(source_id_of(units[index]["text"]))
            elif whole is not None:
                cited.add(whole)
    owners = _owners(answer)
    cited |= {source_id_of(unit["text"]) for unit in units if unit.get("source_id") in owners}
    return cited | owners | ({whole} if whole is not None and owners else set())


def _owners(answer: Mapping[str, Any]) -> set[str]:
    """The source that at least half of the response came from, if any; of a red turn that says nothing."""
    files = (answer.get("file_attribution") or {}).get("files") or ()
    if answer.get("band") == Band.RED.value:
        return set()
    return {file["path"] for file in files if PRIMARY_OWNER in (file.get("reason_codes") or ())}
