"""``groundlane evaluate FILE``: read, score, count, write the report."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from groundlane.address import URL_VARIABLE, server_url
from groundlane.cli.common import EXIT_FAILURE, EXIT_USAGE, CommandError, parser_of, reported

if TYPE_CHECKING:
    from groundlane.evaluate.reading.columns import Columns
    from groundlane.evaluate.rows import BadRow, Row
    from groundlane.evaluate.scoring import InProcess, Server
    from groundlane.evaluate.summary import Summary

_LINE_EVERY_S: Final = 10.0
_ROLES: Final = ("question", "context", "answer")


@dataclass(frozen=True)
class Input:
    """What was read."""

    columns: Columns
    rows: Sequence[Row]
    bad: Sequence[BadRow]
    of: int
    label_hint: str | None
    labels: str | None


def run(arguments: list[str]) -> int:
    """Run it; the exit code: 0 done, 1 a limit is passed or rows are bad, 2 wrong usage, 3 unusable configuration."""
    with reported():
        options = _parser().parse_args(arguments[1:])
        found = _read(options)
        for line in _said_of(found):
            print(line, file=sys.stderr)
        folder = options.output or Path(f"{_stem(options.file)}-evaluation")
        scorer = _scorer(options)
        summary = _score(options, found, folder, scorer)
        document = _write(options, found, summary, folder, scorer)
        print(json.dumps(document, indent=2, ensure_ascii=False) if options.as_json else _text(summary, folder))
        reasons = list(_failing(options, summary))
        for reason in reasons:
            print(f"failed: {reason}", file=sys.stderr)
        return EXIT_FAILURE if reasons else 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("evaluate", "How often do the answers of a file say what their context does not?")
    parser.add_argument(
        "file", help="JSON lines, JSON, CSV, TSV (also .gz, .xz), Parquet, a Hugging Face dataset's folder; - is stdin"
    )
    for role in _ROLES:
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"the column of the {role}; guessed without it")
    parser.add_argument("--by", action="append", default=[], metavar="COLUMN", help="rates by group; repeatable")
    parser.add_argument(
        "--labels",
        metavar="COLUMN",
        help="what people found; true, 1, yes: the answer is hallucinated, in a column such as 'faithful': it is grounded",
    )
    parser.add_argument("--split", help="of a dataset's folder with several")
    parser.add_argument(
        "--rule", default="red", choices=("red", "red-or-amber", "contradicted", "unsupported"),
        help="what counts as hallucinated: by band (red without it), or by claims",
    )  # fmt: skip
    parser.add_argument("--sample", type=_count, metavar="N", help="score N rows drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; 0 without it")
    parser.add_argument("--worst", type=_count, default=20, metavar="N", help="examples in the report; 20 without it")
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FOLDER", help="NAME-evaluation without it; again: resumes"
    )
    parser.add_argument("--fresh", action="store_true", help="score everything anew")
    parser.add_argument("--fail-over", type=_share, metavar="RATE", help="exit with 1 where the rate is above, as 0.05")
    parser.add_argument("--fail-over-unknown", type=_share, metavar="SHARE", help="the same for the share of unknown")
    parser.add_argument("--max-bad", type=int, default=0, metavar="N", help="bad rows that do not fail; 0 without it")
    parser.add_argument("--concurrency", type=_count, default=4, metavar="N", help="calls at once to a server; 4")
    parser.add_argument("--config", type=Path, help="the server's configuration, for scoring in this process")
    parser.add_argument("--profile", help="the same, by profile")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print report.json instead of a summary")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give a whole number above 0")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write 0.05 or 5%")
    return value


def _stem(source: str) -> str:
    if source == "-":
        return "stdin"
    return Path(source).resolve().name.split(".")[0] or "answers"


def _read(options: argparse.Namespace) -> Input:
    from groundlane.evaluate.reading.columns import looks_like_labels
    from groundlane.evaluate.reading.files import read_records
    from groundlane.evaluate.rows import BadRow, Row, Wanted, open_rows

    wanted = Wanted({role: getattr(options, role) for role in _ROLES}, tuple(options.by), options.labels)
    columns, names, stream = open_rows(read_records(options.file, options.split), wanted)
    found = list(stream)
    rows = [row for row in found if isinstance(row, Row)]
    of = len(rows)
    if options.sample is not None and options.sample < of:
        kept = sorted(random.Random(options.seed).sample(range(of), options.sample))  # noqa: S311
        rows = [rows[place] for place in kept]
    hint = None if options.labels else looks_like_labels(names)
    return Input(columns, rows, [row for row in found if isinstance(row, BadRow)], of, hint, options.labels)


def _said_of(found: Input) -> list[str]:
    """The columns as they were understood, and how many rows are there."""
    from groundlane.evaluate.reading.columns import asks_for_grounded

    lines = [column.line() for column in found.columns.read]
    if found.labels is not None:
        meaning = "grounded" if asks_for_grounded(found.labels) else "hallucinated"
        lines.append(f"labels: column {found.labels!r}, where yes, true and 1 say {meaning}")
    if found.columns.question is None:
        lines.append("question: none; name its column with --question")
    if found.label_hint:
        lines.append(f"column {found.label_hint!r} may hold human labels: compare with --labels {found.label_hint}")
    bad = f", {len(found.bad)} bad" if found.bad else ""
    sampled = f", {len(found.rows)} drawn" if len(found.rows) < found.of else ""
    lines.append(f"{found.of} rows to score{sampled}{bad}")
    lines += [f"bad row: {row.place}: {row.problem}" for row in found.bad[:5]]
    lines += [f"bad rows: {len(found.bad) - 5} more in the report"] if len(found.bad) > 5 else []
    return lines


def _scorer(options: argparse.Namespace) -> Server | InProcess:
    from groundlane.evaluate.scoring import InProcess, Server

    if options.url or os.environ.get(URL_VARIABLE):
        if options.config or options.profile:
            raise CommandError(
                "--config and --profile are for scoring in this process; a server has its own", EXIT_USAGE
            )
        return Server(server_url(options.url), options.concurrency)
    return InProcess(options.config, options.profile)


def _score(options: argparse.Namespace, found: Input, folder: Path, scorer: Server | InProcess) -> Summary:
    from groundlane.evaluate.scoring import Kept
    from groundlane.evaluate.summary import summarize

    kept = Kept(folder, scorer.identity(), fresh=options.fresh)
    wanted = {row.key: row.request for row in found.rows if row.request is not None}
    left = [(key, request) for key, request in wanted.items() if key not in kept.outcomes]
    if len(left) < len(wanted):
        print(f"{len(wanted) - len(left)} were scored before; going on", file=sys.stderr)
    try:
        if left:
            _follow(kept.add(scorer.score(left)), len(left))
    except KeyboardInterrupt:
        raise CommandError("interrupted; the same command goes on from here") from None
    return summarize(found.rows, found.bad, kept.outcomes, options.rule, options.worst)


def _follow(counts: Any, total: int) -> None:
    """A line every ten seconds, on one line where a person is watching."""
    watched = sys.stderr.isatty()
    begun_s = last_s = time.monotonic()
    for count in counts:
        now_s = time.monotonic()
        begun_s = now_s if count == 1 else begun_s  # loading the models is not scoring
        if watched or now_s - last_s >= _LINE_EVERY_S or count == total:
            last_s = now_s
            pace = f", {(count - 1) / (now_s - begun_s):.1f} a second" if now_s - begun_s > 1.0 else ""
            text = f"{count} of {total} scored{pace}"
            print(f"\r{text}" if watched else text, end="" if watched and count < total else "\n", file=sys.stderr)


def _write(
    options: argparse.Namespace, found: Input, summary: Summary, folder: Path, scorer: Server | InProcess
) -> dict[str, Any]:
    from groundlane.evaluate.html.report import render_report

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    about = {
        "input": options.file,
        "split": options.split,
        "rows": found.of,
        "scored": len(found.rows),
        "sample_seed": options.seed if len(found.rows) < found.of else None,
        "columns": {column.role: {"name": column.name, "guessed": column.guessed} for column in found.columns.read},
        "labels": options.labels,
        "scorer": scorer.identity(),
        "groundlane": version("groundlane"),
    }
    document = {"about": about, **summary.to_json()}
    (folder / "report.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(render_report(about, summary), encoding="utf-8")
    return document


def _text(summary: Summary, folder: Path) -> str:
    from groundlane.evaluate.wording import agreement_lines, group_line, rate_lines

    lines = list(rate_lines(summary))
    for column, groups in summary.by.items():
        width = max(len(group.name) for group in groups)
        lines += ["", f"by {column}:", *(f"  {group_line(group, width)}" for group in groups)]
    if summary.agreement is not None:
        lines += ["", "against human labels:", *(f"  {line}" for line in agreement_lines(summary.agreement))]
    return "\n".join([*lines, "", f"report: {folder / 'report.html'} (and report.json, results.jsonl)"])


def _failing(options: argparse.Namespace, summary: Summary) -> list[str]:
    """Why the exit code is 1."""
    reasons = []
    overall = summary.overall.rate
    limit = options.fail_over
    if limit is not None and overall is None:
        reasons.append("no answer could be judged, so there is no rate to hold against --fail-over")
    elif limit is not None and overall is not None and overall.value > limit:
        doubt = (
            "" if overall.low > limit else "; the limit lies within the interval, so more rows could decide otherwise"
        )
        reasons.append(f"the hallucination rate {overall.value:.1%} is above {limit:.1%}{doubt}")
    unknown = options.fail_over_unknown
    if unknown is not None and summary.unknown_share > unknown:
        reasons.append(f"the share of unknown answers {summary.unknown_share:.1%} is above {unknown:.1%}")
    bad = len(summary.bad) + len(summary.failed)
    if bad > options.max_bad:
        reasons.append(f"{bad} rows could not be read or scored (--max-bad {options.max_bad}); the report names them")
    return reasons
