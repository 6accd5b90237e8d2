"""JavaScript and TypeScript: handlers of references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.javascript.bindings import bind_parameter, bind_pattern, first_named, type_text
from parsers.syntax.extraction import Arguments, Extraction
from parsers.syntax.types import ReferenceKind

if TYPE_CHECKING:
    from tree_sitter import Node


def on_parameter(found: Extraction, node: Node) -> None:
    """The bare parameter of ``x => …``."""
    name = node.child_by_field_name("parameter")
    if name is not None:
        bind_parameter(found, name)


def on_catch(found: Extraction, node: Node) -> None:
    """``catch (error)``."""
    name = node.child_by_field_name("parameter")
    if name is not None:
        bind_pattern(found, name, node, (None, type_text(found, node.child_by_field_name("type")), "except"))


def on_for_in(found: Extraction, node: Node) -> None:
    """``for (const x of xs)`` and ``for (const k in object)``."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is not None and any(child.type in ("const", "let", "var") for child in node.children):
        of = operator is None or operator.type == "of"
        bind_pattern(found, left, node, (found.short(right) if of else None, None, "for" if of else "for.key"))


def on_decorator(found: Extraction, node: Node) -> None:
    """``@Name`` and ``@Name(…)``."""
    value = next(iter(node.named_children), None)
    if value is None:
        return
    callee = value.child_by_field_name("function") if value.type == "call_expression" else None
    if callee is not None:
        found.claimed.add(value.id)
        found.refer(value, ReferenceKind.DECORATOR, callee, _arguments(value))
    else:
        found.refer(value, ReferenceKind.DECORATOR)


def on_call(found: Extraction, node: Node) -> None:
    """A call; a tagged template counts as a call with unknown arguments."""
    callee = _called(node.child_by_field_name("function"))
    if callee is not None and callee.type != "import" and node.id not in found.claimed:
        found.refer(node, ReferenceKind.CALL, callee, _arguments(node))


def _called(callee: Node | None) -> Node | None:
    """``(0, m.f)(x)``, as compilers write it, calls m.f."""
    inner = first_named(callee) if callee is not None and callee.type == "parenthesized_expression" else None
    if inner is None or inner.type != "sequence_expression" or len(inner.named_children) != 2:
        return callee
    return inner.named_children[1] if inner.named_children[0].type == "number" else callee


def on_new(found: Extraction, node: Node) -> None:
    """``new X(…)``."""
    callee = node.child_by_field_name("constructor")
    if callee is not None:
        found.refer(node, ReferenceKind.INSTANTIATION, callee, _arguments(node))


def _arguments(node: Node) -> Arguments:
    listed = node.child_by_field_name("arguments")
    if listed is None:
        return Arguments(0, (), False)
    if listed.type != "arguments":
        return Arguments(None, (), True)
    positional, spread = 0, False
    for child in listed.named_children:
        if child.type in ("spread_element", "ERROR"):
            spread = True
        elif child.type != "comment":
            positional += 1
    return Arguments(positional, (), spread)


def on_member(found: Extraction, node: Node) -> None:
    """``a.b`` that is no callee."""
    if node.id not in found.claimed:
        found.refer(node, ReferenceKind.ATTRIBUTE)


def on_name(found: Extraction, node: Node) -> None:
    """A plain name."""
    if node.id not in found.claimed and node.end_byte > node.start_byte:
        found.refer(node, ReferenceKind.NAME)


def on_this(found: Extraction, node: Node) -> None:
    """``this`` alone is no use of a name."""
    found.claimed.add(node.id)


def on_element(found: Extraction, node: Node) -> None:
    """A JSX element: lower-case names are those of the browser."""
    name = node.child_by_field_name("name")
    if name is not None and found.source(name)[:1].islower():
        found.claimed.add(name.id)


def on_closing_element(found: Extraction, node: Node) -> None:
    """The closing tag repeats the opening one."""
    name = node.child_by_field_name("name")
    if name is not None:
        found.claim(name)
