"""One definition as a symbol: what it is bound to, what it returns, how a method binds."""

from __future__ import annotations

from parsers.project.entities import ModuleEntity, Signature, Symbol
from parsers.syntax.type_text import function_result
from parsers.syntax.types import Definition, Span, SymbolKind

__all__ = ["CALLABLE", "REMAKES", "make_symbol"]

CALLABLE = {SymbolKind.FUNCTION, SymbolKind.METHOD}
REMAKES = "remakes"
"""The modifier of a function that sets attributes by computed names on what it is handed, or that makes a class."""
_FIRST_LINKS: dict[str, tuple[str, ...]] = {"": (), "=": (), "for": ("#iter",), "with": ("#enter",), "except": ("()",)}


def make_symbol(definition: Definition, module: ModuleEntity, variadic: dict[tuple[Span, str], str]) -> Symbol:
    """The symbol of a definition; ``variadic`` has the container of each rest parameter by function and name."""
    symbol = Symbol(
        definition.name,
        "function" if definition.kind in CALLABLE else "value",
        module,
        annotation=definition.annotation or "",
        position=definition.span[0],
        line=definition.line,
        decorators=definition.decorators,
    )
    symbol.value, symbol.links = _bound_value(definition)
    symbol.default = definition.value or ""
    if definition.kind in CALLABLE:
        symbol.signatures = (Signature(definition.parameters or (), definition.annotation or ""),)
        symbol.binding = _method_binding(definition)
        symbol.annotation, symbol.value, symbol.links = "", "", ()
        symbol.returned = definition.returns
        symbol.inside = max(definition.extent[1] - 1, definition.span[0])
        symbol.modifiers = definition.modifiers
    if definition.binding.startswith("parameter*") and (container := variadic.get((definition.scope, definition.name))):
        symbol.annotation = _variadic_annotation(symbol.annotation, module.language, container)
    if module.language == "typescript" and symbol.kind == "value" and "=>" in symbol.annotation:
        _declare_function(symbol, definition)
    if definition.kind is SymbolKind.TYPE_ALIAS:
        symbol.role, symbol.modifiers = "type_alias", definition.modifiers
    if "variant" in definition.modifiers and module.language == "rust":
        symbol.role, symbol.value, symbol.links = "variant", "", ()
        symbol.annotation = definition.owner.rpartition(".")[2]
        symbol.signatures = (Signature(definition.parameters or (), symbol.annotation),)
    return symbol


def _declare_function(symbol: Symbol, definition: Definition) -> None:
    """A name whose type is that of a function is one: ``static create: <T>(shape: T) => Parser<T>``."""
    if definition.kind is SymbolKind.TYPE_ALIAS or symbol.links or definition.binding.startswith("parameter*"):
        return
    returns = function_result(symbol.annotation)
    if returns is not None:
        symbol.kind, symbol.annotation, symbol.value = "function", "", ""
        symbol.signatures = (Signature((), returns),)


def _variadic_annotation(annotation: str, family: str, container: str) -> str:
    if family == "python":
        return container
    return f"[]{annotation.removeprefix('...')}" if family == "go" else annotation


def _bound_value(definition: Definition) -> tuple[str, tuple[str, ...]]:
    """The expression that a name is taken from and the links from it to the name; ('', ()) when nothing is known."""
    head, *places = definition.binding.split(".")
    if definition.annotation and places and "*" not in places:
        return "", tuple(f"#{place}" if place.isdigit() else place for place in places)
    if head in {"parameter", "parameter*", "parameter**", "case"} or "*" in places:
        return "", ()
    first = _FIRST_LINKS.get(head)
    if first is None or not definition.value:
        return definition.value or "", ()
    return definition.value, (*first, *(f"#{place}" if place.isdigit() else place for place in places))


def _method_binding(definition: Definition) -> str:
    names = {decorator.partition("(")[0].lstrip("@").rpartition(".")[2] for decorator in definition.decorators}
    if names & {"property", "cached_property", "setter", "deleter", "getter", "hybrid_property"}:
        return "property"
    if "get" in definition.modifiers or "set" in definition.modifiers:
        return "property"
    if "staticmethod" in names:
        return "static"
    return (
        "class"
        if "classmethod" in names or definition.name in {"__class_getitem__", "__init_subclass__"}
        else "static"
        if definition.name == "__new__"
        else ""
    )
