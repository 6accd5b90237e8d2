"""Processes that read long texts, and that are killed when the request that they read for ends before them.

Python cannot stop a thread, and one that computes holds the interpreter lock: a text that takes far longer than its size
suggests would hold up its whole process for as long. Here it ends with its request's deadline.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from serving.api.errors import ApiError, OverloadedError
from serving.lanes.text_steps import TextSteps

__all__ = ["TextWorkers"]

_START_S: Final = 60.0
_MEMORY_BYTES: Final = 4 << 30
_RELAYED: Final = (
    ApiError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a step may raise: it is raised again where the step was asked for."""
_ENDED: Final = "the process that reads long texts ended before it was done"


class _Child:
    """One process; it ends with its parent, or by :meth:`kill`."""

    def __init__(self, steps: TextSteps, niceness: int) -> None:
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            root, known = str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.lanes.text_worker", str(theirs.fileno()), str(niceness)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root},
            )
        self._connection.send(steps)
        if not self._connection.poll(_START_S):
            self.kill()
            raise TimeoutError(f"the process that reads long texts did not start within {_START_S:g} s")
        self._connection.recv()

    def call(self, step: str, given: tuple[Any, ...]) -> Any:
        """The result of a step, or its exception. Raises OSError or EOFError where the process was killed meanwhile."""
        self._connection.send((step, given))
        failed, outcome = self._connection.recv()
        if failed:
            raise outcome
        return outcome

    def kill(self) -> None:
        """End it now, whatever it does; a :meth:`call` that waits for it raises EOFError."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """As :meth:`kill`, once nobody calls any more."""
        self.kill()
        self._connection.close()


@dataclass
class _Task:
    """One call on its way. ``abandoned``: set once nobody waits for it any more."""

    child: _Child | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)


class TextWorkers:
    """At most ``most`` processes, begun when they are first needed; what comes while all are busy waits for its turn.

    One that was killed is begun again at once. ``niceness``: theirs, above this process's own.
    """

    def __init__(self, steps: TextSteps, most: int, niceness: int = 0) -> None:
        self._steps = steps
        self._niceness = niceness
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="long-texts")
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._closed = False

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that are alive."""
        with self._lock:
            return tuple(child.process.pid for child in (*self._idle, *self._busy))

    async def call(self, step: str, *given: Any) -> Any:
        """The result of a step of :class:`TextSteps`. Cancelled, as by a deadline, it kills the process that works on it.

        Raises what the step raises, OverloadedError where the process ended by itself, as by its limit of memory.
        """
        task = _Task()
        try:
            return await asyncio.wrap_future(self._threads.submit(self._run, task, step, given))
        except asyncio.CancelledError:
            with self._lock:
                task.abandoned.set()
                child = task.child
            if child is not None:
                child.process.kill()
            raise

    def close(self) -> None:
        """Kill every process."""
        with self._lock:
            self._closed = True
            children = [*self._idle, *self._busy]
        for child in children:
            child.process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in self._idle:
            child.close()
        self._idle.clear()

    def _run(self, task: _Task, step: str, given: tuple[Any, ...]) -> Any:
        child = self._begin(task)
        if child is None:
            return None
        try:
            return child.call(step, given)
        except (OSError, EOFError):
            child.close()
            raise OverloadedError(_ENDED, "Send less text, or the same again.", retry_after_s=1.0) from None
        finally:
            self._end(task, child)

    def _begin(self, task: _Task) -> _Child | None:
        """A free process, or a new one; None where nobody waits any more."""
        with self._lock:
            if task.abandoned.is_set() or self._closed:
                return None
            child = self._idle.pop() if self._idle else None
        if child is None or child.process.poll() is not None:
            child = self._started()
        with self._lock:
            self._busy.add(child)
            task.child = child
            abandoned = task.abandoned.is_set()
        if abandoned:  # meanwhile, while it started
            self._end(task, child)
            return None
        return child

    def _end(self, task: _Task, child: _Child) -> None:
        """Give ``child`` back, or another in its place where it was killed."""
        with self._lock:
            task.child = None
            self._busy.discard(child)
            closed = self._closed
        if closed:
            child.close()
            return
        if child.process.poll() is not None:
            child = self._started()
        with self._lock:
            self._idle.append(child)

    def _started(self) -> _Child:
        try:
            return _Child(self._steps, self._niceness)
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            raise OverloadedError(f"no process to read long texts: {error}", retry_after_s=1.0) from error


def _outcome(work: Callable[[], Any]) -> tuple[bool, Any]:
    """(whether it failed, result or exception). What is not named here ends the process, and the next call begins another."""
    try:
        return False, work()
    except MemoryError:
        return True, OverloadedError("reading these texts takes more memory than a process may have", retry_after_s=1.0)
    except _RELAYED as error:
        return True, error


def _serve(descriptor: int, niceness: int) -> None:
    """The child: run what comes until the parent is gone."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.nice(niceness)
    connection = Connection(descriptor)
    try:
        steps: TextSteps = connection.recv()
        connection.send("ready")
        while True:
            step, given = connection.recv()
            connection.send(_outcome(lambda: getattr(steps, step)(*given)))  # noqa: B023 - called at once
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
