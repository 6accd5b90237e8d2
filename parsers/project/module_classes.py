"""Classes and what reads as one: named types of Go, object shapes of TypeScript; with the members that they own."""

from __future__ import annotations

import re

from parsers.project.entities import ClassEntity, Symbol
from parsers.project.file_module import FileModule
from parsers.project.module_symbols import CALLABLE
from parsers.syntax.types import Definition, ReferenceKind, Span, SymbolKind

__all__ = ["CLASS_KINDS", "SHAPES", "ClassBuilder"]

CLASS_KINDS = {SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.STRUCT, SymbolKind.ENUM, SymbolKind.TRAIT}
SHAPES = {SymbolKind.TYPE_ALIAS, SymbolKind.CONSTANT, SymbolKind.VARIABLE, SymbolKind.MODULE}
_EXTENDS = re.compile(r"mix|extend|assign|augment|decorate", re.IGNORECASE)
_DYNAMIC_MEMBERS = {"__getattr__": "it defines __getattr__", "__getattribute__": "it defines __getattribute__"}
_PROTOTYPE = re.compile(r"(?:Object\.create\(\s*)?(?P<base>[A-Za-z_$][\w$.]*)\.prototype(?:\s*,.*\)|\s*\))?", re.DOTALL)


class ClassBuilder:
    """Makes a file's classes and gives them their members."""

    def __init__(self, file: FileModule, family: str) -> None:
        self.file = file
        self.entity = file.entity
        self.family = family
        definitions = file.parse.definitions
        self.function_extents = {item.extent for item in definitions if item.kind in CALLABLE}
        self.class_paths: dict[Span, str] = {}
        self.constructors: set[Span] = set()
        self.owned: dict[str, list[int]] = {}
        for item in definitions:
            if item.owner:
                self.owned.setdefault(item.owner, []).append(item.span[0])
        self.inner_modules = [item.extent for item in definitions if item.kind is SymbolKind.MODULE]
        top_end = max((item.scope[1] for item in definitions if item.scope[0] == 0), default=0)
        classlike = CLASS_KINDS | {SymbolKind.MODULE, SymbolKind.TYPE_ALIAS}
        outer = {(0, top_end)} | {item.extent for item in definitions if item.kind in classlike}
        self.function_extents |= {
            item.scope for item in definitions if item.scope not in outer
        }  # function literals too
        self.remaking = self._remaking() if family == "python" else frozenset()
        self.function_starts = sorted(self.function_extents)
        self.variadic = {
            (item.extent, parameter.name): "dict" if parameter.variadic == "**" else "tuple"
            for item in definitions
            for parameter in item.parameters or ()
            if parameter.variadic
        }

    def _remaking(self) -> frozenset[Span]:
        """Python functions that may give a class new members: they set attributes by computed name, or make a class."""
        places = [int(entry[8:]) for entry in self.file.parse.dynamic if re.fullmatch(r"setattr:\d+", entry)]
        places += [item.span[0] for item in self.file.parse.definitions if item.kind in CLASS_KINDS]
        places += [
            item.span[0]
            for item in self.file.parse.references
            if item.chain == ("type",) and item.kind is ReferenceKind.CALL and item.positional == 3
        ]
        functions = [item.extent for item in self.file.parse.definitions if item.kind in CALLABLE]
        return frozenset(extent for extent in functions for place in places if extent[0] <= place < extent[1])

    def _extents(self) -> None:
        for item in self.file.parse.definitions:
            if item.kind in CALLABLE:
                self.file.methods.append((*item.extent, item))
            elif item.kind in CLASS_KINDS:
                path = f"{item.owner}.{item.name}" if item.owner else item.name
                self.file.class_extents.append((*item.extent, path))
                self.class_paths[item.extent] = path
            if item.binding.startswith("parameter") and self.family == "python":  # defaults belong to the scope around
                self.file.headers[item.scope] = max(self.file.headers.get(item.scope, -1), item.extent[1])

    def _classes(self) -> None:
        owners = {item.owner for item in self.file.parse.definitions if item.owner}
        for definition in self.file.parse.definitions:
            if definition.kind in CLASS_KINDS:
                self._class(definition)
            elif self.family == "go" and definition.kind is SymbolKind.TYPE_ALIAS:
                self._named_type(definition)
            elif definition.kind in SHAPES and self._is_shape(definition, owners):
                self._shape(definition)
            elif self._is_constructor(definition, owners):
                self.constructors.add(definition.extent)
                self._class(definition)
                other = (
                    text
                    for text in definition.returns
                    if text != "this" and not text.startswith(f"new {definition.name}")
                )
                self.file.classes[definition.name].factory |= any(other)

    def _class(self, definition: Definition) -> None:
        path = f"{definition.owner}.{definition.name}" if definition.owner else definition.name
        known = self.file.classes.get(path)
        if known is None:
            known = self.file.classes[path] = ClassEntity(
                definition.name,
                self.entity,
                bases=definition.bases,
                kind=definition.kind.value,
                line=definition.line,
                decorators=definition.decorators,
            )
        else:
            known.bases = tuple(dict.fromkeys((*known.bases, *definition.bases)))
        for place in definition.parameters or ():  # the unnamed fields of Rust's tuple structs
            made = Symbol(
                place.name,
                "value",
                self.entity,
                annotation=place.annotation or "",
                position=definition.span[0],
                owner=known,
            )
            known.members.setdefault(place.name, []).append(made)
        symbol = Symbol(
            definition.name, "class", self.entity, entity=known, line=definition.line, position=definition.span[0]
        )
        self._place(definition, symbol, is_type=True)

    def _named_type(self, definition: Definition) -> None:
        """Go's ``type A B``: a type of its own that can have methods; its fields are those of B."""
        underlying = (definition.value or "").strip()
        base = (underlying,) if underlying.replace(".", "").replace("_", "").isalnum() else ()
        entity = ClassEntity(
            definition.name, self.entity, bases=base, kind="named", line=definition.line, underlying=underlying
        )
        self.file.classes[definition.name] = entity
        symbol = Symbol(
            definition.name, "class", self.entity, entity=entity, line=definition.line, position=definition.span[0]
        )
        self._place(definition, symbol, is_type=True)

    def _is_shape(self, definition: Definition, owners: set[str]) -> bool:
        if self.family != "typescript" or definition.owner or definition.scope in self.function_extents:
            return False
        if definition.name not in owners:
            return False
        if definition.kind is SymbolKind.MODULE or re.search(r"(?:^|=)\s*\{\s*\}$", definition.value or ""):
            return True
        start, end = definition.extent  # what is only assigned later says nothing about the value itself
        return any(start <= position < end for position in self.owned.get(definition.name, ()))

    def _is_constructor(self, definition: Definition, owners: set[str]) -> bool:
        """A JavaScript function with members: ``F.prototype.m = …``, ``this.x = …`` in it, ``F.make = …``."""
        return (
            self.file.parse.language == "javascript"
            and definition.kind is SymbolKind.FUNCTION
            and definition.name in owners
            and definition.scope not in self.function_extents
        )

    def _handed(self) -> None:
        """Classes that a statement of the file hands to a function: ``mixin(Queue)``."""
        inside = self.function_extents
        calls = [
            item
            for item in self.file.parse.references
            if item.kind is ReferenceKind.CALL and item.chain[-1] != "inherits"
        ]
        for item in self.file.parse.references:
            prototype = item.chain[1:] == ("prototype",) and item.kind is ReferenceKind.ATTRIBUTE
            entity = self.file.classes.get(item.chain[0])
            if entity is None or not (prototype or (len(item.chain) == 1 and item.kind is ReferenceKind.NAME)):
                continue
            start = item.extent[0]
            if any(extent[0] <= start < extent[1] for extent in inside):
                continue
            takers = [call for call in calls if call.span[1] <= start < call.extent[1]]
            entity.handed = entity.handed or bool(takers)
            if any(
                prototype or _EXTENDS.search(f"{call.receiver or ''}.{call.chain[-1]}")
                for call in takers
                if call.chain[0] != "Object"
            ):
                entity.opaque = entity.opaque or "a function may add to it"

    def _prototypes(self) -> None:
        """What ``F.prototype = …`` says: another's prototype is a base, any other object cannot be seen into."""
        for entity in self.file.classes.values():
            for name in ("prototype", "__proto__"):
                for symbol in entity.members.pop(name, ()):
                    found = _PROTOTYPE.fullmatch(symbol.value.strip())
                    if found is None:
                        entity.opaque = entity.opaque or "its prototype is changed"
                    else:
                        entity.bases = (*entity.bases, found["base"])

    def _shape(self, definition: Definition) -> None:
        """A type alias for an object type, an object literal bound to a name, or a namespace."""
        self.file.class_extents.append((*definition.extent, definition.name))
        known = self.file.classes.get(definition.name)
        if known is None:
            known = self.file.classes[definition.name] = ClassEntity(
                definition.name, self.entity, kind="object", line=definition.line
            )
        if definition.kind is SymbolKind.TYPE_ALIAS:
            known.kind = "interface"
            text = (definition.value or "").strip()
            if not (text.startswith("{") and text.endswith("}")) or (
                "}" in text[1:-1].replace("};", "").replace("},", "") and " & " in text
            ):
                known.opaque = "its type is composed of others"
        made = "class" if definition.kind in {SymbolKind.TYPE_ALIAS, SymbolKind.MODULE} else "instance"
        symbol = Symbol(
            definition.name, made, self.entity, entity=known, line=definition.line, position=definition.span[0]
        )
        self._place(definition, symbol, is_type=definition.kind is SymbolKind.TYPE_ALIAS)

    def _member(self, owner: ClassEntity, definition: Definition, symbol: Symbol) -> None:
        symbol.owner = owner
        if self.family == "typescript" and ("static" in definition.modifiers or owner.kind in {"enum", "module"}):
            owner.statics = owner.statics if owner.statics is not None else {}
            owner.statics.setdefault(definition.name, []).append(symbol)
            return
        owner.members.setdefault(definition.name, []).append(symbol)
        if definition.kind is SymbolKind.FIELD and definition.scope not in self.function_extents:
            owner.own_fields.append(symbol)
        if self.family == "python" and definition.name in _DYNAMIC_MEMBERS and definition.kind in CALLABLE:
            owner.opaque = owner.opaque or _DYNAMIC_MEMBERS[definition.name]

    def _place(self, definition: Definition, symbol: Symbol, is_type: bool) -> None:
        if definition.scope in self.function_extents:
            self._local(definition, symbol)
            return
        if definition.binding == "type_parameter":
            self._local(definition, symbol)
            return
        if definition.binding.startswith("parameter"):
            return  # of a function type or an interface's method: nothing else can see it
        if definition.owner and definition.owner in self.file.classes:
            self._member(self.file.classes[definition.owner], definition, symbol)
            return
        if is_type and self.entity.types is not None:
            self.entity.types.setdefault(definition.name, []).append(symbol)
            if definition.kind in {SymbolKind.INTERFACE, SymbolKind.TYPE_ALIAS}:
                return
        self.entity.names.setdefault(definition.name, []).append(symbol)

    def _local(self, definition: Definition, symbol: Symbol) -> None:
        self.file.local.setdefault(definition.name, []).append((*definition.scope, symbol))
