"""Methods that a block shows without the header of their class: which class they fit, and the block with that header.

``def get_many(self, keys): ...`` alone is a plain function to a parser. Once its class is known the block reads as if the agent
had written ``class Cache:`` above it, and everything else treats it like any fragment with a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from parsers.blocks.block import CodeBlock
from parsers.project.amended import whole_lines
from parsers.project.chunks import Chunk, as_block, indented
from parsers.project.library import FAMILIES
from parsers.project.placement import Doubt, Hints, Placement, Source, Why, open_names, same_path, top_names
from parsers.syntax.types import Definition, ParseResult, Span, SymbolKind

__all__ = ["ClassTable", "Headed", "with_headers"]

_RECEIVERS = {"python": {"self", "cls"}, "rust": {"self", "Self"}, "typescript": {"this"}}
_MEMBER_DECORATORS = frozenset({"staticmethod", "classmethod", "property", "cached_property", "abstractmethod"})
_SETTER = re.compile(r"\.(?:setter|getter|deleter)$")
_CALLABLE = frozenset({SymbolKind.FUNCTION, SymbolKind.METHOD})
_HOLDERS = frozenset({*_CALLABLE, SymbolKind.CLASS, SymbolKind.TRAIT, SymbolKind.INTERFACE})
_STAND_IN = "Members__"
"""The class that members of JavaScript are read in before theirs is known: outside any class they are no code at all."""
# What stands above the first member: imports, comments, directives, blank lines.
_SCRIPT_HEAD = re.compile(
    r"(?:[ \t]*+(?:import\b[^'\"]*+['\"][^'\"\n]++['\"];?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|['\"]use \w+['\"];?)?+"
    r"[ \t]*+\r?\n)*+"
)
_IMPL = re.compile(r"^[ \t]*(?:unsafe[ \t]+)?impl\b[^{;]*\{", re.MULTILINE)
_REDEFINED_WEIGHT = 3.0
_NAMED_WEIGHT = 6.0
_CLASS_NAMED_WEIGHT = 4.0
_FILE_NAMED_WEIGHT = 2.0
_LEAST_EXPLAINED = 2
"""A method that no class has yet fits one that has two members used on ``self``; one alone ("self.name") says nothing."""
_LIKENESS_WEIGHT = 3.0
_LEAST_MARGIN = 0.25
_SURE_MARGIN = 3.0
_WORDS = re.compile(r"[a-z\d]+|[A-Z][a-z\d]*")

Parse = Callable[[CodeBlock], ParseResult]


@dataclass(frozen=True)
class ClassShape:
    """A class of a file by its names. ``methods``: its own; ``members``: inherited ones too; ``open``: a base is not visible."""

    name: str
    source: Source
    methods: frozenset[str]
    members: frozenset[str]
    open: bool


@dataclass(frozen=True)
class Headed:
    """A block whose bare members stand under a class header, and where it goes."""

    block: CodeBlock
    parse: ParseResult
    placement: Placement


class ClassTable:
    """The classes of all files, read when a bare member first asks for them. Safe to share: it only ever grows whole."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)

    @cached_property
    def classes(self) -> dict[str, tuple[ClassShape, ...]]:
        """Classes by language family."""
        found: dict[str, tuple[ClassShape, ...]] = {}
        for family in set(FAMILIES.values()):
            sources = [source for source in self._sources if FAMILIES.get(source.parse.language) == family]
            found[family] = tuple(_shapes(sources))
        return found


def _shapes(sources: Sequence[Source]) -> Iterable[ClassShape]:
    own: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    bases: dict[str, tuple[str, ...]] = {}
    for source in sources:
        for item in source.parse.definitions:
            if item.kind is SymbolKind.CLASS and not item.owner and item.scope[0] == 0:
                own.setdefault((source.key, item.name), (set(), set()))
                bases[item.name] = (*bases.get(item.name, ()), *item.bases)
            if item.owner:
                methods, members = own.setdefault((source.key, item.owner), (set(), set()))
                members.add(item.name)
                if item.kind in _CALLABLE:
                    methods.add(item.name)
    by_name: dict[str, set[str]] = {}
    for (_, name), (_methods, members) in own.items():
        by_name.setdefault(name, set()).update(members)
    files = {source.key: source for source in sources}
    for (key, name), (methods, _members) in own.items():
        inherited, is_open = _inherited(name, bases, by_name)
        yield ClassShape(name, files[key], frozenset(methods), frozenset(inherited), is_open)


def _inherited(name: str, bases: dict[str, tuple[str, ...]], by_name: dict[str, set[str]]) -> tuple[set[str], bool]:
    """All members of a class and of its visible bases, and whether a base is not visible."""
    members, is_open, queue, seen = set[str](), False, [name], {name}
    while queue:
        current = queue.pop()
        members |= by_name.get(current, set())
        for base in bases.get(current, ()):
            plain = re.split(r"[\[<(]", base, maxsplit=1)[0].strip().rpartition(".")[2]
            if plain not in by_name:
                is_open = is_open or plain != "object"
            elif plain not in seen:
                seen.add(plain)
                queue.append(plain)
    return members, is_open


def with_headers(
    block: CodeBlock, parse: ParseResult, tables: tuple[ClassTable, ClassTable], hints: Hints, read: Parse
) -> Headed | None:
    """The block with its bare members under the header of the class they fit; None where it has none, or where that is not clear.

    ``tables``: the context's classes, and those of the response itself: members of these are left alone.
    """
    found = _bare(block, parse, read)
    if found is None:
        return None
    family = FAMILIES[parse.language]
    member_block, members, uses = found
    shown, answered = (table.classes[family] for table in tables)
    candidates = [one for one in shown if not block.path or same_path(block.path, one.source.path)]
    shown_members = _Members(member_block.text, tuple(members), frozenset(uses), open_names(parse, family))
    chosen = _choose(shown_members, [*candidates, *answered], hints)
    if chosen is None or not chosen[0].source.key:
        return None
    home, why, doubt = chosen
    headed = _headed(member_block, members, home, family)
    made = read(headed)
    if len(made.errors) > len(parse.errors):
        return None
    return Headed(headed, made, Placement(home.source, why, doubt, home.name))


def _bare(block: CodeBlock, parse: ParseResult, read: Parse) -> tuple[CodeBlock, list[Definition], set[str]] | None:
    """The block as its members can be read, the members without a class, and the names that they use on themselves."""
    family = FAMILIES.get(parse.language, "")
    if family == "typescript":
        return _script_members(block, parse, read)
    if family == "python":
        members = [item for item in _functions(parse) if _is_python_member(item)]
    elif family == "rust":
        members = [item for item in _functions(parse) if item.parameters and item.parameters[0].name == "self"]
    else:
        return None
    return (block, members, _uses(parse, members, family)) if members else None


def _functions(parse: ParseResult) -> list[Definition]:
    """Functions that stand in nothing else."""
    holders = [item.extent for item in parse.definitions if item.kind in _HOLDERS]
    return [
        item
        for item in parse.definitions
        if item.kind is SymbolKind.FUNCTION
        and not item.owner
        and not any(
            start <= item.extent[0] and item.extent[1] <= end for start, end in holders if (start, end) != item.extent
        )
    ]


def _is_python_member(item: Definition) -> bool:
    """``def a(self)``, and what a decorator of classes marks: ``@staticmethod``, ``@name.setter``."""
    first = item.parameters[0].name if item.parameters else ""
    marked = any(
        name.rpartition(".")[2] in _MEMBER_DECORATORS or _SETTER.search(name) is not None for name in item.decorators
    )
    return first in {"self", "cls"} or marked


def _uses(parse: ParseResult, members: Sequence[Definition], family: str) -> set[str]:
    receivers = _RECEIVERS[family]
    own = {item.name for item in members}
    return {
        reference.chain[1]
        for reference in parse.references
        if len(reference.chain) > 1 and reference.chain[0] in receivers and reference.chain[1].isidentifier()
    } - own


def _script_members(
    block: CodeBlock, parse: ParseResult, read: Parse
) -> tuple[CodeBlock, list[Definition], set[str]] | None:
    """Methods of JavaScript outside a class are errors; inside a stand-in they read well."""
    if not parse.errors or len(block.text) > _LONGEST_MEMBERS:
        return None
    head = _SCRIPT_HEAD.match(block.text)
    start = head.end() if head is not None else 0
    chunks = [
        Chunk(block.text[:start], (0, 0)),
        Chunk(f"class {_STAND_IN} {{\n"),
        Chunk(block.text[start:], (0, start)),
        Chunk("\n}\n"),
    ]
    wrapped = _like(block, chunks)
    inner = read(wrapped)
    members = [item for item in inner.definitions if item.owner == _STAND_IN and item.kind is SymbolKind.METHOD]
    if inner.errors or not members:
        return None
    return wrapped, members, _uses(inner, members, "typescript")


_LONGEST_MEMBERS = 40_000


@dataclass(frozen=True)
class _Members:
    """Members without a class. ``uses``: what they use on themselves; ``unknown``: other names that the block does not define."""

    text: str
    items: tuple[Definition, ...]
    uses: frozenset[str]
    unknown: frozenset[str]

    @cached_property
    def names(self) -> frozenset[str]:
        """Their names."""
        return frozenset(item.name for item in self.items)


def _choose(members: _Members, candidates: Sequence[ClassShape], hints: Hints) -> tuple[ClassShape, Why, Doubt] | None:
    """The one class that the members fit best, None where none does or several do equally."""
    holders = sum(bool(members.names & shape.methods) for shape in candidates)
    telling = holders == 1 and all(_is_telling(name) for name in members.names)
    scored = []
    for shape in candidates:
        redefined, explained = len(members.names & shape.methods), len(members.uses & shape.members)
        named = _named(shape, members.names, hints)
        if not (named or (telling and redefined)) and not _fits(redefined, explained, len(members.uses), shape):
            continue
        outside = len(members.unknown & top_names(shape.source.parse))
        filed = _FILE_NAMED_WEIGHT if any(same_path(path, shape.source.path) for path in hints.paths) else 0.0
        alike = _LIKENESS_WEIGHT * _likeness(members, shape) if holders > 1 and redefined else 0.0
        total = _REDEFINED_WEIGHT * redefined + explained + outside + named + filed + alike
        scored.append((total, named, redefined, shape))
    scored.sort(key=lambda one: -one[0])
    if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < _LEAST_MARGIN):
        return None
    total, named, redefined, best = scored[0]
    margin = total - (scored[1][0] if len(scored) > 1 else 0.0)
    why = Why.NAMED if named else Why.REDEFINES if redefined else Why.MEMBERS
    sure = margin >= _SURE_MARGIN and (named or redefined == len(members.names))
    return best, why, Doubt.LOW if sure else Doubt.SOME if redefined or named else Doubt.HIGH


def _is_telling(name: str) -> bool:
    """Whether a name is of several words: one class alone has ``_start_license``, any class may have ``run`` or ``__init__``."""
    return len(_WORDS.findall(name)) > 1 and not name.startswith("__")


def _likeness(members: _Members, shape: ClassShape) -> float:
    """Share in [0, 1] of the members' lines that the class's own methods of these names have: a rewritten method keeps some."""
    new = [line for item in members.items for line in _body_lines(members.text, item.extent)]
    old = {
        line
        for item in shape.source.parse.definitions
        if item.owner == shape.name and item.name in members.names
        for line in _body_lines(shape.source.text, item.extent)
    }
    return sum(line in old for line in new) / len(new) if new else 0.0


def _body_lines(text: str, extent: Span) -> list[str]:
    return [line for part in text[slice(*extent)].split("\n") if len(line := part.strip()) > 1]


def _named(shape: ClassShape, names: frozenset[str], hints: Hints) -> float:
    """What the text around the block says of the class: ``Cart.add`` names class and method, ``Cart`` the class."""
    if any((shape.name, name) in hints.members for name in names):
        return _NAMED_WEIGHT
    return _CLASS_NAMED_WEIGHT if shape.name in hints.names else 0.0


def _fits(redefined: int, explained: int, used: int, shape: ClassShape) -> bool:
    """Whether the members may stand in the class: it has a method of the name, or most of what they use on ``self``.

    ``run(self)`` that uses five names of which the only visible class with a ``run`` has one is another class's method.
    """
    missing = used - explained
    if redefined:
        return shape.open or missing <= max(explained, 1)
    return explained >= _LEAST_EXPLAINED and missing * 2 <= explained


def _like(block: CodeBlock, chunks: Sequence[Chunk]) -> CodeBlock:
    made = as_block(chunks, [block], block.path, block.language)
    return replace(made, form=block.form, partial=block.partial, edits=())


def _headed(block: CodeBlock, members: Sequence[Definition], home: ClassShape, family: str) -> CodeBlock:
    if family == "typescript":
        at = block.text.index(_STAND_IN)
        end = at + len(_STAND_IN)
        return _like(block, [Chunk(block.text[:at], (0, 0)), Chunk(home.name), Chunk(block.text[end:], (0, end))])
    header = f"class {home.name}:\n" if family == "python" else f"{_impl_header(home, members)}\n"
    chunks: list[Chunk] = []
    at = 0
    for start, end in _runs(block.text, [whole_lines(block.text, item.extent) for item in members]):
        chunks += [Chunk(block.text[at:start], (0, at)), Chunk(header), *indented(block.text, (start, end), 0, "    ")]
        if family == "rust":
            chunks.append(Chunk("}\n"))
        at = end
    chunks.append(Chunk(block.text[at:], (0, at)))
    return _like(block, chunks)


def _runs(text: str, spans: Iterable[Span]) -> list[Span]:
    """Neighbouring spans as one, blank lines between them included."""
    runs: list[Span] = []
    for start, end in sorted(spans):
        if runs and not text[runs[-1][1] : start].strip():
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs


def _impl_header(home: ClassShape, members: Sequence[Definition]) -> str:
    """The ``impl`` line of the file that the method stands under, with its parameters and trait; else a plain one."""
    text, names = home.source.text, {item.name for item in members}
    old = next((item for item in home.source.parse.definitions if item.owner == home.name and item.name in names), None)
    headers = list(_IMPL.finditer(text, 0, old.extent[0] if old is not None else len(text)))
    fitting = [match[0].strip() for match in headers if re.search(rf"\b{re.escape(home.name)}\b", match[0])]
    plain = [header for header in fitting if " for " not in header]
    if old is not None and fitting:
        return fitting[-1]
    return plain[-1] if plain else f"impl {home.name} {{"
