"""How fast symbols are read: ``python -m benchmarks.parsing PATH… [--json] [--repeat 3]``.

Every file of a known language below the paths is read twice: definitions only, as a context file is indexed, and with
all references, as a response is. Each figure is total characters over the sum of the best of ``--repeat`` times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import ParseLimits, parse_source

_MAX_CHARACTERS = 400_000
_MODES = {"definitions": ParseLimits(references=False), "all": ParseLimits()}


def read_sources(paths: Iterable[str], limit: int) -> dict[str, list[str]]:
    """At most ``limit`` source texts of each language under ``paths``; files over 400,000 characters are left out."""
    sources: dict[str, list[str]] = {}
    for path in paths:
        root = Path(path)
        files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
        for file in files:
            language = language_of_path(file.name)
            if language is None or len(sources.get(language, ())) >= limit:
                continue
            text = file.read_text("utf-8", errors="surrogateescape")
            if 0 < len(text) <= _MAX_CHARACTERS:
                sources.setdefault(language, []).append(text)
    return sources


def best_seconds(text: str, language: str, limits: ParseLimits, repeat: int) -> float:
    """Fastest of ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        parse_source(text, language, limits=limits)
        times.append(time.perf_counter() - start)
    return min(times)


def measure(sources: dict[str, list[str]], repeat: int) -> dict[str, dict[str, float]]:
    """Figures of each language."""
    figures: dict[str, dict[str, float]] = {}
    for language, texts in sorted(sources.items()):
        parse_source(texts[0], language)  # loads the grammar and compiles the queries
        characters = sum(map(len, texts))
        row: dict[str, float] = {"files": len(texts), "characters": characters}
        for mode, limits in _MODES.items():
            seconds = sum(best_seconds(text, language, limits, repeat) for text in texts)
            row[f"{mode}_mb_per_s"] = round(characters / seconds / 1e6, 2)
        results = [parse_source(text, language) for text in texts]
        row["definitions"] = sum(len(result.definitions) for result in results)
        row["references"] = sum(len(result.references) for result in results)
        row["files_with_errors"] = sum(1 for result in results if result.errors)
        row["truncated"] = sum(1 for result in results if result.truncated_reason is not None)
        figures[language] = row
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=int, default=200, help="files of each language")
    options = parser.parse_args()
    figures = measure(read_sources(options.paths, options.limit), options.repeat)
    if options.json:
        machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
        print(json.dumps({"machine": machine, "repeat": options.repeat, "languages": figures}, indent=2))
        return
    for language, row in figures.items():
        print(language, "  ".join(f"{name} {value:g}" for name, value in row.items()))


if __name__ == "__main__":
    main()
