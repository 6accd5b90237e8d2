"""Python: one handler for each capture of ``queries/python.*.scm``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsers.python.bindings import (
    bind,
    first_named,
    is_global,
    is_public,
    on_as,
    on_case,
    on_case_class,
    on_case_keyword,
    on_case_splat,
    on_for,
    on_global,
    on_walrus,
)
from parsers.python.facts import FACTS
from parsers.syntax.extraction import Arguments, Extraction, Grammar
from parsers.syntax.source import squeeze
from parsers.syntax.types import Parameter, ReferenceKind, Span, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["GRAMMAR"]

_ENUMS = ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")
_ENUM_BASES = frozenset({*_ENUMS, *(f"enum.{name}" for name in _ENUMS)})
_PLAIN_METACLASSES = frozenset({"ABCMeta", "type", "EnumMeta", "EnumType"})
_READ_ONLY = re.compile(r"\s*(?:\.(?:get|items|keys|values|copy)\(|\[[^\]\n]*\](?!\s*=[^=]))")
# ``class Box[T = str]``: the grammar does not know the defaults of type parameters (PEP 696).
_TYPE_PARAMETERS = re.compile(
    r"\b((?:class|def|type)[ \t]+\w+\[)((?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]{0,200}+\]){0,200}+\]){0,400}+)\]"
)
_TYPE_DEFAULT = re.compile(r"=(?:[^,\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*")
_LITERAL = re.compile(r"[\"'](\w+)[\"']")
_HOOKS = {"__getattr__": "getattr", "__getattribute__": "getattr", "__dir__": "dir"}


def _function(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    if name is None:
        return
    owner = found.owner
    parameters, details = _parameters(found, node.child_by_field_name("parameters"))
    returned = node.child_by_field_name("return_type")
    title = found.source(name)
    decorators = found.notes.pop(node.start_byte, ())
    found.define(
        name,
        SymbolKind.METHOD if owner else SymbolKind.FUNCTION,
        node,
        owner=owner,
        parameters=parameters,
        decorators=decorators,
        annotation=found.short(returned),
        exported=is_public(title),
        modifiers=_modifiers(node, decorators),
    )
    if title == "__getattr__" and not owner and (listed := _listed_names(found, node, parameters)) is not None:
        found.dynamic.update(dict.fromkeys(f"lazy:{item}" for item in listed))
    elif title in _HOOKS:
        found.dynamic[f"{_HOOKS[title]}:{owner}" if owner else _HOOKS[title]] = None
    found.open(node, SymbolKind.FUNCTION)
    _type_parameters(found, node)
    _bind_parameters(found, parameters, details)


def _listed_names(found: Extraction, node: Node, parameters: tuple[Parameter, ...]) -> list[str] | None:
    """The names that a module's ``__getattr__`` answers to, None unless it only compares with names that it spells out."""
    body = found.short(node.child_by_field_name("body"))
    if body is None or len(parameters) != 1 or "raise AttributeError" not in body:
        return None
    name = re.escape(parameters[0].name)
    listed: list[str] = []
    for match in re.finditer(rf"\b{name}\s*(?:==\s*|in\s*[({{\[]\s*)((?:[\"']\w+[\"'],?\s*)+)", body):
        listed += re.findall(r"\w+", match[1])
        body = body.replace(match[0], "")
    plain = re.sub(r"\"\"\".*?\"\"\"|\"[^\"\n]*\"|'[^'\n]*'|#.*", "", body, flags=re.DOTALL)
    used = re.sub(rf"AttributeError\(\s*{name}\s*\)", "", plain)
    return listed if not re.search(rf"\b{name}\b", used) else None


def _type_parameters(found: Extraction, node: Node) -> None:
    """``def f[T]`` and ``class C[T]``: T is a name inside."""
    listed = node.child_by_field_name("type_parameters") if found.references_wanted else None
    _define_type_parameters(found, listed, found.scope_span)


def _define_type_parameters(found: Extraction, listed: Node | None, scope: Span) -> None:
    """``[T, U: (str, bytes), *Ts, **P]``: four names, the bounds are uses."""
    for child in listed.named_children if listed is not None else ():
        name: Node | None = child
        while name is not None and name.type in ("type", "constrained_type", "splat_type"):
            name = first_named(name)
        if name is not None and name.type == "identifier":
            found.define(name, SymbolKind.VARIABLE, child, binding="type_parameter", exported=False, scope=scope)


def _modifiers(node: Node, decorators: tuple[str, ...]) -> tuple[str, ...]:
    words = ["async"] if node.children and node.children[0].type == "async" else []
    for decorator in decorators:
        last = decorator.partition("(")[0].rpartition(".")[2]
        word = {"staticmethod": "static", "classmethod": "class", "property": "property", "cached_property": "property",
                "setter": "set", "abstractmethod": "abstract", "overload": "overload"}.get(last)  # fmt: skip
        if word:
            words.append(word)
    return tuple(words)


def _lambda(found: Extraction, node: Node) -> None:
    found.open(node, SymbolKind.FUNCTION)
    parameters, details = _parameters(found, node.child_by_field_name("parameters"))
    _bind_parameters(found, parameters, details)


_PLAIN_PARAMETERS = frozenset({"typed_parameter", "default_parameter", "typed_default_parameter"})
_SPLATS = {"list_splat_pattern": "*", "dictionary_splat_pattern": "**"}


def _parameters(found: Extraction, node: Node | None) -> tuple[tuple[Parameter, ...], list[tuple[Node, Node]]]:
    """The parameters and, for each named one, its (name, whole) nodes."""
    parameters: list[Parameter] = []
    nodes: list[tuple[Node, Node]] = []
    keyword_only = False
    for child in node.named_children if node is not None else ():
        kind = child.type
        if kind == "positional_separator":
            parameters = [
                Parameter(p.name, p.has_default, positional_only=True, annotation=p.annotation) for p in parameters
            ]
        elif kind == "keyword_separator":
            keyword_only = True
        else:
            name, variadic = _parameter_name(child)
            if name is None:
                continue
            annotation = found.short(child.child_by_field_name("type")) if kind in _PLAIN_PARAMETERS else None
            only = keyword_only and not variadic
            parameters.append(
                Parameter(found.source(name), kind.endswith("default_parameter"), only, False, variadic, annotation)
            )
            nodes.append((name, child))
            keyword_only = keyword_only or variadic == "*"
    return tuple(parameters), nodes


def _parameter_name(node: Node) -> tuple[Node | None, str]:
    if node.type == "identifier":
        return node, ""
    named = node.child_by_field_name("name")
    inner = named if named is not None else (node if node.type in _SPLATS else first_named(node))
    if inner is None or inner.is_error:
        return None, ""
    variadic = _SPLATS.get(inner.type, "")
    name = first_named(inner) if variadic else inner
    return (name, variadic) if name is not None and name.type == "identifier" else (None, variadic)


def _bind_parameters(found: Extraction, parameters: tuple[Parameter, ...], nodes: list[tuple[Node, Node]]) -> None:
    for (name, whole), parameter in zip(nodes, parameters, strict=True) if found.references_wanted else ():
        found.define(
            name,
            SymbolKind.VARIABLE,
            whole,
            annotation=parameter.annotation,
            value=found.short(whole.child_by_field_name("value")) if parameter.has_default else None,
            binding="parameter" + parameter.variadic,
            exported=False,
        )


def _class(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    if name is None:
        return
    title = found.source(name)
    path = found.path_of(title)
    bases = []
    listed = node.child_by_field_name("superclasses")
    for base in listed.named_children if listed is not None else ():
        if base.type == "keyword_argument":
            key = base.child_by_field_name("name")
            if key is not None:
                found.claimed.add(key.id)
                plain = base.child_by_field_name("value")
                if found.source(key) == "metaclass" and (
                    plain is None or found.source(plain).rpartition(".")[2] not in _PLAIN_METACLASSES
                ):
                    found.dynamic[f"metaclass:{path}"] = None
        elif base.type == "comment":
            continue
        else:
            plain = base.child_by_field_name("value") if base.type == "subscript" else base
            bases.append(squeeze(found.source(plain or base)))
    kind = SymbolKind.ENUM if _ENUM_BASES.intersection(bases) else SymbolKind.CLASS
    decorators = found.notes.pop(node.start_byte, ())
    found.define(
        name, kind, node, owner=found.owner, bases=tuple(bases), decorators=decorators, exported=is_public(title)
    )
    found.open(node, kind, path, is_type=True)
    _type_parameters(found, node)


def _decorated(found: Extraction, node: Node) -> None:
    definition = node.child_by_field_name("definition")
    if definition is not None:
        names = tuple(squeeze(found.source(child)[1:]) for child in node.named_children if child.type == "decorator")
        found.notes[definition.start_byte] = names


def _assignment(found: Extraction, node: Node) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or (
        found.in_function and not found.references_wanted and left.type == "identifier" and not is_global(found, left)
    ):
        return
    value = found.short(right)
    if right is not None and right.type == "assignment":  # a = b = value
        last = right
        while (inner := last.child_by_field_name("right")) is not None and last.type == "assignment":
            last = inner
        value = found.short(last)
    bind(found, left, node, value, found.short(node.child_by_field_name("type")), "=")


def _type_alias(found: Extraction, node: Node) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    name = first_named(left) if left is not None else None
    if name is not None and name.type == "generic_type":
        if found.references_wanted and name.named_child_count > 1:
            _define_type_parameters(found, name.named_child(1), (node.start_byte, node.end_byte))
        name = first_named(name)
    if name is not None:
        found.define(
            name,
            SymbolKind.TYPE_ALIAS,
            node,
            owner=found.owner,
            value=found.short(right),
            exported=is_public(found.source(name)),
        )


def _import(found: Extraction, node: Node) -> None:
    for child in node.children_by_field_name("name"):
        found.claim(child)
        name, alias = _aliased(found, child)
        if name is not None:
            found.include(name, squeeze(found.source(name)), None, alias)


def _import_from(found: Extraction, node: Node) -> None:
    origin = node.child_by_field_name("module_name")
    if origin is None:
        return
    found.claim(origin)
    written = "".join(found.source(origin).split())
    module = written.lstrip(".")
    level = len(written) - len(module)
    for child in node.children_by_field_name("name"):
        found.claim(child)
        name, alias = _aliased(found, child)
        if name is not None and name.end_byte > name.start_byte:
            found.include(name, module, found.source(name), alias, level=level)
    for child in node.named_children:
        if child.type == "wildcard_import":
            found.include(child, module, "*", level=level)
            found.dynamic[f"star_import:{written}"] = None


def _import_future(found: Extraction, node: Node) -> None:
    for child in node.children_by_field_name("name"):
        found.claim(child)
        name, alias = _aliased(found, child)
        if name is not None:
            found.include(name, "__future__", found.source(name), alias)


def _aliased(found: Extraction, node: Node) -> tuple[Node | None, str | None]:
    if node.type != "aliased_import":
        return node, None
    alias = node.child_by_field_name("alias")
    return node.child_by_field_name("name"), found.source(alias) if alias is not None else None


def _return(found: Extraction, node: Node) -> None:
    value = first_named(node)
    if value is None or not found.in_function:
        return
    scope = found.scopes[-1]
    found.returned.setdefault((scope.start, scope.end), []).append(found.short(value) or "")


def _dynamic(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("function")
    if name is None:
        return
    if found.source(name) == "setattr":
        _setattr(found, node)
    elif _may_define(found, node, found.source(name)):
        found.dynamic[found.source(name)] = None


_RESTORING = frozenset({"__setstate__", "__copy__", "__deepcopy__"})


def _setattr(found: Extraction, node: Node) -> None:
    """``setattr(Part, "label", …)`` stores one name, ``setattr(Part, name, …)`` any: ``stored:label``, ``setattr:Part``.

    On what a function is handed, ``setattr:`` carries the place of the call: the function sets attributes of its argument.
    """
    listed = node.child_by_field_name("arguments")
    given = [child for child in listed.named_children if child.type != "comment"] if listed is not None else []
    if len(given) < 2:
        return
    subject, name = found.source(given[0]), given[1]
    if name.type == "string" and (literal := _LITERAL.fullmatch(found.source(name))):
        found.dynamic[f"stored:{literal[1]}"] = None
    elif subject == "self" and _function_around(found, node) in _RESTORING:
        return  # it gives back what the object had
    elif subject in ("self", "cls") and (owner := found.enclosing_type()):
        found.dynamic[f"setattr:{owner}"] = None
    elif not found.in_function and given[0].type == "identifier":
        found.dynamic[f"setattr:{subject}"] = None
    else:
        found.dynamic[f"setattr:{node.start_byte}"] = None


def _function_around(found: Extraction, node: Node) -> str:
    """The name of the innermost function around ``node``, '' where there is none."""
    around = node.parent
    while around is not None and around.type != "function_definition":
        around = around.parent
    name = around.child_by_field_name("name") if around is not None else None
    return found.source(name) if name is not None else ""


def _may_define(found: Extraction, node: Node, called: str) -> bool:
    """Whether the call can give the module names: a function's ``exec`` only with its globals, a look at ``globals()`` not."""
    arguments = node.child_by_field_name("arguments")
    if called in ("exec", "eval") and found.in_function and arguments is not None:
        return "globals()" in found.source(arguments) or "__dict__" in found.source(arguments)
    if called != "globals":
        return True
    handed = found.text.endswith("(", 0, node.start_byte) or found.text[: node.start_byte].rstrip().endswith(",")
    imported = handed and "__import__(" in found.text[max(0, node.start_byte - 80) : node.start_byte]
    return not imported and _READ_ONLY.match(found.text, node.end_byte) is None


def _decorator(found: Extraction, node: Node) -> None:
    value = first_named(node)
    if value is None:
        return
    if value.type == "call":
        target = value.child_by_field_name("function")
        if target is not None:
            found.claimed.add(value.id)
            found.refer(value, ReferenceKind.DECORATOR, target, _arguments(found, value))
    else:
        found.refer(value, ReferenceKind.DECORATOR)


def _call(found: Extraction, node: Node) -> None:
    target = node.child_by_field_name("function")
    if target is None or node.id in found.claimed:
        return
    found.refer(node, ReferenceKind.CALL, target, _arguments(found, node))


def _arguments(found: Extraction, node: Node) -> Arguments:
    listed = node.child_by_field_name("arguments")
    positional, spread = 0, False
    keywords = []
    if listed is not None and listed.type == "generator_expression":
        return Arguments(1, (), False)
    for child in listed.named_children if listed is not None else ():
        kind = child.type
        if kind == "keyword_argument":
            name = child.child_by_field_name("name")
            if name is not None:
                found.claimed.add(name.id)
                keywords.append((found.source(name), (name.start_byte, name.end_byte)))
        elif kind in ("list_splat", "dictionary_splat"):
            spread = True
        elif kind == "ERROR":
            spread = True  # what is passed cannot be counted
        elif kind != "comment":
            positional += 1
    return Arguments(positional, tuple(keywords), spread)


def _attribute(found: Extraction, node: Node) -> None:
    if node.id not in found.claimed:
        found.refer(node, found.use_kind(node, ReferenceKind.ATTRIBUTE))


def _name(found: Extraction, node: Node) -> None:
    if node.id not in found.claimed and node.end_byte > node.start_byte:
        found.refer(node, found.use_kind(node, ReferenceKind.NAME))


def _type(found: Extraction, node: Node) -> None:
    found.type_end = max(found.type_end, node.end_byte)


def _without_defaults(match: re.Match[str]) -> str:
    """``class Box[T = str]`` as ``class Box[T      ]``: of the same length, line ends kept."""
    kept = _TYPE_DEFAULT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), match[2])
    return f"{match[1]}{kept}]"


GRAMMAR = Grammar(
    names=frozenset({"identifier"}),
    members={"attribute": ("object", "attribute")},
    steps={"call": ("function", "()"), "subscript": ("value", "[]"), "await": ("", "?")},
    wrappers={"parenthesized_expression": ""},
    handlers={
        "function": _function,
        "class": _class,
        "lambda": _lambda,
        "decorated": _decorated,
        "assignment": _assignment,
        "type_alias": _type_alias,
        "import": _import,
        "import_from": _import_from,
        "import_future": _import_future,
        "global": on_global,
        "return": _return,
        "dynamic": _dynamic,
        "for": on_for,
        "walrus": on_walrus,
        "as": on_as,
        "case": on_case,
        "case_class": on_case_class,
        "case_keyword": on_case_keyword,
        "case_splat": on_case_splat,
        "decorator": _decorator,
        "type": _type,
        "call": _call,
        "attribute": _attribute,
        "name": _name,
        **FACTS,
    },
    rewrites=((_TYPE_PARAMETERS, _without_defaults),),
)
