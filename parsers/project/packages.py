"""Files that share one namespace: a Go package, or the types of a Rust crate by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from parsers.project.entities import ClassEntity, ModuleEntity, Symbol
from parsers.project.file_module import FileModule
from parsers.syntax.types import Macro

__all__ = ["MacroWords", "Package", "extend_package", "merge_package"]

_UNSEEN = "its definition is not visible"
_PASTED = "[<>]"


@dataclass(eq=False, repr=False)
class Package:
    """One namespace: its names, and every class with what its files give it, also those that no visible file defines."""

    entity: ModuleEntity
    classes: dict[str, ClassEntity] = field(default_factory=dict)


def merge_package(files: Sequence[FileModule], key: str) -> Package:
    """The names of all files, and methods joined to their types across files. Nothing given is changed."""
    if not files:
        return Package(ModuleEntity(key, "rust"))
    merged = Package(ModuleEntity(key, files[0].entity.language, path=files[0].entity.path))
    _join(merged, files)
    return merged


def extend_package(base: Package, blocks: Sequence[FileModule]) -> Package:
    """``base`` with the names and methods of a response; only what the response touches is copied."""
    touched = {name for block in blocks for name in block.classes}
    touched |= {owner for block in blocks for owner, _, _ in block.stray}
    touched |= {path for block in blocks for path, _ in _implemented(block)}
    entity = replace(base.entity, names=dict(base.entity.names), opaque="", cache={})
    merged = Package(entity, dict(base.classes))
    for name in touched & base.classes.keys():
        merged.classes[name] = join_class(None, base.classes[name])
        if name in entity.names:
            entity.names[name] = [_joined(symbol, merged.classes) for symbol in entity.names[name]]
    _join(merged, blocks)
    return merged


def _join(package: Package, files: Sequence[FileModule]) -> None:
    entity, classes = package.entity, package.classes
    entity.opaque = entity.opaque or next((file.entity.opaque for file in files if file.entity.opaque), "")
    for file in files:
        for name, found in file.classes.items():
            classes[name] = join_class(classes.get(name), found)
    for file in files:
        for owner, name, symbol in file.stray:
            if owner not in classes:
                classes[owner] = ClassEntity(owner, file.entity, opaque=_UNSEEN)
            classes[owner].members.setdefault(name, []).append(symbol)
        for owner, trait in _implemented(file):
            if owner in classes and trait not in classes[owner].bases:
                classes[owner].bases = (*classes[owner].bases, trait)
    for file in files:
        for name, symbols in file.entity.names.items():
            own = [_joined(symbol, classes) for symbol in symbols if symbol.kind != "alias"]
            if own:
                entity.names[name] = [*entity.names.get(name, ()), *own]


def _joined(symbol: Symbol, classes: dict[str, ClassEntity]) -> Symbol:
    return replace(symbol, entity=classes.get(symbol.name, symbol.entity)) if symbol.entity else symbol


def _implemented(file: FileModule) -> Iterator[tuple[str, str]]:
    """Rust: the traits that a file implements for types of other files."""
    for reason in file.parse.dynamic:
        kind, _, rest = reason.partition(":")
        if kind == "impl_trait":
            owner, _, trait = rest.partition(":")
            yield owner.rpartition(".")[2], trait


def join_class(known: ClassEntity | None, other: ClassEntity) -> ClassEntity:
    """A copy of ``known`` with the members and bases of ``other``."""
    if known is None:
        return replace(other, members={name: list(symbols) for name, symbols in other.members.items()})
    for name, symbols in other.members.items():
        known.members.setdefault(name, []).extend(symbols)
    known.bases = tuple(dict.fromkeys((*known.bases, *other.bases)))
    known.opaque = other.opaque if known.opaque == _UNSEEN else known.opaque or other.opaque
    known.underlying = known.underlying or other.underlying
    known.line = known.line or other.line
    return known


class MacroWords:
    """The names in the tokens of macros: a macro defines nothing that it does not name, unless it pastes names together."""

    def __init__(self, macros: Iterable[Macro]) -> None:
        self.macros = tuple(macros)
        self.words = frozenset(word for macro in self.macros for word in macro.words)
        known = {macro.name for macro in self.macros if macro.defined}
        self.unseen = frozenset(
            word for macro in self.macros if not macro.defined and macro.name not in known for word in macro.words
        )

    def with_files(self, files: Sequence[FileModule]) -> MacroWords:
        """These and the macros of more files."""
        more = [macro for file in files for macro in file.parse.macros]
        return MacroWords((*self.macros, *more)) if more else self

    def may_define(self, name: str) -> str:
        """Why a macro may define the name, '' when none can."""
        return "a macro may define it" if name in self.words or _PASTED in self.words else ""

    def may_extend(self, name: str) -> str:
        """Why a type may have members that nobody sees: a macro whose definition is not visible is given its name."""
        return "a macro may add members" if name in self.unseen else ""
