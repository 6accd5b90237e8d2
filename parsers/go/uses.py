"""Go: handlers of references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.syntax.extraction import Arguments, Extraction
from parsers.syntax.types import ReferenceKind

if TYPE_CHECKING:
    from tree_sitter import Node


def on_literal(found: Extraction, node: Node) -> None:
    """``T{…}``; the elements of a slice or map literal carry no type name of their own."""
    declared, body = node.child_by_field_name("type"), node.child_by_field_name("body")
    if declared is None or not is_named_type(declared):
        return
    positional, keywords = 0, []
    for child in body.named_children if body is not None else ():
        if child.type == "keyed_element":
            name = _key_name(child)
            if name is not None:
                found.claimed.add(name.id)
                keywords.append((found.source(name), (name.start_byte, name.end_byte)))
        elif child.type == "literal_element":
            positional += 1
    found.refer(node, ReferenceKind.INSTANTIATION, declared, Arguments(positional, tuple(keywords), False))


def _key_name(node: Node) -> Node | None:
    key = node.child_by_field_name("key")
    inner = next(iter(key.named_children), None) if key is not None else None
    return inner if inner is not None and inner.type == "identifier" else None


def on_keyed(found: Extraction, node: Node) -> None:
    """A key in a literal of unknown type may be a field name: no use of a variable can be told from it."""
    name = _key_name(node)
    if name is not None:
        found.claimed.add(name.id)


def on_call(found: Extraction, node: Node) -> None:
    """A call."""
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None:
        return
    positional, spread = 0, False
    for child in listed.named_children if listed is not None else ():
        if child.type in ("variadic_argument", "ERROR"):
            spread = True
        elif child.type != "comment":
            positional += 1
    found.refer(node, ReferenceKind.CALL, callee, Arguments(positional, (), spread))


def on_conversion(found: Extraction, node: Node) -> None:
    """``Name[T](x)`` reads as a conversion; it may be a generic call as well."""
    declared = node.child_by_field_name("type")
    if declared is not None and is_named_type(declared):
        found.refer(node, ReferenceKind.CALL, declared, Arguments(1, (), False))


def on_assignment(found: Extraction, node: Node) -> None:
    """``a.b = v``."""
    left = node.child_by_field_name("left")
    for child in left.named_children if left is not None else ():
        if child.type == "selector_expression":
            found.refer(child, ReferenceKind.ATTRIBUTE, store=True)
        elif found.source(child) == "_":
            found.claimed.add(child.id)


def on_selector(found: Extraction, node: Node) -> None:
    """``a.B`` that is no callee."""
    if node.id not in found.claimed:
        found.refer(node, ReferenceKind.ATTRIBUTE)


def on_type(found: Extraction, node: Node) -> None:
    """A name in a type."""
    if node.id not in found.claimed and node.end_byte > node.start_byte:
        found.refer(node, ReferenceKind.TYPE)


def on_name(found: Extraction, node: Node) -> None:
    """A plain name."""
    if node.id not in found.claimed and node.end_byte > node.start_byte:
        found.refer(node, ReferenceKind.NAME)


def is_named_type(node: Node) -> bool:
    """Whether a type node is a name, maybe qualified or with type arguments."""
    return node.type in ("qualified_type", "type_identifier", "generic_type")
