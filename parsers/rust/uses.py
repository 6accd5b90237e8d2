"""Rust: handlers of patterns, local variables and references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.syntax.extraction import Arguments, Extraction
from parsers.syntax.types import Reference, ReferenceKind, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

_SEEN_THROUGH = frozenset({"reference_pattern", "ref_pattern", "mut_pattern", "match_pattern", "or_pattern"})
_MAX_PATTERNS = 10_000


def on_scope(found: Extraction, node: Node) -> None:
    """A closure or function type: its parameters are its own."""
    found.open(node, SymbolKind.FUNCTION)


def on_type_parameter(found: Extraction, node: Node) -> None:
    """``<T: Bound>`` and ``<const N: usize>``."""
    name = node.child_by_field_name("name")
    if name is not None:
        annotation = found.short(node.child_by_field_name("bounds") or node.child_by_field_name("type"))
        found.define(name, SymbolKind.VARIABLE, node, annotation=annotation, binding="type_parameter", exported=False)


def on_parameter(found: Extraction, node: Node) -> None:
    """One parameter of a function or a typed one of a closure."""
    pattern = node.child_by_field_name("pattern")
    if pattern is not None:
        bind_pattern(found, pattern, node, (None, found.short(node.child_by_field_name("type")), "parameter"))


def on_closure_parameters(found: Extraction, node: Node) -> None:
    """Untyped parameters of a closure."""
    for child in node.named_children:
        if child.type != "parameter":
            bind_pattern(found, child, child, (None, None, "parameter"))


def on_let(found: Extraction, node: Node) -> None:
    """``let p = v`` and the condition ``let p = v``."""
    pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
    if pattern is not None:
        annotation = found.short(node.child_by_field_name("type"))
        binding = "=" if value is not None else ""
        bind_pattern(found, pattern, node, (found.short(value), annotation, binding))


def on_for(found: Extraction, node: Node) -> None:
    """``for p in v``."""
    pattern = node.child_by_field_name("pattern")
    if pattern is not None:
        bind_pattern(found, pattern, node, (found.short(node.child_by_field_name("value")), None, "for"))


def on_arm(found: Extraction, node: Node) -> None:
    """One arm of a ``match``; the names of its pattern are known in it."""
    pattern = node.child_by_field_name("pattern")
    inner = next(iter(pattern.named_children), None) if pattern is not None else None
    if inner is not None:
        block = node.parent
        match = block.parent if block is not None else None
        value = match.child_by_field_name("value") if match is not None else None
        bind_pattern(found, inner, node, (found.short(value), None, "=" if value is not None else "case"))


def bind_pattern(found: Extraction, target: Node, extent: Node, source: tuple[str | None, str | None, str]) -> None:
    """Define the names a pattern binds: those that start in lower case; others are constants or variants."""
    value, annotation, binding = source
    stack = [(target, binding)]
    for _ in range(_MAX_PATTERNS):
        if not stack:
            break
        node, place = stack.pop()
        kind = node.type
        if kind in ("identifier", "shorthand_field_identifier"):
            title = found.source(node)
            if not title[:1].isupper():
                found.define(
                    node, SymbolKind.VARIABLE, extent, value=value, annotation=annotation, binding=place, exported=False
                )
        else:
            stack.extend(reversed(_parts(found, node, place)))


def _parts(found: Extraction, node: Node, place: str) -> list[tuple[Node, str]]:
    """Patterns inside ``node`` with their places."""
    kind, children = node.type, [child for child in node.named_children if "comment" not in child.type]
    if kind in _SEEN_THROUGH:
        return [(child, place) for child in children if child.type != "mutable_specifier"]
    if kind in ("tuple_pattern", "slice_pattern"):
        return [(child, f"{place}.{index}") for index, child in enumerate(children)]
    if kind == "tuple_struct_pattern":
        named = node.child_by_field_name("type")
        title = found.source(named).rpartition("::")[2] if named is not None else ""
        rest = [child for child in children if named is None or child.start_byte >= named.end_byte]
        return [(child, f"{place}.{title}.{index}") for index, child in enumerate(rest)]
    if kind == "struct_pattern":
        return [(child, place) for child in children if child.type == "field_pattern"]
    if kind == "field_pattern":
        name, pattern = node.child_by_field_name("name"), node.child_by_field_name("pattern")
        inner = f"{place}.{found.source(name)}" if name is not None else place
        return [(pattern, inner)] if pattern is not None else [(name, inner)] if name is not None else []
    if kind == "captured_pattern":
        return [(children[0], place), *((child, place) for child in children[1:])] if children else []
    return []


def on_tokens(found: Extraction, node: Node) -> None:
    """The tokens of a macro are no expressions: nothing can be told from them."""
    found.marks["skip_end"] = max(found.marks.get("skip_end", -1), node.end_byte)


def on_lifetime(found: Extraction, node: Node) -> None:
    """Lifetimes and loop labels are no names of values."""
    found.claim(node)


def _is_hidden(found: Extraction, node: Node) -> bool:
    return (
        node.id in found.claimed
        or node.start_byte < found.marks.get("skip_end", -1)
        or node.end_byte <= node.start_byte
    )


def on_macro(found: Extraction, node: Node) -> None:
    """A macro call: its last link ends in '!', its arguments are unknown."""
    name = node.child_by_field_name("macro")
    if name is None or _is_hidden(found, name):
        return
    path = found.chain(name)
    if path.links == ("?",):
        return
    start, end = path.spans[-1]
    end += found.text[end : end + 1] == "!"
    extent = (node.start_byte, node.end_byte)
    spans = (*path.spans[:-1], (start, end))
    links = (*path.links[:-1], found.text[start:end])
    line = name.end_point[0] + 1
    found.references.append(
        Reference(links, ReferenceKind.CALL, (start, end), line, spread=True, spans=spans, extent=extent)
    )


def on_literal(found: Extraction, node: Node) -> None:
    """``T { a: 1, b, ..rest }``."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    keywords, spread = [], False
    for child in body.named_children if body is not None else ():
        if child.type == "base_field_initializer":
            spread = True
        field = child.child_by_field_name("field") if child.type == "field_initializer" else None
        if child.type == "shorthand_field_initializer":
            field = next((part for part in child.named_children if part.type == "identifier"), None)
        if field is not None:
            keywords.append((found.source(field), (field.start_byte, field.end_byte)))
    found.refer(node, ReferenceKind.INSTANTIATION, name, Arguments(0, tuple(keywords), spread))


def on_call(found: Extraction, node: Node) -> None:
    """A call, also of a macro that is read as one."""
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None:
        return
    is_macro = found.source(callee).endswith("!")
    arguments = [child for child in listed.named_children if "comment" not in child.type] if listed is not None else []
    broken = any(child.type == "ERROR" for child in arguments)
    if is_macro:
        for child in arguments:
            name = child.child_by_field_name("left") if child.type == "assignment_expression" else None
            if name is not None:
                found.claimed.add(name.id)
        found.refer(node, ReferenceKind.CALL, callee, Arguments(None, (), True))
    else:
        count = sum(1 for child in arguments if child.type != "attribute_item")
        found.refer(node, ReferenceKind.CALL, callee, Arguments(count, (), broken))


def on_assignment(found: Extraction, node: Node) -> None:
    """``a.b = v``."""
    left = node.child_by_field_name("left")
    if left is not None and left.type == "field_expression":
        found.refer(left, ReferenceKind.ATTRIBUTE, store=True)


def on_attribute(found: Extraction, node: Node) -> None:
    """``a.b`` and ``A::b`` that are no callees."""
    if not _is_hidden(found, node):
        found.refer(node, ReferenceKind.ATTRIBUTE)


def on_type(found: Extraction, node: Node) -> None:
    """A name in a type. ``Iterator<Item = T>`` names a member of the trait, not a type."""
    around = node.parent
    if around is not None and around.type == "type_binding" and around.child_by_field_name("name") == node:
        return
    if not _is_hidden(found, node):
        found.refer(node, ReferenceKind.TYPE)


def on_name(found: Extraction, node: Node) -> None:
    """A plain name."""
    if not _is_hidden(found, node) and found.source(node) != "_":
        found.refer(node, ReferenceKind.NAME)
