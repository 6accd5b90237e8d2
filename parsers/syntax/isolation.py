"""Parsing of hostile-sized texts in a process that can be killed.

tree-sitter's queries hold the interpreter lock and cannot be stopped: a text made to be slow would stall every request of
its process. Such texts are told by cheap signs and parsed in a child that is killed at its time cap.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from parsers.syntax.source import DEFAULT_LIMITS, ParseLimits
from parsers.syntax.types import ParseResult

__all__ = ["IsolatedParser", "is_hostile"]

_LARGE_CHARACTERS = 300_000
_LONG_LINE = re.compile(r"[^\n]{20000}")
_NESTED = re.compile(r"(?:[(\[{]\s*){60}")
_MOST_UNCLOSED = 2_000
_GRACE_S = 1.0
_START_S = 20.0
_MEMORY_BYTES = 3 << 30


def is_hostile(text: str) -> bool:
    """Whether a parse of ``text`` may take far longer than its size suggests: size, line length, nesting, open brackets."""
    if len(text) > _LARGE_CHARACTERS:
        return True
    if any(abs(text.count(left) - text.count(right)) > _MOST_UNCLOSED for left, right in ("()", "[]", "{}")):
        return True
    return _LONG_LINE.search(text) is not None or _NESTED.search(text) is not None


class IsolatedParser:
    """``parse_source`` in a child process, one text at a time. Threads may share it; the child starts on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes], Connection], IsolatedParser] | None = None

    def parse(
        self, text: str, language: str, path: str | None = None, limits: ParseLimits = DEFAULT_LIMITS
    ) -> ParseResult:
        """As ``parse_source``. Never later by the wall clock than the deadline plus a second: then the child is killed."""
        empty = ParseResult(language, path, (), (), ())
        with self._lock:
            try:
                connection = self._ready()
                connection.send((text, language, path, limits))
                if not connection.poll(limits.deadline_s + _GRACE_S):
                    self._kill()
                    return replace(
                        empty,
                        truncated_reason=f"parsing took more than {limits.deadline_s} s and was stopped",
                        timed_out=True,
                    )
                answer = connection.recv()
            except TimeoutError as error:
                return replace(empty, truncated_reason=str(error), timed_out=True)
            except (OSError, EOFError):
                self._kill()
                return replace(empty, truncated_reason="the parser ended before it was done (out of memory?)")
        return answer if isinstance(answer, ParseResult) else replace(empty, truncated_reason=str(answer))

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._kill()

    def _ready(self) -> Connection:
        if self._child is not None and self._connection is not None and self._child.poll() is None:
            return self._connection
        self._kill()
        ours, theirs = socket.socketpair()
        with theirs:
            root = str(Path(__file__).parents[2])
            known = os.environ.get("PYTHONPATH")
            self._child = subprocess.Popen(
                [sys.executable, "-m", "parsers.syntax.isolation", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root},
            )
        self._connection = Connection(ours.detach())
        self._end = weakref.finalize(self, _end, self._child, self._connection)
        if not self._connection.poll(_START_S):
            raise TimeoutError(f"the parser process did not start within {_START_S:g} s")
        self._connection.recv()
        return self._connection

    def _kill(self) -> None:
        if self._end is not None:
            self._end()
        self._child = self._connection = self._end = None


def _end(child: subprocess.Popen[bytes], connection: Connection) -> None:
    connection.close()
    child.kill()
    child.wait()


def _serve(descriptor: int) -> None:
    """The child: parse what comes until the parent is gone."""
    import resource

    from parsers.syntax.symbols import parse_source

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    connection = Connection(descriptor)
    connection.send("ready")
    while True:
        try:
            text, language, path, limits = connection.recv()
        except (EOFError, OSError):
            return
        try:
            connection.send(parse_source(text, language, path, limits))
        except (MemoryError, RecursionError) as error:
            connection.send(f"the code could not be read: {type(error).__name__}")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
