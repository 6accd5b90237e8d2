"""What the client's commands share: the option for the address, how they read files, how they fail."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundlane.address import KEY_VARIABLE, URL_VARIABLE, server_url

if TYPE_CHECKING:
    from groundlane.sync import Groundlane

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2


class CommandError(Exception):
    """Something that a user can correct; ends the command with ``code``."""

    def __init__(self, message: str, code: int = EXIT_FAILURE) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    """A parser with the option ``--url`` that every command of the client has."""
    parser = argparse.ArgumentParser(
        f"groundlane {name}",
        description=description,
        epilog=f"The server's key is read from {KEY_VARIABLE}; a server on loopback without keys needs none.",
        allow_abbrev=False,
    )
    parser.add_argument("--url", help=f"the server; {URL_VARIABLE} or http://127.0.0.1:8000 without it")
    return parser


@contextmanager
def connected(url: str | None) -> Iterator[Groundlane]:
    """A client; its errors become a CommandError that says what to do. Tries twice: a person waits."""
    from groundlane.errors import ConnectionFailedError, GroundlaneError, UnauthorizedError
    from groundlane.retries import RetryPolicy
    from groundlane.sync import Groundlane

    address = server_url(url)
    try:
        with Groundlane(base_url=address, retry=RetryPolicy(attempts=2, first_wait_s=0.2)) as client:
            yield client
    except ConnectionFailedError as error:
        raise CommandError(f"{error}. {nobody_there(address)}") from None
    except UnauthorizedError as error:
        raise CommandError(f"{error} Put the key into {KEY_VARIABLE}.") from None
    except GroundlaneError as error:
        raise CommandError(str(error)) from None


def nobody_there(address: str) -> str:
    """What to do where no server answers."""
    return (
        f"Is a server running at {address}? Start one with: groundlane serve (pip install 'groundlane[server]'), "
        f"or name yours with --url or {URL_VARIABLE}."
    )


def read_text(path: str) -> str:
    """A file's text, ``-`` is stdin. Raises CommandError where it cannot be read or is not UTF-8."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not UTF-8 at byte {error.start}; convert it first") from None


@contextmanager
def reported() -> Iterator[None]:
    """Turn a CommandError into one line on stderr and its exit code."""
    try:
        yield
    except CommandError as failure:
        print(f"error: {failure.message}", file=sys.stderr)
        raise SystemExit(failure.code) from None
