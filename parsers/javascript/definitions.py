"""JavaScript and TypeScript: handlers of functions, classes, object literals and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.javascript.bindings import (
    FUNCTIONS,
    bind_pattern,
    first_named,
    is_exported,
    modifiers,
    plain_value,
    read_bases,
    read_parameters,
    result_type,
    returned_text,
    type_text,
    written_name,
)
from parsers.javascript.docs import field_type
from parsers.javascript.exports import EXPORTS, assigned_value, on_define_property
from parsers.javascript.modules import bind_module, bind_required_member, required_module
from parsers.syntax.extraction import Extraction
from parsers.syntax.source import squeeze
from parsers.syntax.types import SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

_CLASSES = frozenset({"class", "class_declaration", "abstract_class_declaration"})
_OBJECT_DEPTH = 5
_FREEZERS = frozenset({"Object.freeze", "Object.seal", "defineStore", "createSlice"})


def on_function(found: Extraction, node: Node) -> None:
    """``function f() {}`` and its overload signatures."""
    name = node.child_by_field_name("name")
    if name is not None:
        found.define(
            name,
            SymbolKind.FUNCTION,
            node,
            owner=found.owner,
            parameters=read_parameters(found, node),
            annotation=result_type(found, node),
            modifiers=modifiers(found, node, name) + (("overload",) if node.type == "function_signature" else ()),
            exported=is_exported(found, node),
        )
    found.open(node, SymbolKind.FUNCTION, found.source(name) if name is not None else "")


def on_closure(found: Extraction, node: Node) -> None:
    """A function without a statement of its own; ``this`` of an arrow is that of its surroundings."""
    name = node.child_by_field_name("name")
    found.open(node, SymbolKind.FUNCTION, found.owners.get(node.id, ""))
    if name is not None and found.references_wanted:
        found.define(name, SymbolKind.FUNCTION, node, parameters=read_parameters(found, node), exported=False)
    body = node.child_by_field_name("body")
    if body is not None and node.type == "arrow_function" and body.type != "statement_block":
        found.returned.setdefault((node.start_byte, node.end_byte), []).append(returned_text(found, body))


def on_class(found: Extraction, node: Node) -> None:
    """A class declaration or expression; an expression takes the name of its variable."""
    name = node.child_by_field_name("name")
    path = found.owners.get(node.id, "")
    if name is not None and path and path != found.source(name):  # ``const A = class B {}``: B is A
        found.define(name, SymbolKind.VARIABLE, node, value=path, binding="=", exported=False)
        name = None
    elif name is not None:
        path = found.path_of(found.source(name))
    if name is not None and node.id not in found.unnamed and (node.type != "class" or found.references_wanted):
        found.define(
            name,
            SymbolKind.CLASS,
            node,
            owner=found.owner,
            bases=read_bases(found, node),
            decorators=take_decorators(found, node),
            exported=is_exported(found, node),
            modifiers=("abstract",) if node.type.startswith("abstract") else (),
        )
    found.open(node, SymbolKind.CLASS, path or "class", is_type=True)


def take_decorators(found: Extraction, node: Node) -> tuple[str, ...]:
    """Decorators written inside ``node``; those of an export statement or class body were noted by position."""
    own = tuple(squeeze(found.source(child)[1:]) for child in node.named_children if child.type == "decorator")
    return found.notes.pop(node.start_byte, ()) + own


def on_method(found: Extraction, node: Node) -> None:
    """A method of a class or interface."""
    name = written_name(node.child_by_field_name("name"))
    if name is not None and found.owner:
        title = found.source(name)
        found.define(
            name,
            SymbolKind.METHOD,
            node,
            owner=found.owner,
            parameters=read_parameters(found, node),
            annotation=result_type(found, node),
            modifiers=modifiers(found, node, name),
            decorators=take_decorators(found, node),
            exported=not title.startswith("#"),
        )
        if title == "constructor":
            _parameter_properties(found, node)
    found.open(node, SymbolKind.FUNCTION)


def _parameter_properties(found: Extraction, node: Node) -> None:
    """``constructor(private x: T)`` declares a field."""
    listed = node.child_by_field_name("parameters")
    for child in listed.named_children if listed is not None else ():
        words = {part.type for part in child.children}
        pattern = child.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "identifier" and words & {"accessibility_modifier", "readonly"}:
            annotation = type_text(found, child.child_by_field_name("type"))
            found.define(pattern, SymbolKind.FIELD, child, owner=found.owner, annotation=annotation)


def on_object_method(found: Extraction, node: Node) -> None:
    """A method of an object literal: a definition when the literal has a name."""
    name = written_name(node.child_by_field_name("name"))
    owner = found.owners.get(node.id, "")
    if name is not None and owner:
        found.define(
            name,
            SymbolKind.METHOD,
            node,
            owner=owner,
            parameters=read_parameters(found, node),
            annotation=result_type(found, node),
            modifiers=modifiers(found, node, name),
        )
    found.open(node, SymbolKind.FUNCTION)


def on_field(found: Extraction, node: Node) -> None:
    """A class field; one that holds a function is a METHOD."""
    name = written_name(node.child_by_field_name("name") or node.child_by_field_name("property"))
    if name is None or not found.owner:
        return
    _define_member(found, name, node, found.owner, modifiers(found, node, name))


def _define_member(found: Extraction, name: Node, node: Node, owner: str, words: tuple[str, ...] = ()) -> None:
    value = plain_value(node.child_by_field_name("value"))
    if value is not None and value.type in FUNCTIONS:
        found.define(
            name,
            SymbolKind.METHOD,
            value,
            owner=owner,
            parameters=read_parameters(found, value),
            modifiers=words,
            annotation=result_type(found, value),
            decorators=take_decorators(found, node),
        )
        return
    found.define(
        name,
        SymbolKind.FIELD,
        node,
        owner=owner,
        value=found.short(node.child_by_field_name("value")),
        modifiers=words,
        binding="=" if value is not None else "",
        annotation=type_text(found, node.child_by_field_name("type")) or field_type(found, node),
        decorators=take_decorators(found, node),
        exported=not found.source(name).startswith("#"),
    )


def on_declarator(found: Extraction, node: Node) -> None:
    """``const x = …`` in all its forms."""
    name, value = node.child_by_field_name("name"), plain_value(node.child_by_field_name("value"))
    if name is None:
        return
    value, exported = assigned_value(found, value)
    if exported and value is not None and value.type == "object" and name.type == "identifier":
        found.include(name, "", found.source(name), "default", reexport=True)
        found.dynamic[f"whole_export:{found.source(name)}"] = None
    module = required_module(found, value)
    if module is not None:
        bind_module(found, name, module)
        return
    if bind_required_member(found, name, value):
        return
    if not found.scopes:
        found.constants.add(found.source(name))
    if found.in_function and not found.references_wanted:
        return
    if name.type != "identifier" or not _define_named_value(found, name, node, value):
        found.marks["declaration"] = _keyword_start(found, node)
        annotation = type_text(found, node.child_by_field_name("type"))
        binding = "=" if value is not None else ""
        bind_pattern(found, name, node, (found.short(node.child_by_field_name("value")), annotation, binding))
    members = _literal(found, value)
    if members is not None and name.type == "identifier":
        if not found.scopes:
            found.literals.add(found.source(name))
        define_object(found, members, found.path_of(found.source(name)))


def _keyword_start(found: Extraction, node: Node) -> int:
    """Where the nearest ``const``, ``let`` or ``var`` before a declarator is."""
    start = max(0, node.start_byte - 400)
    head = found.text[start : node.start_byte]
    return start + max(head.rfind("const"), head.rfind("let"), head.rfind("var"), 0)


def _literal(found: Extraction, value: Node | None) -> Node | None:
    """The object literal that a value is, also through ``Object.freeze``."""
    if value is not None and value.type == "call_expression":
        callee = value.child_by_field_name("function")
        if callee is not None and found.source(callee) in _FREEZERS:
            value = plain_value(first_named(value.child_by_field_name("arguments")))
    return value if value is not None and value.type == "object" else None


def _define_named_value(found: Extraction, name: Node, node: Node, value: Node | None) -> bool:
    """A variable that holds a function or a class is defined as that."""
    if value is None:
        return False
    exported = is_exported(found, node)
    if value.type in FUNCTIONS:
        found.owners[value.id] = found.source(name)
        found.define(
            name,
            SymbolKind.FUNCTION,
            value,
            owner=found.owner,
            parameters=read_parameters(found, value),
            exported=exported,
            annotation=result_type(found, value),
            modifiers=("async",) if value.children[0].type == "async" else (),
            binding="=",
        )
        return True
    if value.type == "class":
        found.owners[value.id] = found.path_of(found.source(name))
        found.define(
            name, SymbolKind.CLASS, value, owner=found.owner, bases=read_bases(found, value), exported=exported
        )
        return True
    return False


def define_object(found: Extraction, node: Node, path: str, depth: int = 0) -> None:
    """Members of an object literal bound to ``path``; spreads and computed names make it dynamic."""
    for child in node.named_children:
        kind = child.type
        if kind == "pair":
            name, value = (
                written_name(child.child_by_field_name("key")),
                plain_value(child.child_by_field_name("value")),
            )
            if name is None:
                found.dynamic[f"computed:{path}"] = None
                continue
            _define_member(found, name, child, path)
            if value is not None and value.type == "object" and depth < _OBJECT_DEPTH:
                define_object(found, value, f"{path}.{found.source(name)}", depth + 1)
        elif kind == "method_definition":
            found.owners[child.id] = path
        elif kind == "shorthand_property_identifier":
            found.define(child, SymbolKind.FIELD, child, owner=path, value=found.source(child), binding="=")
            found.claimed.discard(child.id)  # it is a use as well
        elif kind == "spread_element":
            found.dynamic[f"spread:{path}"] = None


def on_return(found: Extraction, node: Node) -> None:
    """What a function returns, kept for those without a return type."""
    if found.in_function:
        scope = found.scopes[-1]
        found.returned.setdefault((scope.start, scope.end), []).append(returned_text(found, first_named(node)))


def on_extending(found: Extraction, node: Node) -> None:
    """``Object.assign(X, …)`` and the like: members of X cannot all be seen."""
    target = first_named(node.child_by_field_name("arguments"))
    subject = found.source(target) if target is not None and target.end_byte - target.start_byte < 80 else ""
    callee = node.child_by_field_name("function")
    if subject in EXPORTS and callee is not None and found.source(callee).endswith(".defineProperty"):
        on_define_property(found, node)
        return
    if callee is not None and _extends_by_literal(found, found.source(callee), subject, node):
        return
    if subject == "this":
        subject = found.enclosing_type() or next((s.path for s in reversed(found.scopes) if s.path[:1].isupper()), "")
    found.dynamic[f"assign:{squeeze(subject)}"] = None


def _extends_by_literal(found: Extraction, callee: str, subject: str, node: Node) -> bool:
    """``Object.assign(A.prototype, {…})`` and ``Object.defineProperties(A.prototype, {…})`` at the top list all they add."""
    listed = node.child_by_field_name("arguments")
    given = [child for child in listed.named_children if child.type != "comment"] if listed is not None else []
    literal = given[1] if len(given) == 2 else None
    if found.scopes or literal is None or literal.type != "object" or not subject.endswith(".prototype"):
        return False
    owner = subject.removesuffix(".prototype")
    if callee == "Object.assign":
        define_object(found, literal, owner)
    elif callee == "Object.defineProperties" and all(
        child.type in ("pair", "comment") for child in literal.named_children
    ):
        names = [
            written_name(child.child_by_field_name("key")) for child in literal.named_children if child.type == "pair"
        ]
        for name in names:
            if name is not None:
                found.define(name, SymbolKind.FIELD, name, owner=owner)
        if None in names:
            found.dynamic[f"computed:{owner}"] = None
    else:
        return False
    return True


def on_evaluating(found: Extraction, node: Node) -> None:
    """``eval``, ``new Proxy``, ``new Function``."""
    callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    if callee is not None:
        found.dynamic[found.source(callee).lower()] = None
