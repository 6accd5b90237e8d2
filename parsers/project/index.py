"""Everything visible besides the response: modules by path, and how imports find them. Build once per context, then reuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from parsers.project.augmentation import augment, open_classes, stored_by_text
from parsers.project.entities import Ancestry, ClassEntity, ModuleEntity, Symbol
from parsers.project.import_paths import FileTable, Parts, module_parts
from parsers.project.javascript_home import missing_targets
from parsers.project.libraries import NO_LIBRARIES, LibrarySet
from parsers.project.library import FAMILIES, Library, library_of
from parsers.project.module_builder import FileModule, build_module
from parsers.project.packages import MacroWords, Package, merge_package
from parsers.project.suggestions import NameTable
from parsers.syntax.types import ParseResult

__all__ = ["ContextIndex", "FamilyIndex", "build_index"]

_KEPT_NEAREST = 20_000


@dataclass(eq=False, repr=False)
class FamilyIndex:
    """The visible files of one language family."""

    family: str
    files: dict[str, FileModule] = field(default_factory=dict)
    table: FileTable = field(default_factory=lambda: FileTable("python", ()))
    names: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    top_level: dict[str, list[Symbol]] = field(default_factory=dict)
    members: dict[str, list[Symbol]] = field(default_factory=dict)
    classes: list[ClassEntity] = field(default_factory=list)
    packages: dict[Parts, list[str]] = field(default_factory=dict)
    merged: dict[Parts, ModuleEntity] = field(default_factory=dict)
    nearest: dict[str, tuple[str | None, float]] = field(default_factory=dict)
    ancestry: dict[ClassEntity, Ancestry] = field(default_factory=dict)
    libraries: LibrarySet = field(default_factory=lambda: NO_LIBRARIES["python"])

    @cached_property
    def used(self) -> frozenset[str]:
        """The names of all members, and of what the files read from objects."""
        links = (link for file in self.files.values() for item in file.parse.references for link in item.chain[1:])
        return frozenset(links).union(self.members)

    @cached_property
    def missing(self) -> dict[Parts, set[str]]:
        """Places of JavaScript files that visible files import from but that are not visible, and the names taken."""
        return missing_targets(self.files, self.table)

    @cached_property
    def taken(self) -> frozenset[str]:
        """Every name that a visible file imports."""
        return frozenset(item.name for file in self.files.values() for item in file.parse.imports if item.name)

    @cached_property
    def imported_roots(self) -> frozenset[str]:
        """The first part of every name that a visible file imports."""
        imports = (item for file in self.files.values() for item in file.parse.imports)
        return frozenset(self.libraries.root(item.module) for item in imports if not item.level)

    @cached_property
    def imported_modules(self) -> frozenset[str]:
        """Every module that a visible file imports from, as it is written there."""
        imports = (item for file in self.files.values() for item in file.parse.imports)
        return frozenset(item.module for item in imports if not item.level)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Every name that a visible file defines at its top, imports not counted."""
        return frozenset(name for name, found in self.top_level.items() if any(s.kind != "alias" for s in found))

    def nearest_member(self, name: str) -> tuple[str | None, float]:
        """The member most like ``name``; kept for later responses, as long as there is room."""
        found = self.nearest.get(name)
        if found is None:
            found = self.member_table.best(name)
            if len(self.nearest) < _KEPT_NEAREST:
                self.nearest[name] = found
        return found

    @cached_property
    def crate(self) -> Package:
        """All visible Rust files as one namespace, merged once for all responses."""
        return merge_package(list(self.files.values()), "")

    @cached_property
    def macros(self) -> MacroWords:
        """What the macros of the files may define."""
        return MacroWords(macro for file in self.files.values() for macro in file.parse.macros)

    @cached_property
    def member_table(self) -> NameTable:
        """The names of all members, for suggestions."""
        return NameTable(self.members)


@dataclass(eq=False, repr=False)
class ContextIndex:
    """Visible files by language family. Holds no text, only what was parsed from it; safe to share between threads once built."""

    families: dict[str, FamilyIndex]
    paths: tuple[str, ...]
    libraries: Mapping[str, LibrarySet] = field(default_factory=dict)

    def family(self, language: str) -> FamilyIndex:
        """The index of a language's family; empty when the context has no file of it."""
        family = FAMILIES[language]
        libraries = self.libraries.get(family, NO_LIBRARIES[family])
        return self.families.get(family) or FamilyIndex(family, table=FileTable(family, ()), libraries=libraries)


def build_index(files: Sequence[ParseResult], libraries: Mapping[str, LibrarySet] | None = None) -> ContextIndex:
    """Index parsed context files. Files without a path take part by their names only; nothing is read from disk.

    ``libraries``: installed packages by language family. What is remembered of a context holds for this choice of them.
    """
    sets = libraries or {}
    groups: dict[str, list[ParseResult]] = defaultdict(list)
    for parse in files:
        if parse.language in FAMILIES:
            groups[FAMILIES[parse.language]].append(parse)
    families = {
        family: _build_family(family, parses, sets.get(family, NO_LIBRARIES[family]))
        for family, parses in groups.items()
    }
    return ContextIndex(families, tuple(parse.path or "" for parse in files), sets)


def _build_family(family: str, parses: list[ParseResult], libraries: LibrarySet) -> FamilyIndex:
    index = FamilyIndex(family, libraries=libraries)
    for number, parse in enumerate(parses):
        key = parse.path or f"<context {number}>"
        if key in index.files:
            key = f"{key}#{number}"
        index.files[key] = build_module(parse, key)
    index.table = FileTable(family, ((key, file.entity.path or key) for key, file in index.files.items()))
    for key, file in index.files.items():
        parts, is_package = module_parts(file.entity.path or key, family)
        file.entity.is_package = is_package
        if family == "go":
            index.packages.setdefault(parts, []).append(key)
        collect(file, index.top_level, index.members, index.classes)
    if family == "go":
        for parts, keys in index.packages.items():
            index.merged[parts] = merge_package([index.files[key] for key in keys], "/".join(parts)).entity
    names = set(index.top_level) | set(index.members)
    for file in index.files.values():
        names.update(file.local)
        for definition in file.parse.definitions:
            names.update(parameter.name for parameter in definition.parameters or ())
    index.names = frozenset(names)
    index.words = frozenset().union(*(file.parse.facts.occurrences for file in index.files.values()))
    stored = {
        reference.chain[-1] for file in index.files.values() for reference in file.parse.references if reference.store
    }
    stored.update(*(stored_by_text(file.parse) for file in index.files.values()))
    if family == "typescript":
        stored |= augment(index.files, index.table)
    elif family == "python":
        open_classes(index.files, index.top_level)
    index.stored = frozenset(stored)
    return index


def collect(
    file: FileModule, top_level: dict[str, list[Symbol]], members: dict[str, list[Symbol]], classes: list[ClassEntity]
) -> None:
    """Add a file's names to name tables that forget which module they are from."""
    for name, symbols in file.entity.names.items():
        top_level.setdefault(name, []).extend(symbols)
    for name, symbols in (file.entity.types or {}).items():
        top_level.setdefault(name, []).extend(symbols)
    for entity in file.classes.values():
        classes.append(entity)
        for table in (entity.members, entity.statics or {}):
            for name, symbols in table.items():
                members.setdefault(name, []).extend(symbols)
    for _, name, symbol in file.stray:
        members.setdefault(name, []).append(symbol)


def library_for(family: str) -> Library:
    """The built-in data of a family."""
    found = library_of(family)
    if found is None:
        raise LookupError(f"there is no built-in data for {family}")
    return found
