"""The synchronous client, made from the asynchronous one: ``python -m tests.groundlane.sync_client`` writes it.

``async`` and ``await`` go, names lose what made them asynchronous, and a few words of docstrings change. What really differs (a
task that reads a WebSocket here, a call with a timeout there) stands in modules of their own, written twice.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAIRS: Final = {
    "groundlane/asynchronous.py": "groundlane/sync.py",
    "groundlane/async_stream.py": "groundlane/sync_stream.py",
}
_NAMES: Final = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "async_stream": "sync_stream",
    "async_verdicts": "sync_verdicts",
    "asynccontextmanager": "contextmanager",
    "asynchronous": "sync",
}
"""Names that do not merely begin with ``Async``."""
_WORDS: Final = {
    "The asynchronous client.": "The synchronous client.",
    "for asynchronous code": "for synchronous code",
    "A client of one server; for one event loop.": "A client of one server; safe to share between threads.",
    "One answer, for one event loop.": "One answer; it is not to be shared between threads.",
    "in an ``async with`` block": "in a ``with`` block",
    "for ``async with``": "for ``with``",
    "import asyncio\n": "",
    "asyncio.sleep": "time.sleep",
}
"""Text that reads otherwise in the synchronous client; each must occur somewhere, or the table is out of date."""
_MADE: Final = re.compile(r":mod:`groundlane\.\w+` is made from this file; (``python -m [\w.]+``) writes it\.")
_AWAITABLE: Final = re.compile(r"\bAwaitable\[(\w+)\]")
_FIXES: Final = "I001,F401"
"""What ruff mends behind the translation: the order of imports, and imports that are not needed now."""


def translated(source: str, name: str) -> str:
    """The synchronous text of an asynchronous module; ``name`` is its file's."""
    for old, new in _WORDS.items():
        source = source.replace(old, new)
    source = _AWAITABLE.sub(r"\1", source)
    source = _MADE.sub(rf"Made from ``{name}`` by \1: change that one.", source)
    return _mended(_without_async(source))


def _without_async(source: str) -> str:
    lines = source.splitlines(keepends=True)
    edits: list[tuple[int, int, int, str]] = []
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, following in pairwise(tokens):
        if token.type != tokenize.NAME:
            continue
        row, start = token.start
        if token.string in ("async", "await"):
            edits.append((row, start, following.start[1], ""))
        elif token.string.startswith("Async"):
            edits.append((row, start, token.end[1], token.string.removeprefix("Async")))
        elif token.string in _NAMES:
            edits.append((row, start, token.end[1], _NAMES[token.string]))
    for row, start, end, text in reversed(edits):
        line = lines[row - 1]
        lines[row - 1] = line[:start] + text + line[end:]
    return "".join(lines)


def _mended(source: str) -> str:
    ruff = [str(Path(sys.executable).parent / "ruff")]
    name = ["--stdin-filename", str(ROOT / "groundlane" / "sync.py"), "-"]
    fixed = _run([*ruff, "check", "--quiet", "--fix-only", "--select", _FIXES, *name], source)
    return _run([*ruff, "format", "--quiet", *name], fixed)


def _run(command: list[str], text: str) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def main() -> None:
    """Write the synchronous modules."""
    for source, target in PAIRS.items():
        path = ROOT / source
        (ROOT / target).write_text(translated(path.read_text(encoding="utf-8"), path.name), encoding="utf-8")


if __name__ == "__main__":
    main()
