"""How an import ends as defined, builtin, phantom or unverifiable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from parsers.inference import LookupStatus
from parsers.project.entities import ModuleEntity
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.ambient import AMBIENT
from parsers.rules.builder import Use, absent, known, known_status, not_declared, unverifiable
from parsers.rules.check import BlockCheck
from parsers.rules.findings import Finding, FindingKind
from parsers.rules.packages import Undeclared, undeclared
from parsers.rules.suppressions import IMPORT_RULES, MissingImport, first_reason
from parsers.rules.suppressions.imports import EXPECTED, is_guarded
from parsers.rules.suppressions.library import asks_for_version
from parsers.syntax.types import Import, Span

__all__ = ["judge_import"]

_LONGEST_IMPORT = 600
_STAR_DEPTH = 4


def judge_import(check: BlockCheck, item: Import) -> Iterable[Finding]:
    """What one import ends as; nothing for ``import *``."""
    name = item.name or item.module
    if not name or item.name == "*":
        return
    if not item.module and not item.level:
        yield from _own_export(check, item)
        return
    use = Use(name, FindingKind.IMPORT, check.name_span(item.span, name), item.line)
    module = check.project.import_module(check.block.entity, item.module, item.level)
    gone = check.project.absent_module(item.module, item.level) if module is None else None
    if gone is not None:
        yield _absent_module(check, item, *gone)
    elif module is None and (found := _undeclared(check, item)) is not None:
        where = replace(use, name=found.package, span=_module_span(check.text, item, found.package))
        yield not_declared(where, found.reason, found.suggestion)
    elif module is None:
        yield unverifiable(use, f"module {item.module or '.'} is not visible", rule="module-not-visible")
    elif item.name is None or item.name == "default":
        yield known(use, known_status(module), f"module {module.key} is known")
    else:
        yield _imported_name(check, item, module, use)


def _module_span(text: str, item: Import, package: str) -> Span:
    """Where the import names the package: inside, before (``from x import a``) or behind it (``import {a} from 'x'``)."""
    start, end = item.span
    for at in (
        text.find(package, start, end),
        text.rfind(package, max(0, start - _LONGEST_IMPORT), start),
        text.find(package, end, end + _LONGEST_IMPORT),
    ):
        if at >= 0:
            return at, at + len(package)
    return item.span


def _undeclared(check: BlockCheck, item: Import) -> Undeclared | None:
    """Why no manifest knows the package; None where one does, where none is visible, or where the code expects that."""
    packages = check.response.packages
    if packages is None or is_guarded(check, item) or check.ignored(item.span):
        return None
    return undeclared(check.project, item, packages)


def _absent_module(check: BlockCheck, item: Import, owner: ModuleEntity, name: str, beside: frozenset[str]) -> Finding:
    """A module that an installed package, all of whose modules are known, does not have."""
    use = Use(name, FindingKind.IMPORT, check.name_span(item.span, name), item.line)
    if is_guarded(check, item) or asks_for_version(check):
        return unverifiable(use, EXPECTED, rule="expected-to-be-missing")
    return absent(check, use, owner, beside)


def _imported_name(check: BlockCheck, item: Import, module: ModuleEntity, use: Use) -> Finding:
    found = check.inference.module_member(module, use.name)
    if found.status is not LookupStatus.FOUND:
        typed = check.inference.module_member(module, use.name, as_type=True)
        found = typed if typed.status is LookupStatus.FOUND else found
    if found.status is LookupStatus.FOUND:
        where = found.symbols[0].defined_in if found.symbols else None
        return known(use, known_status(module), f"{module.key} has it", where)
    if (doubt := first_reason(IMPORT_RULES, check, MissingImport(item, module, found, use.span))) is not None:
        return unverifiable(use, doubt[1], rule=doubt[0])
    already = {other.name for other in check.block.parse.imports}
    beside = (
        {name for name in _starred(check, module) if name not in already} if check.family == "typescript" else set()
    )
    return absent(check, use, module, _exports(module, already) | beside)


def _starred(check: BlockCheck, module: ModuleEntity, depth: int = 0) -> set[str]:
    """What a module of a package hands on by star: ``export * from "./types"``."""
    found: set[str] = set()
    if not module.package or depth >= _STAR_DEPTH:
        return found
    for target, level in module.stars:
        other = check.project.import_module(module, target, level)
        if other is not None:
            found |= {name for name in other.all_names() if not name.startswith("_")}
            found |= _starred(check, other, depth + 1)
    return found


def _own_export(check: BlockCheck, item: Import) -> Iterable[Finding]:
    """``export {name}`` and ``module.exports = {name}`` name what the file has; a file of JavaScript shows all it has."""
    name, own = item.name or "", check.block.entity
    symbols = [*own.lookup(name), *own.lookup(name, True), *check.project.library.globals.lookup(name)]
    other = [symbol for symbol in symbols if symbol.target != ("", name)]
    whole = check.family == "typescript" and not (own.opaque or name in own.unread or check.block.parse.errors)
    if other or not whole or name in AMBIENT or name in check.project.top_level.keys() - own.names.keys():
        return
    mine = {
        key for key in own.all_names() if any(s.target != ("", key) for s in own.lookup(key) or own.lookup(key, True))
    }
    if mine and best_match(name, mine)[1] >= NEAR and name.isidentifier():
        yield absent(check, Use(name, FindingKind.IMPORT, check.name_span(item.span, name), item.line), own, mine)


def _exports(module: ModuleEntity, already: set[str | None]) -> set[str]:
    """What was probably meant: names that the module defines rather than imports, and that are not imported yet."""
    names = {name for name in module.all_names() if name not in already}
    if module.package and (
        module.is_package or module.language == "typescript"
    ):  # what an installed package is for stands in its __init__, imported there
        shown = names & module.public if module.public is not None else {n for n in names if not n.startswith("_")}
        return shown or names
    own = {
        name
        for name in names
        if any(symbol.kind != "alias" for symbol in module.lookup(name) or module.lookup(name, True))
    }
    return own or names
