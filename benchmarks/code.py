"""Code lane benchmark: does it find the one wrong name, and is it silent on real files?

``python -m benchmarks.code FILE [--json OUT]`` evaluates rows; ``--make DIR … [--out FILE]`` builds them from source trees;
``--fit FILE`` refits the composite's weights from rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.code_fit import fit
from benchmarks.code_modes import MODES, make_mode_rows
from benchmarks.code_rows import make_rows
from benchmarks.figures import Figure, bootstrap
from benchmarks.provenance import provenance
from benchmarks.rows import read_json_lines
from models.training.examples import OPENERS
from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from parsers.project.index import ContextIndex, build_index
from parsers.rules.phantoms import Finding, ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import ParseResult
from scoring.code.score import ast_features, load_code_artifact, score_code
from serving.lanes.code_analysis import CodeAnalyser

Row = dict[str, Any]
_ARTIFACT = Path(__file__).parents[1] / "scoring" / "artifacts" / "code.json"


@dataclass
class Outcome:
    """What happened on one row."""

    row: Row
    findings: tuple[Finding, ...]
    probability: float | None
    seconds: float
    hits: list[bool] = field(default_factory=list)
    suggested: list[bool] = field(default_factory=list)

    @property
    def flagged(self) -> list[Finding]:
        """Phantoms and drift."""
        return [finding for finding in self.findings if finding.flagged]

    @property
    def false_alarms(self) -> int:
        """Flagged names that are none of the row's phantoms."""
        spans = {(item["start"], item["end"]) for item in self.row["phantoms"]}
        return sum(finding.span not in spans for finding in self.flagged)


@lru_cache(maxsize=4096)
def cached_parse(text: str, language: str, path: str | None) -> ParseResult:
    """A parse that rows with the same file share."""
    return parse_source(text, language, path)


@lru_cache(maxsize=8)
def _index(files: tuple[tuple[str, str], ...], language: str) -> ContextIndex:
    return build_index([cached_parse(text, language_of_path(path) or language, path) for path, text in files])


def evaluate(rows: Sequence[Row], composite: bool = True) -> list[Outcome]:
    """Run the resolver, and the composite, on every row. The expected name of a phantom comes from its clean twin."""
    clean = {row["pair_id"]: row["response"] for row in rows if row.get("pair_id") and not row["phantoms"]}
    outcomes = []
    for row in rows:
        findings, seconds = _judge(row)
        probability = score_code(findings, load_code_artifact()).probability if composite else None
        outcome = Outcome(row, findings, probability, seconds)
        for item in row["phantoms"]:
            hit = next((finding for finding in outcome.flagged if finding.span == (item["start"], item["end"])), None)
            outcome.hits.append(hit is not None)
            expected = item.get("expected") or _expected(item, row["response"], clean.get(row.get("pair_id")))
            if hit is not None and expected:
                outcome.suggested.append(hit.suggestion == expected)
        outcomes.append(outcome)
    return outcomes


def _judge(row: Row) -> tuple[tuple[Finding, ...], float]:
    """Findings and time of one row: a whole file as it is, any other mode as the lane reads it, fences and placement included."""
    if row.get("mode", "file") == "file":
        index = _index(tuple((item["path"], item["text"]) for item in row["files"]), row["language"])
        parse = cached_parse(row["response"], row["language"], None)
        start = time.perf_counter()
        findings = resolve([ResponseBlock(parse, row["response"])], index)
        return findings, time.perf_counter() - start
    files = [
        ContextFile(item["path"], item["text"], 0, language_of_path(item["path"]) or row["language"])
        for item in row["files"]
    ]
    found = _analyser().analyse("benchmark", row["response"], find_code(row["response"], None), files)
    return found.findings, found.resolve_ms / 1e3


@lru_cache(maxsize=1)
def _analyser() -> CodeAnalyser:
    return CodeAnalyser()


def _expected(item: Row, response: str, clean: str | None) -> str | None:
    if clean is None or clean[: item["start"]] != response[: item["start"]]:
        return None
    rest = clean[item["start"] :]
    length = next((i for i, character in enumerate(rest) if not (character.isalnum() or character in "_$")), len(rest))
    return rest[:length] or None


def figures(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """Figures with 95% intervals from resampling pairs; a figure that does not apply is left out."""
    groups = [str(item.row.get("pair_id") or item.row["id"]) for item in outcomes]

    def ratio(top: Callable[[Outcome], float], bottom: Callable[[Outcome], float]) -> Figure | None:
        tops, bottoms = np.array([top(item) for item in outcomes]), np.array([bottom(item) for item in outcomes])
        if not bottoms.sum():
            return None
        return bootstrap(
            lambda rows: float(tops[rows].sum() / bottoms[rows].sum()) if bottoms[rows].sum() else float("nan"), groups
        )

    found = {
        "precision": ratio(lambda item: sum(item.hits), lambda item: sum(item.hits) + item.false_alarms),
        "recall": ratio(lambda item: sum(item.hits), lambda item: len(item.hits)),
        "f1": ratio(lambda item: 2 * sum(item.hits), lambda item: sum(item.hits) + item.false_alarms + len(item.hits)),
        "clean_flagged": ratio(
            lambda item: bool(item.flagged and not item.row["phantoms"]), lambda item: not item.row["phantoms"]
        ),
        "false_alarms_per_1000": ratio(lambda item: 1000.0 * item.false_alarms, lambda item: len(item.findings)),
        "suggestion_rate": ratio(lambda item: sum(item.suggested), lambda item: len(item.suggested)),
        "paired_accuracy": _paired(outcomes),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _paired(outcomes: Sequence[Outcome]) -> Figure | None:
    """Share of pairs in which the renamed row has the higher probability; ties count half."""
    pairs: dict[str, dict[bool, float]] = {}
    for item in outcomes:
        if item.row.get("pair_id") and item.probability is not None:
            pairs.setdefault(item.row["pair_id"], {})[bool(item.row["phantoms"])] = item.probability
    whole = [pair for pair in pairs.values() if len(pair) == 2]
    if not whole:
        return None
    wins = np.array([1.0 if pair[True] > pair[False] else 0.5 if pair[True] == pair[False] else 0.0 for pair in whole])
    return bootstrap(lambda rows: float(wins[rows].mean()), [str(number) for number in range(len(wins))])


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The published form: overall, by language and by kind (a kind's rows are its pairs, both halves)."""
    kinds = {
        item.row["pair_id"]: item.row["phantoms"][0]["kind"]
        for item in outcomes
        if item.row["phantoms"] and item.row.get("pair_id")
    }
    visible = {item.row.get("pair_id") for item in outcomes if item.row["phantoms"] and owner_visible(item.row)}
    languages = sorted({item.row["language"] for item in outcomes})
    seconds = sorted(item.seconds for item in outcomes)
    return {
        "overall": figures(outcomes),
        "by_language": {
            name: figures([item for item in outcomes if item.row["language"] == name]) for name in languages
        },
        "by_mode": {
            name: {
                language: figures(found)
                for language in languages
                if (
                    found := [
                        r for r in outcomes if r.row.get("mode", "file") == name and r.row["language"] == language
                    ]
                )
            }
            for name in sorted({item.row.get("mode", "file") for item in outcomes})
        },
        "by_kind": {
            name: figures([item for item in outcomes if kinds.get(item.row.get("pair_id")) == name])
            for name in sorted(set(kinds.values()))
        },
        "owner_visible": {
            "pairs": len(visible),
            **figures([item for item in outcomes if item.row.get("pair_id") in visible]),
        },
        "rows": len(outcomes),
        "resolve_ms": {
            "p50": round(seconds[len(seconds) // 2] * 1e3, 2),
            "p95": round(seconds[int(len(seconds) * 0.95)] * 1e3, 2),
        },
        "provenance": provenance(),
    }


def owner_visible(row: Row) -> bool:
    """Whether a file of the row defines the name that was replaced, in a class (if any) whose bases the row's files define too.

    Read from definitions alone, whatever the resolver says; what the receiver is may still not be known.
    """
    wanted = {item.get("expected") for item in row["phantoms"]}
    found = [
        definition
        for item in row["files"]
        for definition in cached_parse(
            item["text"], language_of_path(item["path"]) or row["language"], item["path"]
        ).definitions
    ]
    names = {definition.name for definition in found}
    bases = {definition.name: definition.bases for definition in found if definition.bases}
    owners = [item.owner for item in found if item.name in wanted]
    owners += [item.owner for item in found if wanted & {parameter.name for parameter in item.parameters or ()}]
    return any(all(base in names for base in bases.get(owner.rpartition(".")[2], ())) for owner in owners)


def _read(path: Path) -> list[Row]:
    return list(read_json_lines(path))


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, evaluate or fit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="rows to evaluate, JSON lines")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--make", nargs="+", type=Path, metavar="DIR", help="build rows from these source trees")
    parser.add_argument("--out", type=Path, help="where --make writes (standard output by default)")
    parser.add_argument("--language", help="only files of this language")
    parser.add_argument(
        "--mode", choices=["file", *MODES], default="file", help="the form in which the code is written"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, default=200, help="at most this many pairs")
    parser.add_argument("--fit", type=Path, metavar="FILE", help="refit scoring/artifacts/code.json from these rows")
    parser.add_argument("--note", default="", help="what the rows are, kept with the figures")
    options = parser.parse_args(arguments)
    if options.make:
        missing = [str(folder) for folder in options.make if not folder.is_dir()]
        if missing:
            parser.error(f"not a folder: {', '.join(missing)}")
        how = (options.language, options.seed, options.limit)
        rows = (
            make_rows(options.make, *how)
            if options.mode == "file"
            else make_mode_rows(options.make, options.mode, *how)
        )
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        if options.out:
            with OPENERS.get(options.out.suffix, open)(options.out, "wt", encoding="utf-8") as file:
                file.write(lines)
        else:
            sys.stdout.write(lines)
    elif options.fit:
        _refit(_read(options.fit), options.note)
    elif options.file:
        result = {**report(evaluate(_read(options.file))), "note": options.note}
        text = json.dumps(result, indent=1)
        if options.json:
            options.json.write_text(text + "\n", encoding="utf-8")
        print(text)
    else:
        parser.error("give a file of rows, --make or --fit")


def _refit(rows: list[Row], note: str) -> None:
    outcomes = [item for item in evaluate(rows, composite=False) if item.findings]
    features = [ast_features(item.findings) for item in outcomes]
    languages = sorted({item.row["language"] for item in outcomes})
    record = fit(
        features,
        [bool(item.row["phantoms"]) for item in outcomes],
        {"command": "python -m benchmarks.code --fit", "rows_from": note, "languages": languages},
    )
    _ARTIFACT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
