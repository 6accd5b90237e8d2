"""JavaScript and TypeScript: what assignments to attributes define, and CommonJS exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.extraction import Extraction
from parsers.script_bindings import FUNCTIONS, plain_value, read_parameters, written_name
from parsers.types import ReferenceKind, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node


def on_assignment(found: Extraction, node: Node) -> None:
    """``this.x =``, ``exports.x =``, ``module.exports =``, ``X.prototype.m =`` and stores to other attributes."""
    left, value = node.child_by_field_name("left"), plain_value(node.child_by_field_name("right"))
    if left is None:
        return
    if left.type in ("array_pattern", "object_pattern"):
        return  # its names are uses of variables declared elsewhere
    base, name = left.child_by_field_name("object"), left.child_by_field_name("property")
    if left.type == "subscript_expression" and base is not None:
        found.dynamic[f"computed:{found.source(base).removesuffix('.prototype')}"] = None
    if left.type != "member_expression" or base is None or name is None:
        return
    target = found.source(base)
    owner = _assigned_owner(found, target)
    if target == "exports" or target == "module.exports":
        _export_member(found, node, left, name, value)
    elif target == "module" and found.source(name) == "exports":
        _export_whole(found, left, value)
    elif owner:
        found.claimed.update((left.id, base.id))
        _define_assigned(found, name, node, owner, value)
    elif found.references_wanted:
        found.refer(left, ReferenceKind.ATTRIBUTE, store=True)


def _assigned_owner(found: Extraction, target: str) -> str:
    if target == "this":
        around = found.enclosing_type()
        return around or next((s.path for s in reversed(found.scopes) if s.path[:1].isupper()), "")
    if target.endswith(".prototype"):
        return target.removesuffix(".prototype")
    known = target[:1].isupper() and any(item.name == target and not item.owner for item in found.definitions)
    return target if known and not found.scopes else ""


def _define_assigned(found: Extraction, name: Node, node: Node, owner: str, value: Node | None) -> None:
    if value is not None and value.type in FUNCTIONS:
        found.define(name, SymbolKind.METHOD, value, owner=owner, parameters=read_parameters(found, value))
    else:
        found.define(
            name, SymbolKind.FIELD, node, owner=owner, value=found.short(node.child_by_field_name("right")), binding="="
        )


def _export_member(found: Extraction, node: Node, left: Node, name: Node, value: Node | None) -> None:
    found.marks["module"] = 1
    found.claim(left)
    if value is not None and value.type == "identifier":
        found.include(value, "", found.source(value), found.source(name), reexport=True)
    elif value is not None and value.type in FUNCTIONS:
        found.define(name, SymbolKind.FUNCTION, value, parameters=read_parameters(found, value))
    else:
        found.define(name, SymbolKind.VARIABLE, node, value=found.short(value), binding="=")


def _export_whole(found: Extraction, left: Node, value: Node | None) -> None:
    found.marks["module"] = 1
    found.claim(left)
    if value is None or value.type != "object":
        if value is not None and value.type == "identifier":
            found.include(value, "", found.source(value), "default", reexport=True)
        else:
            found.dynamic["module_exports"] = None
        return
    for child in value.named_children:
        _export_entry(found, child)


def _export_entry(found: Extraction, node: Node) -> None:
    """One entry of ``module.exports = {…}``."""
    inner = plain_value(node.child_by_field_name("value"))
    name = written_name(node.child_by_field_name("key") or node.child_by_field_name("name"))
    if node.type == "shorthand_property_identifier":
        found.include(node, "", found.source(node), None, reexport=True)
    elif name is None:
        found.dynamic["module_exports"] = None
    elif node.type == "method_definition":
        found.define(name, SymbolKind.FUNCTION, node, parameters=read_parameters(found, node))
    elif inner is not None and inner.type == "identifier":
        found.include(inner, "", found.source(inner), found.source(name), reexport=True)
    elif inner is not None and inner.type in FUNCTIONS:
        found.define(name, SymbolKind.FUNCTION, inner, parameters=read_parameters(found, inner))
    else:
        found.define(name, SymbolKind.VARIABLE, node, value=found.short(inner), binding="=")
