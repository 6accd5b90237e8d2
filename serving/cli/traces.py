"""``groundlane traces``: calls of applications into the store, from files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from serving.auth.keys import ANONYMOUS_TENANT
from serving.cli.common import ConfigOption, JsonOption, Printer, ProfileOption, SetOption, configured, reported
from serving.config.load import Config

traces_app = typer.Typer(help="Bring calls of your applications into the store.", no_args_is_help=True)
_LINES: Final = 200
"""Lines in one transaction."""


@traces_app.command(name="import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: one call, or one trace with its spans, a line.", exists=True)
    ],
    tenant: Annotated[str, typer.Option(help="Whose traces these are.")] = ANONYMOUS_TENANT,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read calls as `POST /api/v1/traces` takes them, a line each. A repeated import changes nothing where calls have ids."""
    printer = Printer(as_json)
    with reported(printer):
        chosen = configured(config, profile, settings)
        new, duplicates = asyncio.run(_import(chosen, tenant, file))
    values = {"accepted": new, "duplicates": duplicates}
    printer.result(values, f"{new} calls imported, {duplicates} were there before.")


async def _import(config: Config, tenant: str, file: Path) -> tuple[int, int]:
    from serving.store.store import Store
    from serving.traces.ingest import TraceIngest

    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = Store.open(config.store_url)
    ingest = TraceIngest(store, config.traces, config.limits.body_bytes)
    new = duplicates = 0
    try:
        for lines in _groups(file):
            accepted = await ingest.plain(tenant, b"[" + b",".join(lines) + b"]", None)
            new, duplicates = new + accepted.new, duplicates + accepted.duplicates
    finally:
        ingest.close()
        store.close()
    return new, duplicates


def _groups(file: Path) -> Iterator[list[bytes]]:
    """The lines that are not blank, some at a time."""
    group: list[bytes] = []
    with file.open("rb") as source:
        for line in source:
            if line.strip():
                group.append(line.strip())
            if len(group) == _LINES:
                yield group
                group = []
    if group:
        yield group
