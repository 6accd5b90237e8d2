"""``groundlane keys``: create, list and revoke API keys. A running server notices at its next request."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.auth.keys import KeyFile
from serving.cli.common import (
    EXIT_FAILURE,
    EXIT_USAGE,
    ConfigOption,
    JsonOption,
    Printer,
    ProfileOption,
    SetOption,
    configured,
    reported,
)

keys_app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
_COLUMNS = ("key_id", "tenant", "name", "created_at", "revoked_at", "requests_per_minute")


@keys_app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Whose data the key may see: 1 to 64 of A-Z a-z 0-9 _ . -")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "default",
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Rate of its own.")] = None,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it once; only its digest is kept."""
    printer = Printer(as_json)
    with reported(printer):
        keys = KeyFile(configured(config, profile, settings).keys_path)
        try:
            record, key = keys.create(tenant, name, requests_per_minute)
        except ValueError as error:
            raise printer.fail(EXIT_USAGE, str(error)) from None
        printer.note(f"Key {record.key_id} of tenant {tenant} is in {keys.path}. It is shown once:")
        printer.result({**record.public(), "key": key}, key)


@keys_app.command(name="list")
def list_keys(
    config: ConfigOption = None, profile: ProfileOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """List the keys, without their secrets."""
    printer = Printer(as_json)
    with reported(printer):
        keys = KeyFile(configured(config, profile, settings).keys_path)
        rows = [record.public() for record in keys.read()]
        printer.table(rows, _COLUMNS, f"No keys in {keys.path}. Create one: groundlane keys create --tenant NAME")


@keys_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The 12 digits that 'keys list' shows.")],
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key invalid."""
    printer = Printer(as_json)
    with reported(printer):
        keys = KeyFile(configured(config, profile, settings).keys_path)
        try:
            record = keys.revoke(key_id)
        except KeyError:
            raise printer.fail(
                EXIT_FAILURE, f"no key {key_id!r} in {keys.path}; 'groundlane keys list' shows them"
            ) from None
        printer.result(record.public(), f"Key {key_id} of tenant {record.tenant} is revoked since {record.revoked_at}.")
