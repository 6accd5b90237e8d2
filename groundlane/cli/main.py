"""The command ``groundlane``. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unusable configuration.

The commands of the client are small and start at once; those of the server are handed to ``serving.cli.main``, whose
packages come with ``groundlane[server]``. Neither half is imported before one of its commands is called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from groundlane.cli.commands import CLIENT, SERVER, SERVER_MODULES

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command; its exit code."""
    name = arguments[0] if arguments else ""
    if name in CLIENT:
        code: int = import_module(CLIENT[name].module).run(arguments)
        return code
    if name in ("--help", "-h", "help"):
        print(help_text())
        return 0
    if not name:
        print(help_text(), file=sys.stderr)
        return EXIT_USAGE
    if name == "--version":
        from importlib.metadata import version

        print(version("groundlane"))
        return 0
    return _run_on_server_side(name, arguments)


def help_text() -> str:
    """All commands, by what they need."""
    width = max(map(len, [*CLIENT, *SERVER])) + 2
    lines = [
        "Usage: groundlane COMMAND [OPTIONS]",
        "",
        "Score what language models say and write, on your own machines.",
    ]
    lines += ["", "With a running server (GROUNDLANE_URL, GROUNDLANE_API_KEY):"]
    lines += [f"  {name:{width}}{command.help}" for name, command in CLIENT.items()]
    lines += ["", "On the server's machine; they need: pip install 'groundlane[server]'"]
    lines += [f"  {name:{width}}{text}" for name, text in SERVER.items()]
    lines += ["", "  groundlane COMMAND --help says more about one; --version prints the version."]
    lines += ["", "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unusable configuration."]
    return "\n".join(lines)


def _run_on_server_side(name: str, arguments: list[str]) -> int:
    missing = [module for module in SERVER_MODULES if not _is_there(module)]
    if missing:
        if name not in SERVER:
            print(f"error: there is no command {name!r}{_nearest(name)}; see groundlane --help", file=sys.stderr)
            return EXIT_USAGE
        print(
            f"error: groundlane {name} needs groundlane[server] ({', '.join(missing[:3])}"
            f"{' and more' if len(missing) > 3 else ''} {'is' if len(missing) == 1 else 'are'} missing). "
            "Install it: pip install 'groundlane[server]'",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    # By name: the client must not depend on the server, and import-linter holds it to that.
    import_module("serving.cli.main").app(arguments, prog_name="groundlane")
    return 0  # Typer exits by itself


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of ``package.module``, where the package is missing
        return False


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*CLIENT, *SERVER], 1)
    return f"; did you mean {near[0]}?" if near else ""
