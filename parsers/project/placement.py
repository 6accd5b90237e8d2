"""Where a block of a response belongs: the file of the context that it amends, and that file with the block in it.

An agent shows a function, a class header with one method, a search/replace block. Read as a whole new file such a fragment lacks
what its file defines and imports. So it is placed first, and what is judged is the file as it would be, of which only the
characters that came from the response are reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from parsers.blocks.block import CodeBlock
from parsers.project.edits import holds, lines_as_edit
from parsers.project.library import FAMILIES, library_of
from parsers.syntax.types import Definition, ParseResult, SymbolKind

__all__ = ["Doubt", "Hints", "Placement", "Source", "Why", "as_lines", "open_names", "place", "same_path", "top_names"]


class Why(StrEnum):
    """What a block was placed by."""

    PATH = "path"  # its fence, heading or diff header names the file
    SEARCHED = "searched_text"  # its search text, or the lines around its change, stand in the file
    REDEFINES = "redefines"  # it defines again what the file defines
    NAMED = "named_in_text"  # the text above it names the class ("in `Cart.add`") or the file
    MEMBERS = "uses_members"  # a method without its class: the class has the members that it uses on itself
    EXPLAINS = "explains_names"  # the file has the names and imports that the block uses and does not define
    NONE = "none"  # a new file, as far as can be told


class Doubt(StrEnum):
    """How sure a placement is."""

    LOW = "low"
    SOME = "some"
    HIGH = "high"


@dataclass(frozen=True)
class Source:
    """A file of the context. ``key`` is its name in the index."""

    key: str
    text: str
    parse: ParseResult

    @property
    def path(self) -> str:
        """The file's path, '' when nothing names it."""
        return self.parse.path or ""


@dataclass(frozen=True)
class Placement:
    """Where one block goes: ``source`` None is a new file. ``owner``: the class that methods without a header belong to."""

    source: Source | None
    why: Why
    doubt: Doubt
    owner: str | None = None


@dataclass(frozen=True)
class Hints:
    """What the text right above a block names: paths, (class, member) pairs, single names."""

    paths: tuple[str, ...] = ()
    members: frozenset[tuple[str, str]] = frozenset()
    names: frozenset[str] = frozenset()


_NEW = Placement(None, Why.NONE, Doubt.HIGH)
_REDEFINED_WEIGHT = 3.0
_IMPORTED_WEIGHT = 1.0
_EXPLAINED_WEIGHT = 1.0
_MEMBER_WEIGHT = 1.0
_NAMED_WEIGHT = 2.0
_LEAST_SCORE = 1.0
_TYPES = frozenset(
    {
        SymbolKind.CLASS,
        SymbolKind.INTERFACE,
        SymbolKind.STRUCT,
        SymbolKind.ENUM,
        SymbolKind.TRAIT,
        SymbolKind.TYPE_ALIAS,
    }
)
_CALLABLE = frozenset({SymbolKind.FUNCTION, SymbolKind.METHOD})


def place(block: CodeBlock, parse: ParseResult, sources: Sequence[Source], hints: Hints = Hints()) -> Placement:
    """Where ``block`` goes.

    By path where one is given, by the text that its edits replace, else by the file that the block redefines parts of, or that
    explains most of the names that it uses and does not define. ``hints``: what the text above it names.
    """
    family = FAMILIES.get(parse.language)
    related = [source for source in sources if FAMILIES.get(source.parse.language) == family]
    searches = [edit for edit in block.edits if edit.search.strip()]
    for path in (block.path, block.former):
        named = [source for source in related if path and same_path(path, source.path)]
        if len(named) == 1:
            return Placement(named[0], Why.PATH, Doubt.LOW)
        if path and not named and not searches:
            return _NEW
    if searches:
        held = [(sum(holds(source.text, edit) for edit in searches), source) for source in related]
        most = max((count for count, _ in held), default=0)
        holding = [source for count, source in held if count == most > 0]
        if len(holding) == 1:
            return Placement(holding[0], Why.SEARCHED, Doubt.LOW if most == len(searches) else Doubt.SOME)
        related = holding or related
    return _best(parse, related, family or "", hints)


def same_path(given: str, path: str) -> bool:
    """Whether one path ends with the other: ``src/app.py`` of an answer is ``project/src/app.py`` of the context."""
    first, second = _pieces(given), _pieces(path)
    length = min(len(first), len(second))
    return length > 0 and first[-length:] == second[-length:]


def _pieces(path: str) -> list[str]:
    return [piece for piece in path.replace("\\", "/").split("/") if piece not in {"", ".", "a", "b"}]


def _best(parse: ParseResult, sources: Sequence[Source], family: str, hints: Hints) -> Placement:
    facts = _Facts.of(parse, family)
    if not facts.placeable:
        return _NEW
    scored = sorted(
        ((*_score(facts, source.parse, _is_named(source, hints)), at) for at, source in enumerate(sources)),
        key=lambda one: (-one[0], one[2]),
    )
    if not scored or scored[0][0] < _LEAST_SCORE:
        return _NEW
    best, redefines, at = scored[0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    if best == second:
        return _NEW if not redefines else Placement(sources[at], Why.REDEFINES, Doubt.HIGH)
    doubt = Doubt.LOW if best >= second + _REDEFINED_WEIGHT else Doubt.SOME
    return Placement(sources[at], Why.REDEFINES if redefines else Why.EXPLAINS, doubt)


@dataclass(frozen=True)
class _Facts:
    """What a block defines, imports, and uses without either."""

    types: frozenset[str]
    functions: frozenset[str]
    members: frozenset[tuple[str, str]]
    imports: frozenset[tuple[str, str, int]]
    open_names: frozenset[str]
    package: str

    @property
    def placeable(self) -> bool:
        """Whether it defines anything: a snippet that only uses names is a program of its own."""
        return bool(self.types or self.functions or self.members)

    @classmethod
    def of(cls, parse: ParseResult, family: str) -> _Facts:
        return cls(
            frozenset(_names(parse.definitions, _TYPES) | _owners(parse.definitions)),
            frozenset(_names(parse.definitions, _CALLABLE)),
            frozenset((d.owner, d.name) for d in parse.definitions if d.owner and d.kind in _CALLABLE),
            frozenset((item.module, item.name or "", item.level) for item in parse.imports),
            open_names(parse, family),
            parse.package,
        )


def open_names(parse: ParseResult, family: str) -> frozenset[str]:
    """Names that a block uses and that neither it nor the language defines."""
    own = {definition.name for definition in parse.definitions}
    bound = {item.alias or item.name or item.module.split(".")[0] for item in parse.imports}
    parameters = {one.name for definition in parse.definitions for one in definition.parameters or ()}
    library = library_of(family)
    heads = {reference.chain[0] for reference in parse.references if reference.chain[0].isidentifier()}
    return frozenset(
        name
        for name in heads - own - bound - parameters - _RECEIVERS
        if library is None or not library.globals.lookup(name)
    )


def top_names(parse: ParseResult) -> set[str]:
    """What a file defines or imports at its top."""
    return {item.name for item in parse.definitions if not item.owner} | {
        item.alias or item.name or item.module.split(".")[0] for item in parse.imports
    }


def _is_named(source: Source, hints: Hints) -> bool:
    return bool(source.path) and any(same_path(path, source.path) for path in hints.paths)


_RECEIVERS = frozenset({"self", "cls", "this", "super", "Self", "crate", "_"})


def _names(definitions: Sequence[Definition], kinds: frozenset[SymbolKind]) -> set[str]:
    return {item.name for item in definitions if item.kind in kinds and not item.owner}


def _owners(definitions: Sequence[Definition]) -> set[str]:
    """Types that methods belong to: the receivers of Go, the ``impl`` headers of Rust."""
    return {item.owner.split(".")[0] for item in definitions if item.owner}


def _score(facts: _Facts, parse: ParseResult, named: bool) -> tuple[float, bool]:
    """How well a file explains a block, and whether the block redefines parts of it. ``named``: the text above names the file."""
    if facts.package and parse.package and facts.package != parse.package:
        return 0.0, False
    types = _names(parse.definitions, _TYPES)
    functions = _names(parse.definitions, _CALLABLE)
    redefined = len(facts.types & types) + len(facts.functions & functions)
    members = len(facts.members & {(item.owner, item.name) for item in parse.definitions if item.owner})
    imports = len(facts.imports & {(item.module, item.name or "", item.level) for item in parse.imports})
    explained = len(facts.open_names & top_names(parse))
    total = (
        _REDEFINED_WEIGHT * redefined
        + _MEMBER_WEIGHT * members
        + _IMPORTED_WEIGHT * imports
        + _EXPLAINED_WEIGHT * explained
        + _NAMED_WEIGHT * named
    )
    return (
        (total, redefined + members > 0)
        if redefined or members or explained or imports >= _MANY_IMPORTS
        else (0.0, False)
    )


_MANY_IMPORTS = 2
"""So many imports in common, and a block shows the head of that file; one alone ("import os") says nothing."""


def as_lines(block: CodeBlock, parse: ParseResult, placement: Placement) -> tuple[CodeBlock, Placement]:
    """A block that only shows changed lines of a function, as an edit of these lines; not placed where no line is like them.

    ``self.items.add(item)`` below ``// src/store.ts`` is no code of the top of that file: ``item`` is a parameter there.
    """
    source = placement.source
    own = any(item.kind in _CALLABLE or item.kind in _TYPES for item in parse.definitions) or parse.imports
    if source is None or block.edits or own:
        return block, placement
    family = FAMILIES[parse.language]
    here = any(reference.chain[0] in _RECEIVERS for reference in parse.references)
    if not here and open_names(parse, family) <= top_names(source.parse):
        return block, placement
    edit = lines_as_edit(source.text, block)
    return (block, _NEW) if edit is None else (replace(block, edits=(edit,)), placement)


def by_source(placements: Mapping[int, Placement]) -> dict[str, list[int]]:
    """Block numbers by the key of the file that they amend, in order."""
    found: dict[str, list[int]] = {}
    for number, placement in placements.items():
        if placement.source is not None:
            found.setdefault(placement.source.key, []).append(number)
    return found
