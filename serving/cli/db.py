"""``groundlane db``: look at the store's schema, and bring it up to date."""

from __future__ import annotations

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

db_app = typer.Typer(help="Check and upgrade the store's schema.", no_args_is_help=True)


@db_app.command()
def check(
    config: ConfigOption = None, profile: ProfileOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Say whether this version can use the store; exit code 1 if it cannot. Changes no table."""
    from serving.store import admin

    printer = Printer(as_json)
    with reported(printer):
        status = admin.check(configured(config, profile, settings).store_url)
    values = {"ready": status.ready, "current": status.current, "needed": status.head}
    if not status.ready:
        state = "is empty" if status.empty else f"has schema {status.current}"
        message = f"The store {state}; this version needs {status.head}. Run: groundlane db upgrade"
        raise printer.fail(EXIT_FAILURE, message, **values)
    printer.result(values, f"The store has schema {status.current}, as this version needs.")


@db_app.command()
def upgrade(
    config: ConfigOption = None, profile: ProfileOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Create the schema, or bring it to the version this server needs. Back the store up before."""
    from serving.store import admin

    printer = Printer(as_json)
    with reported(printer):
        url = configured(config, profile, settings).store_url
        before, after = admin.check(url), admin.upgrade(url)
    values = {"before": before.current, "current": after.current}
    text = (
        f"The store has schema {after.current}, as before." if before.ready else f"Upgraded to schema {after.current}."
    )
    printer.result(values, text)
