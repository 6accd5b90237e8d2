"""Which members a value has: ancestors, look-up along them, and the type arguments they are read with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from parsers.inference.annotations import Annotations
from parsers.inference.base import FUNCTION_MEMBERS, Environment, Lookup, LookupStatus, unread
from parsers.project.entities import (
    Ancestry,
    ClassEntity,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleEntity,
    ModuleValue,
    TupleValue,
    Value,
)
from parsers.project.module_symbols import REMAKES
from parsers.syntax.type_text import TypeNode, read_type, split_top

__all__ = ["Members", "derived_methods"]

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
_MAX_ANCESTORS = 40
_DEREFERENCED = {"Deref", "DerefMut"}
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

_PLAIN_DERIVES = frozenset(
    (
        "Debug Clone Copy PartialEq Eq PartialOrd Ord Hash Default Serialize Deserialize Error Zeroize Arbitrary TypeSize"
        " SerializeDisplay DeserializeFromStr Diagnostic Insertable JsonSchema Zeroable Pod ToSchema"
    ).split()
)
# ``class Store(six.with_metaclass(ABCMeta, Base))``: a metaclass that adds no members, and the bases behind it.
_WITH_METACLASS = re.compile(r"(?:six\.)?with_metaclass\((?:abc\.)?ABCMeta(?:,(.*)|)\)", re.DOTALL)
_PLAIN_ATTRIBUTES = frozenset(
    (
        "derive cfg cfg_attr doc allow warn deny forbid expect repr must_use non_exhaustive deprecated serde error"
        " automatically_derived rustfmt::skip rustfmt_skip inline cold track_caller clippy::msrv stable unstable test arbitrary"
    ).split()
)


class Members(Annotations):
    """Looks members up."""

    def mro(self, entity: ClassEntity) -> Ancestry:
        """The class and its visible ancestors, nearest first, and why the list may be incomplete ('' when it is not)."""
        lasting, ancestry, running = self.project.lasting(entity), self.memory.ancestry, self.memory.running
        known = lasting.get(entity) if lasting is not None else None
        known = known or ancestry.get(entity)
        if known is not None:
            return known
        key = ("mro", entity)
        self.budget.check()
        if key in running:
            return (entity,), "its ancestors form a circle"
        if len(running) > _MAX_ANCESTORS:
            return (entity,), "it has too many ancestors"
        running.add(key)
        try:
            found = self._ancestors(entity)
        finally:
            self._leave(key)
        whole = not found[1] and all(self.project.lasting(above) is not None for above in found[0])
        (lasting if lasting is not None and whole else ancestry)[entity] = found
        return found

    def _ancestors(self, entity: ClassEntity) -> Ancestry:
        found: list[ClassEntity] = [entity]
        reason = entity.opaque or self._decorator_opacity(entity)
        for text in self._written_bases(entity):
            node = read_type(text, self.family)
            if node.name.rpartition(".")[2] in {"Generic", "Protocol"} and self._is_typing(node, entity):
                structural = node.name.endswith("Protocol") and not entity.module.library
                reason = reason or ("it is a protocol: what implements it may have more" if structural else "")
                continue
            seen_through = self.family == "rust" and node.name.rpartition(".")[2] in _DEREFERENCED
            base = self._dereferenced(entity) if seen_through else self._base(node, entity)
            if base is None and self.family == "rust" and not seen_through:
                continue  # what a trait of another crate adds has a name that no visible code has defined
            if base is None:
                reason = reason or f"its base {text} is not visible"
                continue
            above, inner_reason = self.mro(base)
            found.extend(item for item in above if item not in found)
            reason = reason or inner_reason
        return tuple(found), reason

    def _written_bases(self, entity: ClassEntity) -> Iterator[str]:
        """The bases as written; of Python without ``object``, which all have, and with those inside ``six.with_metaclass``."""
        for text in entity.bases:
            plain = _WITH_METACLASS.fullmatch(text) if self.family == "python" else None
            inner = split_top(plain[1] or "", ",", False) if plain is not None else [text]
            yield from (
                one.strip()
                for one in inner
                if one.strip() and not (self.family == "python" and one.strip() == "object")
            )

    def _dereferenced(self, entity: ClassEntity) -> ClassEntity | None:
        """What a Rust type that implements ``Deref`` has the members of: its ``Target``, when that is visible."""
        targets = {symbol.value for symbol in entity.members.get("Target", ())}
        return self._base(read_type(targets.pop(), self.family), entity) if len(targets) == 1 else None

    def _is_typing(self, node: TypeNode, entity: ClassEntity) -> bool:
        """Whether ``Protocol`` is the one of typing: asyncio has another."""
        base = self._base(node, entity) if self.family == "python" else None
        return base is None or not base.module.key.startswith("asyncio")

    def base_of(self, entity: ClassEntity, text: str) -> ClassEntity | None:
        """The visible class that a base as written names."""
        return self._base(read_type(text, self.family), entity)

    def _decorator_opacity(self, entity: ClassEntity) -> str:
        """A class decorator that is neither well known nor a visible function may have changed the class."""
        if self.family == "rust":
            return _attribute_opacity(entity.decorators)
        if self.family != "python":
            return ""
        for decorator in entity.decorators:
            path = decorator.partition("(")[0].lstrip("@").strip()
            if path.rpartition(".")[2] in _PLAIN_DECORATORS:
                continue
            values = self.chain(tuple(path.split(".")), entity.module, -1)
            if not values or not all(
                isinstance(value, FunctionValue)
                and not value.symbol.module.library
                and REMAKES not in value.symbol.modifiers
                for value in values
            ):
                return f"the decorator {path} may change it"
        return ""

    def _base(self, node: TypeNode, entity: ClassEntity) -> ClassEntity | None:
        key, bases = (entity, node.name), self.memory.bases
        if key not in bases:
            values = self.type_values(TypeNode(node.name), entity.module, -1)
            value = values[0] if values is not None and len(values) == 1 else None
            known = isinstance(value, Instance | ClassValue) and value.entity is not entity
            bases[key] = value.entity if known and isinstance(value, Instance | ClassValue) else None
        return bases[key]

    def member(self, value: Value, name: str) -> Lookup:
        """Look up ``value.name``."""
        if isinstance(value, ModuleValue):
            found = self.module_member(value.module, name)
            if found.status == LookupStatus.MISSING and value.module.types is not None:
                return self.module_member(value.module, name, as_type=True)
            return found
        if isinstance(value, FunctionValue | TupleValue):
            return Lookup(LookupStatus.UNKNOWN, reason="attributes of functions are not tracked")
        found = self.class_member(value.entity, name, isinstance(value, ClassValue))
        if found.status == LookupStatus.FOUND and isinstance(value, Instance):
            return Lookup(
                LookupStatus.FOUND, found.symbols, owner=found.owner, environment=self._environment(value, found.owner)
            )
        return found

    def class_member(self, entity: ClassEntity, name: str, on_class: bool) -> Lookup:
        """Look a member up along the ancestors."""
        ancestors, reason = self.mro(entity)
        for owner in ancestors:
            tables = (owner.statics, owner.members) if owner.statics is not None else (owner.members,)
            for table in tables if on_class or self.family == "rust" else tables[-1:]:
                if table is not None and name in table:
                    return Lookup(LookupStatus.FOUND, tuple(table[name]), owner=owner)
        reason = reason or next((found for owner in ancestors if (found := unread(owner, name))), "")
        if reason:
            return Lookup(LookupStatus.UNKNOWN, reason=reason, owner=entity)
        extra = {"python": "type" if on_class else "object", "typescript": "Function" if on_class else "Object"}.get(
            self.family
        )
        for symbol in self.library.globals.lookup(extra, as_type=True) if extra else ():
            if symbol.entity is not None and name in symbol.entity.members:
                return Lookup(LookupStatus.FOUND, tuple(symbol.entity.members[name]), owner=symbol.entity)
        if self.family == "typescript" and name in FUNCTION_MEMBERS:
            return Lookup(LookupStatus.UNKNOWN, reason="functions have it, and it may be callable", owner=entity)
        if self.family == "python" and on_class and name in _METACLASS_MEMBERS:
            return Lookup(LookupStatus.UNKNOWN, reason="its metaclass may have it", owner=entity)
        if self.family == "python" and on_class and entity.name != "object":
            for symbol in self.library.globals.lookup("object"):
                if symbol.entity is not None and name in symbol.entity.members:
                    return Lookup(LookupStatus.FOUND, tuple(symbol.entity.members[name]), owner=symbol.entity)
        return Lookup(LookupStatus.MISSING, owner=entity)

    def _environment(self, value: Instance, owner: ClassEntity | ModuleEntity | None) -> Environment:
        environment: Environment = {"Self": (value,), "this": (value,)}
        if not isinstance(owner, ClassEntity):
            return environment
        key, known = (value.entity, owner), self.memory.base_arguments
        if key not in known:
            known[key] = self._base_arguments(value.entity, owner, 0)
        nodes = known[key]
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


def _attribute_opacity(attributes: tuple[str, ...]) -> str:
    """Rust: an attribute macro may add members to a type."""
    for attribute in attributes:
        path = re.split(r"[(=\s]", attribute, maxsplit=1)[0]
        if path not in _PLAIN_ATTRIBUTES:
            return f"the attribute {path} may add to it"
    return ""


def derived_methods(attributes: tuple[str, ...]) -> str:
    """Rust: a derive macro of another crate may add methods to a type, but neither fields nor variants."""
    for attribute in attributes:
        for listed in re.findall(r"\bderive\s*\(([^)]*)\)", attribute):
            for name in re.findall(r"(\w+)\s*(?:,|$)", listed):
                if name not in _PLAIN_DERIVES:
                    return f"the derived {name} may add to it"
    return ""
