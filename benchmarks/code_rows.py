"""Rows for the code benchmark: real files with their in-project imports as context, clean and with one wrong name."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.renames import rename
from parsers.project.index import build_index
from parsers.project.library import FAMILIES, library_of
from parsers.project.project import ResponseProject
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import Import, ParseResult, Reference, ReferenceKind, Span, SymbolKind

_SKIPPED_FOLDERS = {"node_modules", "__pycache__", ".git", "target", "vendor", "testdata", "dist", "cjs", "esm"}
_MIN_CHARACTERS, _MAX_CHARACTERS = 400, 40_000
_CONTEXT_CHARACTERS = 200_000
_TYPES = {
    SymbolKind.CLASS,
    SymbolKind.INTERFACE,
    SymbolKind.STRUCT,
    SymbolKind.ENUM,
    SymbolKind.TRAIT,
    SymbolKind.TYPE_ALIAS,
}
_CALLS = {ReferenceKind.CALL, ReferenceKind.INSTANTIATION}


@dataclass(frozen=True)
class Source:
    """One file of a tree."""

    path: str
    text: str
    parse: ParseResult


@dataclass(frozen=True)
class Swap:
    """One name to replace: all ``spans`` at once, the first is the phantom."""

    kind: str
    name: str
    spans: tuple[Span, ...]


def read_tree(folder: Path, language: str | None, skip: Sequence[str] = ()) -> list[Source]:
    """Every readable source file of a folder, tests left out, sorted by path. Paths start with the folder's name."""
    sources = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder.parent)
        found = language_of_path(path.name)
        if found is None or (language and FAMILIES[found] != FAMILIES[language]) or not path.is_file():
            continue
        if (
            _SKIPPED_FOLDERS & set(relative.parts[1:])
            or path.name.endswith((".d.ts", "_test.go", ".min.js"))
            or path.name in skip
        ):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) <= 10 * _MAX_CHARACTERS:
            sources.append(Source(relative.as_posix(), text, parse_source(text, found, relative.as_posix())))
    return sources


def make_rows(folders: Sequence[Path], language: str | None, seed: int, limit: int) -> Iterator[dict[str, Any]]:
    """Pairs of rows (clean, renamed) from each folder, at most ``limit`` pairs in all, kinds taken in turn."""
    generator = random.Random(seed)
    per_folder = max(limit // max(len(folders), 1), 1)
    for folder in folders:
        sources = read_tree(folder, language)
        eligible = [
            source
            for source in sources
            if _MIN_CHARACTERS <= len(source.text) <= _MAX_CHARACTERS and not source.parse.errors
        ]
        generator.shuffle(eligible)
        reach = Reach(sources)
        made, rounds = 0, 0
        used: set[tuple[str, str]] = set()
        while made < per_folder and rounds < 6:
            rounds += 1
            for source in eligible:
                if made >= per_folder:
                    break
                pair = _make_pair(source, reach, generator, used, made)
                if pair:
                    yield from pair
                    made += 1


def _make_pair(
    source: Source, reach: Reach, generator: random.Random, used: set[tuple[str, str]], number: int
) -> list[dict[str, Any]]:
    context = reach.visible_context(source)
    if not context:
        return []
    known = known_names(context)
    swaps = [swap for swap in swaps_of(source, known) if (source.path, swap.name) not in used]
    if not swaps:
        return []
    kinds = sorted({swap.kind for swap in swaps})
    kind = kinds[number % len(kinds)]
    swap = generator.choice([item for item in swaps if item.kind == kind])
    own = {item.name for item in source.parse.definitions} | {
        link for reference in source.parse.references for link in reference.chain
    }
    library = library_of(source.parse.language)
    taken = own | known.all | (library.member_names() if library else frozenset())
    wrong = rename(swap.name, taken, generator)
    if wrong is None:
        return []
    used.add((source.path, swap.name))
    identity = f"{source.path}:{swap.spans[0][0]}"
    text, start = _replace(source.text, swap, wrong)
    common = {
        "pair_id": identity,
        "language": source.parse.language,
        "files": [{"path": item.path, "text": item.text} for item in context],
    }
    phantom = {"name": wrong, "start": start, "end": start + len(wrong), "kind": swap.kind, "expected": swap.name}
    return [
        {"id": f"{identity}:clean", **common, "response": source.text, "phantoms": []},
        {"id": f"{identity}:{swap.kind}", **common, "response": text, "phantoms": [phantom]},
    ]


def _replace(text: str, swap: Swap, wrong: str) -> tuple[str, int]:
    first, shift = swap.spans[0], 0
    for start, end in sorted(swap.spans, reverse=True):
        text = text[:start] + wrong + text[end:]
        if start < first[0]:
            shift += len(wrong) - (end - start)
    return text, first[0] + shift


class Reach:
    """Which files of a tree a file can see. The tree is indexed once for a family."""

    def __init__(self, sources: list[Source]) -> None:
        self.by_path = {item.path: item for item in sources}
        self.index = build_index([item.parse for item in sources])
        self.projects: dict[str, ResponseProject] = {}

    def visible_context(self, source: Source) -> list[Source]:
        """What ``source`` imports and what that imports, nearest first, at most 200,000 characters; Go: its package too."""
        family = FAMILIES[source.parse.language]
        if family not in self.projects:
            self.projects[family] = ResponseProject(self.index.family(source.parse.language), [])
        chosen: dict[str, Source] = {}
        budget = _CONTEXT_CHARACTERS
        queue = [source]
        while queue:
            current = queue.pop(0)
            for path in self._imported_paths(current, self.projects[family]):
                item = self.by_path.get(path)
                if item is None or path in chosen or path == source.path or len(item.text) > budget:
                    continue
                chosen[path] = item
                budget -= len(item.text)
                queue.append(item)
        return list(chosen.values())

    def _imported_paths(self, source: Source, project: ResponseProject) -> Iterator[str]:
        file = project.files[source.path].entity
        if file.language == "go":
            yield from self._same_folder(source.path)
        for item in source.parse.imports:
            module = project.import_module(file, item.module, item.level)
            if module is None or module.library:
                continue
            yield from self._same_folder(module.path) if module.language == "go" else (module.path,)
            if item.name and (below := project.submodule(module, item.name)) is not None:
                yield below.path

    def _same_folder(self, path: str) -> Iterator[str]:
        folder = path.rpartition("/")[0]
        return (other for other in self.index.paths if other.rpartition("/")[0] == folder)


@dataclass(frozen=True)
class Known:
    """Names that the context defines, by use."""

    functions: frozenset[str]
    methods: frozenset[str]
    fields: frozenset[str]
    types: frozenset[str]
    parameters: dict[str, frozenset[str]]
    all: frozenset[str]


def known_names(context: list[Source]) -> Known:
    """The names that files define, and all that they use."""
    definitions = [item for source in context for item in source.parse.definitions]
    named = {
        kind: frozenset(
            item.name
            for item in definitions
            if item.kind is kind and (kind is not SymbolKind.VARIABLE or not item.owner)
        )
        for kind in SymbolKind
    }
    parameters: dict[str, set[str]] = {}
    for item in definitions:
        if item.parameters:
            name = item.owner.rpartition(".")[2] if item.name == "__init__" else item.name
            parameters.setdefault(name, set()).update(
                parameter.name for parameter in item.parameters if not parameter.variadic
            )
    used = {link for source in context for reference in source.parse.references for link in reference.chain}
    used.update(name for names in parameters.values() for name in names)
    return Known(
        functions=named[SymbolKind.FUNCTION],
        methods=named[SymbolKind.METHOD],
        fields=named[SymbolKind.FIELD] | named[SymbolKind.CONSTANT],
        types=frozenset(item.name for item in definitions if item.kind in _TYPES),
        parameters={name: frozenset(values) for name, values in parameters.items()},
        all=frozenset(item.name for item in definitions) | used,
    )


def swaps_of(source: Source, known: Known) -> Iterator[Swap]:
    """Uses in ``source`` of names that only the context defines. Chosen by name and position alone, not by the resolver."""
    own = {item.name for item in source.parse.definitions}
    library = library_of(source.parse.language)
    foreign = own | set(library.member_names() if library else ())
    imported: set[str | None] = {item.alias or item.name for item in source.parse.imports if item.name}
    functions = [
        item.extent for item in source.parse.definitions if item.kind in {SymbolKind.FUNCTION, SymbolKind.METHOD}
    ]
    for item in source.parse.imports:
        if any(start <= item.span[0] < end for start, end in functions):
            continue  # its name may be bound elsewhere too
        yield from _import_swap(source, item, known, foreign)
    for reference in source.parse.references:
        name = reference.chain[-1]
        if reference.store or source.text[reference.span[0] : reference.span[1]] != name:
            continue
        for keyword, span in reference.keywords:
            if keyword in known.parameters.get(name, ()) and name not in own and len(keyword) > 2:
                yield Swap("parameter", keyword, (span,))
        if name in foreign or len(name) < 4 or name.startswith("__"):
            continue
        kind = _kind_of(reference, name, known, imported)
        if kind:
            yield Swap(kind, name, (reference.span,))


def _kind_of(reference: Reference, name: str, known: Known, imported: set[str | None]) -> str | None:
    if reference.kind in _CALLS and name not in known.types:
        if len(reference.chain) == 1:
            return "function" if name in known.functions and (name in imported or not imported) else None
        return "method" if name in known.methods else "function" if name in known.functions else None
    if reference.kind in {ReferenceKind.TYPE, ReferenceKind.INSTANTIATION} or reference.kind in _CALLS:
        return "type" if name in known.types else None
    return (
        "attribute"
        if reference.kind is ReferenceKind.ATTRIBUTE and name in known.fields and len(reference.chain) > 1
        else None
    )


def _import_swap(source: Source, item: Import, known: Known, foreign: set[str]) -> Iterator[Swap]:
    name = item.name
    if not name or name in {"*", "default"} or name in foreign or name not in known.all or len(name) < 4:
        return
    start = source.text.find(name, item.span[0], item.span[1])
    if start < 0 or name not in known.functions | known.types | known.fields:
        return
    spans = [(start, start + len(name))]
    if item.alias is None:
        spans += [
            reference.spans[0]
            for reference in source.parse.references
            if reference.chain[0] == name and reference.spans and source.text[slice(*reference.spans[0])] == name
        ]
    yield Swap("import", name, tuple(dict.fromkeys(spans)))
