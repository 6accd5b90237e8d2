"""How the first name of an access path ends: found, left alone, or missing from all that is visible."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from parsers.inference import Lookup, LookupStatus, Values
from parsers.project.entities import Symbol
from parsers.project.import_paths import import_statement
from parsers.project.suggestions import NEAR, NameTable
from parsers.rules.ambient import AMBIENT, PLATFORM
from parsers.rules.builder import Use, absent, kind_of, known, not_imported, unverifiable
from parsers.rules.check import BlockCheck
from parsers.rules.findings import Finding, FindingStatus
from parsers.rules.implicit_names import IMPLICIT
from parsers.syntax.types import Reference, ReferenceKind, Span, SymbolKind

__all__ = ["BareNames"]

_FILE_CHARACTERS = 600
"""A block with imports, two functions and this much code reads as a file of its own."""

_MODULE_CHARACTERS = 250
"""The same for what imports and exports."""

_LIKE = 0.75
"""``MAX_RETRY`` is like ``MAX_RETRIES``; ``__DEV__`` is like nothing: a build step puts it in."""

# ``self::price`` begins a path, ``self::<T>`` does not
_PATH = re.compile(r"::(?!<)")


class BareNames:
    """Judges the heads of one block's access paths."""

    def __init__(self, check: BlockCheck) -> None:
        self.check = check
        self._tables: dict[bool, NameTable] = {}

    def judge(self, reference: Reference, link: str, span: Span, last: bool) -> tuple[Finding | None, Values | None]:
        """The finding of a head, None where only what follows is judged, and what the head stands for."""
        check = self.check
        if link in {"()", "[]", "?"}:
            return None, check.read(reference.receiver, reference.extent[0]) if reference.receiver else None
        found = self._look_up(reference, link, span)
        use = Use(link, kind_of(reference, last, None), span, reference.line)
        if found.status is LookupStatus.FOUND:
            values = check.inference.symbols_values(found.symbols)
            if not last:
                return None, values
            library = bool(found.symbols) and found.symbols[0].module.library
            status = FindingStatus.BUILTIN if library else FindingStatus.DEFINED
            where = found.symbols[0].defined_in if found.symbols else None
            return known(use, status, "a built-in name" if library else "defined here or imported", where), values
        if self.implicit(link, span) or link in check.project.top_level:
            return None, None
        if check.family == "rust" and link in check.project.index.top_level:
            return None, None
        return self._missing(use, found, last), None

    def _look_up(self, reference: Reference, link: str, span: Span) -> Lookup:
        check, as_type = self.check, reference.kind is ReferenceKind.TYPE
        path = check.family == "rust" and _PATH.match(check.text, span[1]) is not None
        name = "self::" if link == "self" and path else link
        found = check.inference.name(name, check.block.entity, span[0], as_type, path)
        if found.status is not LookupStatus.FOUND and check.family == "typescript":
            found = check.inference.name(name, check.block.entity, span[0], not as_type)
        return found

    def implicit(self, link: str, span: Span) -> bool:
        """Whether a name needs no definition that anybody could see."""
        check, before = self.check, self.check.text[max(span[0] - 1, 0)]
        if (before == "." and check.text[max(span[0] - 3, 0) : span[0]] != "...") or link in check.facts.inferred:
            return True
        if link in IMPLICIT[check.family] or before in "\"'" or link.startswith("__"):
            return True
        if check.family == "typescript" and self._script_name(link, span[0]):
            return True
        owner = check.block.class_at(span[0])
        return owner is not None and (link in owner.members or link == owner.name)

    def _script_name(self, link: str, position: int) -> bool:
        """What the surroundings of a script bring: runtimes, build steps, the namespace around."""
        if link in AMBIENT or PLATFORM.match(link):
            return True
        if link.isupper() and link not in self._renamed_constants:
            return True  # constants that a build step puts in
        return self._in_namespace(link, position) or any(  # inside a namespace its names are bare
            link in table
            for item in self.check.block.classes.values()
            if item.kind in {"module", "object"}
            for table in (item.members, item.statics or {})
        )

    def _in_namespace(self, link: str, position: int) -> bool:
        """Whether a namespace around has the name, or what is around is another module (``declare module "m"``)."""
        definitions = self.check.block.parse.definitions
        for item in definitions:
            start, end = item.extent
            if item.kind is not SymbolKind.MODULE or not start <= position < end:
                continue
            if self.check.text[max(item.span[0] - 1, 0)] in "\"'":
                return True
            if any(start < d.extent[0] and d.extent[1] <= end and d.name == link for d in definitions):
                return True
        return False

    @cached_property
    def _renamed_constants(self) -> frozenset[str]:
        """Names in capitals that resemble one of the context's or the file's own: those were not put in by a build step."""
        table = NameTable(name for name in self._candidates if name.isupper())
        heads = {item.chain[0] for item in self.check.block.parse.references if item.chain[0].isupper()}
        return frozenset(name for name in heads if table.best(name)[1] >= _LIKE)

    @cached_property
    def _candidates(self) -> frozenset[str]:
        """The bare names that could have been meant."""
        entity, project = self.check.block.entity, self.check.project
        names = {name for name in entity.names if not name.startswith("<")}
        names.update(entity.types or (), project.top_level, project.index.top_level)
        return frozenset(names)

    def _table(self, link: str) -> NameTable:
        """The candidates for a name: a type of Rust is never meant for a function."""
        rust = self.check.family == "rust"
        upper = rust and link[:1].isupper()
        if upper not in self._tables:
            same = (name for name in self._candidates if not rust or name[:1].isupper() == upper)
            self._tables[upper] = NameTable(same)
        return self._tables[upper]

    def _missing(self, use: Use, found: Lookup, last: bool) -> Finding:
        """A name that nothing defines: flagged only when the block is a file of its own that accounts for all its other names."""
        check, link = self.check, use.name
        table = self._table(link)
        suggestion, score = table.best(link)
        in_context = check.project.index.top_level.get(link)
        if in_context and not check.block.parse.imports:
            return known(use, FindingStatus.DEFINED, "defined in the context", in_context[0].defined_in)
        if in_context and check.family != "rust":
            return self._not_imported(use, found, in_context)
        doubtful = not last or link in check.universe or not link.isidentifier()
        if check.family == "rust" and (doubtful or (score < NEAR and not self._only_gap(link))):
            reason = "macros and other crates may define it"
            return unverifiable(use, reason, suggestion, score, rule="macro-or-crate")
        if check.family == "go" and (reason := self._go_gap(link)):
            return unverifiable(use, reason, suggestion, score, rule="package-with-gaps")
        if found.status is LookupStatus.UNKNOWN or check.block.parse.errors or not self._self_contained(score):
            reason = found.reason or "the code may rely on names that are not shown"
            return unverifiable(use, reason, suggestion, score, rule="not-self-contained")
        return absent(check, use, check.block.entity, table.names)

    def _not_imported(self, use: Use, found: Lookup, symbols: Sequence[Symbol]) -> Finding:
        """A name that other visible files define at their top. Several of them say no one import."""
        check = self.check
        homes = {symbol.module.key: symbol.module for symbol in symbols if symbol.kind != "alias"}
        home = next(iter(homes.values())) if len(homes) == 1 else None
        where = symbols[0].defined_in or symbols[0].module.path or "a visible file"
        module = check.family == "python" or check.facts.module
        whole = (
            found.status is LookupStatus.MISSING
            and module
            and check.family in {"python", "typescript"}
            and not (check.block.parse.errors or check.ignored(use.span) or check.project.amends(check.block))
            and self._self_contained(0.0)
        )
        path, imported = check.block.parse.path or "", check.project.index.imported_modules
        statement = import_statement(use.name, home, path, imported) if home is not None else None
        return not_imported(use, f"not imported here: {where} has it", statement, symbols[0].defined_in, whole)

    def _only_gap(self, link: str) -> bool:
        """Whether every other type that the block names without a path has a home (Rust)."""
        missing = {
            name for name, position in self.check.homeless_types if not self.implicit(name, (position, position))
        }
        return missing == {link}

    def _go_gap(self, link: str) -> str:
        """Why the package of the response may have more than is visible: something in it uses a name without a home."""
        project = self.check.project
        if project.home is None or project.package is None:
            return "the rest of its package is not visible"
        if gap := project.gap(project.package):
            return f"its package is not wholly visible: nothing defines {gap}"
        missing = set(project.unresolved(self.check.block)) - {link}
        return f"its package is not wholly visible: nothing defines {min(missing)}" if missing else ""

    def _self_contained(self, score: float) -> bool:
        """Whether the block reads as a file of its own; a snippet with imports must at least come near an existing name."""
        check = self.check
        if check.family == "go" and check.block.parse.package:
            return True  # a file, and a name of its package that is missing was looked for before
        if not check.block.parse.imports:
            return False
        if check.facts.module and check.facts.code_characters >= _MODULE_CHARACTERS:
            return True  # what imports and exports is a module of its own
        functions = sum(item.parameters is not None for item in check.block.parse.definitions)
        return score >= NEAR or (functions >= 2 and check.facts.code_characters >= _FILE_CHARACTERS)
