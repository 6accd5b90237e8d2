"""One parsed file as a module entity: its names, its classes with their members, its local scopes."""

from __future__ import annotations

import ast

from parsers.project.entities import ModuleEntity, Symbol
from parsers.project.file_module import FileModule
from parsers.project.library import FAMILIES
from parsers.project.module_classes import CLASS_KINDS, SHAPES
from parsers.project.module_imports import ImportBuilder
from parsers.project.module_symbols import CALLABLE, REMAKES, make_symbol
from parsers.syntax.types import Definition, ParseResult, Span, SymbolKind

__all__ = ["FileModule", "build_module"]


def build_module(parse: ParseResult, key: str) -> FileModule:
    """Read one parse. Definitions that meet in one name are kept side by side."""
    family = FAMILIES[parse.language]
    entity = ModuleEntity(key, family, path=parse.path or "", types={} if family == "typescript" else None)
    file = FileModule(entity, parse)
    builder = _Builder(file, family)
    builder.run()
    return file


class _Builder(ImportBuilder):
    """Reads one parse."""

    def run(self) -> None:
        parse = self.file.parse
        self._extents()
        self._classes()
        for definition in self.file.parse.definitions:
            if definition.kind not in CLASS_KINDS:
                self._definition(definition)
        if self.family == "typescript":
            self._prototypes()
        if self.family == "python":
            self._public()
        if parse.language == "javascript":
            self._handed()
        for imported in self.file.parse.imports:
            self._import(imported)
        for reason in self.file.parse.dynamic:
            self._dynamic(reason)
        exports = any(item.reexport for item in parse.imports) or any(
            item.exported for item in parse.definitions if item.kind is not SymbolKind.FIELD
        )
        if parse.language == "javascript" and not exports:
            self.entity.shared = self.entity.shared or "its exports are computed"
        if parse.truncated_reason:
            self._unreadable((0, 1 << 60))
        for span in parse.errors:
            self._unreadable(span)

    def _unreadable(self, span: Span) -> None:
        """What a place that could not be read may hide: members of the type around it, or names of the file."""
        inside = [item for item in self.file.parse.definitions if item.extent[0] < span[0] and span[1] < item.extent[1]]
        if any(item.kind in CALLABLE for item in inside):
            return
        paths = {self.class_paths[item.extent] for item in inside if item.extent in self.class_paths}
        paths |= {item.name for item in inside if item.kind in SHAPES and item.name in self.file.classes}
        words = self.file.parse.words
        if not paths:
            self.entity.unread = words
            self.entity.opaque = self.entity.opaque or ("" if words else "parts of it could not be read")
        for path, entity in self.file.classes.items():
            if not paths or path in paths:
                entity.unread = words
                entity.opaque = entity.opaque or ("" if words else "parts of its file could not be read")

    def _definition(self, definition: Definition) -> None:
        if self.family == "go" and definition.kind is SymbolKind.TYPE_ALIAS:
            return
        if (
            definition.kind in SHAPES
            and definition.name in self.file.classes
            and self._is_shape(definition, {definition.name})
        ):
            return
        if self.family == "rust" and definition.kind is SymbolKind.MODULE:
            self._rust_module(definition)
            return
        if definition.binding == "type_parameter" and definition.scope in self.class_paths:
            entity = self.file.classes[self.class_paths[definition.scope]]
            entity.type_parameters = (*entity.type_parameters, definition.name)
            self._local(definition, make_symbol(definition, self.entity, self.variadic))
            return
        if definition.extent in self.constructors:
            return
        symbol = make_symbol(definition, self.entity, self.variadic)
        if definition.extent in self.remaking and definition.kind in CALLABLE:
            symbol.modifiers = (*symbol.modifiers, REMAKES)
        if (
            definition.owner
            and definition.owner in self.file.classes
            and definition.kind
            in {
                SymbolKind.METHOD,
                SymbolKind.FIELD,
                SymbolKind.FUNCTION,
                SymbolKind.CONSTANT,
                SymbolKind.VARIABLE,
                SymbolKind.TYPE_ALIAS,
            }
        ):
            if definition.kind in {SymbolKind.VARIABLE} and definition.scope in self.function_extents:
                self._local(definition, symbol)
                return
            self._member(self.file.classes[definition.owner], definition, symbol)
            return
        if (
            definition.owner
            and self.family in {"go", "rust"}
            and definition.kind in {SymbolKind.METHOD, SymbolKind.FIELD, SymbolKind.CONSTANT}
        ):
            self.file.stray.append((definition.owner, definition.name, symbol))  # its type is in another file
            return
        self._place(definition, symbol, is_type=definition.kind is SymbolKind.TYPE_ALIAS)

    def _public(self) -> None:
        """The names that ``__all__`` lists, where it is written out once and nothing changes it."""
        written = [symbol.value for symbol in self.entity.names.get("__all__", ())]
        changed = any(reference.chain[0] == "__all__" for reference in self.file.parse.references)
        if len(written) == 1 and not changed:
            self.entity.public = _listed(written[0])

    def _rust_module(self, definition: Definition) -> None:
        """``mod a;`` is the file below this one, ``mod a {…}`` is read as part of this file."""
        target = (f"self::{definition.name}", "") if "file" in definition.modifiers else ("self", "")
        made = Symbol(
            definition.name,
            "alias",
            self.entity,
            target=target,
            line=definition.line,
            position=definition.span[0],
            role="module",
        )
        self.entity.names.setdefault(definition.name, []).append(made)


def _listed(text: str) -> frozenset[str] | None:
    """The strings of a list or tuple as it is written; None for anything else."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    whole = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    return frozenset(value) if whole else None
