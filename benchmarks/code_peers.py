"""The code lane beside the type checkers that a user has: pyright for Python, TypeScript's own checker, on the same rows.

``python -m benchmarks.code_peers ROWS… --node-modules DIR [--json OUT]``. DIR is a ``node_modules`` folder with ``pyright`` and
``typescript`` (``npm install pyright typescript``). A checker gets what the lane has: the files of the row, and the file with the
response's code in its place. Only what it says of names inside the response counts (undefined names, missing members and exports,
wrong arguments); what it says of modules that are not there does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.code import Outcome, evaluate, figures
from benchmarks.provenance import provenance
from benchmarks.rows import read_json_lines
from parsers.blocks.block import CodeBlock
from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.syntax.languages import language_of_path
from parsers.syntax.types import Span
from serving.lanes.code_analysis import CodeAnalyser

Row = dict[str, Any]

_PYRIGHT_RULES = frozenset({"reportAttributeAccessIssue", "reportUndefinedVariable", "reportCallIssue"})
# Cannot find name, no such member, no such export, unknown property of an object, did you mean.
_TYPESCRIPT_CODES = frozenset({2304, 2305, 2339, 2353, 2551, 2552, 2561, 2614, 2694, 2724})
_TYPESCRIPT = """
const ts = require("typescript"), fs = require("fs"), path = require("path");
const options = { strict: true, noEmit: true, skipLibCheck: true, allowJs: true, target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, jsx: ts.JsxEmit.Preserve, types: [],
  experimentalDecorators: true, allowImportingTsExtensions: true };
const found = [];
for (const file of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
  const program = ts.createProgram([file], options), source = program.getSourceFile(file);
  for (const item of source ? program.getSemanticDiagnostics(source) : [])
    found.push({ file, start: item.start, end: item.start + item.length, code: item.code });
}
fs.writeFileSync(process.argv[3], JSON.stringify(found));
"""


@dataclass
class _Project:
    """A row on disk: its folder, the file that holds the response's code, and where that stands in the response."""

    row: Row
    folder: Path
    blocks: list[tuple[Path, CodeBlock]] = field(default_factory=list)


def write_projects(rows: Sequence[Row], folder: Path) -> list[_Project]:
    """Each row as a folder of its own, with the response's code in place."""
    analyser, projects = CodeAnalyser(), []
    for number, row in enumerate(rows):
        project = _Project(row, folder / f"row{number}")
        for item in row["files"]:
            _write(project.folder / _inside(item["path"]), item["text"])
        files = [
            ContextFile(item["path"], item["text"], 0, language_of_path(item["path"]) or row["language"])
            for item in row["files"]
        ]
        for place, block in enumerate(analyser.placed_files(row["response"], find_code(row["response"], None), files)):
            suffix = ".py" if row["language"] == "python" else ".ts"
            path = project.folder / _inside(block.path or f"response_{place}{suffix}")
            _write(path, block.text)
            project.blocks.append((path, block))
        projects.append(project)
    analyser.close()
    return projects


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts:
        raise SystemExit(f"a row names the path {path!r}, which leaves its folder")
    return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace"))


def pyright_spans(projects: Sequence[_Project], folder: Path, modules: Path) -> dict[Path, list[Span]]:
    """What pyright says of names, by file; one run over all rows, each with an import root of its own."""
    config = {
        "include": [str(path.relative_to(folder)) for project in projects for path, _ in project.blocks],
        "executionEnvironments": [{"root": project.folder.name} for project in projects],
        "typeCheckingMode": "basic",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = ["node", str(modules / "pyright" / "index.js"), "--outputjson", "--project", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spans: dict[Path, list[Span]] = {}
    for item in json.loads(done.stdout)["generalDiagnostics"]:
        if item["severity"] == "error" and item.get("rule") in _PYRIGHT_RULES:
            path = Path(item["file"])
            lines = _line_starts(path.read_bytes().decode())
            ends = [lines[item["range"][end]["line"]] + item["range"][end]["character"] for end in ("start", "end")]
            spans.setdefault(path, []).append((ends[0], ends[1]))
    return spans


def _line_starts(text: str) -> list[int]:
    return [0, *(place + 1 for place, character in enumerate(text) if character == "\n")]


def typescript_spans(projects: Sequence[_Project], folder: Path, modules: Path) -> dict[Path, list[Span]]:
    """What TypeScript's checker says of names, by file; one program for each row."""
    script, wanted, answer = folder / "check.cjs", folder / "files.json", folder / "found.json"
    script.write_text(_TYPESCRIPT.replace('require("typescript")', f"require({str(modules / 'typescript')!r})"))
    wanted.write_text(json.dumps([str(path) for project in projects for path, _ in project.blocks]))
    subprocess.run(["node", str(script), str(wanted), str(answer)], check=True)
    spans: dict[Path, list[Span]] = {}
    for item in json.loads(answer.read_text()):
        if item["code"] in _TYPESCRIPT_CODES:
            spans.setdefault(Path(item["file"]), []).append((item["start"], item["end"]))
    return spans


def peer_outcomes(projects: Sequence[_Project], spans: Mapping[Path, Sequence[Span]]) -> list[Outcome]:
    """A checker's words as outcomes of the benchmark: one finding for each thing it says inside the response."""
    outcomes = []
    for project in projects:
        said = []
        for path, block in project.blocks:
            for start, end in spans.get(path, ()):
                if block.holds(start):
                    first, last = block.response_span((start, max(end, start + 1)))
                    said.append((first, last))
        phantoms = [(item["start"], item["end"]) for item in project.row["phantoms"]]
        findings, hits = [], []
        for wrong in phantoms:
            hits.append(any(first <= wrong[0] < last for first, last in said))
        for first, last in sorted(set(said)):
            own = next((wrong for wrong in phantoms if first <= wrong[0] < last), None)
            findings.append(Finding("", FindingKind.ATTRIBUTE, FindingStatus.PHANTOM, own or (first, last), 0, ""))
        outcomes.append(Outcome(project.row, tuple(findings), None, 0.0, hits))
    return outcomes


def compare(rows: Sequence[Row], modules: Path) -> dict[str, Any]:
    """Recall, false alarms and time of the lane and of the checker on the same rows."""
    started_s = time.perf_counter()
    ours = evaluate(rows, composite=False)
    ours_s = time.perf_counter() - started_s
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        projects = write_projects(rows, folder)
        python = rows[0]["language"] == "python"
        started_s = time.perf_counter()
        spans = (pyright_spans if python else typescript_spans)(projects, folder, modules)
        peer_s = time.perf_counter() - started_s
        theirs = peer_outcomes(projects, spans)
    peer = "pyright" if python else "typescript"
    version = json.loads((modules / peer / "package.json").read_text())["version"]
    kept = ("precision", "recall", "clean_flagged", "false_alarms_per_1000")
    return {
        "rows": len(rows),
        "pairs": sum(not row["phantoms"] for row in rows),
        "groundlane": {**_only(figures(ours), kept), "seconds_per_row": round(ours_s / len(rows), 4)},
        peer: {"version": version, **_only(figures(theirs), kept), "seconds_per_row": round(peer_s / len(rows), 4)},
        "both_miss": sum(not (mine or other) for a, b in zip(ours, theirs, strict=True) for mine, other in _hits(a, b)),
        "only_groundlane": sum(
            mine and not other for a, b in zip(ours, theirs, strict=True) for mine, other in _hits(a, b)
        ),
        f"only_{peer}": sum(
            other and not mine for a, b in zip(ours, theirs, strict=True) for mine, other in _hits(a, b)
        ),
    }


def _hits(first: Outcome, second: Outcome) -> zip[tuple[bool, bool]]:
    return zip(first.hits, second.hits, strict=True)


def _only(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare on files of rows, one language each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_peers", description=__doc__)
    parser.add_argument("rows", nargs="+", type=Path, help="rows of benchmarks.code --make --mode, JSON lines")
    parser.add_argument("--node-modules", type=Path, required=True, metavar="DIR", help="holds pyright and typescript")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--note", default="", help="what the rows are, kept with the figures")
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    for path in options.rows:
        rows = list(read_json_lines(path))
        if not rows:
            parser.error(f"{path} holds no rows")
        if len({row["language"] == "python" for row in rows}) > 1:
            parser.error(f"{path} mixes Python with other languages")
        kind = "python" if rows[0]["language"] == "python" else "typescript and javascript"
        found[f"{kind} {rows[0].get('mode', 'file')}"] = compare(rows, options.node_modules.resolve())
    text = json.dumps({**found, "provenance": provenance(), "note": options.note}, indent=1)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
