"""JavaScript and TypeScript: parameters, destructuring and the small readers that the handlers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from parsers.javascript.docs import RESULT, doc_of
from parsers.syntax.extraction import Extraction
from parsers.syntax.source import squeeze
from parsers.syntax.types import Parameter, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
NAMES = frozenset({"identifier", "shorthand_property_identifier_pattern"})
_WORDS = frozenset(
    {"async", "static", "get", "set", "abstract", "readonly", "declare", "private", "protected", "public", "override"}
)
_SEEN_THROUGH = frozenset({"as_expression", "satisfies_expression", "parenthesized_expression", "non_null_expression"})


def first_named(node: Node | None) -> Node | None:
    """First named child that is no comment."""
    return next((child for child in node.named_children if child.type != "comment"), None) if node is not None else None


def plain_value(node: Node | None) -> Node | None:
    """``node`` without casts and brackets around it, as many as there are up to eight."""
    for _ in range(8):
        if node is None or node.type not in _SEEN_THROUGH:
            break
        node = first_named(node)
    return node


def returned_text(found: Extraction, node: Node | None) -> str:
    """The expression that a function returns; a cast says the type: ``return this.entry as Row``."""
    for _ in range(8):
        if node is None or node.type not in {"parenthesized_expression", "non_null_expression"}:
            break
        node = first_named(node)
    cast = node is not None and node.type == "as_expression" and not found.source(node).endswith(" const")
    return found.short(node if cast else plain_value(node)) or ""


def written_name(node: Node | None) -> Node | None:
    """The node that spells a member's name: inside the quotes of a string, None for a computed one."""
    if node is None or node.type == "computed_property_name":
        return None
    return first_named(node) if node.type == "string" else node


def type_text(found: Extraction, node: Node | None) -> str | None:
    """A declared type without its colon."""
    text = found.short(node)
    return text.removeprefix(":").strip() if text is not None else None


def result_type(found: Extraction, function: Node) -> str | None:
    """What a function is declared or documented to return."""
    return type_text(found, function.child_by_field_name("return_type")) or doc_of(found, function).get(RESULT)


def modifiers(found: Extraction, node: Node, name: Node) -> tuple[str, ...]:
    """Words before the name, and 'optional' for a '?' right after it."""
    words = []
    for child in node.children:
        if child.start_byte >= name.end_byte:
            if child.type == "?":
                words.append("optional")
            break
        text = found.source(child) if child.type == "accessibility_modifier" else child.type
        if text in _WORDS:
            words.append(text)
        elif text == "*":
            words.append("generator")
    return tuple(words)


def is_exported(found: Extraction, node: Node) -> bool:
    """Whether an ``export`` statement is right around ``node``."""
    return node.start_byte < found.marks.get("export_end", -1) and len(found.scopes) == found.marks.get(
        "export_depth", 0
    )


def read_bases(found: Extraction, node: Node) -> tuple[str, ...]:
    """Names after ``extends`` and ``implements``, without type arguments."""
    heritage = next((child for child in node.named_children if child.type == "class_heritage"), None)
    bases: list[str] = []
    for clause in heritage.named_children if heritage is not None else ():
        if clause.type not in ("extends_clause", "implements_clause"):
            bases.append(squeeze(found.source(clause)))
            continue
        for child in clause.named_children:
            if child.type not in ("type_arguments", "comment"):
                bases.append(base_text(found, child))
    return tuple(bases)


def base_text(found: Extraction, node: Node) -> str:
    """A base type as written, its type arguments left out."""
    return squeeze(found.source(node.child_by_field_name("name") or node if node.type == "generic_type" else node))


def read_parameters(found: Extraction, function: Node) -> tuple[Parameter, ...]:
    """The parameters of any function-like node; ``this`` of TypeScript is not one."""
    single = function.child_by_field_name("parameter")
    if single is not None:
        return (Parameter(found.source(single)),)
    listed = function.child_by_field_name("parameters")
    parameters = [_parameter(found, child) for child in listed.named_children] if listed is not None else []
    documented = doc_of(found, function)
    return tuple(
        replace(parameter, annotation=documented.get(parameter.name)) if documented else parameter
        for parameter in parameters
        if parameter is not None
    )


def _parameter(found: Extraction, node: Node) -> Parameter | None:
    pattern = node.child_by_field_name("pattern") or node
    optional = node.type == "optional_parameter" or node.child_by_field_name("value") is not None
    if pattern.type == "assignment_pattern":
        pattern, optional = pattern.child_by_field_name("left") or pattern, True
    variadic = "*" if pattern.type == "rest_pattern" else ""
    target = first_named(pattern) if variadic else pattern
    if target is None or target.type in ("comment", "this", "ERROR", "decorator"):
        return None
    name = " ".join(found.source(target).split())
    return Parameter(name, optional, variadic=variadic, annotation=type_text(found, node.child_by_field_name("type")))


def bind_parameters(found: Extraction, node: Node) -> None:
    """Capture ``parameters``: the names of a parameter list are local variables."""
    documented = doc_of(found, node.parent)
    for child in node.named_children:
        bind_parameter(found, child, documented)


def bind_parameter(found: Extraction, node: Node, documented: Mapping[str, str] | None = None) -> None:
    """One parameter, destructured or not."""
    pattern = node.child_by_field_name("pattern") or node
    annotation = type_text(found, node.child_by_field_name("type"))
    if documented:
        title = pattern.child_by_field_name("left") or pattern
        annotation = documented.get(found.source(title)) if title.type == "identifier" else None
    value = found.short(node.child_by_field_name("value"))
    if pattern.type == "rest_pattern":
        inner = first_named(pattern)
        if inner is not None:
            bind_pattern(found, inner, node, (value, annotation, "parameter*"))
    elif pattern.type == "assignment_pattern":
        value = found.short(pattern.child_by_field_name("right"))
        left = pattern.child_by_field_name("left")
        if left is not None:
            bind_pattern(found, left, node, (value, annotation, "parameter"))
    else:
        bind_pattern(found, pattern, node, (value, annotation, "parameter"))


def bind_pattern(found: Extraction, target: Node, extent: Node, source: tuple[str | None, str | None, str]) -> None:
    """Define every name of a pattern. ``source`` is (value, annotation, binding); places extend the binding."""
    value, annotation, binding = source
    for name, place in pattern_names(found, target, binding):
        if found.in_function or place.startswith(("parameter", "for", "except")):
            kind, exported = SymbolKind.VARIABLE, False
            if not found.references_wanted:
                continue
        else:
            constant = "const" in found.text[max(0, found.marks.get("declaration", 0)) :][:5]
            kind, exported = SymbolKind.CONSTANT if constant else SymbolKind.VARIABLE, is_exported(found, name)
        owner = found.owner
        found.define(
            name, kind, extent, value=value, annotation=annotation, binding=place, exported=exported, owner=owner
        )


def pattern_names(found: Extraction, target: Node, binding: str) -> list[tuple[Node, str]]:
    """Names of a destructuring pattern with their places, in source order."""
    names: list[tuple[Node, str]] = []
    stack = [(target, binding)]
    while stack:
        node, place = stack.pop()
        kind = node.type
        if kind in NAMES:
            names.append((node, place))
        elif kind == "array_pattern":
            stack.extend(reversed(_array_places(node, place)))
        elif kind == "object_pattern":
            stack.extend(reversed([(child, _property_place(found, child, place)) for child in node.named_children]))
        elif kind == "pair_pattern":
            value = node.child_by_field_name("value")
            if value is not None:
                stack.append((value, place))
        elif kind in ("assignment_pattern", "object_assignment_pattern"):
            left = node.child_by_field_name("left")
            if left is not None:
                stack.append((left, place))
        elif kind == "rest_pattern" and (inner := first_named(node)) is not None:
            stack.append((inner, place))
    return names


def _array_places(node: Node, place: str) -> list[tuple[Node, str]]:
    places, index = [], 0
    for child in node.children:
        if child.type == ",":
            index += 1
        elif child.is_named and child.type != "comment":
            places.append((child, f"{place}.*" if child.type == "rest_pattern" else f"{place}.{index}"))
    return places


def _property_place(found: Extraction, node: Node, place: str) -> str:
    if node.type == "rest_pattern":
        return f"{place}.*"
    key = node.child_by_field_name("key") or node.child_by_field_name("left") or node
    name = written_name(key)
    return f"{place}.{found.source(name)}" if name is not None else f"{place}.?"
