"""Rust: which handler reads which capture of ``queries/rust.*.scm``, and the items (functions, types, uses)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from parsers.rust import uses
from parsers.rust.facts import FACTS
from parsers.rust.imports import as_of_file, include_use, join_path
from parsers.syntax.extraction import Extraction, Grammar
from parsers.syntax.source import squeeze
from parsers.syntax.types import Macro, Parameter, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["GRAMMAR"]

# Macros whose arguments are expressions: read as calls, so that what is used in them is seen.
_CALL_MACROS = (
    "println|eprintln|print|eprint|format|format_args|write|writeln|panic|assert|assert_eq|assert_ne|debug_assert|debug_assert_eq|"
    "debug_assert_ne|todo|unimplemented|unreachable|dbg|bail|anyhow|ensure|info|warn|error|debug|trace"
)
_CALL_MACRO = re.compile(rf"\b({_CALL_MACROS})!(?=\s*\()")
_VECTOR_MACRO = re.compile(r"\bvec!(?=\s*\[)")
_STAR = re.compile(r"\buse\b[^;]*::\s*(?:\*|\{[^;]*\*)")  # brings names that the macro does not spell
_OPEN_MACROS = frozenset({"include", "error_chain", "include_proto", "uniffi_macros"})
_WORD = re.compile(r"[A-Za-z_]\w*")
PASTED = "[<>]"
_TYPE_SUFFIX = re.compile(r"<.*", re.DOTALL)


def _attribute(found: Extraction, node: Node) -> None:
    found.marks["skip_end"] = max(found.marks.get("skip_end", -1), node.end_byte)
    found.notes[node.end_byte] = (str(node.start_byte), squeeze(found.source(node)).removeprefix("#").strip("[]"))


def _take_attributes(found: Extraction, node: Node) -> tuple[str, ...]:
    """Attributes right before an item, in their order."""
    start, texts = node.start_byte, list[str]()
    while found.notes:
        end, (begin, text) = next(reversed(found.notes.items()))
        gap = found.text[end:start]
        if end > start or (gap.strip() and not gap.strip().startswith("//")):
            break
        texts.append(text)
        start = int(begin)
        found.notes.popitem()
    found.notes.clear()
    return tuple(reversed(texts))


def _is_public(found: Extraction, node: Node) -> bool:
    scope = found.scope
    if scope is not None and scope.kind is SymbolKind.TRAIT:
        return True
    return any(child.type == "visibility_modifier" for child in node.children[:3])


def type_name(text: str) -> str:
    """A type without references and type arguments: ``&mut a::P<T>`` is ``a.P``."""
    plain = _TYPE_SUFFIX.sub("", text).strip().lstrip("&").strip()
    plain = re.sub(r"^(?:'\w+\s+|mut\s+|dyn\s+)+", "", plain)
    return plain.replace(" ", "").replace("::", ".")


def _function(found: Extraction, node: Node) -> None:
    name, scope = node.child_by_field_name("name"), found.scope
    attributes = _take_attributes(found, node)
    if name is not None:
        is_member = bool(found.owner) and scope is not None and scope.kind is not SymbolKind.MODULE
        words = next((child for child in node.named_children if child.type == "function_modifiers"), None)
        found.define(
            name,
            SymbolKind.METHOD if is_member else SymbolKind.FUNCTION,
            node,
            owner=found.owner,
            parameters=_parameters(found, node),
            annotation=found.short(node.child_by_field_name("return_type")),
            decorators=attributes,
            exported=_is_public(found, node),
            modifiers=tuple(found.source(words).split()) if words is not None else (),
        )
    found.open(node, SymbolKind.FUNCTION)


def _parameters(found: Extraction, node: Node) -> tuple[Parameter, ...]:
    listed = node.child_by_field_name("parameters")
    parameters = []
    for child in listed.named_children if listed is not None else ():
        if child.type == "self_parameter":
            parameters.append(Parameter("self", annotation=found.short(child)))
        elif child.type == "parameter":
            pattern = child.child_by_field_name("pattern")
            name = squeeze(found.source(pattern)) if pattern is not None else "_"
            parameters.append(Parameter(name, annotation=found.short(child.child_by_field_name("type"))))
        elif child.type == "variadic_parameter":
            parameters.append(Parameter("...", variadic="*"))
    return tuple(parameters)


def _struct(found: Extraction, node: Node) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    attributes = _take_attributes(found, node)
    if name is None:
        return
    places = _places(found, body)
    found.define(
        name,
        SymbolKind.STRUCT,
        node,
        owner=found.owner,
        parameters=places,
        decorators=attributes,
        exported=_is_public(found, node),
    )
    _fields(found, body, found.path_of(found.source(name)))
    found.open(node, SymbolKind.FUNCTION)


def _places(found: Extraction, body: Node | None) -> tuple[Parameter, ...] | None:
    """The unnamed fields of a tuple struct or variant, which is called to make one."""
    if body is None or body.type != "ordered_field_declaration_list":
        return None
    types = body.children_by_field_name("type")
    return tuple(Parameter(str(index), annotation=found.short(child)) for index, child in enumerate(types))


def _fields(found: Extraction, body: Node | None, owner: str) -> None:
    for child in body.named_children if body is not None else ():
        name = child.child_by_field_name("name") if child.type == "field_declaration" else None
        if name is not None:
            annotation = found.short(child.child_by_field_name("type"))
            public = any(part.type == "visibility_modifier" for part in child.children[:2])
            found.define(name, SymbolKind.FIELD, child, owner=owner, annotation=annotation, exported=public)


def _enum(found: Extraction, node: Node) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    attributes = _take_attributes(found, node)
    if name is None:
        return
    path = found.path_of(found.source(name))
    found.define(
        name, SymbolKind.ENUM, node, owner=found.owner, decorators=attributes, exported=_is_public(found, node)
    )
    for child in body.named_children if body is not None else ():
        variant = child.child_by_field_name("name") if child.type == "enum_variant" else None
        if variant is not None:
            inner = child.child_by_field_name("body")
            value = found.short(child.child_by_field_name("value"))
            found.define(
                variant,
                SymbolKind.CONSTANT,
                child,
                owner=path,
                parameters=_places(found, inner),
                value=value,
                modifiers=("variant",),
            )
            _fields(found, inner, f"{path}.{found.source(variant)}")
    found.open(node, SymbolKind.FUNCTION)


def _trait(found: Extraction, node: Node) -> None:
    name, bounds = node.child_by_field_name("name"), node.child_by_field_name("bounds")
    attributes = _take_attributes(found, node)
    if name is None:
        return
    listed = bounds.named_children if bounds is not None else []
    bases = tuple(type_name(found.source(child)) for child in listed if child.type not in ("lifetime", "line_comment"))
    public = _is_public(found, node)
    found.define(name, SymbolKind.TRAIT, node, owner=found.owner, bases=bases, decorators=attributes, exported=public)
    found.open(node, SymbolKind.TRAIT, found.path_of(found.source(name)), is_type=True)


def _impl(found: Extraction, node: Node) -> None:
    """``impl T`` and ``impl Trait for T``: what is inside belongs to T, and T has the trait as a base."""
    _take_attributes(found, node)
    declared, trait = node.child_by_field_name("type"), node.child_by_field_name("trait")
    if declared is None:
        return
    path = found.path_of(type_name(found.source(declared)))
    if trait is not None:
        found.dynamic[f"impl_trait:{path}:{type_name(found.source(trait))}"] = None
        found.open(node, SymbolKind.TRAIT, path, is_type=True)
    else:
        found.open(node, SymbolKind.STRUCT, path, is_type=True)


def _module(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    attributes = _take_attributes(found, node)
    if name is not None:
        has_body = node.child_by_field_name("body") is not None
        words = () if has_body else ("file",)
        public = _is_public(found, node)
        found.define(
            name, SymbolKind.MODULE, node, owner=found.owner, decorators=attributes, exported=public, modifiers=words
        )
        found.open(node, SymbolKind.MODULE, found.path_of(found.source(name)), is_type=True)


def _constant(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    attributes = _take_attributes(found, node)
    if name is not None and (found.references_wanted or not found.in_function):
        annotation, value = (
            found.short(node.child_by_field_name("type")),
            found.short(node.child_by_field_name("value")),
        )
        found.define(
            name, SymbolKind.CONSTANT, node, owner=found.owner, annotation=annotation, value=value, binding="=" if value else "",
            decorators=attributes, exported=_is_public(found, node)
        )  # fmt: skip


def _type_alias(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("name")
    _take_attributes(found, node)
    if name is not None:
        value = found.short(node.child_by_field_name("type"))
        public = _is_public(found, node)
        words = _type_parameters(found, node)
        found.define(
            name, SymbolKind.TYPE_ALIAS, node, owner=found.owner, value=value, exported=public, modifiers=words
        )
    found.open(node, SymbolKind.FUNCTION)


def _type_parameters(found: Extraction, node: Node) -> tuple[str, ...]:
    listed = node.child_by_field_name("type_parameters")
    names = (
        [child.child_by_field_name("name") or child for child in listed.named_children] if listed is not None else []
    )
    return tuple(found.source(child) for child in names if child.type == "type_identifier")


def _use(found: Extraction, node: Node) -> None:
    _take_attributes(found, node)
    argument = node.child_by_field_name("argument")
    public = any(child.type == "visibility_modifier" for child in node.children[:2])
    if argument is None:
        return
    found.claim(argument)
    stack: list[tuple[Node, str]] = [(argument, "")]
    while stack:
        part, prefix = stack.pop()
        kind = part.type
        if kind == "scoped_use_list":
            path, listed = part.child_by_field_name("path"), part.child_by_field_name("list")
            inner = join_path(prefix, squeeze(found.source(path)) if path is not None else "")
            stack.extend((child, inner) for child in reversed(listed.named_children if listed is not None else []))
        elif kind == "use_list":
            stack.extend((child, prefix) for child in reversed(part.named_children))
        elif kind == "use_wildcard":
            inside = next(iter(part.named_children), None)
            module = join_path(prefix, squeeze(found.source(inside)) if inside is not None else "")
            module = module if module == "super" else as_of_file(found, module)
            found.include(part, module, "*", reexport=public)
            found.dynamic[f"star_import:{module}"] = None
        elif kind not in ("line_comment", "block_comment", "ERROR"):
            include_use(found, part, prefix, public=public)


def _extern_crate(found: Extraction, node: Node) -> None:
    _take_attributes(found, node)
    name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
    if name is not None:
        found.claim(node)
        found.include(name, found.source(name), None, found.source(alias) if alias is not None else None)


def _macro_definition(found: Extraction, node: Node) -> None:
    attributes = _take_attributes(found, node)
    name = node.child_by_field_name("name")
    _macro(found, node, name, defined=True)
    found.marks["skip_end"] = max(found.marks.get("skip_end", -1), node.end_byte)
    if name is not None:
        public = any("macro_export" in attribute for attribute in attributes)
        found.define(name, SymbolKind.FUNCTION, node, decorators=attributes, exported=public, modifiers=("macro",))


def _item_macro(found: Extraction, node: Node) -> None:
    name = node.child_by_field_name("macro")
    _macro(found, node, name, defined=False)
    opened = _STAR.search(found.source(node)) is not None
    if name is not None and (opened or found.source(name).rpartition("::")[2] in _OPEN_MACROS):
        found.dynamic[f"macro:{found.source(name)}"] = None


def _macro(found: Extraction, node: Node, name: Node | None, *, defined: bool) -> None:
    """Keep the names in a macro's tokens: what it defines is named there, unless it pastes names together."""
    text = found.source(node)
    words = set(_WORD.findall(text))
    if ("[<" in text and "paste" in words) or "concat_idents" in words:
        words.add(PASTED)
    found.macros.append(Macro(found.source(name).rpartition("::")[2] if name else "", frozenset(words), defined))


def _finish(found: Extraction) -> None:
    """Give a type of this file the traits that are implemented for it here."""
    traits: dict[str, list[str]] = {}
    for reason in found.dynamic:
        kind, _, rest = reason.partition(":")
        if kind == "impl_trait":
            path, _, trait = rest.partition(":")
            traits.setdefault(path, []).append(trait)
    kinds = (SymbolKind.STRUCT, SymbolKind.ENUM)
    for index, item in enumerate(found.definitions):
        path = f"{item.owner}.{item.name}" if item.owner else item.name
        if item.kind in kinds and path in traits:
            found.definitions[index] = replace(item, bases=tuple(traits[path]))
            for trait in traits[path]:
                found.dynamic.pop(f"impl_trait:{path}:{trait}", None)


GRAMMAR = Grammar(
    names=frozenset({"identifier", "type_identifier", "self", "super", "crate", "primitive_type"}),
    members={
        "field_expression": ("value", "field"),
        "scoped_identifier": ("path", "name"),
        "scoped_type_identifier": ("path", "name"),
    },
    steps={
        "call_expression": ("function", "()"),
        "index_expression": ("", "[]"),
        "struct_expression": ("name", "()"),
        "await_expression": ("", "?"),
        "try_expression": ("", "?"),
    },
    wrappers={
        "parenthesized_expression": "",
        "generic_function": "function",
        "generic_type": "type",
        "generic_type_with_turbofish": "type",
        "reference_expression": "value",
    },
    handlers={
        "attribute_item": _attribute,
        "use": _use,
        "extern_crate": _extern_crate,
        "module": _module,
        "function": _function,
        "struct": _struct,
        "enum": _enum,
        "trait": _trait,
        "impl": _impl,
        "constant": _constant,
        "type_alias": _type_alias,
        "macro_definition": _macro_definition,
        "item_macro": _item_macro,
        "signature": uses.on_scope,
        "closure": uses.on_scope,
        "type_parameter": uses.on_type_parameter,
        "parameter": uses.on_parameter,
        "closure_parameters": uses.on_closure_parameters,
        "let": uses.on_let,
        "for": uses.on_for,
        "arm": uses.on_arm,
        "macro": uses.on_macro,
        "tokens": uses.on_tokens,
        "lifetime": uses.on_lifetime,
        "literal": uses.on_literal,
        "call": uses.on_call,
        "assignment": uses.on_assignment,
        "field": uses.on_attribute,
        "scoped": uses.on_attribute,
        "scoped_type": uses.on_type,
        "type": uses.on_type,
        "name": uses.on_name,
        **FACTS,
    },
    counts_words=True,
    finish=_finish,
    rewrites=((_CALL_MACRO, lambda match: match[1] + "_"), (_VECTOR_MACRO, lambda _match: "    ")),
)
