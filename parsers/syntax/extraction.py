"""The accumulator that walks query captures in document order and keeps track of scopes.

A language supplies a :class:`Grammar`: how access paths look and one handler for each capture name of its queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

from parsers.syntax.fact_collector import FactCollector
from parsers.syntax.source import Deadline, Rewrite
from parsers.syntax.types import Definition, Import, Macro, Parameter, Reference, ReferenceKind, Span, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Chain", "Details", "Extraction", "Grammar", "Handler", "Scope"]

_MAX_LINKS = 64
_MAX_TEXT = 4_000
_CHECK_EVERY = 256


class Scope(NamedTuple):
    """An open function or class. ``path`` is the dotted path of a class-like scope, '' of a function."""

    start: int
    end: int
    path: str
    kind: SymbolKind
    is_type: bool


class Chain(NamedTuple):
    """An access path: its links, their spans, the text of an opaque first link, and the nodes it is made of."""

    links: tuple[str, ...]
    spans: tuple[Span, ...]
    receiver: str | None


class Details(TypedDict, total=False):
    """Optional fields of a definition."""

    owner: str
    parameters: tuple[Parameter, ...] | None
    bases: tuple[str, ...]
    decorators: tuple[str, ...]
    annotation: str | None
    value: str | None
    exported: bool
    binding: str
    modifiers: tuple[str, ...]
    scope: Span


Handler = Callable[["Extraction", "Node"], None]


@dataclass(frozen=True)
class Grammar:
    """How one language writes access paths, and who reads its captures.

    ``members`` maps a node type to the fields (operand, name); ``steps`` to (operand field, link); ``wrappers`` are
    seen through (their first named child is the operand, or the named field); ``names`` are plain name nodes.
    """

    names: frozenset[str]
    members: Mapping[str, tuple[str, str]]
    steps: Mapping[str, tuple[str, str]]
    wrappers: Mapping[str, str]
    handlers: Mapping[str, Handler]
    finish: Callable[[Extraction], None] | None = None
    rewrites: tuple[Rewrite, ...] = ()
    keeps_words: bool = False
    counts_words: bool = False


@dataclass
class Extraction:
    """Collects symbols of one text. Handlers call :meth:`define`, :meth:`refer` and :meth:`open`."""

    text: str
    grammar: Grammar
    references_wanted: bool
    deadline: Deadline
    definitions: list[Definition] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    dynamic: dict[str, None] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)
    claimed: set[int] = field(default_factory=set)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    returned: dict[Span, list[str]] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    literals: set[str] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    unnamed: set[int] = field(default_factory=set)
    macros: list[Macro] = field(default_factory=list)
    package: str = ""
    type_end: int = -1
    documented: bool = False
    facts: FactCollector = field(init=False)

    def __post_init__(self) -> None:
        self.facts = FactCollector(self.text)

    def run(self, captures: Mapping[str, list[Node]]) -> bool:
        """Hand each captured node to its handler, outer before inner; False when the deadline passed first."""
        handlers = self.grammar.handlers
        events: list[tuple[int, int, int, int, Node, Handler]] = []
        for order, (name, handler) in enumerate(handlers.items()):  # the table's order decides between equal extents
            if nodes := captures.get(name):
                events.extend(
                    (node.start_byte, -node.end_byte, order, index, node, handler) for index, node in enumerate(nodes)
                )
        events.sort(key=_event_order)
        scopes = self.scopes
        for count, (start, _end, _order, _index, node, handler) in enumerate(events):
            while scopes and scopes[-1].end <= start:
                scopes.pop()
            handler(self, node)
            if count % _CHECK_EVERY == 0 and self.deadline.passed:
                return False
        if self.grammar.finish is not None:
            self.grammar.finish(self)
        return True

    def source(self, node: Node) -> str:
        """Source text of ``node``."""
        return self.text[node.start_byte : node.end_byte]

    def short(self, node: Node | None) -> str | None:
        """Source text of ``node``, None when there is none or it is longer than 4,000 characters."""
        if node is None or node.end_byte - node.start_byte > _MAX_TEXT:
            return None
        return self.text[node.start_byte : node.end_byte]

    @property
    def scope(self) -> Scope | None:
        """The innermost open scope."""
        return self.scopes[-1] if self.scopes else None

    @property
    def scope_span(self) -> Span:
        """Extent of the innermost open scope, the whole text at the top."""
        return (self.scopes[-1].start, self.scopes[-1].end) if self.scopes else (0, len(self.text))

    @property
    def owner(self) -> str:
        """Path of the class that the current position is directly inside of, '' elsewhere."""
        return self.scopes[-1].path if self.scopes and self.scopes[-1].is_type else ""

    @property
    def in_function(self) -> bool:
        """Whether the innermost open scope is a function."""
        return bool(self.scopes) and not self.scopes[-1].is_type

    def enclosing_type(self) -> str:
        """Path of the class around the current position, through functions; '' when there is none."""
        return next((scope.path for scope in reversed(self.scopes) if scope.is_type), "")

    def open(self, node: Node, kind: SymbolKind, path: str = "", *, is_type: bool = False) -> None:
        """Start a scope that ends with ``node``."""
        self.scopes.append(Scope(node.start_byte, node.end_byte, path, kind, is_type))

    def path_of(self, name: str) -> str:
        """Dotted path of a class called ``name`` defined here."""
        return f"{self.owner}.{name}" if self.owner else name

    def define(self, name_node: Node, kind: SymbolKind, extent: Node, **details: Unpack[Details]) -> None:
        """Add a definition named by ``name_node``; blank names (a broken parse) are left out."""
        start, end = name_node.start_byte, name_node.end_byte
        self.claimed.add(name_node.id)
        if start >= end:
            return
        details.setdefault("scope", self.scope_span)
        self.definitions.append(
            Definition(
                self.text[start:end],
                kind,
                (start, end),
                name_node.start_point[0] + 1,
                extent=(extent.start_byte, extent.end_byte),
                **details,
            )
        )

    def include(self, node: Node, module: str, name: str | None, alias: str | None = None, **details: int) -> None:
        """Add an import whose span is ``node``; an empty one (a broken parse) is left out."""
        span = (node.start_byte, node.end_byte)
        if span[0] >= span[1]:
            return
        self.imports.append(
            Import(
                module,
                name,
                alias,
                span,
                node.start_point[0] + 1,
                details.get("level", 0),
                bool(details.get("reexport")),
            )
        )

    def claim(self, node: Node) -> None:
        """Keep ``node`` and the names below it from being read as a plain use. Bounded by the size of a name list."""
        stack = [node]
        while stack:
            found = stack.pop()
            self.claimed.add(found.id)
            stack.extend(found.named_children)

    def chain(self, node: Node) -> Chain:
        """The access path that ``node`` is, receiver first. Nodes of it that are no calls are claimed."""
        grammar, links, spans, current = self.grammar, list[str](), list[Span](), node
        receiver: str | None = None
        while True:
            kind = current.type
            if kind in grammar.names:
                self._link(links, spans, current, self.source(current))
                break
            if kind in grammar.wrappers:
                inner = _inner(current, grammar.wrappers[kind])
            elif kind in grammar.members:
                operand, member = grammar.members[kind]
                inner, name = current.child_by_field_name(operand), current.child_by_field_name(member)
                if name is not None:
                    self._link(links, spans, name, self.source(name))
                self.claimed.add(current.id)
                if inner is None and name is not None:  # ``::std`` starts at the root
                    break
            elif kind in grammar.steps:
                operand, step = grammar.steps[kind]
                inner = _inner(current, operand)
                start = inner.end_byte if inner is not None else current.start_byte
                links.append(step)
                spans.append((start, current.end_byte) if start < current.end_byte else (current.start_byte, start))
            else:
                inner = None
            if inner is None or len(links) >= _MAX_LINKS:
                receiver = self.short(current)
                links.append("?")
                spans.append((current.start_byte, current.end_byte))
                break
            current = inner
        if not all(links):  # a member without a name, as in half-written code
            return OPAQUE
        return Chain(tuple(reversed(links)), tuple(reversed(spans)), receiver)

    def use_kind(self, node: Node, kind: ReferenceKind) -> ReferenceKind:
        """TYPE inside a type annotation that was met before, ``kind`` elsewhere."""
        return ReferenceKind.TYPE if node.start_byte < self.type_end else kind

    def refer_names(self, node: Node, kind: ReferenceKind) -> None:
        """Add a use whose path is the names below ``node``, as in a dotted name."""
        names = [child for child in node.named_children if child.type in self.grammar.names and not child.is_missing]
        for name in names:
            self.claimed.add(name.id)
        if names:
            spans = tuple((name.start_byte, name.end_byte) for name in names)
            extent = (node.start_byte, node.end_byte)
            links = tuple(self.source(name) for name in names)
            line = names[-1].start_point[0] + 1
            self.references.append(Reference(links, kind, spans[-1], line, spans=spans, extent=extent))

    def _link(self, links: list[str], spans: list[Span], node: Node, name: str) -> None:
        self.claimed.add(node.id)
        links.append(name)
        spans.append((node.start_byte, node.end_byte))

    def refer(
        self,
        node: Node,
        kind: ReferenceKind,
        target: Node | None = None,
        arguments: Arguments | None = None,
        *,
        store: bool = False,
    ) -> None:
        """Add a use: ``node`` is the whole expression, ``target`` the access path in it (default: ``node``)."""
        path = self.chain(target or node)
        if not path.links or path.links == ("?",):
            return
        given = arguments or NO_ARGUMENTS
        last = path.spans[-1]
        line = node.start_point[0] + 1
        if last[0] > node.start_byte:
            line += self.text.count("\n", node.start_byte, last[0])
        self.references.append(
            Reference(
                path.links,
                kind,
                last,
                line,
                given.positional,
                given.keywords,
                given.spread,
                path.spans,
                (node.start_byte, node.end_byte),
                path.receiver,
                store,
            )
        )


class Arguments(NamedTuple):
    """What a call passes."""

    positional: int | None
    keywords: tuple[tuple[str, Span], ...]
    spread: bool


OPAQUE = Chain(("?",), ((0, 0),), None)
NO_ARGUMENTS = Arguments(None, (), False)


def _event_order(event: tuple[int, int, int, int, Node, Handler]) -> tuple[int, int, int, int]:
    return event[0], event[1], event[2], event[3]


def _inner(node: Node, field_name: str) -> Node | None:
    if field_name:
        return node.child_by_field_name(field_name)
    return next((child for child in node.named_children if not child.is_extra), None)
