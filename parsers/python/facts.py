"""Python: handlers of the captures of ``queries/python.facts.scm``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction, Handler
from parsers.syntax.fact_collector import descendants

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["FACTS"]

# ``isinstance(x, T)``, ``issubclass(x, T)``, ``inspect.isfunction(x)``, ``is_dataclass(x)``, ``_is_open(x)``
_CHECK = re.compile(r"_?is\w+")
# (receiver, "name"): ``getattr(x, "name")``, ``mock.patch.object(X, "name")``, ``monkeypatch.setattr(x, "name", y)``
_ACCESSORS = frozenset({"getattr", "setattr", "hasattr", "delattr", "object"})
# ``attrgetter("name")``, ``type("C", (), {"name": f})``, ``namedtuple("P", ["name"])``, ``make_dataclass("C", ["name"])``
_MAKERS = frozenset(
    "attrgetter methodcaller type new_class namedtuple NamedTuple TypedDict make_dataclass Enum IntEnum StrEnum Flag"
    " IntFlag create_autospec Mock MagicMock".split()
)
# ``__slots__ = ("name",)``
_NAMING = frozenset({"__slots__", "__match_args__", "_fields"})
# ``vars(x)["name"]``, ``globals()["name"]``, ``x.__dict__["name"]``
_NAMESPACE = re.compile(r"(?:vars|globals|locals)\(.*\)|.*\.__dict__", re.DOTALL)
# ``if sys.version_info >= (3, 12):``, ``if find_spec("x"):``, ``if os.name == "nt":``, ``if six.PY3:``
_PLATFORM = re.compile(r"\w*(?:version|platform|find_spec)\w*|PY\d*")


def _text_of(found: Extraction, node: Node | None) -> str:
    """The content of a plain string, '' of anything else."""
    if node is None or node.type != "string":
        return ""
    inner = [child for child in node.named_children if child.type == "string_content"]
    return found.facts.source(inner[0]) if len(inner) == 1 else ""


def _call(found: Extraction, node: Node) -> None:
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or listed is None:
        return
    last = callee.child_by_field_name("attribute") or callee
    name = found.source(last)
    if not (name in _ACCESSORS or name in _MAKERS or _CHECK.fullmatch(name)):
        return
    given = [child for child in listed.named_children if child.type != "comment"]
    if name in _ACCESSORS and len(given) > 1:
        text = _text_of(found, given[1])
        found.facts.reach(found.facts.source(given[0]), text)
        found.facts.computed |= not text and given[1].type != "string"
    elif name in _MAKERS:
        for child in given:
            _name_members(found, child)
    elif given:
        found.facts.narrow(given[0])


def _name_members(found: Extraction, node: Node) -> None:
    for child in descendants(node):
        found.facts.reach("", _text_of(found, child))


def _comparison(found: Extraction, node: Node) -> None:
    """``type(x) is T``; ``"name" in dir(x)``."""
    sides = node.named_children
    for side in sides:
        callee = side.child_by_field_name("function") if side.type == "call" else None
        listed = side.child_by_field_name("arguments") if callee is not None else None
        if (
            callee is not None
            and found.source(callee) == "type"
            and listed is not None
            and listed.named_child_count == 1
        ):
            found.facts.narrow(listed.named_children[0])
    right = found.facts.source(sides[-1])
    if right.startswith("dir(") or _NAMESPACE.fullmatch(right):
        found.facts.reach("", _text_of(found, sides[0]))


def _subscript(found: Extraction, node: Node) -> None:
    """``vars(x)["name"]``."""
    base = found.facts.source(node.child_by_field_name("value"))
    if _NAMESPACE.fullmatch(base):
        index = node.child_by_field_name("subscript")
        found.facts.reach(base, _text_of(found, index))
        found.facts.computed |= index is not None and index.type == "identifier"


def _listed(found: Extraction, node: Node) -> None:
    """``for name in ("get", "set"): setattr(cls, name, …)``."""
    for child in node.named_children:
        key = child.child_by_field_name("key") if child.type == "pair" else child
        if text := _text_of(found, key):
            found.facts.listed_texts.add(text)


def _assignment(found: Extraction, node: Node) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is not None and right is not None and found.source(left) in _NAMING:
        _name_members(found, right)


def _guarded(found: Extraction, node: Node) -> None:
    found.facts.guarded.add((node.start_byte, node.end_byte))


def _checked(found: Extraction, node: Node) -> None:
    """``if sys.version_info >= (3, 11): from tomllib import loads``."""
    condition, block = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    if condition is None or block is None:
        return
    names = {found.source(child) for child in descendants(condition) if child.type == "identifier"}
    if {"os", "name"} <= names or any(_PLATFORM.fullmatch(name) for name in names):
        for child in block.named_children:
            if child.type in ("import_from_statement", "import_statement"):
                _guarded(found, child)


FACTS: dict[str, Handler] = {
    "fact_comment": lambda found, node: found.facts.comment(node),
    "fact_call": _call,
    "fact_subject": lambda found, node: found.facts.narrow(node),
    "fact_comparison": _comparison,
    "fact_subscript": _subscript,
    "fact_listed": _listed,
    "fact_assignment": _assignment,
    "fact_guarded": _guarded,
    "fact_checked": _checked,
}
