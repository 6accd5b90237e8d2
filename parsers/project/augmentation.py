"""What one file adds to the things of another: TypeScript's augmentations, Python's ``setattr`` on a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsers.project.entities import ClassEntity, ModuleEntity, Symbol
from parsers.project.file_module import FileModule
from parsers.project.import_paths import FileTable, module_parts
from parsers.project.module_symbols import CALLABLE, REMAKES
from parsers.syntax.types import ParseResult, ReferenceKind

__all__ = ["augment", "open_classes", "stored_by_text"]

_OPENED = "attributes are set on it by computed name"


def stored_by_text(parse: ParseResult) -> frozenset[str]:
    """Names that are set by their text: ``setattr(Part, "label", …)`` sets label."""
    return frozenset(entry.partition(":")[2] for entry in parse.dynamic if entry.startswith("stored:"))


def augment(files: Mapping[str, FileModule], table: FileTable) -> set[str]:
    """Give the classes of visible modules what ``declare module "./m" { interface C {…} }`` adds to them.

    Returns the members that were added to what is not visible (another package, the global scope): any value may have them.
    """
    elsewhere: set[str] = set()
    for file in list(files.values()):
        for entry in file.parse.dynamic:
            reason, _, module = entry.partition(":")
            if reason != "augmentation":
                continue
            target = _target(file, module, files, table)
            for path, added in file.classes.items():
                if path == module or not path.startswith(f"{module}."):
                    continue
                known = _class_of(target, path.removeprefix(f"{module}.")) if target is not None else None
                if known is None or target is file:
                    elsewhere.update(added.members, added.statics or ())
                else:
                    _add(known, added)
            if target is not None and target is not file and (shape := file.classes.get(module)) is not None:
                _add_names(target.entity, shape)
    return elsewhere


def _class_of(target: FileModule, path: str) -> ClassEntity | None:
    """A class of a module; with ``export = api`` those of the namespace ``api`` are the module's."""
    return target.classes.get(path) or target.classes.get(f"{target.entity.default_export}.{path}")


def _target(file: FileModule, module: str, files: Mapping[str, FileModule], table: FileTable) -> FileModule | None:
    if not module.startswith("."):
        return None
    if not file.entity.path:
        keys: Sequence[str] = table.loose(module)
    else:
        parts, is_folder = module_parts(file.entity.path, "typescript")
        keys = table.relative(parts if is_folder else parts[:-1], module)
    return files[keys[0]] if keys else None


def _add(known: ClassEntity, added: ClassEntity) -> None:
    for name, symbols in added.members.items():
        known.members.setdefault(name, []).extend(symbols)
    known.bases = (*known.bases, *(base for base in added.bases if base not in known.bases))
    known.opaque = known.opaque or added.opaque


def _add_names(module: ModuleEntity, shape: ClassEntity) -> None:
    for table in (shape.members, shape.statics or {}):
        for name, symbols in table.items():
            if name not in module.names:
                module.names[name] = list(symbols)


def open_classes(files: Mapping[str, FileModule], top_level: Mapping[str, Sequence[Symbol]]) -> None:
    """Mark the classes that a file sets attributes on by computed name, or hands to a function that does: ``install(Part)``.

    Classes of other files are found by their name: which of two is meant does not matter for keeping silent.
    """
    remaking = {name for name, symbols in top_level.items() if any(REMAKES in symbol.modifiers for symbol in symbols)}
    for file in files.values():
        opened = {entry[8:] for entry in file.parse.dynamic if entry.startswith("setattr:") and not entry[8:].isdigit()}
        functions = [item.extent for item in file.parse.definitions if item.kind in CALLABLE]
        calls = [
            call.extent
            for call in file.parse.references
            if call.kind is ReferenceKind.CALL
            and call.chain[-1] in remaking
            and not any(start <= call.span[0] < end for start, end in functions)
        ]
        opened.update(
            item.chain[0]
            for item in (file.parse.references if calls else ())
            if len(item.chain) == 1 and any(start <= item.span[0] < end for start, end in calls)
        )
        for name in opened:
            for symbol in top_level.get(name, ()):
                if symbol.entity is not None:
                    symbol.entity.opaque = symbol.entity.opaque or _OPENED
