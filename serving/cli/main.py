"""The command ``groundlane``. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unusable configuration.

Typer rather than argparse: an option's type, check and help stand in one annotation, and the help is generated from
it. Neither torch nor Ray is imported before a command needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TextIO

import orjson
import typer
import yaml

from serving.auth.keys import KeyFile
from serving.cli.audit import audit_app
from serving.cli.batch import batch
from serving.cli.calibrate import calibrate
from serving.cli.cases import cases_app
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
from serving.cli.db import db_app
from serving.cli.doctor import doctor
from serving.cli.gate import gate
from serving.cli.keys import keys_app
from serving.cli.libraries import index_library, libraries_app
from serving.cli.replay import replay
from serving.cli.traces import traces_app
from serving.config.load import Config, is_loopback

app = typer.Typer(
    help="Score what language models say and write, on your own machines.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unusable configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(audit_app, name="audit")
audit_app.command()(replay)
app.add_typer(keys_app, name="keys")
app.add_typer(db_app, name="db")
app.add_typer(cases_app, name="cases")
app.add_typer(traces_app, name="traces")
app.add_typer(libraries_app, name="libraries")
app.command()(doctor)
app.command()(batch)
app.command()(calibrate)
app.command()(gate)
app.command(name="index-library")(index_library)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("groundlane"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Score what language models say and write, on your own machines."""


@app.command()
def serve(
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop as soon as everything is up.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start the server and stay up until Ctrl-C."""
    printer = Printer(as_json)
    with reported(printer):
        chosen = configured(config, profile, settings, {"server.host": host, "server.port": port}, listens=True)
        chosen.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        url = f"http://{chosen.server.host}:{chosen.server.port}"
        printer.note(f"Starting on {url}. {_who_may_call(chosen)}", url=url)
        from serving.app import run

        run(chosen, once=once)


def _who_may_call(config: Config) -> str:
    active = sum(record.revoked_at is None for record in KeyFile(config.keys_path).read())
    if config.auth.required or (config.auth.required is None and KeyFile(config.keys_path).has_keys()):
        count = f"{active} valid key{'' if active == 1 else 's'} in {config.keys_path}"
        return f"Calls need a key; {count}." + ("" if active else " Create one: groundlane keys create.")
    reach = "this machine only" if is_loopback(config.server.host) else config.server.host
    return f"No API key is configured: it listens on loopback, for {reach}, and calls need no key."


@app.command()
def score(
    requests: Annotated[Path, typer.Argument(help="JSON lines, one lane request each; '-' is stdin.", allow_dash=True)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where results go; stdout without it.")] = None,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score JSON lines in this process, without a server. A line that cannot be scored becomes an error line."""
    printer = Printer(as_json)
    with reported(printer), ExitStack() as files:
        chosen = configured(config, profile, settings)
        from serving.batch.offline import score_lines

        source: TextIO = sys.stdin
        total = None
        if str(requests) != "-":
            source = files.enter_context(requests.open(encoding="utf-8"))
            total = _count_lines(requests)
        target: TextIO = sys.stdout if output is None else files.enter_context(output.open("w", encoding="utf-8"))
        done = failed = 0
        for line in _with_progress(score_lines(_filled(source), chosen), total, quiet=as_json):
            target.write(line.rstrip("\n") + "\n")
            done += 1
            failed += orjson.loads(line).get("success") is False
        target.flush()
        printer.note(f"{done - failed} scored, {failed} failed", scored=done - failed, failed=failed)
        if failed:
            raise typer.Exit(EXIT_FAILURE)


def _filled(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if line.strip())


def _count_lines(path: Path) -> int | None:
    """Lines to expect, for the progress bar; None for a pipe, which can be read only once."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        return sum(1 for line in file if line.strip())


def _with_progress(lines: Iterable[str], total: int | None, quiet: bool) -> Iterator[str]:
    """``lines``, with a bar on stderr where a person is watching."""
    if quiet or not sys.stderr.isatty():
        yield from lines
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(lines, description="Scoring", total=total, console=Console(stderr=True))


@app.command(name="config")
def show_config(
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the Markdown reference of all settings.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the effective configuration, as YAML that --config reads again (passwords are hidden)."""
    printer = Printer(as_json)
    if reference:
        from serving.config.reference import render_reference

        typer.echo(render_reference(), nl=False)
        return
    with reported(printer):
        values = configured(config, profile, settings).to_dict(redacted=True)
        printer.result(values, yaml.safe_dump(values, sort_keys=False).rstrip())


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
