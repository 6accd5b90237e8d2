"""JavaScript and TypeScript: imports and exports in every form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parsers.javascript.bindings import bind_pattern, first_named, pattern_names, plain_value, read_parameters
from parsers.syntax.extraction import Extraction
from parsers.syntax.source import squeeze
from parsers.syntax.types import SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node


def string_text(found: Extraction, node: Node | None) -> str | None:
    """Text inside the quotes of a string node; None for anything else."""
    if node is None or node.type != "string":
        return None
    return found.text[node.start_byte + 1 : max(node.start_byte + 1, node.end_byte - 1)]


def on_import(found: Extraction, node: Node) -> None:
    """``import …`` statements."""
    clause = first_named(node)
    if clause is not None and clause.type == "import_require_clause":
        module, name = string_text(found, clause.child_by_field_name("source")), first_named(clause)
        if module is not None and name is not None:
            found.claim(name)
            found.include(name, module, None, found.source(name))
        return
    source = node.child_by_field_name("source")
    module = string_text(found, source)
    if module is None or source is None:
        return
    if clause is None or clause.type != "import_clause":
        found.include(source, module, None)
        return
    found.claim(clause)
    for child in clause.named_children:
        if child.type == "identifier":
            found.include(child, module, "default", found.source(child))
        elif child.type == "namespace_import" and (name := first_named(child)) is not None:
            found.include(name, module, None, found.source(name))
        elif child.type == "named_imports":
            _specifiers(found, child, module, reexport=False)


def _specifiers(found: Extraction, listed: Node, module: str, *, reexport: bool) -> None:
    for child in listed.named_children:
        name, alias = child.child_by_field_name("name"), child.child_by_field_name("alias")
        if name is not None and name.end_byte > name.start_byte:
            title = string_text(found, name) or found.source(name)
            local = (string_text(found, alias) or found.source(alias)) if alias is not None else None
            found.include(name, module, title, local, reexport=reexport)


def on_export(found: Extraction, node: Node) -> None:
    """``export`` statements; what they declare is read by its own handler."""
    if not found.in_function and (not found.owner or found.scopes[-1].kind is SymbolKind.MODULE):
        found.marks["module"] = 1
    source = node.child_by_field_name("source")
    module = string_text(found, source)
    is_default = any(child.type == "default" for child in node.children)
    clause = next((child for child in node.named_children if child.type in ("export_clause", "namespace_export")), None)
    declared = node.child_by_field_name("declaration") or node.child_by_field_name("value")
    if clause is not None:
        found.claim(clause)
        if clause.type == "export_clause":
            _specifiers(found, clause, module or "", reexport=True)
        elif module is not None and (name := first_named(clause)) is not None:
            found.include(name, module, None, found.source(name), reexport=True)
        return
    if module is not None and source is not None:
        found.include(source, module, "*", reexport=True)
        found.dynamic[f"star_import:{module}"] = None
        return
    if declared is None:  # export = x
        name = first_named(node)
        if name is not None and name.type == "identifier":
            found.include(name, "", found.source(name), "default", reexport=True)
            found.dynamic[f"whole_export:{found.source(name)}"] = None
        return
    decorators = tuple(squeeze(found.source(c)[1:]) for c in node.named_children if c.type == "decorator")
    if decorators:
        found.notes[declared.start_byte] = decorators
    found.marks["export_end"], found.marks["export_depth"] = node.end_byte, len(found.scopes)
    if is_default:
        _default(found, node, plain_value(declared))


def _default(found: Extraction, node: Node, declared: Node | None) -> None:
    if declared is None:
        return
    name = declared if declared.type == "identifier" else declared.child_by_field_name("name")
    if name is not None and name.type in ("identifier", "type_identifier"):
        found.include(name, "", found.source(name), "default", reexport=True)
        return
    keyword = next(child for child in node.children if child.type == "default")
    is_class = declared.type in ("class", "class_declaration", "abstract_class_declaration")
    listed = declared.child_by_field_name("parameters") or declared.child_by_field_name("parameter")
    kind = SymbolKind.CLASS if is_class else SymbolKind.VARIABLE if listed is None else SymbolKind.FUNCTION
    parameters = read_parameters(found, declared) if kind is SymbolKind.FUNCTION else None
    value = found.short(declared) if kind is SymbolKind.VARIABLE else None
    found.define(keyword, kind, declared, parameters=parameters, value=value, binding="=" if value else "")
    if is_class:
        found.owners[declared.id] = "default"


_INTEROP = frozenset(
    "_interopRequireDefault _interopRequireWildcard __importDefault __importStar __toESM interopRequireDefault".split()
)


def required_module(found: Extraction, value: Node | None) -> str | None:
    """Module of ``require('m')``, ``import('m')`` and ``await import('m')``, also as compilers wrap them."""
    if value is not None and value.type == "await_expression":
        value = plain_value(first_named(value))
    if value is None or value.type != "call_expression":
        return None
    callee = value.child_by_field_name("function")
    if callee is not None and found.source(callee).rpartition(".")[2] in _INTEROP:
        return required_module(found, first_named(value.child_by_field_name("arguments")))
    if callee is None or not (callee.type == "import" or found.source(callee) == "require"):
        return None
    module = string_text(found, first_named(value.child_by_field_name("arguments")))
    if module is not None:
        found.claimed.update((value.id, callee.id))
    return module


def bind_module(found: Extraction, target: Node, module: str) -> None:
    """``const x = require(m)`` imports the module, ``const {a: b} = …`` its names."""
    if target.type == "identifier":
        found.claim(target)
        found.include(target, module, None, found.source(target))
        return
    for name, place in pattern_names(found, target, "="):
        title = place.split(".")[1] if place.count(".") == 1 else ""
        if title and title not in ("*", "?") and not title.isdigit():
            found.claimed.add(name.id)
            local = found.source(name)
            found.include(name, module, title, None if local == title else local)
        else:
            bind_pattern(found, name, target, (None, None, place))


def bind_required_member(found: Extraction, target: Node, value: Node | None) -> bool:
    """``const x = require(m).y`` imports y from m as x; False for anything else."""
    if value is None or value.type != "member_expression" or target.type != "identifier":
        return False
    name = value.child_by_field_name("property")
    module = required_module(found, plain_value(value.child_by_field_name("object")))
    if module is None or name is None or name.type != "property_identifier":
        return False
    found.claim(target)
    found.claimed.update((value.id, name.id))
    title, local = found.source(name), found.source(target)
    found.include(name, module, title, None if local == title else local)
    return True


def on_require(found: Extraction, node: Node) -> None:
    """A ``require`` or ``import()`` that is not the whole value of a variable."""
    module = None if node.id in found.claimed else required_module(found, node)
    if module is not None:
        found.include(node, module, None)


def finish(found: Extraction) -> None:
    """All top names of a script without exports are visible; so are those listed in ``export {…}``."""
    whole = (0, len(found.text))
    if not found.marks.get("module"):
        for index, item in enumerate(found.definitions):
            if not item.exported and item.scope == whole:
                found.definitions[index] = replace(item, exported=True)
        return
    listed = {item.name for item in found.imports if item.reexport and not item.module}
    for index, item in enumerate(found.definitions):
        if not item.exported and item.scope == whole and item.name in listed:
            found.definitions[index] = replace(item, exported=True)
