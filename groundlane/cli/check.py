"""``groundlane check-answer`` and ``groundlane check-code``: one answer, or one piece of code, against files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundlane.cli.common import EXIT_FAILURE, EXIT_USAGE, CommandError, connected, parser_of, read_text, reported

if TYPE_CHECKING:
    from groundlane.fields import CodeFields, RagFields, SupportUnit
    from groundlane.results import Claim, CodeScore, Score, Symbol

_FAILING: Final = {"never": (), "red": ("red",), "amber": ("red", "amber", "unknown")}
_BAD_SYMBOLS: Final = ("phantom", "drift", "not_imported", "undeclared_import")


def run(arguments: list[str]) -> int:
    """Run one of the two; the exit code."""
    name, *rest = arguments
    with reported():
        return _COMMANDS[name](rest)


def _check_answer(arguments: list[str]) -> int:
    parser = parser_of("check-answer", "Is an answer grounded in its context?")
    parser.add_argument("answer", nargs="?", default="-", help="file with the answer; stdin without it, or for '-'")
    parser.add_argument(
        "--context", action="append", required=True, metavar="FILE", help="what it may rest on; repeatable"
    )
    parser.add_argument("--question", help="what was asked")
    _add_outcome(parser)
    options = parser.parse_args(arguments)
    if [options.answer, *options.context].count("-") > 1:
        raise CommandError("stdin can be read only once: name a file for the answer or for the context", EXIT_USAGE)
    context = "\n\n".join(read_text(path) for path in options.context)
    fields: RagFields = {"response_text": read_text(options.answer), "raw_context": context}
    if options.question:
        fields["query_text"] = options.question
    with connected(options.url) as client:
        score = client.rag(**fields)
    return _said(score, options, _claim_lines(score.claims))


def _check_code(arguments: list[str]) -> int:
    parser = parser_of("check-code", "Does code call what exists in the files it was written for, and in its language?")
    parser.add_argument("code", nargs="?", default="-", help="file with code, an edit or an answer; stdin without it")
    parser.add_argument(
        "--file", action="append", required=True, metavar="FILE", help="a file of the project; repeatable"
    )
    parser.add_argument("--language", help="the code's language where nothing says it, such as python")
    _add_outcome(parser)
    options = parser.parse_args(arguments)
    units: list[SupportUnit] = [{"text": read_text(path), "source_id": name} for path, name in _named(options.file)]
    fields: CodeFields = {"response_text": read_text(options.code), "support_units": units}
    if options.language:
        fields["response_language_hint"] = options.language
    with connected(options.url) as client:
        score = client.code(**fields)
    return _said(score, options, _symbol_lines(score))


def _named(paths: list[str]) -> list[tuple[str, str]]:
    """Each path with its name in the project: an import of ``shop`` finds ``shop.py``, not ``/home/ann/shop.py``.

    Names are relative to the working folder, or to the folder that holds all files where one lies outside.
    """
    folder, files = Path.cwd(), [Path(path).resolve() for path in paths]
    if not all(file.is_relative_to(folder) for file in files):
        folder = Path(os.path.commonpath([file.parent for file in files]))
    return [(path, file.relative_to(folder).as_posix()) for path, file in zip(paths, files, strict=True)]


def _add_outcome(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the server's whole answer")
    parser.add_argument(
        "--fail-on", choices=_FAILING, default="never", help="exit with 1 at this band (amber: also red and unknown)"
    )


def _said(score: Score, options: argparse.Namespace, lines: Iterator[str]) -> int:
    if options.as_json:
        print(json.dumps(score.raw, indent=2, ensure_ascii=False))
    else:
        value = "no score" if score.score is None else f"{score.score:.2f}"
        print(f"{score.band}  {value}  {score.reason or ''}".rstrip())
        for line in lines:
            print(line)
        for warning in score.warnings:
            print(f"warning: {warning}", file=sys.stderr)
    return EXIT_FAILURE if score.band in _FAILING[options.fail_on] else 0


def _claim_lines(claims: tuple[Claim, ...]) -> Iterator[str]:
    for claim in claims:
        found = f"  (the context: {claim.source_value['text']})" if claim.source_value else ""
        yield f"  {claim.verdict:12} {' '.join(claim.text.split())}{found}"


def _symbol_lines(score: CodeScore) -> Iterator[str]:
    for symbol in score.code_lane.symbols:
        if symbol.status in _BAD_SYMBOLS:
            yield f"  {symbol_line(symbol)}"


def symbol_line(symbol: Symbol) -> str:
    """A finding in one line: ``line 3: add_product (phantom): Cart has no add_product; did you mean add_item?``."""
    place = "" if symbol.line is None else f"line {symbol.line}: "
    reason = "" if symbol.reason is None else f": {symbol.reason}"
    hint = "" if symbol.suggestion is None else f"; did you mean {symbol.suggestion}?"
    return f"{place}{symbol.name} ({symbol.status}){reason}{hint}"


_COMMANDS: Final[dict[str, Callable[[list[str]], int]]] = {"check-answer": _check_answer, "check-code": _check_code}
