"""What TypeScript adds: interfaces, enums, aliases, namespaces and names inside types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.javascript.bindings import (
    base_text,
    first_named,
    is_exported,
    modifiers,
    plain_value,
    read_parameters,
    type_text,
    written_name,
)
from parsers.syntax.extraction import Extraction
from parsers.syntax.types import ReferenceKind, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node


def on_interface(found: Extraction, node: Node) -> None:
    """An interface; its members have it as owner."""
    name = node.child_by_field_name("name")
    if name is None:
        return
    clauses = [child for child in node.named_children if child.type == "extends_type_clause"]
    bases = tuple(
        base_text(found, child) for clause in clauses for child in clause.named_children if child.type != "comment"
    )
    found.define(name, SymbolKind.INTERFACE, node, owner=found.owner, bases=bases, exported=is_exported(found, node))
    found.open(node, SymbolKind.INTERFACE, found.path_of(found.source(name)), is_type=True)


def on_property(found: Extraction, node: Node) -> None:
    """A property of an interface."""
    _define_property(found, node, found.owner)


def on_inline_property(found: Extraction, node: Node) -> None:
    """A property of an object type: a definition when a type alias names it."""
    _define_property(found, node, found.owners.get(node.id, ""))


def _define_property(found: Extraction, node: Node, owner: str) -> None:
    name = written_name(node.child_by_field_name("name"))
    if name is not None and owner:
        annotation = type_text(found, node.child_by_field_name("type"))
        found.define(
            name, SymbolKind.FIELD, node, owner=owner, annotation=annotation, modifiers=modifiers(found, node, name)
        )


def on_inline_method(found: Extraction, node: Node) -> None:
    """A method of an object type."""
    name, owner = written_name(node.child_by_field_name("name")), found.owners.get(node.id, "")
    if name is not None and owner:
        annotation = type_text(found, node.child_by_field_name("return_type"))
        found.define(
            name, SymbolKind.METHOD, node, owner=owner, parameters=read_parameters(found, node), annotation=annotation
        )
    found.open(node, SymbolKind.FUNCTION)


def on_index_signature(found: Extraction, node: Node) -> None:
    """``[key: string]: T``: any member may exist; ``[index: number]: T`` names none."""
    if found.owner and not _by_number(found, node):
        found.dynamic[f"index_signature:{found.owner}"] = None


def _by_number(found: Extraction, node: Node) -> bool:
    kind = node.child_by_field_name("index_type")
    return kind is not None and found.source(kind) == "number"


def on_enum(found: Extraction, node: Node) -> None:
    """An enum and its members."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    path = found.path_of(found.source(name))
    found.define(name, SymbolKind.ENUM, node, owner=found.owner, exported=is_exported(found, node))
    for child in body.named_children if body is not None else ():
        member = written_name(child.child_by_field_name("name") if child.type == "enum_assignment" else child)
        if member is not None and child.type not in ("comment", "ERROR"):
            value = found.short(child.child_by_field_name("value"))
            found.define(member, SymbolKind.CONSTANT, child, owner=path, value=value, binding="=" if value else "")


def on_type_alias(found: Extraction, node: Node) -> None:
    """``type T = …``; the members of an object type, also within ``&``, have T as owner."""
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name is None:
        return
    path = found.path_of(found.source(name))
    found.define(
        name,
        SymbolKind.TYPE_ALIAS,
        node,
        owner=found.owner,
        value=found.short(value),
        exported=is_exported(found, node),
    )
    stack = [value] if value is not None else []
    while stack:
        part = plain_value(stack.pop())
        if part is not None and part.type == "intersection_type":
            stack.extend(part.named_children)
        elif part is not None and part.type == "object_type":
            _own_members(found, part, path)
    found.open(node, SymbolKind.FUNCTION)


def _own_members(found: Extraction, node: Node, path: str) -> None:
    for child in node.named_children:
        if child.type in ("property_signature", "method_signature"):
            found.owners[child.id] = path
        elif child.type == "index_signature" and not _by_number(found, child):
            found.dynamic[f"index_signature:{path}"] = None


def on_module(found: Extraction, node: Node) -> None:
    """``namespace N {}`` and ``declare module "m" {}``."""
    name = node.child_by_field_name("name")
    if name is None:
        return
    found.claim(name)
    written = written_name(name)
    if written is None:
        return
    title = found.source(written)
    if name.type == "string":
        found.dynamic[f"augmentation:{title}"] = None
    last = written.child_by_field_name("property") or written
    prefix = title.rpartition(".")[0]
    found.define(last, SymbolKind.MODULE, node, owner=prefix or found.owner, exported=is_exported(found, node))
    found.open(node, SymbolKind.MODULE, found.path_of(title), is_type=True)


def on_import_alias(found: Extraction, node: Node) -> None:
    """``import x = A.B``."""
    names = node.named_children
    if len(names) > 1:
        exported = is_exported(found, node)
        value = found.short(names[1])
        found.define(
            names[0], SymbolKind.CONSTANT, node, owner=found.owner, value=value, binding="=", exported=exported
        )


def on_signature(found: Extraction, node: Node) -> None:
    """A function type: its parameter names are its own."""
    found.open(node, SymbolKind.FUNCTION)


def on_type_parameter(found: Extraction, node: Node) -> None:
    """``<T extends U>``."""
    name = node.child_by_field_name("name")
    if name is not None:
        annotation = found.short(node.child_by_field_name("constraint"))
        found.define(name, SymbolKind.VARIABLE, node, annotation=annotation, binding="type_parameter", exported=False)


def on_type_name(found: Extraction, node: Node) -> None:
    """A name bound inside a type: ``infer V``, ``K in keyof T``, ``[key: string]``."""
    name = node.child_by_field_name("name") or first_named(node)
    if name is not None and name.type in ("identifier", "type_identifier"):
        found.define(name, SymbolKind.VARIABLE, node, binding="type_parameter", exported=False)


def on_unused_name(found: Extraction, node: Node) -> None:
    """A label that only documents: tuple element names."""
    name = node.child_by_field_name("name") or node.child_by_field_name("pattern")
    if name is not None:
        found.claim(name)


def on_nested_type(found: Extraction, node: Node) -> None:
    """``ns.Type``."""
    if node.id not in found.claimed:
        found.refer(node, ReferenceKind.TYPE)


def on_type(found: Extraction, node: Node) -> None:
    """A type's plain name."""
    if node.id not in found.claimed and node.end_byte > node.start_byte:
        found.refer(node, ReferenceKind.TYPE)
