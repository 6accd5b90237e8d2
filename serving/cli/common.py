"""What the commands share: their options, how they print, how they fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from models.weights import ModelLoadError
from serving.api.errors import ApiError
from serving.config.load import PROFILES, Config, ConfigError, load_config, read_config
from serving.ray.start_failure import StartError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="YAML file, plain or of Ray Serve.")]
ProfileOption = Annotated[str | None, typer.Option("--profile", help=f"Start from {', '.join(PROFILES)}.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as server.port=9000.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; errors too, on stderr.")]


@dataclass(frozen=True)
class Printer:
    """Results to stdout, everything else to stderr; as JSON or for people."""

    as_json: bool

    def result(self, value: Any, text: str) -> None:
        """The command's result: ``value`` as one JSON document, or ``text``."""
        typer.echo(json.dumps(value, indent=2) if self.as_json else text)

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
        """Rows as a JSON list, or as a table of ``columns``; ``empty`` is said when there are none."""
        if self.as_json or not rows:
            self.result(list(rows), empty)
            return
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*("-" if row[column] is None else str(row[column]) for column in columns))
        Console(soft_wrap=True).print(table)

    def note(self, text: str, **fields: Any) -> None:
        """A line about progress, on stderr."""
        typer.echo(json.dumps({"message": text, **fields}) if self.as_json else text, err=True)

    def fail(self, code: int, message: str, **fields: Any) -> typer.Exit:
        """Say what is wrong on stderr; returns the exception to raise."""
        if self.as_json:
            typer.echo(json.dumps({"error": message, **fields}), err=True)
        else:
            typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
            typer.echo(message, err=True)
        return typer.Exit(code)


@contextmanager
def reported(printer: Printer) -> Iterator[None]:
    """Turn the errors that a user can correct into one message and the documented exit code."""
    try:
        yield
    except ConfigError as error:
        raise printer.fail(EXIT_CONFIG, str(error), key=error.key, hint=error.hint) from None
    except (ModelLoadError, StartError) as error:
        raise printer.fail(EXIT_FAILURE, str(error)) from None
    except ApiError as error:
        raise printer.fail(EXIT_FAILURE, f"{error.message}. {error.hint}", error_code=error.code) from None
    except OSError as error:
        raise printer.fail(EXIT_FAILURE, f"{error.filename or 'system'}: {error.strerror or error}") from None


def configured(
    path: Path | None,
    profile: str | None,
    settings: Sequence[str] | None,
    extra: Mapping[str, Any] | None = None,
    *,
    listens: bool = False,
) -> Config:
    """The configuration from a command's options; ``listens`` refuses an open address without keys."""
    overrides: dict[str, Any] = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise ConfigError(setting, "--set takes KEY=VALUE", "Write for instance --set server.port=9000.")
        overrides[key] = None if value == "null" else value
    overrides.update({key: value for key, value in (extra or {}).items() if value is not None})
    read = load_config if listens else read_config
    return read(path, overrides, profile=profile)
