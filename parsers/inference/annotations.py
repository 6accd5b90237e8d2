"""What an annotation admits."""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.inference.base import GO_PLACEHOLDERS, MAX_UNION, Environment, Lookup, LookupStatus, Values, union_of
from parsers.inference.names import Names
from parsers.javascript.docs import DOCUMENTED
from parsers.project.entities import ClassValue, Instance, ModuleEntity, ModuleValue, Symbol, TupleValue, Value
from parsers.syntax.type_text import ARRAY, TUPLE, UNION, UNKNOWN, TypeNode, read_type, split_top

__all__ = ["Annotations"]

_SILENT_TYPES = {
    "Any",
    "object",
    "any",
    "unknown",
    "interface{}",
    "T",
    "never",
    "Record",
    "Function",
    "Object",
    "{}",
    "comparable",
}
_NOTHING = {"None", "undefined", "null", "void", "nil", "NoReturn", "Never"}
_PRIMITIVES = {"string": "String", "number": "Number", "boolean": "Boolean", "symbol": "Symbol", "bigint": "BigInt"}
_PLAIN = {"String", "Number", "Boolean"}
_IMPORTED = re.compile(r"""import\(["'](?P<module>[^"']+)["']\)\.(?P<name>[\w$]+)""")
_SMART_POINTERS = {
    "Box",
    "Rc",
    "Arc",
    "Ref",
    "RefMut",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Pin",
    "Cow",
    "ManuallyDrop",
}


class Annotations(Names):
    """Turns types as written into values."""

    def type_values(
        self, node: TypeNode, module: ModuleEntity, position: int = -1, environment: Environment | None = None
    ) -> Values | None:
        """The values that an annotation admits. ``None`` parts of a union are left out: using them is another error."""
        if node.name == UNION:
            return union_of(
                self.type_values(part, module, position, environment)
                for part in node.arguments
                if part.name not in _NOTHING
            )
        if node.name == TUPLE:
            if self.family == "python":
                return self._instance("tuple", None)
            return (
                TupleValue(tuple(self.type_values(part, module, position, environment) for part in node.arguments)),
            )
        if node.name in {ARRAY, "map"}:
            return self._container(node, module, position, environment)
        if node.name == UNKNOWN or node.name.rpartition(".")[2] in _SILENT_TYPES:
            return None
        if node.name in _NOTHING:
            return ()
        if environment is not None and node.name in environment:
            return environment[node.name]
        return self._named_type(node, module, position, environment)

    def documented_values(self, text: str, module: ModuleEntity, position: int) -> Values | None:
        """The values that a type of a comment admits, where it names visible classes; built-in ones may mean something else."""
        parts = [part.strip() for part in split_top(text.removeprefix(DOCUMENTED), "|")]
        values = union_of(self._documented_part(part, module, position) for part in parts)
        known = [value for value in values or () if isinstance(value, Instance)]
        if not values or len(known) < len(values) or all(value.entity.module.library for value in known):
            return None
        if any(value.entity.module.library and value.entity.name not in _PLAIN for value in known):
            return None
        return tuple(replace(value, documented=True) for value in known)

    def _documented_part(self, text: str, module: ModuleEntity, position: int) -> Values | None:
        found = _IMPORTED.fullmatch(text)
        if found is None:
            own = module.lookup(text, True) if text.isidentifier() else ()
            only = None if own else self.project.only_class(text)
            return (
                (Instance(only),)
                if only is not None
                else self.type_values(read_type(text, "typescript"), module, position)
            )
        target = self.project.import_module(module, found["module"], 0)
        if target is None:
            return None
        wanted = Symbol(found["name"], "alias", module, target=(found["module"], found["name"]))
        return self._types_of(wanted, ())

    def _container(
        self, node: TypeNode, module: ModuleEntity, position: int, environment: Environment | None
    ) -> Values | None:
        arguments = tuple(self.type_values(part, module, position, environment) for part in node.arguments)
        if self.family == "typescript":
            return self._instance("Array", arguments)
        if self.family == "rust":
            return self._instance("slice", arguments)
        key = arguments[0] if node.name == "map" else None
        return (TupleValue((key, arguments[-1])),) if self.family == "go" else None

    def _instance(self, name: str, arguments: tuple[Values | None, ...] | None) -> Values | None:
        for symbol in self.library.globals.lookup(name, as_type=True):
            if symbol.entity is not None:
                return (Instance(symbol.entity, arguments or ()),)
        return None

    def _named_type(
        self, node: TypeNode, module: ModuleEntity, position: int, environment: Environment | None
    ) -> Values | None:
        if self.family == "go" and module.library and node.name in GO_PLACEHOLDERS:
            return None
        name = _PRIMITIVES.get(node.name, node.name) if self.family == "typescript" else node.name
        if self.family == "rust" and name in _SMART_POINTERS and node.arguments:
            return self.type_values(node.arguments[0], module, position, environment)
        arguments = tuple(self.type_values(part, module, position, environment) for part in node.arguments)
        if self.family == "python" and name.rpartition(".")[2] in {"type", "Type"}:
            made = arguments[0] if arguments else None
            return tuple(ClassValue(value.entity) for value in made if isinstance(value, Instance)) if made else None
        if self.family == "python" and name.rpartition(".")[2] == "LiteralString":
            return self._instance("str", None)
        head, *rest = name.split(".")
        found = self.name(head, module, position, as_type=True)
        for part in rest:
            if found.status != LookupStatus.FOUND:
                return None
            owners = self.symbols_values(self._namespaces(found.symbols))
            if owners is None or len(owners) != 1:
                return None
            found = self._type_member(owners[0], part)
        if found.status != LookupStatus.FOUND:
            return None
        return self._types_of_all(found.symbols, arguments) if found.symbols else None

    def _namespaces(self, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """TypeScript's ``declare const api: api.Static; declare namespace api {…}``: in a type ``api`` is the namespace."""
        if self.family != "typescript":
            return symbols
        return tuple(symbol for symbol in symbols if symbol.kind not in {"value", "function"}) or symbols

    def _types_of_all(self, symbols: tuple[Symbol, ...], arguments: tuple[Values | None, ...]) -> Values | None:
        """Python binds a name differently in the branches of an ``if``: any of them may be what is meant."""
        # try: from shop import Cart
        # except ImportError: class Cart: ...
        if self.family != "python":
            return self._types_of(symbols[0], arguments)
        return union_of(self._types_of(symbol, arguments) for symbol in symbols[:MAX_UNION])

    def _types_of(self, symbol: Symbol, arguments: tuple[Values | None, ...]) -> Values | None:
        """Instances of what a symbol names as a type. A variable is a type only where it stands for one (an alias)."""
        if self.family == "python" and symbol.kind == "value":
            if symbol.annotation.rpartition(".")[2] not in {"", "TypeAlias"} or symbol.links:
                return None
            key = ("type", symbol)
            if not self._enter(key):
                return None
            try:
                return self.type_values(read_type(symbol.value, self.family), symbol.module, symbol.position)
            finally:
                self._leave(key)
        if symbol.kind == "alias":
            key = ("type", symbol)
            if not self._enter(key):
                return None
            try:
                found = self.alias(symbol, as_type=True)
                if found.status == LookupStatus.FOUND and found.symbols:
                    return self._types_of_all(found.symbols, arguments)
                if isinstance(found.owner, ModuleEntity) and found.owner.whole_export:
                    return self._made(self._export_value(found.owner), arguments)
                return None
            finally:
                self._leave(key)
        if symbol.role == "type_alias" and self.family == "rust":
            return self._alias_type(symbol, arguments)
        return self._made(self.symbol_values(symbol), arguments)

    def _made(self, values: Values | None, arguments: tuple[Values | None, ...]) -> Values | None:
        """Instances of the classes among ``values``; None when some value is no type."""
        if values is None:
            return None
        if self.family == "typescript" and any(isinstance(value, ClassValue) for value in values):
            values = tuple(value for value in values if not isinstance(value, ModuleValue))  # its namespace
        made: list[Value] = []
        for value in values:
            if isinstance(value, ModuleValue) and value.module.library and value.module.whole_export:
                exported = self._made(self._export_value(value.module), arguments)
                if exported is None:
                    return None
                made.extend(exported)
            elif isinstance(value, ClassValue):
                made.append(Instance(value.entity, arguments))
            elif isinstance(value, Instance | TupleValue):
                made.append(value)
            else:
                return None
        return tuple(made)

    def _alias_type(self, symbol: Symbol, arguments: tuple[Values | None, ...]) -> Values | None:
        """Rust's ``type Result<T> = …``, with its parameters filled in; std's aliases take theirs in the order of use."""
        key = ("type", symbol)
        if not self._enter(key):
            return None
        try:
            node = read_type(symbol.value, self.family)
            names = symbol.modifiers or tuple(item.name for item in node.arguments if len(item.name) == 1)
            given: Environment = dict(zip(names, arguments, strict=False))
            return self.type_values(node, symbol.module, symbol.position, {**dict.fromkeys(names), **given})
        finally:
            self._leave(key)

    def _type_member(self, owner: Value, name: str) -> Lookup:
        if isinstance(owner, ModuleValue):
            return self.module_member(owner.module, name, as_type=True)
        return self.member(owner, name)
