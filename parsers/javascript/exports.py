"""JavaScript: CommonJS exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.javascript.bindings import FUNCTIONS, first_named, plain_value, read_bases, read_parameters, written_name
from parsers.javascript.modules import required_module, string_text
from parsers.syntax.extraction import Extraction
from parsers.syntax.types import SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "assigned_value",
    "export_member",
    "export_whole",
    "on_define_property",
    "on_export_star",
    "on_exports_handed",
]

EXPORTS = frozenset({"exports", "module.exports"})
_KNOWN_TAKERS = frozenset(
    "__export __exportStar __markAsModule __toCommonJS defineProperty defineProperties assign factory inherits".split()
)


def assigned_value(found: Extraction, value: Node | None) -> tuple[Node | None, bool]:
    """What ``a = b = value`` assigns in the end, and whether one of its targets is ``module.exports``."""
    exported = False
    while value is not None and value.type == "assignment_expression":
        left = value.child_by_field_name("left")
        exported = exported or (left is not None and found.source(left) == "module.exports")
        value = plain_value(value.child_by_field_name("right"))
    return value, exported


def export_member(found: Extraction, node: Node, left: Node, name: Node, value: Node | None) -> None:
    """``exports.name = value``."""
    found.marks["module"] = 1
    found.claim(left)
    value, _ = assigned_value(found, value)
    if value is not None and value.type == "identifier":
        found.include(value, "", found.source(value), found.source(name), reexport=True)
    elif value is not None and value.type in FUNCTIONS:
        found.define(name, SymbolKind.FUNCTION, value, parameters=read_parameters(found, value))
    elif (module := required_module(found, value)) is not None and value is not None:
        found.include(value, module, None, found.source(name), reexport=True)
    elif value is not None and value.type == "class":
        title = _class_title(found, value, name)
        if title != found.source(name):
            found.include(value, "", title, found.source(name), reexport=True)
    else:
        found.define(name, SymbolKind.VARIABLE, node, value=found.short(value), binding="=")


def export_whole(found: Extraction, left: Node, name: Node, value: Node | None) -> None:
    """``module.exports = value``: what is assigned is the module; an object literal's entries are its names."""
    found.marks["module"] = 1
    found.claim(left)
    value, _ = assigned_value(found, value)
    if value is None:
        found.dynamic["module_exports"] = None
    elif value.type == "object":
        for child in value.named_children:
            _export_entry(found, child)
    elif value.type == "identifier":
        found.include(value, "", found.source(value), "default", reexport=True)
        found.dynamic[f"whole_export:{found.source(value)}"] = None
    elif (module := required_module(found, value)) is not None:
        found.include(value, module, "*", reexport=True)
    elif value.type in FUNCTIONS:
        found.define(name, SymbolKind.FUNCTION, value, parameters=read_parameters(found, value))
        found.dynamic["whole_export:exports"] = None
    elif value.type == "class":
        title = _class_title(found, value, name)
        found.dynamic[f"whole_export:{title}"] = None
    else:
        found.define(name, SymbolKind.VARIABLE, value, value=found.short(value), binding="=")
        found.dynamic["whole_export:exports"] = None


def _class_title(found: Extraction, value: Node, name: Node) -> str:
    """Under which name a class expression is known: its own, else that of what it is assigned to."""
    own = value.child_by_field_name("name")
    title = found.source(own or name)
    if own is None:
        found.owners[value.id] = title
    found.define(own or name, SymbolKind.CLASS, value, bases=read_bases(found, value))
    found.unnamed.add(value.id)
    return title


def _export_entry(found: Extraction, node: Node) -> None:
    """One entry of ``module.exports = {…}``."""
    inner = plain_value(node.child_by_field_name("value"))
    name = written_name(node.child_by_field_name("key") or node.child_by_field_name("name"))
    if node.type == "shorthand_property_identifier":
        found.include(node, "", found.source(node), None, reexport=True)
    elif node.type == "spread_element":
        _export_spread(found, plain_value(first_named(node)))
    elif node.type == "comment":
        return
    elif name is None:
        found.dynamic["module_exports"] = None
    elif node.type == "method_definition":
        found.define(name, SymbolKind.FUNCTION, node, parameters=read_parameters(found, node))
    elif inner is not None and inner.type == "identifier":
        found.include(inner, "", found.source(inner), found.source(name), reexport=True)
    elif inner is not None and inner.type in FUNCTIONS:
        found.define(name, SymbolKind.FUNCTION, inner, parameters=read_parameters(found, inner))
    elif (module := required_module(found, inner)) is not None and inner is not None:
        found.include(inner, module, None, found.source(name), reexport=True)
    else:
        found.define(name, SymbolKind.VARIABLE, node, value=found.short(inner), binding="=")


def _export_spread(found: Extraction, value: Node | None) -> None:
    """``...require('m')`` re-exports the module, ``...name`` the module that the name was imported as."""
    module = required_module(found, value)
    if module is None and value is not None and value.type == "identifier":
        title = found.source(value)
        module = next((item.module for item in found.imports if item.alias == title and item.name is None), None)
    if module is not None and value is not None:
        found.include(value, module, "*", reexport=True)
    else:
        found.dynamic["module_exports"] = None


def on_define_property(found: Extraction, node: Node) -> None:
    """``Object.defineProperty(exports, 'name', …)`` exports a name; a computed one hides what is exported."""
    listed = node.child_by_field_name("arguments")
    given = [child for child in listed.named_children if child.type != "comment"] if listed is not None else []
    title = string_text(found, given[1]) if len(given) > 1 else None
    if title is None:
        found.dynamic["module_exports"] = None
    elif title != "__esModule" and (name := first_named(given[1])) is not None:
        found.marks["module"] = 1
        found.define(name, SymbolKind.VARIABLE, node)


def on_export_star(found: Extraction, node: Node) -> None:
    """``__exportStar(require('m'), exports)`` and ``__export(require('m'))``, as compilers write ``export *``."""
    listed = node.child_by_field_name("arguments")
    given = [child for child in listed.named_children if child.type != "comment"] if listed is not None else []
    if len(given) == 2 and given[1].type == "object" and given[0].type == "identifier":
        for child in given[1].named_children:
            _export_getter(found, child)
        return
    value = plain_value(first_named(listed))
    module = required_module(found, value)
    if module is not None and value is not None:
        found.marks["module"] = 1
        found.include(value, module, "*", reexport=True)
    elif value is not None and value.type == "object":
        for child in value.named_children:
            _export_entry(found, child)


def _export_getter(found: Extraction, node: Node) -> None:
    """``name: () => value``, an entry of ``__export(exports, {…})``: the name is exported, the function only says its value."""
    name = written_name(node.child_by_field_name("key"))
    inner = plain_value(node.child_by_field_name("value"))
    body = plain_value(inner.child_by_field_name("body")) if inner is not None else None
    if name is None or inner is None or inner.type not in FUNCTIONS:
        _export_entry(found, node)
    elif body is not None and body.type == "identifier":
        found.include(body, "", found.source(body), found.source(name), reexport=True)
    else:
        found.marks["module"] = 1
        value = found.short(body) if body is not None and body.type != "statement_block" else None
        found.define(name, SymbolKind.VARIABLE, node, value=value, binding="=")


def on_exports_handed(found: Extraction, node: Node) -> None:
    """``fill(exports)``: a function that gets the exports may add to them."""
    callee = node.child_by_field_name("function")
    name = found.source(callee).rpartition(".")[2] if callee is not None else ""
    if name not in _KNOWN_TAKERS:
        found.dynamic["module_exports"] = None
