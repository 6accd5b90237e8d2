"""Installed libraries in the code lane: are real uses left alone, and are names that a library does not have found?

``--make OUT --store DIR --uses LIBRARY=FOLDER …`` builds rows: files of packages that depend on a library, each once as it is and
once with one name of the library replaced. The name is chosen by its spelling alone: the library defines it, nothing else in
the file or its project does. ``ROWS --store DIR [--json OUT]`` evaluates them, with the libraries and without.

The context of a row holds no file of the library. ``--store`` is a folder that ``groundlane index-library`` filled.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.code import Outcome, cached_parse, figures, report
from benchmarks.code_rows import Known, Reach, Source, Swap, known_names, read_tree, swaps_of
from benchmarks.provenance import provenance
from benchmarks.renames import rename
from benchmarks.rows import read_json_lines
from models.training.examples import OPENERS
from parsers.project.index import build_index
from parsers.project.libraries.codec import decode_parse
from parsers.project.library import library_of
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source
from scoring.code.score import load_code_artifact, score_code
from serving.libraries.choice import LibraryChooser
from serving.libraries.store import IndexedPackage, LibraryStore

Row = dict[str, Any]
_MIN_CHARACTERS, _MAX_CHARACTERS = 400, 60_000
_CONTEXT_FILES = 12


def make_rows(store: LibraryStore, uses: Sequence[tuple[str, Path]], seed: int, limit: int) -> Iterator[Row]:
    """Pairs of rows (clean, renamed), at most ``limit`` pairs for each (library, folder)."""
    generator = random.Random(seed)
    for name, folder in uses:
        package = next((row for row in store.packages() if row.name.lower() == name.lower()), None)
        if package is None:
            raise SystemExit(f"{name} is not indexed in {store.folder}")
        yield from _folder_rows(store, package, folder, generator, limit)


def _folder_rows(
    store: LibraryStore, package: IndexedPackage, folder: Path, generator: random.Random, limit: int
) -> Iterator[Row]:
    sources = [source for source in read_tree(folder, package.family) if not source.parse.errors]
    library = _library_sources(store, package)
    known, reach, made = known_names(library), Reach(sources), 0
    own = {definition.name for source in sources for definition in source.parse.definitions}
    own |= {parameter.name for s in sources for d in s.parse.definitions for parameter in d.parameters or ()}
    generator.shuffle(sources)
    used: set[tuple[str, str]] = set()
    for source in sources:
        if made >= limit:
            return
        if not _MIN_CHARACTERS <= len(source.text) <= _MAX_CHARACTERS or not _imports(source, package):
            continue
        pair = _pair(source, reach, known, own, generator, used, made, package)
        if pair:
            yield from pair
            made += 1


def _library_sources(store: LibraryStore, package: IndexedPackage) -> list[Source]:
    contents = store.open(package)
    numbers = range(package.files)
    parses = [decode_parse(contents.file(number)) for number in numbers]
    return [Source(parse.path or "", "", parse) for parse in parses]


def _imports(source: Source, package: IndexedPackage) -> bool:
    return any(_root(item.module, package.family) in package.roots for item in source.parse.imports if not item.level)


def _root(module: str, family: str) -> str:
    if family == "python":
        return module.partition(".")[0]
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]


def _pair(
    source: Source,
    reach: Reach,
    known: Known,
    own: set[str],
    generator: random.Random,
    used: set[tuple[str, str]],
    number: int,
    package: IndexedPackage,
) -> list[Row]:
    swaps = [
        swap for swap in _swaps(source, known, package) if swap.name not in own and (source.path, swap.name) not in used
    ]
    if not swaps:
        return []
    kinds = sorted({swap.kind for swap in swaps})
    swap = generator.choice([item for item in swaps if item.kind == kinds[number % len(kinds)]])
    used.add((source.path, swap.name))
    builtin = library_of(source.parse.language)
    words = {link for item in source.parse.references for link in item.chain}
    taken = own | known.all | words | (builtin.member_names() if builtin else frozenset())
    wrong = rename(swap.name, taken, generator)
    if wrong is None:
        return []
    text, start = source.text, swap.spans[0][0]
    for first, last in sorted(swap.spans, reverse=True):
        text = text[:first] + wrong + text[last:]
        start += (len(wrong) - (last - first)) if first < swap.spans[0][0] else 0
    identity = f"{package.name}:{source.path}:{swap.spans[0][0]}"
    context = reach.visible_context(source)[:_CONTEXT_FILES]
    common = {
        "pair_id": identity,
        "language": source.parse.language,
        "library": package.label,
        "path": source.path,
        "files": [{"path": item.path, "text": item.text} for item in context],
    }
    phantom = {"name": wrong, "start": start, "end": start + len(wrong), "kind": swap.kind, "expected": swap.name}
    return [
        {"id": f"{identity}:clean", **common, "response": source.text, "phantoms": []},
        {"id": f"{identity}:{swap.kind}", **common, "response": text, "phantoms": [phantom]},
    ]


def _swaps(source: Source, known: Known, package: IndexedPackage) -> Iterator[Swap]:
    """Uses of the library's names; what is imported must be imported from the library."""
    spans = {item.span for item in source.parse.imports if _root(item.module, package.family) in package.roots}
    for swap in swaps_of(source, known):
        start = swap.spans[0][0]
        if swap.kind != "import" or any(first <= start < last or start == first for first, last in spans):
            yield swap


def evaluate(rows: Sequence[Row], store: LibraryStore | None, pinned: bool = True) -> list[Outcome]:
    """Judge every row with the libraries of ``store``, in the version that the row was made with; None: without any."""
    chooser = LibraryChooser(store) if store is not None else None
    outcomes = []
    for row in rows:
        name, _, version = row["library"].rpartition(" ")
        sets = chooser.choose({name: version} if pinned else {}).sets if chooser is not None else {}
        parses = [
            cached_parse(i["text"], language_of_path(i["path"]) or row["language"], i["path"]) for i in row["files"]
        ]
        block = parse_source(row["response"], row["language"], None)
        if row.get("path"):
            block = replace(block, path=row["path"])
        findings = resolve([ResponseBlock(block, row["response"])], build_index(parses, sets))
        outcome = Outcome(row, findings, score_code(findings, load_code_artifact()).probability, 0.0)
        for item in row["phantoms"]:
            hit = next((found for found in outcome.flagged if found.span == (item["start"], item["end"])), None)
            outcome.hits.append(hit is not None)
            if hit is not None:
                outcome.suggested.append(hit.suggestion == item["expected"])
        outcomes.append(outcome)
    return outcomes


def summary(rows: Sequence[Row], store: LibraryStore) -> dict[str, Any]:
    """Figures with the libraries and without, over all and by library."""
    with_libraries, without = evaluate(rows, store), evaluate(rows, None)
    names = sorted({row["library"] for row in rows})
    whole = report(with_libraries)
    return {
        "pairs": len(rows) // 2,
        "with_libraries": whole["overall"],
        "without_libraries": figures(without),
        "by_kind": whole["by_kind"],
        "by_library": {
            name: {
                "pairs": sum(row["library"] == name for row in rows) // 2,
                **figures([item for item in with_libraries if item.row["library"] == name]),
            }
            for name in names
        },
        "alarms": [
            f"{item.row['id']}: line {found.line}: {found.name}: {found.reason}"
            for item in with_libraries
            if not item.row["phantoms"]
            for found in item.flagged
        ],
        "provenance": provenance(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Make or evaluate rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_libraries", description=__doc__)
    parser.add_argument("rows", nargs="?", type=Path, help="rows to evaluate, JSON lines")
    parser.add_argument("--store", type=Path, required=True, help="folder of the indexed packages")
    parser.add_argument("--make", type=Path, metavar="OUT", help="build rows into this file")
    parser.add_argument("--uses", nargs="+", default=[], metavar="LIBRARY=FOLDER", help="sources that use a library")
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--limit", type=int, default=12, help="at most this many pairs for each LIBRARY=FOLDER")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--note", default="", help="what the rows are, kept with the figures")
    options = parser.parse_args(arguments)
    store = LibraryStore(options.store)
    if options.make:
        uses = [(name, Path(folder)) for name, _, folder in (item.partition("=") for item in options.uses)]
        lines = "".join(json.dumps(row) + "\n" for row in make_rows(store, uses, options.seed, options.limit))
        with OPENERS.get(options.make.suffix, open)(options.make, "wt", encoding="utf-8") as file:
            file.write(lines)
        return
    if options.rows is None:
        parser.error("give a file of rows, or --make")
    text = json.dumps({**summary(list(read_json_lines(options.rows)), store), "note": options.note}, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
