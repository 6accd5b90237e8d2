"""Python: names bound by assignments, loops, patterns and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction
from parsers.syntax.types import ReferenceKind, SymbolKind

_SEQUENCES = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list"})

if TYPE_CHECKING:
    from tree_sitter import Node


def bind(
    found: Extraction, target: Node, extent: Node, value: str | None, annotation: str | None, binding: str
) -> None:
    """Define every name of an assignment target; nested targets get the place in ``binding``."""
    stack = [(target, binding)]
    while stack:
        node, place = stack.pop()
        kind = node.type
        if kind == "identifier":
            _bind_name(found, node, extent, value, annotation, place)
        elif kind == "attribute":
            _bind_attribute(found, node, extent, value, annotation, place)
        elif kind in _SEQUENCES:
            items = [child for child in node.named_children if child.type != "comment"]
            stack.extend((child, f"{place}.{index}") for index, child in reversed(list(enumerate(items))))
        elif kind in ("list_splat_pattern", "list_splat"):
            stack.extend((child, place.rpartition(".")[0] + ".*") for child in node.named_children)
        elif kind in ("parenthesized_expression", "as_pattern_target"):
            stack.extend((child, place) for child in node.named_children)


def _bind_name(
    found: Extraction, node: Node, extent: Node, value: str | None, annotation: str | None, place: str
) -> None:
    name, owner = found.source(node), found.owner
    at_global = is_global(found, node)
    if found.in_function and not at_global:
        if found.references_wanted:
            found.define(
                node, SymbolKind.VARIABLE, extent, value=value, annotation=annotation, binding=place, exported=False
            )
        return
    scope = found.scope
    if owner:
        kind = SymbolKind.CONSTANT if scope is not None and scope.kind is SymbolKind.ENUM else SymbolKind.FIELD
    else:
        kind = SymbolKind.CONSTANT if name.isupper() else SymbolKind.VARIABLE
    span = (0, len(found.text)) if at_global else found.scope_span
    found.define(
        node,
        kind,
        extent,
        owner=owner,
        value=value,
        annotation=annotation,
        binding=place,
        exported=is_public(name),
        scope=span,
    )


def _bind_attribute(
    found: Extraction, node: Node, extent: Node, value: str | None, annotation: str | None, place: str
) -> None:
    base, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
    owner = found.enclosing_type()
    if base is not None and name is not None and owner and found.source(base) in ("self", "cls"):
        if found.references_wanted:
            found.claimed.add(node.id)
        found.define(
            name,
            SymbolKind.FIELD,
            extent,
            owner=owner,
            value=value,
            annotation=annotation,
            binding=place,
            exported=is_public(found.source(name)),
        )
        found.claimed.add(base.id)
    elif found.references_wanted:
        found.refer(node, ReferenceKind.ATTRIBUTE, store=True)


def on_global(found: Extraction, node: Node) -> None:
    """``global x``: assignments to x in this function define it at the top."""
    names = tuple(found.source(child) for child in node.named_children if child.type == "identifier")
    for child in node.named_children:
        found.claimed.add(child.id)
    key = -1 - found.scope_span[0]
    found.notes[key] = found.notes.get(key, ()) + names


def is_global(found: Extraction, node: Node) -> bool:
    """Whether a ``global`` statement of this function names ``node``."""
    return found.source(node) in found.notes.get(-1 - found.scope_span[0], ()) if found.notes else False


def first_named(node: Node) -> Node | None:
    """First named child that is no comment."""
    return next((child for child in node.named_children if child.type != "comment"), None)


def is_public(name: str) -> bool:
    """No leading underscore, or a name like ``__init__``."""
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def on_for(found: Extraction, node: Node) -> None:
    """``for`` statements and comprehensions."""
    left = node.child_by_field_name("left")
    if left is not None:
        bind(found, left, node, found.short(node.child_by_field_name("right")), None, "for")


def on_walrus(found: Extraction, node: Node) -> None:
    """``x := value``."""
    name = node.child_by_field_name("name")
    if name is not None:
        bind(found, name, node, found.short(node.child_by_field_name("value")), None, "=")


def on_as(found: Extraction, node: Node) -> None:
    """``with x as y``, ``except X as y`` and ``case X as y``."""
    target = node.child_by_field_name("alias")
    value = first_named(node)
    if target is not None:
        bind(found, target, node, found.short(value), None, "with" if _is_with(found, node) else "except")
    elif node.named_child_count > 1 and (last := node.named_child(node.named_child_count - 1)) is not None:
        bind(found, last, node, found.short(value), None, "case")


def _is_with(found: Extraction, node: Node) -> bool:
    """Whether an ``as`` belongs to a ``with``: the words before it on its statement say so, cheaper than ``parent``."""
    head = found.text[max(0, node.start_byte - 12) : node.start_byte]
    return not head.rstrip(" \t(*").endswith("except")


def on_case(found: Extraction, node: Node) -> None:
    """A bare name in a pattern binds; dotted names, class names and keys do not."""
    inner = first_named(node)
    if inner is None:
        return
    if inner.type == "dotted_name" and inner.named_child_count == 1 and (name := first_named(inner)) is not None:
        if found.source(name) != "_":
            bind(found, name, node, None, None, "case")
        found.claim(inner)
    elif inner.type == "dotted_name":
        found.refer_names(inner, ReferenceKind.ATTRIBUTE)


def on_case_splat(found: Extraction, node: Node) -> None:
    """``*rest`` and ``**rest`` in a pattern."""
    name = first_named(node)
    if name is not None:
        bind(found, name, node, None, None, "case")


def on_case_class(found: Extraction, node: Node) -> None:
    """``case Point(...)`` uses the class."""
    owner = first_named(node)
    if owner is not None and owner.type == "dotted_name":
        found.refer_names(owner, ReferenceKind.TYPE)


def on_case_keyword(found: Extraction, node: Node) -> None:
    """``case Point(x=name)`` binds name."""
    names = node.named_children
    if not names:
        return
    found.claim(names[0])
    value = names[1] if len(names) > 1 else None
    if value is not None and value.type == "dotted_name" and value.named_child_count == 1:
        bind(found, value.named_children[0], node, None, None, "case")
