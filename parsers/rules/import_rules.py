"""How an import ends as defined, builtin, phantom or unverifiable."""

from __future__ import annotations

import re
from collections.abc import Iterable

from parsers.inference import Lookup, LookupStatus
from parsers.project.entities import ModuleEntity
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.ambient import AMBIENT
from parsers.rules.findings import Finding, FindingKind
from parsers.rules.silence import Silence
from parsers.rules.verdicts import CALLS, known_status
from parsers.syntax.types import Import, Span

__all__ = ["ImportRules"]

_GUARD = re.compile(r"try:|except\b|else:|(?:el)?if\b.*(?:version|platform|find_spec|PY\d|os\.name)")


class ImportRules(Silence):
    """The rules of imports."""

    def _import(self, item: Import) -> Iterable[Finding]:
        name = item.name or item.module
        if not name or item.name == "*":
            return
        if not item.module and not item.level:
            yield from self._own_export(item)
            return
        span = self._name_span(item.span, item.name or item.module)
        module = self.project.import_module(self.block.entity, item.module, item.level)
        if module is None:
            yield self._missing_module(item, span)
            return
        if item.name is None or item.name == "default":
            yield self._finding(
                name, FindingKind.IMPORT, known_status(module), span, item.line, f"module {module.key} is known"
            )
            return
        found = self.inference.module_member(module, item.name)
        if found.status != LookupStatus.FOUND:
            typed = self.inference.module_member(module, item.name, as_type=True)
            found = typed if typed.status == LookupStatus.FOUND else found
        if found.status == LookupStatus.FOUND:
            symbol = found.symbols[0] if found.symbols else None
            where = symbol.defined_in if symbol else None
            yield self._finding(
                name,
                FindingKind.IMPORT,
                known_status(module),
                span,
                item.line,
                f"{module.key} has it",
                defined_in=where,
            )
        elif reason := self._import_doubt(item, module, found):
            yield self._unverifiable(name, FindingKind.IMPORT, span, item.line, reason)
        else:
            already = {other.name for other in self.block.parse.imports}
            yield self._absent(name, FindingKind.IMPORT, span, item.line, module, self._exports(module, already))

    def _own_export(self, item: Import) -> Iterable[Finding]:
        """``export {name}`` and ``module.exports = {name}`` name what the file has; a file of JavaScript shows all it has."""
        name, own = item.name or "", self.block.entity
        known = [*own.lookup(name), *own.lookup(name, True), *self.project.library.globals.lookup(name)]
        other = [symbol for symbol in known if symbol.target != ("", name)]
        whole = self.family == "typescript" and not (own.opaque or name in own.unread or self.block.parse.errors)
        if other or not whole or name in AMBIENT or name in self.project.top_level.keys() - own.names.keys():
            return
        mine = {
            key
            for key in own.all_names()
            if any(s.target != ("", key) for s in own.lookup(key) or own.lookup(key, True))
        }
        if mine and best_match(name, mine)[1] >= NEAR and name.isidentifier():
            yield self._absent(name, FindingKind.IMPORT, self._name_span(item.span, name), item.line, own, mine)

    def _import_doubt(self, item: Import, module: ModuleEntity, found: Lookup) -> str:
        """Why a name that a module does not seem to have may exist after all, '' when nothing speaks for it."""
        if found.status == LookupStatus.UNKNOWN:
            return found.reason
        if self.family == "rust":
            return self._rust_import_doubt(item, module)
        if self.family == "python" and re.fullmatch(r"__\w+__", item.name or ""):
            return "the runtime gives modules special names"
        if item.level and self.project.home is None and best_match(item.name or "", module.all_names())[1] < NEAR:
            return "the place of the code is not known"
        if self._may_be_submodule(item, module):
            return f"{module.key} may have a submodule of that name"
        file = self.project.files.get(module.key)
        if file is not None and file.parse.language == "javascript" and self.block.parse.language != "javascript":
            return "its module is plain JavaScript: a comment or a declaration file may declare it"
        if module.library and self.family == "typescript" and self.project.library.globals.lookup(item.name or ""):
            return "it is a global name"
        if module.library and self.family == "typescript" and (item.name or "").isupper():
            return "not all constants of the standard library are listed"
        if module.library and self._guarded(item.span):
            return "the code expects that it may be missing"
        return ""

    def _rust_import_doubt(self, item: Import, module: ModuleEntity) -> str:
        """Rust modules hide names in many ways: only one without macros, re-exports by star and modules of its own is whole."""
        if module.library:
            return "not all of the standard library's paths are listed"
        if module.opaque:
            return f"of its module, {module.opaque}"
        if f"{item.alias or item.name}!" in self.text:
            return "it is used as a macro"
        if item.name in self.project.index.names:
            return "other visible code has this name"
        return ""

    def _exports(self, module: ModuleEntity, already: set[str | None]) -> set[str]:
        """What was probably meant: names that the module defines rather than imports, and that are not imported yet."""
        names = {name for name in module.all_names() if name not in already}
        own = {
            name
            for name in names
            if any(symbol.kind != "alias" for symbol in module.lookup(name) or module.lookup(name, True))
        }
        return own or names

    def _missing_module(self, item: Import, span: Span) -> Finding:
        name = item.name or item.module
        return self._unverifiable(
            name, FindingKind.IMPORT, span, item.line, f"module {item.module or '.'} is not visible"
        )

    def _may_be_submodule(self, item: Import, module: ModuleEntity) -> bool:
        """A package's folder may hold files that were not given: names that are called or are no module names do not count."""
        if self.family != "python" or not module.is_package or item.name is None:
            return False
        if not item.name.islower():
            return False
        bound = item.alias or item.name
        return not any(
            reference.chain[0] == bound and reference.kind in CALLS and len(reference.chain) == 1
            for reference in self.block.parse.references
        )

    def _guarded(self, span: Span) -> bool:
        """Whether the line stands directly inside ``try:``, where a missing name is expected."""
        start = self.text.rfind("\n", 0, span[0]) + 1
        indent = len(self.text[start:]) - len(self.text[start:].lstrip(" \t"))
        if self.family != "python":
            return False
        while start > 0:
            end = start - 1
            start = self.text.rfind("\n", 0, end) + 1
            line = self.text[start:end]
            width = len(line) - len(line.lstrip())
            if line.strip() and width < indent:
                return _GUARD.match(line.strip()) is not None
            if start == 0:
                return False
        return False
