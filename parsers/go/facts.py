"""Go: handlers of the captures of ``queries/go.facts.scm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction, Handler

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["FACTS"]

# ``reflect.ValueOf(x).MethodByName("Name")``
_ACCESSORS = frozenset({"MethodByName", "FieldByName"})


def _call(found: Extraction, node: Node) -> None:
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    name = callee.child_by_field_name("field") if callee is not None else None
    if name is None or listed is None or found.source(name) not in _ACCESSORS:
        return
    for child in listed.named_children:
        if child.type == "interpreted_string_literal":
            found.facts.reach("", found.facts.source(child).strip('"'))


FACTS: dict[str, Handler] = {
    "fact_comment": lambda found, node: found.facts.comment(node),
    "fact_call": _call,
}
