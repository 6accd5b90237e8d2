"""What a judged name is reported as: the finding, its kind, its owner, the name that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from parsers.inference import Inference
from parsers.project.budget import UNJUDGED
from parsers.project.entities import ClassEntity, ClassValue, Instance, ModuleEntity, ModuleValue, Symbol, Value
from parsers.project.module_builder import FileModule
from parsers.project.project import ResponseProject
from parsers.project.suggestions import NEAR, NameTable, best_match, edit_distance
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.syntax.types import Import, ParseResult, Reference, ReferenceKind, Span

__all__ = [
    "CALLS",
    "TYPES",
    "Universe",
    "Verdicts",
    "is_library",
    "known_status",
    "not_judged",
    "owner_name",
    "owner_of",
    "unjudged",
]

CALLS = {ReferenceKind.CALL, ReferenceKind.INSTANTIATION}
TYPES = {ReferenceKind.TYPE, ReferenceKind.INSTANTIATION}
_IGNORED_LINE = re.compile(
    r"#\s*(?:type|pyright):\s*ignore(?!\[)|@ts-ignore|@ts-expect-error|eslint-disable"
    r"|ignore\[[\w, -]*(?:attr|name-def|call|import|union|misc|override|index)"
)
_TINY_EDIT = 2


@dataclass(frozen=True)
class Universe:
    """All names that the library, the context or the response gives to anything."""

    parts: tuple[Container[str], ...]

    def __contains__(self, name: str) -> bool:
        return any(name in part for part in self.parts)


class Verdicts:
    """What the rules of one response share, and how their findings are written.

    ``block`` and ``text`` are those under judgement; ``on_self`` collects names that receivers seem to lack, by their class.
    """

    block: FileModule
    text: str
    on_self: dict[int, dict[Span, str]]

    def __init__(self, project: ResponseProject, family: str, texts: Sequence[str]) -> None:
        self.project = project
        self.family = family
        self.texts = texts
        self.inference = Inference(project, family)
        self.universe = Universe(
            (project.library.member_names(), project.index.names, project.top_level, project.members)
        )
        self.bare_names: dict[tuple[int, bool], NameTable] = {}
        self.bound_inside: dict[int, frozenset[str]] = {}
        self.gaps: dict[int, set[str]] = {}
        self.near_constants: dict[int, set[str]] = {}
        self.own_members: dict[int, frozenset[str]] = {}
        self.foreign_names: dict[int, frozenset[str]] = {}
        self.uses: dict[int, dict[tuple[object, ...], frozenset[str]]] = {}
        self.stored = {
            reference.chain[-1] for block in project.blocks for reference in block.parse.references if reference.store
        }

    def _kind(self, reference: Reference, last: bool, values: tuple[Value, ...] | None) -> FindingKind:
        if not last:
            return FindingKind.ATTRIBUTE
        if reference.kind in TYPES:
            return FindingKind.TYPE
        if reference.kind not in CALLS and reference.kind is not ReferenceKind.DECORATOR:
            return (
                FindingKind.ATTRIBUTE
                if len(reference.chain) > 1
                else FindingKind.FUNCTION
                if reference.kind is not ReferenceKind.NAME
                else FindingKind.ATTRIBUTE
            )
        if len(reference.chain) == 1 or (values and all(isinstance(value, ModuleValue) for value in values)):
            return FindingKind.FUNCTION
        return FindingKind.METHOD

    def _member_names(self, value: Value) -> Iterable[str]:
        if isinstance(value, ModuleValue):
            return value.module.all_names()
        if isinstance(value, Instance | ClassValue):
            ancestors, _ = self.inference.mro(value.entity)
            return (name for owner in ancestors for table in (owner.members, owner.statics or {}) for name in table)
        return ()

    def _absent(
        self,
        name: str,
        kind: FindingKind,
        span: Span,
        line: int,
        owner: ModuleEntity | ClassEntity | None,
        candidates: Iterable[str],
    ) -> Finding:
        if self._ignored(span):
            return self._unverifiable(name, kind, span, line, "the line asks checkers to ignore it")
        names = set(candidates)
        suggestion, score = best_match(name, names, least=0.0)
        guessed = isinstance(owner, ModuleEntity) or self.family == "typescript"
        kinds = {FindingKind.ATTRIBUTE} | ({FindingKind.IMPORT} if self.family == "typescript" else set())
        attribute_of_library = is_library(owner) and guessed and kind in kinds
        open_object = self.block.parse.language == "javascript" and (
            kind is FindingKind.ATTRIBUTE
            or (isinstance(owner, ClassEntity) and any(item.handed for item in self.inference.mro(owner)[0]))
        )
        if score < NEAR and (
            attribute_of_library or open_object or (self.family == "go" and isinstance(owner, ModuleEntity))
        ):
            return self._unverifiable(
                name, kind, span, line, "not all of its owner may be visible", suggestion, max(score, 0.2)
            )
        near = (
            suggestion is not None
            and edit_distance(name.lower().replace("_", ""), suggestion.lower().replace("_", ""), 9) <= _TINY_EDIT
            and len(name) > 4
        )
        status = FindingStatus.DRIFT if near else FindingStatus.PHANTOM
        where = self._where(owner, suggestion)
        reason = f"{owner_name(owner)} has no {name!r}" + (
            f"; it has {suggestion!r}" if suggestion and score >= NEAR else ""
        )
        return self._finding(name, kind, status, span, line, reason, suggestion, where, severity=1.0)

    def _where(self, owner: ModuleEntity | ClassEntity | None, suggestion: str | None) -> str | None:
        symbols: list[Symbol] = []
        if isinstance(owner, ModuleEntity) and suggestion:
            symbols = owner.lookup(suggestion)
        elif isinstance(owner, ClassEntity):
            for ancestor in self.inference.mro(owner)[0] if suggestion else ():
                symbols = symbols or ancestor.members.get(suggestion or "", [])
            if not symbols and owner.module.path:
                return f"{owner.module.path}:{owner.line}"
        return symbols[0].defined_in if symbols else None

    def _ignored(self, span: Span) -> bool:
        start = self.text.rfind("\n", 0, span[0]) + 1
        end = self.text.find("\n", span[1])
        return _IGNORED_LINE.search(self.text, start, len(self.text) if end < 0 else end) is not None

    def _unverifiable(
        self,
        name: str,
        kind: FindingKind,
        span: Span,
        line: int,
        reason: str,
        suggestion: str | None = None,
        severity: float = 0.0,
    ) -> Finding:
        return self._finding(
            name,
            kind,
            FindingStatus.UNVERIFIABLE,
            span,
            line,
            reason,
            suggestion if severity >= NEAR else None,
            severity=severity,
        )

    def _finding(
        self,
        name: str,
        kind: FindingKind,
        status: FindingStatus,
        span: Span,
        line: int,
        reason: str,
        suggestion: str | None = None,
        defined_in: str | None = None,
        severity: float = 0.0,
    ) -> Finding:
        return Finding(name, kind, status, span, line, reason, suggestion, defined_in, severity)

    def _name_span(self, span: Span, name: str) -> Span:
        start = self.text.find(name, span[0], span[1])
        return (start, start + len(name)) if start >= 0 else span


def known_status(module: ModuleEntity) -> FindingStatus:
    """Builtin for the library, else defined."""
    return FindingStatus.BUILTIN if module.library else FindingStatus.DEFINED


def owner_of(value: Value) -> ModuleEntity | ClassEntity | None:
    """The module or class that a value stands for."""
    if isinstance(value, ModuleValue):
        return value.module
    return value.entity if isinstance(value, Instance | ClassValue) else None


def owner_name(owner: ModuleEntity | ClassEntity | None) -> str:
    """How a reason calls an owner."""
    if owner is None:
        return "its owner"
    if isinstance(owner, ClassEntity):
        return owner.name
    return "this code" if owner.key.startswith("<response") else (owner.path or owner.key or "the language")


def is_library(owner: ModuleEntity | ClassEntity | None) -> bool:
    """Whether an owner is built-in data."""
    if isinstance(owner, ClassEntity):
        return owner.module.library
    return owner is not None and owner.library


def unjudged(parse: ParseResult) -> list[Finding]:
    """The names of a block that no time was left for."""
    items: list[Import | Reference] = [*parse.imports, *parse.references]
    return [finding for item in items for finding in not_judged(item, UNJUDGED)]


def not_judged(item: Import | Reference, reason: str) -> list[Finding]:
    """An import or use that was left out, with the reason."""
    if isinstance(item, Import):
        name, kind = item.name or item.module, FindingKind.IMPORT
    else:
        called = FindingKind.METHOD if len(item.chain) > 1 else FindingKind.FUNCTION
        name, kind = item.chain[-1], called if item.kind in CALLS else FindingKind.ATTRIBUTE
    if name in {"", "()", "[]", "?", "*"}:
        return []
    return [Finding(name, kind, FindingStatus.UNVERIFIABLE, item.span, item.line, reason)]
