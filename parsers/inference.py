"""What an access chain evaluates to, as far as the visible code says. None means unknown: nothing may be concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from parsers.entities import (
    ClassEntity,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleEntity,
    ModuleValue,
    Symbol,
    TupleValue,
    Value,
)
from parsers.expressions import Chain, read_expression
from parsers.library import Library
from parsers.type_text import ARRAY, TUPLE, UNION, UNKNOWN, TypeNode, read_type

__all__ = ["Found", "Inference", "Project"]

Values = tuple[Value, ...]
Environment = dict[str, Values | None]

_MAX_DEPTH = 14
_MAX_UNION = 8
_METACLASS_MEMBERS = {
    "register",
    "__members__",
    "__subclasshook__",
    "__iter__",
    "__len__",
    "_field_defaults",
    "_fields",
    "_make",
}
_MAKERS = {
    "type",
    "Enum",
    "IntEnum",
    "StrEnum",
    "Flag",
    "IntFlag",
    "NamedTuple",
    "TypedDict",
    "property",
    "partial",
    "Any",
}
_GO_PLACEHOLDERS = {
    "Type",
    "Type1",
    "IntegerType",
    "FloatType",
    "ComplexType",
}  # the builtin package's documentation only
_FUNCTION_MEMBERS = {"apply", "call", "bind", "name", "length", "prototype", "arguments", "caller"}
_DEREFERENCED = {"Deref", "DerefMut"}
_ENUMS = {"Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"}
_PLAIN_DECORATORS = frozenset(
    (
        "dataclass",
        "total_ordering",
        "final",
        "runtime_checkable",
        "unique",
        "deprecated",
        "dataclass_transform",
        "define",
        "frozen",
        "mutable",
        "s",
        "attrs",
        "verify",
        "add_metaclass",
        "disjoint_base",
        "type_check_only",
    )
)
_DISPLAYS = ("[", "{")
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
_LITERALS = {
    "python": {
        "#str": "str",
        "#bytes": "bytes",
        "#int": "int",
        "#float": "float",
        "#bool": "bool",
        "#list": "list",
        "#dict": "dict",
        "#set": "set",
        "#tuple": "tuple",
    },
    "typescript": {"#str": "String", "#int": "Number", "#float": "Number", "#bool": "Boolean", "#list": "Array"},
    "go": {},
    "rust": {"#str": "str"},
}
_PRIMITIVES = {"string": "String", "number": "Number", "boolean": "Boolean", "symbol": "Symbol", "bigint": "BigInt"}
_AWAITABLE = {"Awaitable", "Coroutine", "Future", "Task", "Promise", "PromiseLike"}
_ITERABLE = {
    "Iterator",
    "Iterable",
    "Generator",
    "AsyncIterator",
    "AsyncIterable",
    "AsyncGenerator",
    "Sequence",
    "Collection",
    "MutableSequence",
}
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


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a look-up. ``status`` is found, missing or unknown (with the reason)."""

    status: str
    symbols: tuple[Symbol, ...] = ()
    reason: str = ""
    owner: ClassEntity | ModuleEntity | None = None
    environment: Environment | None = None


UNKNOWN_NAME = "nothing visible says what it is"


class Project(Protocol):
    """How names cross files: the context index and the response together."""

    library: Library

    def import_module(self, importer: ModuleEntity, module: str, level: int) -> ModuleEntity | None:
        """The module that an import names, None when it is not visible."""

    def submodule(self, module: ModuleEntity, name: str) -> ModuleEntity | None:
        """A module below a package, if visible."""

    def local_symbols(self, module: ModuleEntity, name: str, position: int) -> list[Symbol]:
        """Bindings of a name in the innermost scope around ``position`` that has it."""

    def names_in_package(self, module: ModuleEntity, name: str, as_type: bool) -> list[Symbol]:
        """The name in files that share the module's namespace (a Go package)."""


class Inference:
    """Evaluates names, types and chains of one family against a project. One instance serves one response."""

    def __init__(self, project: Project, family: str) -> None:
        self.project = project
        self.family = family
        self.library = project.library
        self._running: set[object] = set()
        self._symbol_cache: dict[int, Values | None] = {}
        self._keep: list[Symbol] = []
        self._bases: dict[tuple[int, str], ClassEntity | None] = {}
        self._base_nodes: dict[tuple[int, int], tuple[TypeNode, ...] | None] = {}

    # names ------------------------------------------------------------------------------------------------------

    def name(self, name: str, module: ModuleEntity, position: int, as_type: bool = False) -> Found:
        """Look a bare name up: local scopes, the module, its package, star imports, the global names."""
        if position >= 0 and not (as_type and self.family in {"python", "go"} and module.lookup(name)):
            local = self.project.local_symbols(module, name, position)
            if local:
                return Found("found", tuple(local))
        if (
            self.family in {"go", "rust"}
            and not module.library
            and (shared := self.project.names_in_package(module, name, as_type))
        ):
            return Found("found", tuple(shared), owner=module)
        found = self.module_member(module, name, as_type, ask_submodule=False)
        if found.status == "found":
            return found
        shared = self.project.names_in_package(module, name, as_type)
        if shared:
            return Found("found", tuple(shared), owner=module)
        builtin = self.library.globals.lookup(name, as_type)
        if builtin and not (self.family == "go" and name in _GO_PLACEHOLDERS):
            return Found("found", tuple(builtin), owner=self.library.globals)
        return found

    def module_member(
        self,
        module: ModuleEntity,
        name: str,
        as_type: bool = False,
        ask_submodule: bool = True,
        seen: frozenset[str] = frozenset(),
    ) -> Found:
        """Look a name up in a module: its own names, its star imports, its submodules."""
        symbols = module.lookup(name, as_type)
        if symbols and not (seen and symbols[0].role == "hidden"):
            return Found("found", tuple(symbols), owner=module)
        unknown = module.opaque
        for target, level in module.stars:
            other = self.project.import_module(module, target, level)
            if other is None:
                unknown = unknown or f"it imports everything from {target}, which is not visible"
            elif other.key not in seen and other is not module:
                inner = self.module_member(other, name, as_type, False, seen | {module.key})
                if inner.status == "found":
                    return inner
                unknown = unknown or (inner.reason if inner.status == "unknown" else "")
        if ask_submodule:
            below = self.project.submodule(module, name)
            if below is not None:
                return Found("found", (Symbol(name, "alias", below, target=("", "")),), owner=module)
        if module.default_export:
            values = self._export_value(module)
            for value in values or ():
                inner = self.member(value, name)
                if inner.status == "found":
                    return inner
            unknown = unknown or "its export is computed"
        if unknown:
            return Found("unknown", reason=unknown, owner=module)
        return Found("missing", owner=module)

    def _export_value(self, module: ModuleEntity) -> Values | None:
        key = ("export", module.key)
        if key in self._running or len(self._running) > _MAX_DEPTH:
            return None
        self._running.add(key)
        try:
            chains = read_expression(module.default_export, self.family)
            return self.chain(chains[0], module, -1) if chains else None
        finally:
            self._running.discard(key)

    # values -----------------------------------------------------------------------------------------------------

    def symbols_values(self, symbols: tuple[Symbol, ...], environment: Environment | None = None) -> Values | None:
        """The union of what the symbols stand for; None as soon as one of them is unknown."""
        union: list[Value] = []
        declared = tuple(symbol for symbol in symbols if symbol.owner is not None and symbol.annotation)
        for symbol in (declared or symbols)[:_MAX_UNION]:
            values = self.symbol_values(symbol, environment)
            if values is None:
                return None
            union.extend(value for value in values if value not in union)
        return tuple(union) if len(union) <= _MAX_UNION else None

    def symbol_values(self, symbol: Symbol, environment: Environment | None = None) -> Values | None:
        """What one symbol stands for."""
        if symbol.entity is not None:
            return (ClassValue(symbol.entity),) if symbol.kind == "class" else (Instance(symbol.entity),)
        if symbol.kind == "function":
            if symbol.binding == "property":
                return self.returned(symbol, None, environment)
            return (FunctionValue(symbol),)
        key = id(symbol)
        if environment is None and key in self._symbol_cache:
            return self._symbol_cache[key]
        if key in self._running or len(self._running) > _MAX_DEPTH:
            return None
        self._running.add(key)
        try:
            values = self._alias_values(symbol) if symbol.kind == "alias" else self._value_values(symbol, environment)
        finally:
            self._running.discard(key)
        if environment is None:
            self._symbol_cache[key] = values
            self._keep.append(symbol)
        return values

    def _alias_values(self, symbol: Symbol) -> Values | None:
        found = self.alias(symbol)
        if found.status != "found":
            return None
        if not found.symbols and isinstance(found.owner, ModuleEntity):
            return (ModuleValue(found.owner),)
        return self.symbols_values(found.symbols)

    def alias(self, symbol: Symbol, as_type: bool = False) -> Found:
        """Follow an import to what it names; the module itself is returned as ``owner`` without symbols."""
        module_name, name = symbol.target
        if not module_name and not name and not symbol.level:
            return Found("found", owner=symbol.module)
        module = self.project.import_module(symbol.module, module_name, symbol.level)
        if module is None:
            return Found("unknown", reason=f"{module_name or 'its module'} is not visible")
        if not name:
            return Found("found", owner=module)
        if self.family == "typescript" and name == "default":
            return self._default_export(module)
        found = self.module_member(module, name, as_type)
        if found.status == "missing" and module.types is not None:
            found = self.module_member(module, name, not as_type)
        return found

    def _default_export(self, module: ModuleEntity) -> Found:
        symbols = module.lookup("default")
        if symbols:
            return Found("found", tuple(symbols), owner=module)
        if module.default_export:
            values = self._export_value(module)
            if values and isinstance(values[0], ModuleValue):
                return Found("found", owner=values[0].module)
            chains = read_expression(module.default_export, self.family)
            if chains and len(chains[0]) == 1:
                return self.module_member(module, chains[0][0], ask_submodule=False)
        return Found("unknown", reason="its default export is computed", owner=module)

    def _value_values(self, symbol: Symbol, environment: Environment | None) -> Values | None:
        if symbol.role == "type_alias":
            return self.type_values(read_type(symbol.value, self.family), symbol.module, symbol.position, environment)
        if symbol.annotation:
            declared = self.type_values(
                read_type(symbol.annotation, self.family), symbol.module, symbol.position, environment
            )
            for link in symbol.links:
                declared = self.step(declared, link) if declared is not None else None
            if declared is None or symbol.links or self.family != "python" or symbol.value[:1] not in _DISPLAYS:
                return declared
            made = self._expression_values(symbol)  # ``names: Sequence[str] = []`` is used as the list that it is
            kinds = {value.entity for value in declared if isinstance(value, Instance)}
            other = [value for value in made or () if isinstance(value, Instance) and value.entity not in kinds]
            return (*declared, *other)
        return self._expression_values(symbol)

    def _expression_values(self, symbol: Symbol) -> Values | None:
        chains = read_expression(symbol.value, self.family)
        if not chains:
            return None
        union: list[Value] = []
        for chain in chains:
            values = self.chain((*chain, *symbol.links), symbol.module, symbol.position)
            if values is None:
                return None
            union.extend(value for value in values if value not in union)
        return tuple(union)

    # types ------------------------------------------------------------------------------------------------------

    def type_values(
        self, node: TypeNode, module: ModuleEntity, position: int = -1, environment: Environment | None = None
    ) -> Values | None:
        """The values that an annotation admits. ``None`` parts of a union are left out: using them is another error."""
        if node.name == UNION:
            union: list[Value] = []
            for part in node.arguments:
                if part.name in _NOTHING:
                    continue
                values = self.type_values(part, module, position, environment)
                if values is None:
                    return None
                union.extend(value for value in values if value not in union)
            return tuple(union)
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

    def _container(
        self, node: TypeNode, module: ModuleEntity, position: int, environment: Environment | None
    ) -> Values | None:
        arguments = tuple(self.type_values(part, module, position, environment) for part in node.arguments)
        if self.family == "typescript":
            return self._instance("Array", arguments)
        if self.family == "rust":
            return self._instance("slice", arguments)
        return (TupleValue((None, arguments[-1])),) if self.family == "go" else None

    def _instance(self, name: str, arguments: tuple[Values | None, ...] | None) -> Values | None:
        for symbol in self.library.globals.lookup(name, as_type=True):
            if symbol.entity is not None:
                return (Instance(symbol.entity, arguments or ()),)
        return None

    def _named_type(
        self, node: TypeNode, module: ModuleEntity, position: int, environment: Environment | None
    ) -> Values | None:
        if self.family == "go" and module.library and node.name in _GO_PLACEHOLDERS:
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
            if found.status != "found":
                return None
            owners = self.symbols_values(found.symbols)
            if owners is None or len(owners) != 1:
                return None
            found = self._type_member(owners[0], part)
        if found.status != "found":
            return None
        return self._types_of(found.symbols[0], arguments) if found.symbols else None

    def _types_of(self, symbol: Symbol, arguments: tuple[Values | None, ...]) -> Values | None:
        """Instances of what a symbol names as a type. A variable is a type only where it stands for one (an alias)."""
        if self.family == "python" and symbol.kind == "value":
            if symbol.annotation.rpartition(".")[2] not in {"", "TypeAlias"} or symbol.links:
                return None
            key = ("type", id(symbol))
            if key in self._running or len(self._running) > _MAX_DEPTH:
                return None
            self._running.add(key)
            try:
                return self.type_values(read_type(symbol.value, self.family), symbol.module, symbol.position)
            finally:
                self._running.discard(key)
        if symbol.kind == "alias":
            key = ("type", id(symbol))
            if key in self._running or len(self._running) > _MAX_DEPTH:
                return None
            self._running.add(key)
            try:
                found = self.alias(symbol, as_type=True)
                return (
                    self._types_of(found.symbols[0], arguments) if found.status == "found" and found.symbols else None
                )
            finally:
                self._running.discard(key)
        values = self.symbol_values(symbol)
        if values is None:
            return None
        made: list[Value] = []
        for value in values:
            if isinstance(value, ClassValue):
                made.append(Instance(value.entity, arguments))
            elif isinstance(value, Instance | TupleValue):
                made.append(value)
            else:
                return None
        return tuple(made)

    def _type_member(self, owner: Value, name: str) -> Found:
        if isinstance(owner, ModuleValue):
            return self.module_member(owner.module, name, as_type=True)
        return self.member(owner, name)

    # members ----------------------------------------------------------------------------------------------------

    def linear(self, entity: ClassEntity) -> tuple[tuple[ClassEntity, ...], str]:
        """The class and its visible ancestors, nearest first, and why the list may be incomplete ('' when it is not)."""
        if entity.linear is not None:
            return entity.linear
        key = ("linear", id(entity))
        if key in self._running:
            return (entity,), "its ancestors form a circle"
        self._running.add(key)
        try:
            entity.linear = self._ancestors(entity)
        finally:
            self._running.discard(key)
        return entity.linear

    def _ancestors(self, entity: ClassEntity) -> tuple[tuple[ClassEntity, ...], str]:
        found: list[ClassEntity] = [entity]
        reason = entity.opaque or self._decorator_opacity(entity)
        for text in entity.bases:
            node = read_type(text, self.family)
            if node.name.rpartition(".")[2] in {"Generic", "Protocol"}:
                structural = node.name.endswith("Protocol") and not entity.module.library
                reason = reason or ("it is a protocol: what implements it may have more" if structural else "")
                continue
            base = self._base(node, entity)
            if base is None and self.family == "rust" and node.name not in _DEREFERENCED:
                continue  # what a trait of another crate adds has a name that no visible code has defined
            if base is None or node.name in _DEREFERENCED:
                reason = reason or f"its base {text} is not visible"
                continue
            above, inner_reason = self.linear(base)
            found.extend(item for item in above if item not in found)
            reason = reason or inner_reason
        return tuple(found), reason

    def _decorator_opacity(self, entity: ClassEntity) -> str:
        """A class decorator that is neither well known nor a visible function may have changed the class."""
        if self.family != "python":
            return ""
        for decorator in entity.decorators:
            path = decorator.partition("(")[0].lstrip("@").strip()
            if path.rpartition(".")[2] in _PLAIN_DECORATORS:
                continue
            values = self.chain(tuple(path.split(".")), entity.module, -1)
            if not values or not all(
                isinstance(value, FunctionValue) and not value.symbol.module.library for value in values
            ):
                return f"the decorator {path} may change it"
        return ""

    def _base(self, node: TypeNode, entity: ClassEntity) -> ClassEntity | None:
        key = (id(entity), node.name)
        if key not in self._bases:
            values = self.type_values(TypeNode(node.name), entity.module, -1)
            value = values[0] if values is not None and len(values) == 1 else None
            known = isinstance(value, Instance | ClassValue) and value.entity is not entity
            self._bases[key] = value.entity if known and isinstance(value, Instance | ClassValue) else None
        return self._bases[key]

    def member(self, value: Value, name: str) -> Found:
        """Look up ``value.name``."""
        if isinstance(value, ModuleValue):
            found = self.module_member(value.module, name)
            if found.status == "missing" and value.module.types is not None:
                return self.module_member(value.module, name, as_type=True)
            return found
        if isinstance(value, FunctionValue | TupleValue):
            return Found("unknown", reason="attributes of functions are not tracked")
        found = self.class_member(value.entity, name, isinstance(value, ClassValue))
        if found.status == "found" and isinstance(value, Instance):
            return Found("found", found.symbols, owner=found.owner, environment=self._environment(value, found.owner))
        return found

    def class_member(self, entity: ClassEntity, name: str, on_class: bool) -> Found:
        """Look a member up along the ancestors."""
        ancestors, reason = self.linear(entity)
        for owner in ancestors:
            tables = (owner.statics, owner.members) if owner.statics is not None else (owner.members,)
            for table in tables if on_class or self.family == "rust" else tables[-1:]:
                if table is not None and name in table:
                    return Found("found", tuple(table[name]), owner=owner)
        if reason:
            return Found("unknown", reason=reason, owner=entity)
        extra = {"python": "type" if on_class else "object", "typescript": "Function" if on_class else "Object"}.get(
            self.family
        )
        for symbol in self.library.globals.lookup(extra, as_type=True) if extra else ():
            if symbol.entity is not None and name in symbol.entity.members:
                return Found("found", tuple(symbol.entity.members[name]), owner=symbol.entity)
        if self.family == "typescript" and name in _FUNCTION_MEMBERS:
            return Found("unknown", reason="functions have it, and it may be callable", owner=entity)
        if self.family == "python" and on_class and name in _METACLASS_MEMBERS:
            return Found("unknown", reason="its metaclass may have it", owner=entity)
        if self.family == "python" and on_class and entity.name != "object":
            for symbol in self.library.globals.lookup("object"):
                if symbol.entity is not None and name in symbol.entity.members:
                    return Found("found", tuple(symbol.entity.members[name]), owner=symbol.entity)
        return Found("missing", owner=entity)

    def _environment(self, value: Instance, owner: ClassEntity | ModuleEntity | None) -> Environment:
        environment: Environment = {"Self": (value,), "this": (value,)}
        if not isinstance(owner, ClassEntity):
            return environment
        key = (id(value.entity), id(owner))
        if key not in self._base_nodes:
            self._base_nodes[key] = self._base_arguments(value.entity, owner, 0)
        nodes = self._base_nodes[key]
        own = dict(zip(value.entity.type_parameters, value.arguments, strict=False))
        for parameter in value.entity.type_parameters:
            own.setdefault(parameter, None)
        if owner is value.entity:
            return {**own, **environment}
        if nodes is None:
            return {**dict.fromkeys(owner.type_parameters), **environment}
        mapped: Environment = dict(environment)
        for parameter, node in zip(owner.type_parameters, nodes, strict=False):
            mapped[parameter] = self.type_values(node, value.entity.module, -1, own)
        for parameter in owner.type_parameters:
            mapped.setdefault(parameter, None)
        return mapped

    def _base_arguments(self, entity: ClassEntity, owner: ClassEntity, depth: int) -> tuple[TypeNode, ...] | None:
        """The type arguments that ``entity`` hands to its direct or indirect base ``owner`` (direct bases only are mapped)."""
        for text in entity.bases:
            node = read_type(text, self.family)
            if self._base(node, entity) is owner:
                return node.arguments
        for text in entity.bases if depth < 4 else ():
            node = read_type(text, self.family)
            base = self._base(node, entity)
            inner = self._base_arguments(base, owner, depth + 1) if base is not None else None
            if base is not None and inner is not None:
                names = dict(zip(base.type_parameters, node.arguments, strict=False))
                return tuple(names.get(item.name, item) for item in inner)
        return None

    # chains -----------------------------------------------------------------------------------------------------

    def chain(self, chain: Chain, module: ModuleEntity, position: int) -> Values | None:
        """Evaluate a chain from its head."""
        values = self.head(chain[0], module, position)
        for link in chain[1:]:
            if values is None:
                return None
            values = self.step(values, link, module, position)
        return values

    def head(self, head: str, module: ModuleEntity, position: int) -> Values | None:
        """Evaluate the first link of a chain."""
        if head.startswith("#type:"):
            return self.type_values(read_type(head[6:], self.family), module, position)
        if head.startswith("#"):
            if head == "#none":
                return ()
            literal = _LITERALS[self.family].get(head)
            return self._instance(literal, None) if literal else None
        if head in {"?", "()", "[]"}:
            return None
        found = self.name(head, module, position)
        return self.symbols_values(found.symbols) if found.status == "found" else None

    def step(self, values: Values, link: str, module: ModuleEntity | None = None, position: int = -1) -> Values | None:
        """One link further, over the whole union."""
        union: list[Value] = []
        for value in values:
            made = self._step_one(value, link, module, position)
            if made is None:
                return None
            union.extend(item for item in made if item not in union)
        return tuple(union) if len(union) <= _MAX_UNION else None

    def _step_one(self, value: Value, link: str, module: ModuleEntity | None, position: int) -> Values | None:
        if link == "()":
            return self.called(value)
        if link in {"[]", "[:]", "#iter"}:
            return self._element(value, link)
        special = {"#await": self._awaited, "#enter": self._entered, "#try": self._unwrapped}.get(link)
        if special is not None:
            return special(value)
        if link.startswith("#as:"):
            return self.type_values(read_type(link[4:], self.family), module, position) if module else None
        if link.startswith("#") and link[1:].isdigit():
            return self._place(value, link[1:])
        found = self.member(value, link)
        if found.status != "found":
            return None
        if not found.symbols and isinstance(found.owner, ModuleEntity):
            return (ModuleValue(found.owner),)
        if isinstance(value, ClassValue) and self._is_enum_member(value.entity, found):
            return (Instance(value.entity),)
        values = self.symbols_values(found.symbols, found.environment)
        if values is None or isinstance(value, ModuleValue):
            return values
        if self.family == "python" and any(self._is_descriptor(item) for item in values):
            return None
        return tuple(
            FunctionValue(item.symbol, value)
            if isinstance(item, FunctionValue) and isinstance(value, Instance | ClassValue)
            else item
            for item in values
        )

    def _is_descriptor(self, value: Value) -> bool:
        """Whether reading the value from a class or instance gives something else."""
        return isinstance(value, Instance) and any("__get__" in item.members for item in self.linear(value.entity)[0])

    def _is_enum_member(self, entity: ClassEntity, found: Found) -> bool:
        if (
            self.family != "python"
            or not found.symbols
            or found.symbols[0].kind != "value"
            or found.symbols[0].annotation
        ):
            return False
        return any(owner.module.library and owner.name in _ENUMS for owner in self.linear(entity)[0])

    def called(self, value: Value) -> Values | None:
        """The result of calling a value."""
        if isinstance(value, ClassValue):
            if value.entity.module.library and value.entity.name in _MAKERS:
                return None
            if value.entity.kind in {"interface", "trait"} and self.family != "python":
                return None
            return (Instance(value.entity),)
        if isinstance(value, FunctionValue):
            environment: Environment | None = None
            if value.receiver is not None:
                owner = value.symbol.owner
                receiver = value.receiver if isinstance(value.receiver, Instance) else Instance(value.receiver.entity)
                environment = self._environment(receiver, owner)
            return self.returned(value.symbol, value.receiver, environment)
        if isinstance(value, Instance):
            name = {"python": "__call__", "typescript": "()"}.get(self.family)
            found = self.class_member(value.entity, name, False) if name else None
            if found is not None and found.status == "found":
                return self.returned(found.symbols[0], value, self._environment(value, found.owner))
        return None

    def returned(self, symbol: Symbol, receiver: Value | None, environment: Environment | None) -> Values | None:
        """What a function returns according to its annotations; overloads are united."""
        union: list[Value] = []
        for signature in symbol.signatures or ():
            if not signature.returns:
                return () if self.family == "go" else self._returned_expressions(symbol)
            values = self.type_values(
                read_type(signature.returns, self.family), symbol.module, symbol.position, environment
            )
            if values is None:
                return None
            if symbol.module.library and any(isinstance(value, ClassValue) for value in values):
                return None  # a class made at run time (namedtuple)
            union.extend(value for value in values if value not in union)
        if not symbol.signatures:
            return None
        return tuple(union) if len(union) <= _MAX_UNION else None

    def _returned_expressions(self, symbol: Symbol) -> Values | None:
        """The union over what a function without a return annotation returns."""
        key = ("returned", id(symbol))
        if not symbol.returned or key in self._running or len(self._running) > _MAX_DEPTH:
            return None
        self._running.add(key)
        try:
            union: list[Value] = []
            for text in symbol.returned:
                for chain in read_expression(text, self.family) or ((),):
                    values = self.chain(chain, symbol.module, symbol.inside) if chain else None
                    if values is None:
                        return None
                    union.extend(value for value in values if value not in union)
            return tuple(union) if union else None
        finally:
            self._running.discard(key)

    def _element(self, value: Value, link: str) -> Values | None:
        if self.family == "go":
            return self._go_element(value, link)
        if not isinstance(value, Instance):
            return None
        if link == "[:]":
            return (value,)
        name = value.entity.name
        if self.family == "python":
            if link == "[]":
                return self._special(value, "__getitem__")
            iterator = self._special(value, "__iter__") or self._special(value, "__aiter__")
            if iterator and len(iterator) == 1 and isinstance(iterator[0], Instance) and iterator[0].arguments:
                return iterator[0].arguments[0]
            return None
        if self.family == "typescript" and name in {"Array", "ReadonlyArray", "Set", "ReadonlySet"} and value.arguments:
            return value.arguments[0]
        if self.family == "rust" and name in {"Vec", "slice", "VecDeque", "HashSet", "BTreeSet"} and value.arguments:
            return value.arguments[0]
        return None

    def _go_element(self, value: Value, link: str) -> Values | None:
        """``range`` gives a key and an element, an index the element. Named types stand for what they are made of."""
        if isinstance(value, Instance) and value.entity.underlying:
            under = self.type_values(read_type(value.entity.underlying, "go"), value.entity.module, -1)
            value = under[0] if under and len(under) == 1 else value
        if not isinstance(value, TupleValue):
            return None
        return (TupleValue((None, value.items[-1])),) if link == "#iter" else value.items[-1]

    def _special(self, value: Instance, name: str) -> Values | None:
        found = self.class_member(value.entity, name, False)
        if found.status != "found":
            return None
        symbol = found.symbols[0]
        if symbol.kind != "function":
            return None
        if name == "__getitem__" and len(symbol.signatures) > 1:
            symbol = Symbol(
                symbol.name, "function", symbol.module, signatures=symbol.signatures[:1], owner=symbol.owner
            )
        return self.returned(symbol, value, self._environment(value, found.owner))

    def _awaited(self, value: Value) -> Values | None:
        if isinstance(value, Instance) and value.entity.name in _AWAITABLE:
            return value.arguments[-1] if value.arguments else None
        if (
            isinstance(value, Instance)
            and self.class_member(value.entity, "__await__", False).status != "missing"
            and self.family == "python"
        ):
            return None
        return (value,) if isinstance(value, Instance) and not value.entity.module.library else None

    def _entered(self, value: Value) -> Values | None:
        if not isinstance(value, Instance):
            return None
        if value.entity.name in _ITERABLE:
            return value.arguments[0] if value.arguments else None
        entered = self._special(value, "__enter__")
        if entered is None and (entered := self._special(value, "__aenter__")) is not None:
            return self.step(entered, "#await")
        return entered

    def _unwrapped(self, value: Value) -> Values | None:
        if isinstance(value, Instance) and value.entity.name in {"Option", "Result"} and value.arguments:
            return value.arguments[0]
        return None

    def _place(self, value: Value, place: str) -> Values | None:
        if isinstance(value, TupleValue) and place.isdigit() and int(place) < len(value.items):
            return value.items[int(place)]
        return (value,) if place == "0" and self.family == "go" and not isinstance(value, TupleValue) else None
