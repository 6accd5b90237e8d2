"""Chains of links, and what symbols stand for."""

from __future__ import annotations

from parsers.inference.base import MAX_UNION, Environment, Lookup, LookupStatus, Values, union_of
from parsers.inference.calls import Calls
from parsers.javascript.docs import DOCUMENTED
from parsers.project.entities import (
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
from parsers.syntax.expressions import Chain, read_expression
from parsers.syntax.type_text import read_type

__all__ = ["Inference"]

_ENUMS = {"Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"}
_OPENED = {"Some": 0, "Ok": 0, "Err": 1}
_DISPLAYS = ("[", "{")
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


class Inference(Calls):
    """Evaluates names, types and chains of one family against a project. One instance serves one response."""

    def symbols_values(self, symbols: tuple[Symbol, ...], environment: Environment | None = None) -> Values | None:
        """The union of what the symbols stand for; None as soon as one of them is unknown."""
        declared = tuple(
            symbol
            for symbol in symbols
            if symbol.owner is not None and symbol.annotation and not symbol.annotation.startswith(DOCUMENTED)
        )
        union = union_of(self.symbol_values(symbol, environment) for symbol in (declared or symbols)[:MAX_UNION])
        return union if union is not None and len(union) <= MAX_UNION else None

    def symbol_values(self, symbol: Symbol, environment: Environment | None = None) -> Values | None:
        """What one symbol stands for."""
        if symbol.entity is not None:
            return (ClassValue(symbol.entity),) if symbol.kind == "class" else (Instance(symbol.entity),)
        if symbol.kind == "function":
            if symbol.binding == "property":
                return self.returned(symbol, None, environment)
            return (FunctionValue(symbol),)
        known = self.memory.values
        if environment is None and symbol in known:
            return known[symbol]
        if not self._enter(symbol):
            return None
        try:
            values = self._alias_values(symbol) if symbol.kind == "alias" else self._value_values(symbol, environment)
        finally:
            self._leave(symbol)
        if environment is None:
            known[symbol] = values
        return values

    def _alias_values(self, symbol: Symbol) -> Values | None:
        found = self.alias(symbol)
        if found.status != LookupStatus.FOUND:
            return None
        if not found.symbols and isinstance(found.owner, ModuleEntity):
            return (ModuleValue(found.owner),)
        return self.symbols_values(found.symbols)

    def _value_values(self, symbol: Symbol, environment: Environment | None) -> Values | None:
        if symbol.role == "type_alias":
            return self.type_values(read_type(symbol.value, self.family), symbol.module, symbol.position, environment)
        if symbol.annotation.startswith(DOCUMENTED):
            made = self._expression_values(symbol) if symbol.value and not symbol.links else None
            return made or self.documented_values(symbol.annotation, symbol.module, symbol.position)
        if symbol.annotation:
            declared = self.type_values(
                read_type(symbol.annotation, self.family), symbol.module, symbol.position, environment
            )
            for link in symbol.links:
                declared = self.step(declared, link) if declared is not None else None
            if symbol.module.package and self._stands_for_another(symbol, declared):
                return None
            if declared is None or symbol.links or self.family != "python" or symbol.value[:1] not in _DISPLAYS:
                return declared
            made = self._expression_values(symbol)  # ``names: Sequence[str] = []`` is used as the list that it is
            kinds = {value.entity for value in declared if isinstance(value, Instance)}
            other = [value for value in made or () if isinstance(value, Instance) and value.entity not in kinds]
            return (*declared, *other)
        return self._expression_values(symbol)

    def _stands_for_another(self, symbol: Symbol, declared: Values | None) -> bool:
        """Whether a package declares a variable as something else than what it makes: a proxy has members of its own."""
        # current_app: Flask = LocalProxy(_app_context)
        if symbol.owner is not None or not symbol.value.rstrip().endswith(")") or self.family != "python":
            return False
        made = self._expression_values(symbol)
        kinds = {value.entity for value in declared or () if isinstance(value, Instance)}
        return made is None or not all(isinstance(value, Instance) and value.entity in kinds for value in made)

    def _expression_values(self, symbol: Symbol) -> Values | None:
        chains = read_expression(symbol.value, self.family)
        if not chains:
            return None
        return union_of(self.chain((*chain, *symbol.links), symbol.module, symbol.position) for chain in chains)

    def chain(self, chain: Chain, module: ModuleEntity, position: int) -> Values | None:
        """Evaluate a chain from its head."""
        values = self.head(chain[0], module, position)
        for link in chain[1:]:
            if link.startswith("#as:"):  # Go's assertion says the type, whatever was known before
                values = self.type_values(read_type(link[4:], self.family), module, position)
                continue
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
        return self.symbols_values(found.symbols) if found.status == LookupStatus.FOUND else None

    def step(self, values: Values, link: str, module: ModuleEntity | None = None, position: int = -1) -> Values | None:
        """One link further, over the whole union."""
        union = union_of(self._step_one(value, link, module, position) for value in self._having(values, link))
        return union if union is not None and len(union) <= MAX_UNION else None

    def _having(self, values: Values, link: str) -> Values:
        """Of overloads' results in TypeScript those that have the member: ``name(): string; name(text: string): this``."""
        if self.family != "typescript" or len(values) < 2 or not link.isidentifier():
            return values
        looked = [self.member(value, link).status for value in values]
        if LookupStatus.FOUND not in looked:
            return values
        return tuple(value for value, status in zip(values, looked, strict=True) if status is not LookupStatus.MISSING)

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
        if self.family == "rust" and isinstance(value, Instance) and link[:1].isupper():
            return self._opened(value, link)
        found = self.member(value, link)
        if found.status != LookupStatus.FOUND:
            return None
        if not found.symbols and isinstance(found.owner, ModuleEntity):
            return (ModuleValue(found.owner),)
        member = isinstance(value, ClassValue) or (isinstance(value, Instance) and link.isupper())  # ``self.RED`` too
        if member and isinstance(value, ClassValue | Instance) and self._is_enum_member(value.entity, found):
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

    def _opened(self, value: Instance, name: str) -> Values | None:
        """The places of a Rust value that a pattern takes apart: ``Some(x)``, a variant or a tuple struct."""
        if name in _OPENED and value.entity.name in {"Option", "Result"}:
            return (TupleValue(value.arguments[_OPENED[name] : _OPENED[name] + 1]),)
        if name in {value.entity.name, "Self"} and "0" in value.entity.members:
            fields = sorted((key for key in value.entity.members if key.isdigit()), key=int)
            return (TupleValue(tuple(self.step((value,), key) for key in fields)),)
        found = self.class_member(value.entity, name, True)
        symbol = found.symbols[0] if found.symbols else None
        if symbol is None or symbol.role != "variant" or not symbol.signatures:
            return None
        types = (parameter.annotation or "" for parameter in symbol.signatures[0].parameters)
        environment = self._environment(value, found.owner)
        return (
            TupleValue(
                tuple(
                    self.type_values(read_type(text, self.family), symbol.module, symbol.position, environment)
                    for text in types
                )
            ),
        )

    def _is_descriptor(self, value: Value) -> bool:
        """Whether reading the value from a class or instance gives something else."""
        return isinstance(value, Instance) and any("__get__" in item.members for item in self.mro(value.entity)[0])

    def _is_enum_member(self, entity: ClassEntity, found: Lookup) -> bool:
        if (
            self.family != "python"
            or not found.symbols
            or found.symbols[0].kind != "value"
            or found.symbols[0].annotation
        ):
            return False
        return any(owner.module.library and owner.name in _ENUMS for owner in self.mro(entity)[0])
