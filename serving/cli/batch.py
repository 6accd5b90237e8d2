"""The command ``groundlane batch``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.common import (
    EXIT_FAILURE,
    ConfigOption,
    JsonOption,
    Printer,
    ProfileOption,
    SetOption,
    configured,
    reported,
)

if TYPE_CHECKING:
    from serving.batch.run import Progress

_LINE_EVERY_S = 10.0
_NEEDS = ("pyarrow", "pandas")


def batch(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="JSON lines or Parquet: a file, or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results; give it again to resume.")],
    lane: Annotated[str, typer.Option(help="rag, code or rollup.")] = "rag",
    workers: Annotated[int | None, typer.Option(min=1, help="One for each GPU, else for each CPU, without it.")] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to use; RAY_ADDRESS or this machine without it.")
    ] = None,
    part_rows: Annotated[int, typer.Option(min=1, help="Rows after which a part is committed.")] = 2_000,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score JSON lines or Parquet on all GPUs or CPUs of a Ray cluster. Run it again to resume after a kill."""
    printer = Printer(as_json)
    with reported(printer):
        missing = [name for name in _NEEDS if find_spec(name) is None]
        if missing:
            needed = ", ".join(missing)
            raise printer.fail(EXIT_FAILURE, f"batch needs {needed}; install it with: pip install 'groundlane[batch]'")
        chosen = configured(config, profile, settings)
        from serving.batch.run import BatchOptions, run_batch

        options = BatchOptions(source, output, lane, workers, address, part_rows)
        try:
            with _progress(quiet=as_json) as report:
                summary = run_batch(options, chosen, report)
        except KeyboardInterrupt:
            raise printer.fail(EXIT_FAILURE, "interrupted; the same command goes on from the last part") from None
        printer.result(summary, _text(summary, output))
        if summary["failed"]:
            raise typer.Exit(EXIT_FAILURE)


def _text(summary: dict[str, Any], output: Path) -> str:
    bands = ", ".join(f"{name} {count}" for name, count in summary["bands"].items() if count)
    lines = [f"{summary['scored']} scored, {summary['failed']} failed; bands: {bands or 'none'}"]
    if "rows_per_s" in summary:
        resumed = f", {summary['rows_resumed']} by earlier runs" if summary["rows_resumed"] else ""
        lines.append(
            f"{summary['rows_this_run']} rows in {summary['scoring_s']:.1f} s on {summary['workers']} workers: "
            f"{summary['rows_per_s']:.1f} rows/s{resumed}"
        )
    return "\n".join([*lines, f"{output}/summary.json, bands.svg, scores.svg, part-*.jsonl"])


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar where a person watches stderr, else a line every ten seconds; nothing when ``quiet``."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Scoring", total=None, rate="")
        yield lambda at: bar.update(task, total=at.total, completed=at.committed, rate=_rate(at))


def _lines() -> Callable[[Progress], None]:
    last_s = time.monotonic()

    def report(at: Progress) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= _LINE_EVERY_S or at.committed == at.total:
            last_s = time.monotonic()
            typer.echo(f"{at.committed} of {at.total} rows {_rate(at)}".rstrip(), err=True)

    return report


def _rate(at: Progress) -> str:
    return "" if at.rows_per_s is None else f"{at.rows_per_s:.1f} rows/s"
