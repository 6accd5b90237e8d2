"""JavaScript and TypeScript: what assignments to attributes define, and CommonJS exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.javascript.bindings import FUNCTIONS, plain_value, read_parameters
from parsers.javascript.docs import RESULT, doc_of, field_type
from parsers.javascript.exports import export_member, export_whole
from parsers.syntax.extraction import Extraction
from parsers.syntax.types import ReferenceKind, SymbolKind

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
        _computed(found, base, left.child_by_field_name("index"))
    if left.type != "member_expression" or base is None or name is None:
        return
    target = found.source(base)
    owner = _assigned_owner(found, target)
    if target == "exports" or target == "module.exports":
        export_member(found, node, left, name, value)
    elif target == "module" and found.source(name) == "exports":
        export_whole(found, left, name, value)
    elif owner:
        found.claimed.update((left.id, base.id))
        _define_assigned(found, name, node, owner, value)
    elif found.references_wanted:
        found.refer(left, ReferenceKind.ATTRIBUTE, store=True)


def _computed(found: Extraction, base: Node, index: Node | None) -> None:
    """``a[key] = …``: a number, a text or a constant of the file adds no name that a dot could reach unseen."""
    subject = found.source(base).removesuffix(".prototype")
    if subject == "this":
        subject = found.enclosing_type()
    if index is not None and index.type == "number":
        return
    key = found.source(index) if index is not None and index.type == "identifier" else ""
    if key and (any((item.alias or item.name) == key for item in found.imports) or key in found.constants):
        return
    found.dynamic[f"computed:{subject}"] = None


def _assigned_owner(found: Extraction, target: str) -> str:
    if target == "this":
        around = found.enclosing_type()
        return around or next((s.path for s in reversed(found.scopes) if s.path[:1].isupper()), "")
    if target.endswith(".prototype"):
        return target.removesuffix(".prototype")
    if found.scopes:
        return ""
    literal = target in found.literals
    known = literal or (target[:1].isupper() and any(d.name == target and not d.owner for d in found.definitions))
    return target if known else ""


def _define_assigned(found: Extraction, name: Node, node: Node, owner: str, value: Node | None) -> None:
    if value is not None and value.type in FUNCTIONS:
        parameters, result = read_parameters(found, value), doc_of(found, value).get(RESULT)
        found.define(name, SymbolKind.METHOD, value, owner=owner, parameters=parameters, annotation=result)
    else:
        assigned = found.short(node.child_by_field_name("right"))
        annotation = field_type(found, node)
        found.define(name, SymbolKind.FIELD, node, owner=owner, value=assigned, binding="=", annotation=annotation)


def on_inherits(found: Extraction, node: Node) -> None:
    """``inherits(A, B)``: B is the base of A."""
    listed = node.child_by_field_name("arguments")
    given = [found.source(child) for child in listed.named_children if child.type != "comment"] if listed else []
    if len(given) == 2:
        found.dynamic[f"inherits:{given[0]}:{given[1]}"] = None
