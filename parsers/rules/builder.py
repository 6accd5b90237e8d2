"""What a judged name is reported as: the finding, its kind, its owner, the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parsers.project.budget import UNJUDGED
from parsers.project.entities import ClassEntity, ClassValue, Instance, ModuleEntity, ModuleValue, Symbol, Value
from parsers.project.suggestions import NEAR, best_match, edit_distance
from parsers.rules.check import CALLS, TYPES, BlockCheck, Owner, is_library, owner_name
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.syntax.types import Import, ParseResult, Reference, ReferenceKind, Span

__all__ = [
    "Use",
    "absent",
    "kind_of",
    "known",
    "known_status",
    "member_names",
    "not_declared",
    "not_imported",
    "not_judged",
    "unjudged",
    "unverifiable",
]

_TINY_EDIT = 2
"""``fetch`` for ``fetchs``: a name so near an existing one has drifted, it is not invented."""

_LEAST_SUSPICION = 0.2
_NEVER_REPORTED = {"", "()", "[]", "?", "*"}


@dataclass(frozen=True)
class Use:
    """A name where it stands and what it is used as."""

    name: str
    kind: FindingKind
    span: Span
    line: int


def known(use: Use, status: FindingStatus, reason: str, defined_in: str | None = None) -> Finding:
    """A name that exists."""
    return Finding(use.name, use.kind, status, use.span, use.line, reason, None, defined_in)


def unverifiable(
    use: Use, reason: str, suggestion: str | None = None, severity: float = 0.0, rule: str = ""
) -> Finding:
    """A name of which nothing can be said; ``severity`` says how suspicious it looks."""
    shown = suggestion if severity >= NEAR else None
    return Finding(
        use.name, use.kind, FindingStatus.UNVERIFIABLE, use.span, use.line, reason, shown, severity=severity, rule=rule
    )


def not_declared(use: Use, reason: str, suggestion: str | None) -> Finding:
    """An import of a package that no manifest declares."""
    return Finding(
        use.name, use.kind, FindingStatus.UNDECLARED_IMPORT, use.span, use.line, reason, suggestion, rule="undeclared"
    )


def not_imported(use: Use, reason: str, statement: str | None, defined_in: str | None, whole: bool) -> Finding:
    """A name that a visible module has and the code does not import; wrong only where the code is a ``whole`` file."""
    severity = 1.0 if whole else 0.0
    return Finding(
        use.name,
        use.kind,
        FindingStatus.NOT_IMPORTED,
        use.span,
        use.line,
        reason,
        statement,
        defined_in,
        severity,
        rule="not-imported",
    )


def absent(check: BlockCheck, use: Use, owner: Owner, candidates: Iterable[str]) -> Finding:
    """A name that its wholly visible owner does not have: phantom, or drift where it is a slip of an existing one."""
    if check.ignored(use.span):
        return unverifiable(use, "the line asks checkers to ignore it", rule="ignored-line")
    suggestion, score = best_match(use.name, set(candidates), least=0.0)
    if score < NEAR and _may_be_open(check, use, owner):
        reason = "not all of its owner may be visible"
        return unverifiable(use, reason, suggestion, max(score, _LEAST_SUSPICION), rule="open-owner")
    near = (
        suggestion is not None
        and edit_distance(use.name.lower().replace("_", ""), suggestion.lower().replace("_", ""), 9) <= _TINY_EDIT
        and len(use.name) > 4
    )
    status = FindingStatus.DRIFT if near else FindingStatus.PHANTOM
    shown = f"; it has {suggestion!r}" if suggestion and score >= NEAR else ""
    reason = f"{owner_name(owner)} has no {use.name!r}{shown}"
    where = _where(check, owner, suggestion)
    return Finding(use.name, use.kind, status, use.span, use.line, reason, suggestion, where, severity=1.0)


def _may_be_open(check: BlockCheck, use: Use, owner: Owner) -> bool:
    """Owners that are never quite whole: objects of plain JavaScript, modules of the library, packages of Go.

    Only a name near one of theirs is flagged: ``os.paht``, not ``os.frobnicate``.
    """
    module, script = isinstance(owner, ModuleEntity), check.family == "typescript"
    if check.family == "go" and is_library(owner):
        return False  # all exported names of Go's library are listed, for every platform: ``strings.Reverse`` is none
    kinds = {FindingKind.ATTRIBUTE, FindingKind.IMPORT} if script else {FindingKind.ATTRIBUTE}
    if is_library(owner) and (module or script) and use.kind in kinds:
        return True
    if check.language == "javascript" and (
        use.kind is FindingKind.ATTRIBUTE
        or (isinstance(owner, ClassEntity) and any(item.handed for item in check.inference.mro(owner)[0]))
    ):
        return True
    return check.family == "go" and module


def _where(check: BlockCheck, owner: Owner, suggestion: str | None) -> str | None:
    symbols: list[Symbol] = []
    if isinstance(owner, ModuleEntity) and suggestion:
        symbols = owner.lookup(suggestion)
    elif isinstance(owner, ClassEntity):
        for ancestor in check.inference.mro(owner)[0] if suggestion else ():
            symbols = symbols or ancestor.members.get(suggestion or "", [])
        if not symbols and owner.module.path:
            return f"{owner.module.path}:{owner.line}"
    return symbols[0].defined_in if symbols else None


def kind_of(reference: Reference, last: bool, values: tuple[Value, ...] | None) -> FindingKind:
    """What a link is used as."""
    if not last:
        return FindingKind.ATTRIBUTE
    if reference.kind in TYPES:
        return FindingKind.TYPE
    if reference.kind not in CALLS and reference.kind is not ReferenceKind.DECORATOR:
        bare = len(reference.chain) == 1 and reference.kind is not ReferenceKind.NAME
        return FindingKind.FUNCTION if bare else FindingKind.ATTRIBUTE
    if len(reference.chain) == 1 or (values and all(isinstance(value, ModuleValue) for value in values)):
        return FindingKind.FUNCTION
    return FindingKind.METHOD


def member_names(check: BlockCheck, value: Value) -> Iterable[str]:
    """Every name that a value is known to have."""
    if isinstance(value, ModuleValue):
        return value.module.all_names()
    if isinstance(value, Instance | ClassValue):
        ancestors, _ = check.inference.mro(value.entity)
        return (name for owner in ancestors for table in (owner.members, owner.statics or {}) for name in table)
    return ()


def known_status(module: ModuleEntity) -> FindingStatus:
    """Builtin for the library, else defined."""
    return FindingStatus.BUILTIN if module.library else FindingStatus.DEFINED


def unjudged(parse: ParseResult) -> list[Finding]:
    """The names of a block that no time was left for."""
    items: list[Import | Reference] = [*parse.imports, *parse.references]
    return [finding for item in items for finding in not_judged(item, UNJUDGED)]


def not_judged(item: Import | Reference, reason: str) -> list[Finding]:
    """An import or use that was left out, with the reason."""
    if isinstance(item, Import):
        use = Use(item.name or item.module, FindingKind.IMPORT, item.span, item.line)
    else:
        called = FindingKind.METHOD if len(item.chain) > 1 else FindingKind.FUNCTION
        use = Use(item.chain[-1], called if item.kind in CALLS else FindingKind.ATTRIBUTE, item.span, item.line)
    return [] if use.name in _NEVER_REPORTED else [unverifiable(use, reason)]
