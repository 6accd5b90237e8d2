"""What a name can stand for: modules, classes, functions, values. Context, response and built-ins share these shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from parsers.syntax.types import Parameter

__all__ = [
    "Ancestry",
    "ClassEntity",
    "ClassValue",
    "FunctionValue",
    "Instance",
    "ModuleEntity",
    "ModuleValue",
    "Signature",
    "Symbol",
    "Value",
]


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload. ``returns`` is the annotation as written, '' when there is none."""

    parameters: tuple[Parameter, ...]
    returns: str = ""


@dataclass(eq=False, repr=False, slots=True)
class Symbol:
    """A named thing and where its texts (annotation, value) are to be read: in ``module``, at ``position``.

    ``kind`` is function, class, value, alias or macro. ``binding`` of a method is '', 'static', 'class' or 'property'.
    ``target`` of an alias is (module, name): name '' stands for the module itself.
    """

    name: str
    kind: str
    module: ModuleEntity
    signatures: tuple[Signature, ...] = ()
    annotation: str = ""
    value: str = ""
    position: int = -1
    line: int = 0
    binding: str = ""
    target: tuple[str, str] = ("", "")
    level: int = 0
    entity: ClassEntity | None = None
    owner: ClassEntity | None = None
    role: str = ""
    decorators: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    default: str = ""
    returned: tuple[str, ...] = ()
    inside: int = -1
    modifiers: tuple[str, ...] = ()

    @property
    def defined_in(self) -> str | None:
        """``path:line`` of a visible definition, None for built-ins."""
        module = self.module
        if not module.path or not self.line:
            return None
        return f"{module.package}: {module.path}:{self.line}" if module.package else f"{module.path}:{self.line}"


@dataclass(eq=False, repr=False, slots=True)
class ClassEntity:
    """A class, struct, interface, enum or trait. ``opaque`` says why it may have members that nobody can see, or ''.

    ``handed``: its own file hands it to a function, which may extend it. ``factory``: calling it gives something else.
    """

    name: str
    module: ModuleEntity
    bases: tuple[str, ...] = ()
    members: dict[str, list[Symbol]] = field(default_factory=dict)
    type_parameters: tuple[str, ...] = ()
    opaque: str = ""
    kind: str = "class"
    line: int = 0
    decorators: tuple[str, ...] = ()
    statics: dict[str, list[Symbol]] | None = None
    underlying: str = ""
    unread: frozenset[str] = frozenset()
    handed: bool = False
    factory: bool = False
    own_fields: list[Symbol] = field(default_factory=list)


@dataclass(eq=False, repr=False, slots=True)
class ModuleEntity:
    """A module, package or file. ``library`` marks built-in data. ``loader`` makes a name on first use.

    ``shared`` says why others may import more from it than it shows; ``extended`` are things that it adds unknown members to.
    ``unread`` are the words of a file of which parts could not be read: any of them may be a name that it defines.
    ``public`` are the names of Python's ``__all__``, all that a star brings; None without one, or where it is computed.
    ``package`` is the installed package it belongs to (``httpx 0.27.2``), ``stub`` says that only what a stub lists is known of
    it, ``whole`` that all modules below it are known.
    ``default_export`` is the expression behind a default import; with ``whole_export`` (``module.exports = x``) it is the module.
    """

    key: str
    language: str
    names: dict[str, list[Symbol]] = field(default_factory=dict)
    types: dict[str, list[Symbol]] | None = None
    stars: list[tuple[str, int]] = field(default_factory=list)
    opaque: str = ""
    path: str = ""
    library: bool = False
    is_package: bool = False
    loader: Callable[[str, bool], list[Symbol]] | None = None
    known: Callable[[], Iterator[str]] | None = None
    cache: dict[tuple[str, bool], list[Symbol]] = field(default_factory=dict)
    default_export: str = ""
    whole_export: bool = False
    unread: frozenset[str] = frozenset()
    shared: str = ""
    public: frozenset[str] | None = None
    extended: set[str] = field(default_factory=set)
    package: str = ""
    stub: bool = False
    whole: bool = False

    def lookup(self, name: str, as_type: bool = False) -> list[Symbol]:
        """The symbols of a name, types and values apart where the language keeps them apart."""
        if self.loader is not None:
            key = (name, as_type)
            if key not in self.cache:
                self.cache[key] = self.loader(name, as_type)
            return self.cache[key]
        if as_type and self.types is not None and name in self.types:
            return self.types[name]
        return self.names.get(name, [])

    def all_names(self) -> Iterator[str]:
        """Every name that ``lookup`` finds."""
        if self.known is not None:
            yield from self.known()
        else:
            yield from self.names
            yield from self.types or ()


Ancestry = tuple[tuple[ClassEntity, ...], str]
"""A class and its visible ancestors, nearest first, and why the list may be incomplete ('' when it is whole)."""


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module object."""

    module: ModuleEntity


@dataclass(frozen=True, slots=True)
class ClassValue:
    """The class itself, not one of its instances."""

    entity: ClassEntity


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance; ``arguments`` are the types in brackets, each a union, None where unknown.

    ``documented``: only a comment says so.
    """

    entity: ClassEntity
    arguments: tuple[tuple[Value, ...] | None, ...] = ()
    documented: bool = False


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function or method; ``receiver`` is what a method was taken from."""

    symbol: Symbol
    receiver: Instance | ClassValue | None = None


@dataclass(frozen=True, slots=True)
class TupleValue:
    """Several values at fixed places (Go's results, Python's tuples)."""

    items: tuple[tuple[Value, ...] | None, ...]


Value = ModuleValue | ClassValue | Instance | FunctionValue | TupleValue
