"""Go: one handler for each capture of ``queries/go.*.scm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.go.facts import FACTS
from parsers.go.uses import (
    is_named_type,
    on_assignment,
    on_call,
    on_conversion,
    on_keyed,
    on_literal,
    on_name,
    on_selector,
    on_type,
)
from parsers.syntax.extraction import Extraction, Grammar
from parsers.syntax.source import squeeze
from parsers.syntax.types import Parameter, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["GRAMMAR"]

_TYPE_KINDS = {"struct_type": SymbolKind.STRUCT, "interface_type": SymbolKind.INTERFACE}
_PARAMETERS = frozenset({"parameter_declaration", "variadic_parameter_declaration"})


def _exported(name: str) -> bool:
    return name[:1].isupper()


def _import(found: Extraction, node: Node) -> None:
    path, name = node.child_by_field_name("path"), node.child_by_field_name("name")
    if path is None:
        return
    module = found.text[path.start_byte + 1 : max(path.start_byte + 1, path.end_byte - 1)]
    if name is not None and name.type == "dot":
        found.include(path, module, "*")
        found.dynamic[f"star_import:{module}"] = None
        return
    found.include(path, module, None, found.source(name) if name is not None else None)


def _package(found: Extraction, node: Node) -> None:
    found.claimed.add(node.id)
    found.package = found.source(node)


def _type_spec(found: Extraction, node: Node) -> None:
    name, declared = node.child_by_field_name("name"), node.child_by_field_name("type")
    if name is None:
        return
    if found.in_function and not found.references_wanted:
        return
    title = found.source(name)
    kind = _TYPE_KINDS.get(declared.type if declared is not None else "", SymbolKind.TYPE_ALIAS)
    members = _members(declared) if declared is not None else []
    bases = tuple(_base_text(found, child) for child in members if _is_embedded(child))
    value = found.short(declared) if kind is SymbolKind.TYPE_ALIAS else None
    words = ("alias",) if node.type == "type_alias" else ()
    found.define(name, kind, node, bases=bases, value=value, exported=_exported(title), modifiers=words)
    for child in members:
        _define_members(found, child, title)
    found.open(node, SymbolKind.FUNCTION)


def _members(node: Node) -> list[Node]:
    if node.type == "struct_type":
        listed = next((child for child in node.named_children if child.type == "field_declaration_list"), None)
        return listed.named_children if listed is not None else []
    return node.named_children if node.type == "interface_type" else []


def _is_embedded(node: Node) -> bool:
    if node.type == "field_declaration":
        return node.child_by_field_name("name") is None
    return node.type == "type_elem" and node.named_child_count == 1 and is_named_type(node.named_children[0])


def _base_text(found: Extraction, node: Node) -> str:
    return type_name(squeeze(found.source(node.child_by_field_name("type") or node)))


def type_name(text: str) -> str:
    """A type without pointer marks and type arguments: ``*pkg.S[int]`` is ``pkg.S``."""
    return text.lstrip("*( ").partition("[")[0].rstrip(") ")


def _define_members(found: Extraction, node: Node, owner: str) -> None:
    if node.type == "field_declaration":
        _define_fields(found, node, owner)
        return
    title = node.child_by_field_name("name")
    if node.type in ("method_elem", "method_spec") and title is not None:
        parameters = _parameters(found, node)
        result = found.short(node.child_by_field_name("result"))
        exported = _exported(found.source(title))
        found.define(
            title, SymbolKind.METHOD, node, owner=owner, parameters=parameters, annotation=result, exported=exported
        )


def _define_fields(found: Extraction, node: Node, owner: str) -> None:
    declared = node.child_by_field_name("type")
    names, words = node.children_by_field_name("name"), tuple[str, ...]()
    if not names and (embedded := _last_name(declared)) is not None:
        names, words = [embedded], ("embedded",)
    for name in names:
        exported = _exported(found.source(name))
        annotation = found.short(declared)
        found.define(
            name, SymbolKind.FIELD, node, owner=owner, annotation=annotation, exported=exported, modifiers=words
        )
        if words:
            found.claimed.discard(name.id)  # an embedded type is a use as well


def _last_name(node: Node | None) -> Node | None:
    found = node
    for _ in range(8):
        if found is None or found.type == "type_identifier":
            return found
        inner = found.child_by_field_name("name") or found.child_by_field_name("type")
        found = inner or next(iter(found.named_children), None)
    return None


def _parameters(found: Extraction, node: Node) -> tuple[Parameter, ...]:
    listed = node.child_by_field_name("parameters")
    parameters: list[Parameter] = []
    for child in listed.named_children if listed is not None else ():
        if child.type in _PARAMETERS:
            annotation = found.short(child.child_by_field_name("type"))
            variadic = "*" if child.type.startswith("variadic") else ""
            names = [found.source(name) for name in child.children_by_field_name("name")] or ["_"]
            parameters.extend(Parameter(name, variadic=variadic, annotation=annotation) for name in names)
    return tuple(parameters)


def _function(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        result = found.short(node.child_by_field_name("result"))
        exported = _exported(found.source(name))
        parameters = _parameters(found, node)
        found.define(name, SymbolKind.FUNCTION, node, parameters=parameters, annotation=result, exported=exported)
    found.open(node, SymbolKind.FUNCTION)


def _method(found: Extraction, node: Node) -> None:
    name, receiver = node.child_by_field_name("name"), node.child_by_field_name("receiver")
    declared = (
        next((child for child in receiver.named_children if child.type in _PARAMETERS), None) if receiver else None
    )
    if name is not None and declared is not None:
        owner = type_name(squeeze(found.source(declared.child_by_field_name("type") or declared)))
        result = found.short(node.child_by_field_name("result"))
        exported = _exported(found.source(name))
        parameters = _parameters(found, node)
        found.define(
            name, SymbolKind.METHOD, node, owner=owner, parameters=parameters, annotation=result, exported=exported
        )
    found.open(node, SymbolKind.FUNCTION)
    _receiver_types(found, declared)


def _receiver_types(found: Extraction, node: Node | None) -> None:
    """``func (s *S[T])`` names the type parameter T for the method."""
    declared = node.child_by_field_name("type") if node is not None and found.references_wanted else None
    if declared is not None and declared.type == "pointer_type":
        declared = next(iter(declared.named_children), None)
    listed = declared.child_by_field_name("type_arguments") if declared is not None else None
    for child in listed.named_children if listed is not None else ():
        name = _last_name(child)
        if name is not None:
            found.define(name, SymbolKind.VARIABLE, child, binding="type_parameter", exported=False)


def _scope_only(found: Extraction, node: Node) -> None:
    found.open(node, SymbolKind.FUNCTION)


def _parameter(found: Extraction, node: Node) -> None:
    annotation = found.short(node.child_by_field_name("type"))
    binding = "parameter*" if node.type.startswith("variadic") else "parameter"
    for name in node.children_by_field_name("name"):
        if name.type == "identifier":
            found.define(name, SymbolKind.VARIABLE, node, annotation=annotation, binding=binding, exported=False)


def _type_parameter(found: Extraction, node: Node) -> None:
    annotation = found.short(node.child_by_field_name("type"))
    for name in node.children_by_field_name("name"):
        found.define(name, SymbolKind.VARIABLE, node, annotation=annotation, binding="type_parameter", exported=False)


def _const(found: Extraction, node: Node) -> None:
    _declared(found, node, SymbolKind.CONSTANT)


def _var(found: Extraction, node: Node) -> None:
    _declared(found, node, SymbolKind.VARIABLE)


def _declared(found: Extraction, node: Node, kind: SymbolKind) -> None:
    names = [child for child in node.children_by_field_name("name") if child.type == "identifier"]
    if found.in_function and not found.references_wanted:
        return
    annotation = found.short(node.child_by_field_name("type"))
    _bind(found, names, node.child_by_field_name("value"), (node, kind, "=", annotation))


def _bind(
    found: Extraction, names: list[Node], value: Node | None, how: tuple[Node, SymbolKind, str, str | None]
) -> None:
    """Bind names to as many values one by one, or all to the places of a single value."""
    extent, kind, binding, annotation = how
    if value is not None and value.type == "expression_list":
        values = [child for child in value.named_children if child.type != "comment"]
    else:
        values = [value] if value is not None else []
    for index, name in enumerate(names):
        single = values[index] if len(values) == len(names) else values[0] if values else None
        place = binding if len(values) == len(names) or not values else f"{binding}.{index}"
        title = found.source(name)
        if title == "_":
            found.claimed.add(name.id)
            continue
        exported = _exported(title) and not found.in_function
        found.define(
            name,
            kind,
            extent,
            value=found.short(single),
            annotation=annotation,
            exported=exported,
            binding=place if values else "",
        )


def _left(found: Extraction, node: Node, field_name: str = "left") -> list[Node]:
    listed = node.child_by_field_name(field_name)
    return [child for child in listed.named_children if child.type == "identifier"] if listed is not None else []


def _short_var(found: Extraction, node: Node) -> None:
    _bind(found, _left(found, node), node.child_by_field_name("right"), (node, SymbolKind.VARIABLE, "=", None))


def _range(found: Extraction, node: Node) -> None:
    right, left = node.child_by_field_name("right"), node.child_by_field_name("left")
    if left is None or ":=" not in found.text[left.end_byte : left.end_byte + 8]:
        return
    for index, name in enumerate(_left(found, node)):
        if found.source(name) == "_":
            found.claimed.add(name.id)
        else:
            value = found.short(right)
            found.define(name, SymbolKind.VARIABLE, node, value=value, binding=f"for.{index}", exported=False)


def _receive(found: Extraction, node: Node) -> None:
    left = node.child_by_field_name("left")
    if left is not None and ":=" in found.text[left.end_byte : left.end_byte + 8]:
        names = _left(found, node)
        _bind(found, names[:1], node.child_by_field_name("right"), (node, SymbolKind.VARIABLE, "=", None))
        for name in names[1:]:
            found.define(name, SymbolKind.VARIABLE, node, annotation="bool", exported=False)


def _type_switch(found: Extraction, node: Node) -> None:
    value = found.short(node.child_by_field_name("value"))
    for name in _left(found, node, "alias"):
        found.define(name, SymbolKind.VARIABLE, node, value=value, binding="case", exported=False)


GRAMMAR = Grammar(
    names=frozenset({"identifier", "type_identifier", "package_identifier"}),
    members={"selector_expression": ("operand", "field"), "qualified_type": ("package", "name")},
    steps={
        "call_expression": ("function", "()"),
        "index_expression": ("operand", "[]"),
        "composite_literal": ("type", "()"),
        "type_conversion_expression": ("type", "()"),
        "type_assertion_expression": ("operand", "?"),
    },
    wrappers={"parenthesized_expression": "", "generic_type": "type", "type_instantiation_expression": "type"},
    handlers={
        "package": _package,
        "import": _import,
        "type_spec": _type_spec,
        "function": _function,
        "method": _method,
        "closure": _scope_only,
        "signature": _scope_only,
        "const": _const,
        "var": _var,
        "type_parameter": _type_parameter,
        "parameter": _parameter,
        "short_var": _short_var,
        "range": _range,
        "receive": _receive,
        "type_switch": _type_switch,
        "literal": on_literal,
        "keyed": on_keyed,
        "conversion": on_conversion,
        "call": on_call,
        "assignment": on_assignment,
        "selector": on_selector,
        "qualified_type": on_type,
        "type": on_type,
        "name": on_name,
        **FACTS,
    },
)
