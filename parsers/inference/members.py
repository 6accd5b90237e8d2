"""Which members a value has: ancestors, look-up along them, and the type arguments they are read with."""

from __future__ import annotations

from parsers.entities import (
    ClassEntity,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleEntity,
    ModuleValue,
    TupleValue,
    Value,
)
from parsers.inference.annotations import Annotations
from parsers.inference.base import Environment, Found, unread
from parsers.type_text import TypeNode, read_type

__all__ = ["Members"]

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
_FUNCTION_MEMBERS = {"apply", "call", "bind", "name", "length", "prototype", "arguments", "caller"}
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


class Members(Annotations):
    """Looks members up."""

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
        reason = reason or next((found for owner in ancestors if (found := unread(owner, name))), "")
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
