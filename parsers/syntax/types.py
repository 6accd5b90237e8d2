"""What the parsers produce. Offsets are characters of the text as given, lines count from 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from parsers.syntax.facts import CodeFacts
from parsers.values.types import Span as Span


class SymbolKind(StrEnum):
    """Kind of a definition."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"
    INTERFACE = "interface"
    STRUCT = "struct"
    ENUM = "enum"
    TRAIT = "trait"
    CONSTANT = "constant"
    VARIABLE = "variable"
    FIELD = "field"
    TYPE_ALIAS = "type_alias"
    MODULE = "module"


class ReferenceKind(StrEnum):
    """Kind of a use."""

    CALL = "call"
    INSTANTIATION = "instantiation"
    ATTRIBUTE = "attribute"
    TYPE = "type"
    DECORATOR = "decorator"
    NAME = "name"


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``variadic``: '' for a plain one, '*' for rest positional, '**' for rest keywords."""

    name: str
    has_default: bool = False
    keyword_only: bool = False
    positional_only: bool = False
    variadic: str = ""
    annotation: str | None = None


@dataclass(frozen=True)
class Definition:
    """A name the code gives meaning to. ``owner`` is the dotted path of the enclosing class or type, '' at the top.

    ``span`` is the name, ``extent`` the whole definition, ``scope`` the innermost function or class it lives in.
    ``parsers.syntax.symbols`` defines each field exactly.
    """

    name: str
    kind: SymbolKind
    span: Span
    line: int
    owner: str = ""
    parameters: tuple[Parameter, ...] | None = None
    bases: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    annotation: str | None = None
    value: str | None = None
    scope: Span = (0, 0)
    exported: bool = True
    extent: Span = (0, 0)
    binding: str = ""
    modifiers: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Import:
    """``from module import name as alias``; ``name`` None imports the module itself, '*' everything.

    ``level`` counts the leading dots of a relative Python import. ``reexport`` marks ``export … from``.
    """

    module: str
    name: str | None
    alias: str | None
    span: Span
    line: int
    level: int = 0
    reexport: bool = False


@dataclass(frozen=True)
class Reference:
    """A use of a name. ``chain`` is the access path, receiver first: ``a.b.c()`` gives ('a', 'b', 'c').

    A link that is not a plain name is written '()' (call result), '[]' (subscript) or '?' (any expression).
    ``positional`` and ``keywords`` are set for calls; ``spread`` means *args, **kwargs or ...rest were passed.
    ``span`` is the last link, ``spans`` has one span for each link, ``extent`` is the whole expression, ``receiver`` the
    source text of an opaque first link, ``store`` an assignment to the attribute.
    """

    chain: tuple[str, ...]
    kind: ReferenceKind
    span: Span
    line: int
    positional: int | None = None
    keywords: tuple[tuple[str, Span], ...] = ()
    spread: bool = False
    spans: tuple[Span, ...] = ()
    extent: Span = (0, 0)
    receiver: str | None = None
    store: bool = False


@dataclass(frozen=True)
class Macro:
    """A macro that a file defines, or one whose call stands among its items. ``words`` are the names in its tokens."""

    name: str
    words: frozenset[str]
    defined: bool


@dataclass(frozen=True)
class ParseResult:
    """One parsed source. ``errors`` are spans tree-sitter could not read; ``dynamic`` names why names may be invisible.

    ``words`` is every word of the text, comments included, of JavaScript and TypeScript; empty for other languages.
    ``macros`` are Rust's, ``package`` is the name of a Go file's package. ``timed_out``: it is incomplete for want of time.
    """

    language: str
    path: str | None
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    references: tuple[Reference, ...]
    errors: tuple[Span, ...] = ()
    dynamic: tuple[str, ...] = ()
    truncated_reason: str | None = None
    words: frozenset[str] = frozenset()
    macros: tuple[Macro, ...] = ()
    package: str = ""
    timed_out: bool = False
    facts: CodeFacts = field(default_factory=CodeFacts)
