"""JavaScript and TypeScript: handlers of the captures of ``queries/*.facts.scm``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction, Handler

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["FACTS"]

# ``Array.isArray(x)``, ``hasItems(x)``, ``assertOpen(x)``, ``opened.match(action)``
_CHECK = re.compile(r"(?:is|has|assert|match)\w*")
# ``Object.defineProperty(x, "name", …)``, ``x.hasOwnProperty("name")``, ``jest.spyOn(x, "name")``
_ACCESSORS = frozenset(
    "defineProperty hasOwnProperty hasOwn getOwnPropertyDescriptor spyOn propertyIsEnumerable".split()
)
# ``Reflect.get(x, "name")``, ``hasOwnProperty.call(x, "name")``
_REFLECTION = re.compile(r"Reflect\.\w+|(?:.*\.)?hasOwnProperty\.call")
_LOGICAL = frozenset({"&&", "||", "??"})
_EQUAL = frozenset({"===", "!==", "==", "!="})
_SEEN_THROUGH = frozenset({"parenthesized_expression", "non_null_expression"})


def _text_of(found: Extraction, node: Node | None) -> str:
    """The content of a plain string, '' of anything else."""
    if node is None or node.type != "string" or node.named_child_count != 1:
        return ""
    return found.facts.source(node.named_children[0])


def _plain(node: Node | None) -> Node | None:
    """``node`` without ``!`` before it and brackets around it."""
    for _ in range(8):
        if node is None:
            return None
        operator = node.child_by_field_name("operator") if node.type == "unary_expression" else None
        if operator is not None and operator.type == "!":
            node = node.child_by_field_name("argument")
        elif node.type in _SEEN_THROUGH and node.named_child_count:
            node = node.named_children[0]
        else:
            return node
    return node


def _operator(node: Node) -> str:
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def _asked(found: Extraction, node: Node) -> None:
    found.facts.ask(_plain(node))


def _typeof(found: Extraction, node: Node) -> None:
    """``typeof x.hook``; of ``!x.hook`` the condition around it decides."""
    if _operator(node) == "typeof":
        found.facts.ask(node.child_by_field_name("argument"))


def _binary(found: Extraction, node: Node) -> None:
    """``x.hook && …``, ``… || x.hook)``, ``x.hook === y``, ``x instanceof T``, ``"name" in x``."""
    left, right, operator = node.child_by_field_name("left"), node.child_by_field_name("right"), _operator(node)
    if left is None or right is None:
        return
    if operator in _LOGICAL:
        tail = _plain(left)
        if tail is not None and tail.type == "binary_expression" and _operator(tail) in _LOGICAL:
            tail = _plain(tail.child_by_field_name("right"))
        found.facts.ask(tail)
        if found.text[node.end_byte : node.end_byte + 8].lstrip()[:1] == ")":
            found.facts.ask(_plain(right))
        _choice(found, tail, _plain(right))
    elif operator in _EQUAL:
        found.facts.ask(_plain(left))
    elif operator == "instanceof":
        found.facts.narrow(left)
    elif operator == "in":
        found.facts.narrow(right)
        found.facts.reach(found.facts.source(right), _text_of(found, left))


def _choice(found: Extraction, left: Node | None, right: Node | None) -> None:
    """``a.selector || a.selectors``."""
    if right is not None and right.type == "call_expression":
        right = right.child_by_field_name("function")
    names = [side.child_by_field_name("property") for side in (left, right) if side is not None]
    pair = frozenset(found.facts.source(name) for name in names if name is not None)
    if len(pair) == 2:
        found.facts.choices.add(pair)


def _call(found: Extraction, node: Node) -> None:
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or listed is None:
        return
    if any(child.type in ("optional_chain", "?.") for child in node.children):
        found.facts.ask(callee)  # ``x.hook?.()``
    last = callee.child_by_field_name("property") or callee
    name = found.facts.source(last)
    given = [child for child in listed.named_children if child.type != "comment"]
    if name in _ACCESSORS or _REFLECTION.fullmatch(found.facts.source(callee)):
        for child in given[:2]:
            found.facts.reach("", _text_of(found, child))
        found.facts.computed |= len(given) > 1 and given[1].type == "identifier"
    if given and _CHECK.fullmatch(name):
        found.facts.narrow(given[0])


def _for_in(found: Extraction, node: Node) -> None:
    """``for (const key in x)``."""
    if _operator(node) == "in":
        found.facts.narrow(node.child_by_field_name("right"))


def _subscript(found: Extraction, node: Node) -> None:
    """``x["name"]``."""
    text = _text_of(found, node.child_by_field_name("index"))
    if text:
        found.facts.reach(found.facts.source(node.child_by_field_name("object")), text)


def _computed(found: Extraction, node: Node) -> None:
    """``x[name] = …``."""
    index = node.child_by_field_name("index")
    found.facts.computed |= index is not None and index.type not in ("string", "number")


def _listed(found: Extraction, node: Node) -> None:
    """``for (const name of ["get", "set"]) x[name] = …``."""
    key = node.child_by_field_name("key")
    for child in [key] if key is not None else node.named_children:
        if text := _text_of(found, child):
            found.facts.listed_texts.add(text)


def _cast(found: Extraction, node: Node) -> None:
    """``x as T``, ``x satisfies T``."""
    found.facts.narrow(next(iter(node.named_children), None))


def _literal_type(found: Extraction, node: Node) -> None:
    """``Pick<T, "name">``, ``{ [K in "get" | "set"]: … }``."""
    found.facts.reach("", _text_of(found, next(iter(node.named_children), None)))


FACTS: dict[str, Handler] = {
    "fact_comment": lambda found, node: found.facts.comment(node),
    "fact_quoted": lambda found, node: found.facts.quoted(node),
    "fact_asked": _asked,
    "fact_typeof": _typeof,
    "fact_binary": _binary,
    "fact_call": _call,
    "fact_for_in": _for_in,
    "fact_subscript": _subscript,
    "fact_computed": _computed,
    "fact_listed": _listed,
    "fact_assigned": lambda found, node: found.facts.assign(node),
    "fact_own_this": lambda found, node: found.facts.own_this.append((node.start_byte, node.end_byte)),
    "fact_cast": _cast,
    "fact_narrowed": lambda found, node: found.facts.narrow(node),
    "fact_inferred": lambda found, node: found.facts.inferred.add(found.source(node)),
    "fact_literal_type": _literal_type,
}
