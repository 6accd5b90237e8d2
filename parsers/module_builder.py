"""One parsed file as a module entity: its names, its classes with their members, its local scopes."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from parsers.entities import ClassEntity, ModuleEntity, Signature, Symbol
from parsers.library import FAMILIES
from parsers.types import Definition, Import, ParseResult, Span, SymbolKind

__all__ = ["FileModule", "build_module"]

CLASS_KINDS = {SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.STRUCT, SymbolKind.ENUM, SymbolKind.TRAIT}
_SHAPES = {SymbolKind.TYPE_ALIAS, SymbolKind.CONSTANT, SymbolKind.VARIABLE, SymbolKind.MODULE}
_CALLABLE = {SymbolKind.FUNCTION, SymbolKind.METHOD}
_DYNAMIC_REASONS = {
    "getattr": "it defines __getattr__",
    "setattr": "it sets attributes by computed name",
    "exec": "it runs code from text",
    "eval": "it runs code from text",
    "globals": "it writes names by computed key",
    "metaclass": "its metaclass may add members",
    "spread": "it copies members from elsewhere",
    "macro": "its macros may define names",
    "index_signature": "it has an index signature",
    "prototype": "its prototype is changed",
    "computed_member": "it has computed members",
    "mixin": "it is mixed with other classes",
    "assign": "members are assigned to it",
    "augmentation": "",
    "module_exports": "its exports are computed",
    "computed": "it has computed members",
}
_FIRST_LINKS: dict[str, tuple[str, ...]] = {"": (), "=": (), "for": ("#iter",), "with": ("#enter",), "except": ("()",)}
_DYNAMIC_MEMBERS = {"__getattr__": "it defines __getattr__", "__getattribute__": "it defines __getattribute__"}


@dataclass(eq=False, repr=False)
class FileModule:
    """A module entity with what only its own file needs: scopes, and the parse it came from."""

    entity: ModuleEntity
    parse: ParseResult
    local: dict[str, list[tuple[int, int, Symbol]]] = field(default_factory=dict)
    classes: dict[str, ClassEntity] = field(default_factory=dict)
    methods: list[tuple[int, int, Definition]] = field(default_factory=list)
    stray: list[tuple[str, str, Symbol]] = field(default_factory=list)
    headers: dict[Span, int] = field(default_factory=dict)
    class_extents: list[tuple[int, int, str]] = field(default_factory=list)

    def class_at(self, position: int) -> ClassEntity | None:
        """The innermost class whose body holds ``position``."""
        found = [item for item in self.class_extents if item[0] <= position < item[1]]
        if not found:
            return None
        return self.classes.get(min(found, key=lambda item: item[1] - item[0])[2])

    def methods_at(self, position: int) -> list[Definition]:
        """Functions and methods around ``position``, innermost first."""
        found = [item for item in self.methods if item[0] <= position < item[1]]
        return [item[2] for item in sorted(found, key=lambda item: item[1] - item[0])]

    def at(self, name: str, position: int) -> list[Symbol]:
        """Bindings of ``name`` in the innermost scope that holds ``position``."""
        found = [
            item
            for item in self.local.get(name, ())
            if item[0] <= position < item[1] and position >= self.headers.get(item[:2], -1)
        ]
        if not found:
            return []
        width = min(end - start for start, end, _ in found)
        inner = [symbol for start, end, symbol in found if end - start == width]
        return inner


def build_module(parse: ParseResult, key: str) -> FileModule:
    """Read one parse. Definitions that meet in one name are kept side by side."""
    family = FAMILIES[parse.language]
    entity = ModuleEntity(key, family, path=parse.path or "", types={} if family == "typescript" else None)
    file = FileModule(entity, parse)
    builder = _Builder(file, family)
    builder.run()
    return file


class _Builder:
    def __init__(self, file: FileModule, family: str) -> None:
        self.file = file
        self.entity = file.entity
        self.family = family
        definitions = file.parse.definitions
        self.function_extents = {item.extent for item in definitions if item.kind in _CALLABLE}
        self.class_paths: dict[Span, str] = {}
        self.inner_modules = [item.extent for item in definitions if item.kind is SymbolKind.MODULE]
        top_end = max((item.scope[1] for item in definitions if item.scope[0] == 0), default=0)
        classlike = CLASS_KINDS | {SymbolKind.MODULE, SymbolKind.TYPE_ALIAS}
        outer = {(0, top_end)} | {item.extent for item in definitions if item.kind in classlike}
        self.function_extents |= {
            item.scope for item in definitions if item.scope not in outer
        }  # function literals too
        self.function_starts = sorted(self.function_extents)
        self.variadic = {
            (item.extent, parameter.name): "dict" if parameter.variadic == "**" else "tuple"
            for item in definitions
            for parameter in item.parameters or ()
            if parameter.variadic
        }

    def run(self) -> None:
        self._extents()
        self._classes()
        for definition in self.file.parse.definitions:
            if definition.kind not in CLASS_KINDS:
                self._definition(definition)
        for imported in self.file.parse.imports:
            self._import(imported)
        for reason in self.file.parse.dynamic:
            self._dynamic(reason)
        parse = self.file.parse
        exports = any(item.reexport for item in parse.imports) or any(
            item.exported for item in parse.definitions if item.kind is not SymbolKind.FIELD
        )
        if parse.language == "javascript" and not exports:
            self.entity.opaque = self.entity.opaque or "its exports are computed"
        if parse.truncated_reason:
            self._unreadable((0, 1 << 60))
        for span in parse.errors:
            self._unreadable(span)

    def _unreadable(self, span: Span) -> None:
        """What a place that could not be read may hide: members of the type around it, or names of the file."""
        inside = [item for item in self.file.parse.definitions if item.extent[0] < span[0] and span[1] < item.extent[1]]
        if any(item.kind in _CALLABLE for item in inside):
            return
        paths = {self.class_paths[item.extent] for item in inside if item.extent in self.class_paths}
        paths |= {item.name for item in inside if item.kind in _SHAPES and item.name in self.file.classes}
        if not paths:
            self.entity.opaque = self.entity.opaque or "parts of it could not be read"
        for path, entity in self.file.classes.items():
            if not paths or path in paths:
                entity.opaque = entity.opaque or "parts of its file could not be read"

    def _extents(self) -> None:
        for item in self.file.parse.definitions:
            if item.kind in _CALLABLE:
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
            elif definition.kind in _SHAPES and self._is_shape(definition, owners):
                self._shape(definition)

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
        return definition.name in owners

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
        elif self.file.parse.language == "javascript":
            known.opaque = known.opaque or "objects may gain members"
        made = "class" if definition.kind in {SymbolKind.TYPE_ALIAS, SymbolKind.MODULE} else "instance"
        symbol = Symbol(
            definition.name, made, self.entity, entity=known, line=definition.line, position=definition.span[0]
        )
        self._place(definition, symbol, is_type=definition.kind is SymbolKind.TYPE_ALIAS)

    def _definition(self, definition: Definition) -> None:
        if self.family == "go" and definition.kind is SymbolKind.TYPE_ALIAS:
            return
        if (
            definition.kind in _SHAPES
            and definition.name in self.file.classes
            and self._is_shape(definition, {definition.name})
        ):
            return
        if definition.binding == "type_parameter" and definition.scope in self.class_paths:
            entity = self.file.classes[self.class_paths[definition.scope]]
            entity.type_parameters = (*entity.type_parameters, definition.name)
            self._local(definition, self._symbol(definition))
            return
        symbol = self._symbol(definition)
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

    def _symbol(self, definition: Definition) -> Symbol:
        symbol = Symbol(
            definition.name,
            "function" if definition.kind in _CALLABLE else "value",
            self.entity,
            annotation=definition.annotation or "",
            position=definition.span[0],
            line=definition.line,
            decorators=definition.decorators,
        )
        symbol.value, symbol.links = _bound_value(definition)
        symbol.default = definition.value or ""
        if definition.kind in _CALLABLE:
            symbol.signatures = (Signature(definition.parameters or (), definition.annotation or ""),)
            symbol.binding = _method_binding(definition)
            symbol.annotation, symbol.value, symbol.links = "", "", ()
            symbol.returned = definition.returns
            symbol.inside = max(definition.extent[1] - 1, definition.span[0])
            symbol.modifiers = definition.modifiers
        if definition.binding.startswith("parameter*") and (
            container := self.variadic.get((definition.scope, definition.name))
        ):
            symbol.annotation = (
                container
                if self.family == "python"
                else f"[]{symbol.annotation.removeprefix('...')}"
                if self.family == "go"
                else symbol.annotation
            )
        if definition.kind is SymbolKind.TYPE_ALIAS:
            symbol.role = "type_alias"
        return symbol

    def _member(self, owner: ClassEntity, definition: Definition, symbol: Symbol) -> None:
        symbol.owner = owner
        if self.family == "typescript" and ("static" in definition.modifiers or owner.kind in {"enum", "module"}):
            owner.statics = owner.statics if owner.statics is not None else {}
            owner.statics.setdefault(definition.name, []).append(symbol)
            return
        owner.members.setdefault(definition.name, []).append(symbol)
        if definition.kind is SymbolKind.FIELD and definition.scope not in self.function_extents:
            owner.own_fields.append(symbol)
        if self.family == "python" and definition.name in _DYNAMIC_MEMBERS and definition.kind in _CALLABLE:
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

    def _import(self, item: Import) -> None:
        if item.name == "*":
            inside = item.module.split("::")
            if self.family == "rust" and (inside[0] in {"crate", "self", "super"} or inside[-1][:1].isupper()):
                self._glob(item)
                return  # variants of an enumeration, or names of this crate: those are looked up over all its files
            self.entity.stars.append((item.module, item.level))
            return
        if self.family == "go" and item.alias is None and item.name is None:
            for bound in _go_package_names(item.module):
                made = Symbol(
                    bound, "alias", self.entity, target=(item.module, ""), line=item.line, position=item.span[0]
                )
                self.entity.names.setdefault(bound, []).append(made)
            return
        bound = (
            item.alias
            or item.name
            or (item.module.split(".")[0] if self.family == "python" else re.split(r"[/:]+", item.module)[-1])
        )
        target = (item.module, item.name or "")
        if self.family == "python" and item.name is None and item.alias is None:
            target = (bound, "")
        symbol = Symbol(
            bound, "alias", self.entity, target=target, level=item.level, line=item.line, position=item.span[0]
        )
        if self.family == "typescript" and item.reexport and not item.module and item.alias == "default" and item.name:
            self.entity.default_export = item.name
        if self.family == "typescript" and not item.reexport:
            symbol.role = "hidden"
        scope = self._enclosing(item.span)
        if scope is not None:
            self.file.local.setdefault(bound, []).append((*scope, symbol))
        else:
            self.entity.names.setdefault(bound, []).append(symbol)

    def _glob(self, item: Import) -> None:
        """Rust's ``use a::*``: of a module written inside the file, ``super`` is the file itself."""
        reason = f"it imports everything from {item.module}"
        inside = any(start <= item.span[0] < end for start, end in self.inner_modules)
        if inside and item.module == "super":
            return
        self.entity.incomplete = self.entity.incomplete or reason
        if not inside and self._enclosing(item.span) is None:
            self.entity.shared = self.entity.shared or reason

    def _enclosing(self, span: Span) -> Span | None:
        best: Span | None = None
        for extent in self.function_starts[: bisect_right(self.function_starts, (span[0], 1 << 60))]:
            if (
                extent[0] <= span[0]
                and span[1] <= extent[1]
                and (best is None or extent[1] - extent[0] < best[1] - best[0])
            ):
                best = extent
        return best

    def _dynamic(self, entry: str) -> None:
        reason, _, subject = entry.partition(":")
        owner = self.file.classes.get(subject)
        message = _DYNAMIC_REASONS.get(reason)
        if message is None:
            return
        if owner is not None:
            owner.opaque = owner.opaque or message
        elif reason in {"macro", "module_exports", "exec", "globals", "getattr"} and (
            not subject or reason != "getattr"
        ):
            self.entity.opaque = self.entity.opaque or message


def _go_package_names(path: str) -> set[str]:
    """The names that a package may have by its path: ``gopkg.in/yaml.v3`` is yaml, ``x/go-isatty`` isatty, ``x/toml/v2`` toml."""
    pieces = [piece for piece in path.split("/") if not re.fullmatch(r"v\d+", piece)] or [path]
    last = re.sub(r"\.v\d+$", "", pieces[-1])
    return {
        last,
        last.removeprefix("go-"),
        last.removesuffix("-go"),
        last.removesuffix(".go"),
        last.replace("-", "_"),
        last.replace("-", ""),
        *last.split("-"),
    }


def _bound_value(definition: Definition) -> tuple[str, tuple[str, ...]]:
    """The expression that a name is taken from and the links from it to the name; ('', ()) when nothing is known."""
    head, *places = definition.binding.split(".")
    if definition.annotation and places and "*" not in places:
        return "", tuple(f"#{place}" if place.isdigit() else place for place in places)
    if head in {"parameter", "parameter*", "parameter**", "case"} or "*" in places:
        return "", ()
    first = _FIRST_LINKS.get(head)
    if first is None or not definition.value:
        return definition.value or "", ()
    return definition.value, (*first, *(f"#{place}" if place.isdigit() else place for place in places))


def _method_binding(definition: Definition) -> str:
    names = {decorator.partition("(")[0].lstrip("@").rpartition(".")[2] for decorator in definition.decorators}
    if names & {"property", "cached_property", "setter", "deleter", "getter", "hybrid_property"}:
        return "property"
    if "get" in definition.modifiers or "set" in definition.modifiers:
        return "property"
    if "staticmethod" in names:
        return "static"
    return (
        "class"
        if "classmethod" in names or definition.name in {"__class_getitem__", "__init_subclass__"}
        else "static"
        if definition.name == "__new__"
        else ""
    )
