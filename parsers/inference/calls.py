"""What a call gives, and what the special steps do: indexing, iteration, await, with, the places of a tuple."""

from __future__ import annotations

import re

from parsers.inference.base import MAX_UNION, Environment, LookupStatus, Values, union_of
from parsers.inference.members import Members
from parsers.javascript.docs import DOCUMENTED
from parsers.project.entities import (
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Signature,
    Symbol,
    TupleValue,
    Value,
)
from parsers.syntax.expressions import read_expression
from parsers.syntax.type_text import read_type

__all__ = ["Calls"]

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

# ``def __enter__(self: T) -> T``
_TYPE_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_SLICE_OUTPUT = re.compile(r"<I as SliceIndex<\[T\]>>::Output")
_LISTS = {"Vec", "slice", "VecDeque", "HashSet", "BTreeSet", "LinkedList", "BinaryHeap", "Option"}
_PAIRS = {"HashMap", "BTreeMap"}
_ITERATORS = {"Iter", "IterMut", "IntoIter", "Drain", "Values", "ValuesMut"}


class Calls(Members):
    """Evaluates calls and special steps."""

    def called(self, value: Value) -> Values | None:
        """The result of calling a value."""
        if isinstance(value, ClassValue):
            if value.entity.module.library and value.entity.name in _MAKERS:
                return None
            if value.entity.factory or (value.entity.kind in {"interface", "trait"} and self.family != "python"):
                return None
            return (Instance(value.entity),)
        if isinstance(value, ModuleValue):
            exported = self._export_value(value.module) if value.module.whole_export else None
            return union_of(self.called(item) for item in exported) if exported else None
        if isinstance(value, FunctionValue):
            environment: Environment | None = None
            if value.receiver is not None:
                owner = value.symbol.owner
                receiver = value.receiver if isinstance(value.receiver, Instance) else Instance(value.receiver.entity)
                environment = self._environment(receiver, owner)
            return self.returned(value.symbol, value.receiver, environment)
        if isinstance(value, Instance):
            if self.family == "rust" and value.entity.kind == "enum":
                return (value,)  # a variant with places
            names = {"python": ("__call__",), "typescript": ("new", "()")}.get(self.family, ())
            made = [self._made_by(value, name) for name in names]
            return union_of(values for found, values in made if found) if any(found for found, _ in made) else None
        return None

    def _made_by(self, value: Instance, name: str) -> tuple[bool, Values | None]:
        """Whether a value is called by a member of this name, and what that gives. A chain does not say ``new``.

        So TypeScript's ``Date`` gives what ``Date()`` and what ``new Date()`` gives.
        """
        found = self.class_member(value.entity, name, False)
        if found.status != LookupStatus.FOUND:
            return False, None
        return True, self.returned(found.symbols[0], value, self._environment(value, found.owner))

    def returned(self, symbol: Symbol, receiver: Value | None, environment: Environment | None) -> Values | None:
        """What a function returns according to its annotations; overloads are union_of."""
        union: list[Value] = []
        for signature in symbol.signatures or ():
            if not signature.returns:
                return () if self.family == "go" else self._returned_expressions(symbol)
            if signature.returns.startswith(DOCUMENTED):
                inferred = self._returned_expressions(symbol)
                return inferred or self.documented_values(signature.returns, symbol.module, symbol.position)
            if receiver is not None and self.family == "python" and _gives_itself(signature):
                union.extend(value for value in (receiver,) if value not in union)
                continue
            values = self.type_values(
                read_type(_SLICE_OUTPUT.sub("T", signature.returns), self.family),
                symbol.module,
                symbol.position,
                environment,
            )
            if values is None:
                return None
            if symbol.module.library and any(isinstance(value, ClassValue) for value in values):
                return None  # a class made at run time (namedtuple)
            union.extend(value for value in values if value not in union)
        if not symbol.signatures:
            return None
        return tuple(union) if len(union) <= MAX_UNION else None

    def _returned_expressions(self, symbol: Symbol) -> Values | None:
        """The union over what a function without a return annotation returns."""
        key = ("returned", symbol)
        if not symbol.returned or not self._enter(key):
            return None
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
            self._leave(key)

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
        return self._rust_element(value, link) if self.family == "rust" else None

    def _rust_element(self, value: Instance, link: str) -> Values | None:
        name, arguments = value.entity.name, value.arguments
        if not arguments or not value.entity.module.library:
            return None
        if name in _PAIRS or (name in _ITERATORS and len(arguments) == 2):
            return arguments[1] if link == "[]" else (TupleValue(arguments[:2]),)
        return arguments[0] if name in _LISTS or name in _ITERATORS else None

    def _go_element(self, value: Value, link: str) -> Values | None:
        """``range`` gives a key and an element, an index the element. Named types stand for what they are made of."""
        if isinstance(value, Instance) and value.entity.underlying:
            under = self.type_values(read_type(value.entity.underlying, "go"), value.entity.module, -1)
            value = under[0] if under and len(under) == 1 else value
        if not isinstance(value, TupleValue):
            return None
        return (value,) if link == "#iter" else value.items[-1]

    def _special(self, value: Instance, name: str) -> Values | None:
        found = self.class_member(value.entity, name, False)
        if found.status != LookupStatus.FOUND:
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
            and self.class_member(value.entity, "__await__", False).status != LookupStatus.MISSING
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


def _gives_itself(signature: Signature) -> bool:
    """Whether a method's result is typed as its receiver is: ``def __enter__(self: T) -> T``."""
    first = signature.parameters[0].annotation if signature.parameters else None
    return first is not None and first == signature.returns and _TYPE_VARIABLE.fullmatch(first) is not None
