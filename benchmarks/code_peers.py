"""The code lane beside what a user would pick instead, on the same rows: type checkers on the placed file.

``python -m benchmarks.code_peers ROWS --store DIR --packages FOLDER --tools BIN [--pairs N] [--json OUT]``. ``ROWS`` are rows of
``benchmarks.code_libraries``. The checkers get more than the lane: each response lies in its folder of the whole project,
and the libraries are installed (``--packages``, a site-packages folder with both). ``--tools`` is a folder with both programs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.code_libraries import evaluate
from benchmarks.figures import bootstrap
from benchmarks.provenance import provenance
from benchmarks.rows import read_json_lines
from serving.libraries.store import LibraryStore

Row = dict[str, Any]
_LIMIT_S = 400.0
_NAMES = {
    "pyright": {
        "reportAttributeAccessIssue",
        "reportCallIssue",
        "reportUndefinedVariable",
        "reportMissingImports",
        "reportFunctionMemberAccess",
    },
    "ty": {
        "unresolved-attribute",
        "unresolved-import",
        "unresolved-reference",
        "unknown-argument",
        "missing-argument",
        "too-many-positional-arguments",
        "no-matching-overload",
        "possibly-missing-attribute",
        "possibly-missing-import",
    },
}
"""The checkers' rules that speak of names and arguments, as the lane does; what they say of types is left out."""
# ``a/b.py:3:7: error[unresolved-attribute] Type …``
_CONCISE = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):(?P<column>\d+): \w+\[(?P<rule>[\w-]+)\]", re.MULTILINE)


@dataclass(frozen=True)
class Alarm:
    """A diagnostic; line and column count from 1."""

    rule: str
    line: int
    column: int


def place(rows: Sequence[Row], packages: Path, target: Path) -> list[str]:
    """Each response beside the file that it was made from, in a copy of its project; the paths in order."""
    for name in {row["path"].partition("/")[0] for row in rows}:
        shutil.copytree(packages / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    paths = []
    for number, row in enumerate(rows):
        file = target / row["path"]
        placed = file.with_name(f"{file.stem}__row{number}.py")
        placed.write_text(row["response"], encoding="utf-8")
        paths.append(placed.relative_to(target).as_posix())
    return paths


def run_pyright(tools: Path, target: Path, packages: Path, paths: Sequence[str]) -> dict[str, list[Alarm]]:
    """Diagnostics by path."""
    settings = {"include": list(paths), "extraPaths": [str(packages)], "typeCheckingMode": "standard"}
    (target / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [str(tools / "pyright"), "--outputjson", "--project", str(target)]
    done = _run(command, target, tools)
    found: dict[str, list[Alarm]] = defaultdict(list)
    for item in json.loads(done)["generalDiagnostics"]:
        start = item["range"]["start"]
        path = Path(item["file"]).relative_to(target).as_posix()
        found[path].append(Alarm(item.get("rule", ""), start["line"] + 1, start["character"] + 1))
    return found


def run_ty(tools: Path, target: Path, packages: Path, paths: Sequence[str]) -> dict[str, list[Alarm]]:
    """Diagnostics by path."""
    options = ["--output-format", "concise", "--project", str(target), "--extra-search-path", str(packages)]
    done = _run([str(tools / "ty"), "check", *options, *paths], target, tools)
    found: dict[str, list[Alarm]] = defaultdict(list)
    for item in _CONCISE.finditer(done):
        found[item["path"]].append(Alarm(item["rule"], int(item["line"]), int(item["column"])))
    return found


def _run(command: Sequence[str], folder: Path, tools: Path) -> str:
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if not done.stdout.strip():
        raise SystemExit(f"{command[0]} said nothing: {done.stderr[:500]}")
    return done.stdout


def judge(rows: Sequence[Row], paths: Sequence[str], found: dict[str, list[Alarm]], rules: set[str]) -> dict[str, Any]:
    """Recall and clean files flagged; a hit is a diagnostic of ``rules`` where the wrong name, or its access path, begins."""
    hits, flagged, any_flagged = [], [], []
    for row, path in zip(rows, paths, strict=True):
        named = [item for item in found.get(path, ()) if item.rule in rules]
        if not row["phantoms"]:
            flagged.append(bool(named))
            any_flagged.append(bool(found.get(path)))
            continue
        start = row["phantoms"][0]["start"]
        line = row["response"].count("\n", 0, start) + 1
        column = start - (row["response"].rfind("\n", 0, start) + 1) + 1
        head = len(re.search(r"[\w.\[\]()]*$", row["response"][:start].rpartition("\n")[2])[0])  # type: ignore[index]
        hits.append(any(item.line == line and column - head <= item.column <= column for item in named))
    return {"recall": _share(hits), "clean_flagged": _share(flagged), "clean_flagged_by_any_rule": _share(any_flagged)}


def _share(values: Sequence[bool]) -> Any:
    array = np.array(values, dtype=float)
    return bootstrap(lambda rows: float(array[rows].mean()), [str(number) for number in range(len(array))])


def compare(rows: Sequence[Row], store: LibraryStore, packages: Path, tools: Path) -> dict[str, Any]:
    """All of them on the same rows, one after the other."""
    started_s = time.perf_counter()
    outcomes = evaluate(rows, store)
    found: dict[str, Any] = {
        "groundlane": {
            "recall": _share([hit for item in outcomes for hit in item.hits]),
            "clean_flagged": _share([bool(item.flagged) for item in outcomes if not item.row["phantoms"]]),
            "seconds": round(time.perf_counter() - started_s, 1),
        }
    }
    for name, run in (("pyright", run_pyright), ("ty", run_ty)):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder).resolve()
            paths = place(rows, packages, target)
            started_s = time.perf_counter()
            alarms = run(tools, target, packages, paths)
            seconds = time.perf_counter() - started_s
            found[name] = {**judge(rows, paths, alarms, _NAMES[name]), "seconds": round(seconds, 1)}
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_peers", description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="folder of the indexed packages")
    parser.add_argument(
        "--packages", type=Path, required=True, help="site-packages with the libraries and the projects"
    )
    parser.add_argument("--tools", type=Path, required=True, help="folder with the programs pyright and ty")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args(arguments)
    rows = list(read_json_lines(options.rows))
    rows = [row for row in rows if (options.packages / row["path"]).is_file()][: 2 * options.pairs]
    found = compare(rows, LibraryStore(options.store), options.packages.resolve(), options.tools.resolve())
    versions = {
        name: subprocess.run([str(options.tools / name), "--version"], capture_output=True, text=True, check=True)
        .stdout.strip()
        .split("\n")[-1]
        for name in ("pyright", "ty")
    }
    result = {"pairs": len(rows) // 2, "tools": found, "versions": versions, "provenance": provenance()}
    text = json.dumps(result, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
