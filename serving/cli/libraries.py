"""``groundlane index-library`` and ``groundlane libraries``: third-party packages whose calls the code lane judges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from serving.libraries.indexing import index_path
from serving.libraries.store import IndexedPackage, LibraryStore, PackageExistsError

__all__ = ["index_library", "libraries_app"]

libraries_app = typer.Typer(help="List and remove the packages that index-library has indexed.", no_args_is_help=True)
_COLUMNS = ("family", "name", "version", "modules", "bytes", "origin", "indexed_at")
_FOLDER = "libraries"


def index_library(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Wheels, sdists, npm tarballs, *.dist-info folders, folders with a package.json, or a whole "
            "site-packages or node_modules.",
            metavar="PATH...",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the package, for a folder of plain sources.")] = None,
    version: Annotated[str | None, typer.Option(help="Its version, for a folder of plain sources.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Read versions again that are indexed already.")] = False,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index third-party packages once, so that the code lane judges calls into them. Nothing of them is run.

    A running server uses them from its next request on. Exit code 1 if a package was refused; the others are indexed.
    """
    printer = Printer(as_json)
    with reported(printer):
        store = LibraryStore(configured(config, profile, settings).data_dir / _FOLDER)
        rows: list[IndexedPackage] = []
        refused = 0
        for path in paths:
            for found in index_path(path, store, name, version, replace):
                if isinstance(found, IndexedPackage):
                    rows.append(found)
                    printer.note(f"{found.label}: {found.modules} modules, {found.bytes:,} bytes", package=found.label)
                    for warning in found.warnings:
                        printer.note(f"  {warning}", package=found.label)
                else:
                    refused += not isinstance(found, PackageExistsError)
                    printer.note(str(found), skipped=isinstance(found, PackageExistsError))
        printer.table([row.public() for row in rows], _COLUMNS, "Nothing new was indexed.")
        if refused:
            raise typer.Exit(EXIT_FAILURE)


@libraries_app.command(name="list")
def list_libraries(
    config: ConfigOption = None, profile: ProfileOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """List the indexed packages; of several versions the first is used unless a request names another."""
    printer = Printer(as_json)
    with reported(printer):
        store = LibraryStore(configured(config, profile, settings).data_dir / _FOLDER)
        rows = [row.public() for row in store.packages()]
        printer.table(rows, _COLUMNS, f"No packages in {store.folder}. Index some: groundlane index-library PATH...")


@libraries_app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of the package, such as httpx or @scope/name.")],
    version: Annotated[str | None, typer.Argument(help="One version; all of them without it.")] = None,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a package. A running server stops judging calls into it with its next request."""
    printer = Printer(as_json)
    with reported(printer):
        store = LibraryStore(configured(config, profile, settings).data_dir / _FOLDER)
        gone = store.remove(name, version)
        if not gone:
            there = ", ".join(row.label for row in store.packages() if row.name == name) or "no version of it"
            raise printer.fail(EXIT_FAILURE, f"{name} {version or ''} is not indexed; indexed is {there}")
        labels = ", ".join(row.label for row in gone)
        printer.result([row.public() for row in gone], f"Removed {labels}.")
