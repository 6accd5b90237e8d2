"""Indexed packages in the data folder: ``libraries/<family>/<name>/<version>.zip`` and a catalog of them.

A package is a zip of JSON: ``index.json``, ``members.json`` and one file for each source. Nothing in it is ever run. Several
processes may read while one writes: files appear whole, by renaming, and the catalog says which count.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from parsers.project.libraries.package import MemberTable, PackageIndex

__all__ = ["IndexedPackage", "LibraryStore", "PackageExistsError", "StoredPackage", "written_package"]

_VERSION_PART = re.compile(r"\d+|[a-z]+")
_FORMAT = 1
_FILE_BYTES = 64_000_000
_MOST_BYTES = 4_000_000_000


class PackageExistsError(Exception):
    """This version of the package is indexed already."""


@dataclass(frozen=True)
class IndexedPackage:
    """A row of the catalog. ``roots``: the first parts of the names that it is imported by. ``bytes``: its size on disk."""

    family: str
    name: str
    version: str
    roots: tuple[str, ...]
    modules: int
    files: int
    bytes: int
    origin: str
    digest: str
    indexed_at: str
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """``httpx 0.27.2``."""
        return f"{self.name} {self.version}"

    @property
    def file(self) -> str:
        """Where it lies below the store's folder."""
        return f"{self.family}/{self.name.replace('/', '+')}/{self.version}.zip"

    def public(self) -> dict[str, Any]:
        """As the command line shows it."""
        return asdict(self)


class StoredPackage:
    """Implements :class:`parsers.project.libraries.PackageContents` on a file of the store. Threads may share it."""

    def __init__(self, path: Path, package: IndexedPackage) -> None:
        self.label, self.roots = package.label, package.roots
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        self._lock = threading.Lock()

    def index(self) -> PackageIndex:
        """What is known of the package at once. Raises ValueError for a file of another format."""
        record = self._json("index.json")
        if record.pop("format", None) != _FORMAT:
            raise ValueError(f"{self._path} was written by another version; index the package again")
        return PackageIndex(
            family=record["family"],
            name=record["name"],
            version=record["version"],
            roots=tuple(record["roots"]),
            modules={key: tuple(numbers) for key, numbers in record["modules"].items()},
            unread=record["unread"],
            namespaces=tuple(record["namespaces"]),
            entries=record["entries"],
            whole=record["whole"],
            opened={int(number): tuple(paths) for number, paths in record["opened"].items()},
        )

    def file(self, number: int) -> bytes:
        """One parsed file."""
        return self._read(f"files/{number}.json")

    def members(self) -> MemberTable:
        """The table of its members."""
        record = self._json("members.json")
        holders = {name: tuple(keys) for name, keys in record["holders"].items()}
        return MemberTable(holders, frozenset(record["stored"]), frozenset(record["names"]))

    def _json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._read(name))
        return found

    def _read(self, name: str) -> bytes:
        try:
            with self._lock:
                self._archive = self._archive or zipfile.ZipFile(self._path)
                with self._archive.open(name) as file:
                    body = file.read(_FILE_BYTES + 1)
        except (zipfile.BadZipFile, KeyError, zlib.error) as error:
            raise ValueError(f"{name} of {self._path} cannot be read: {error}") from None
        if len(body) > _FILE_BYTES:
            raise ValueError(f"{name} of {self._path} is larger than any that is written")
        return body


def written_package(index: PackageIndex, members: MemberTable, files: Sequence[bytes], target: Path) -> None:
    """Write a package where :class:`StoredPackage` reads it."""
    plain = {**asdict(index), "modules": dict(index.modules), "opened": {str(k): v for k, v in index.opened.items()}}
    table = {
        "holders": dict(members.holders),
        "stored": sorted(members.stored),
        "names": sorted(members.names),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("index.json", orjson.dumps({"format": _FORMAT, **plain}))
        archive.writestr("members.json", orjson.dumps(table))
        for number, body in enumerate(files):
            archive.writestr(f"files/{number}.json", body)


class LibraryStore:
    """The indexed packages of one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp: tuple[int, int, int] | None = None
        self._rows: tuple[IndexedPackage, ...] = ()
        self._lock = threading.Lock()

    @property
    def _catalog(self) -> Path:
        return self.folder / "catalog.json"

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes with every package that is added or removed; None while there is none."""
        try:
            status = self._catalog.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def packages(self) -> tuple[IndexedPackage, ...]:
        """All packages, by name, the newest version of each first. One ``stat`` unless something changed.

        Raises ValueError for a catalog that this version cannot read.
        """
        stamp = self.stamp()
        with self._lock:
            if stamp != self._stamp:
                self._rows = self._read() if stamp is not None else ()
                self._stamp = stamp
            return self._rows

    def _read(self) -> tuple[IndexedPackage, ...]:
        record = orjson.loads(self._catalog.read_bytes())
        if record.get("format") != _FORMAT:
            raise ValueError(f"{self._catalog} was written by another version; remove it and index the packages again")
        rows = [
            IndexedPackage(**{**row, "roots": tuple(row["roots"]), "warnings": tuple(row["warnings"])})
            for row in record["packages"]
        ]
        rows.sort(key=lambda row: version_key(row.version), reverse=True)
        return tuple(sorted(rows, key=lambda row: (row.family, row.name.lower())))

    def open(self, package: IndexedPackage) -> StoredPackage:
        """The contents of a package, read when they are asked for."""
        return StoredPackage(self.folder / package.file, package)

    def add(
        self, package: IndexedPackage, index: PackageIndex, members: MemberTable, files: Sequence[bytes], replace: bool
    ) -> IndexedPackage:
        """Write a package and list it; returns it with its size.

        Raises PackageExistsError for a version that is there, unless ``replace``; ValueError when the store would grow past
        its limit of 4 GB.
        """
        with self._locked():
            known = self.packages()
            same = [row for row in known if row.file == package.file]
            if same and not replace:
                raise PackageExistsError(f"{package.label} is indexed already; --replace reads it again")
            target = self.folder / package.file
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
            os.close(descriptor)
            try:
                written_package(index, members, files, Path(temporary))
                size = Path(temporary).stat().st_size
                if sum(row.bytes for row in known) + size > _MOST_BYTES:
                    raise ValueError(
                        f"the indexed packages would take more than {_MOST_BYTES:,} bytes; remove some first"
                    )
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            row = IndexedPackage(**{**vars_of(package), "bytes": size})
            self._write([*(other for other in known if other.file != package.file), row])
        return row

    def remove(self, name: str, version: str | None = None) -> tuple[IndexedPackage, ...]:
        """Forget a version of a package, or all; returns what was removed, nothing when there is none such."""
        with self._locked():
            known = self.packages()
            gone = tuple(
                row for row in known if same_name(row.name, name) and (version is None or row.version == version)
            )
            if gone:
                self._write([row for row in known if row not in gone])
            for row in gone:
                (self.folder / row.file).unlink(missing_ok=True)
        return gone

    def _write(self, rows: Sequence[IndexedPackage]) -> None:
        body = orjson.dumps({"format": _FORMAT, "packages": [asdict(row) for row in rows]}, option=orjson.OPT_INDENT_2)
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".catalog-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(self._catalog)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "catalog.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def vars_of(package: IndexedPackage) -> dict[str, Any]:
    """The fields of a row, not copied."""
    return {name: getattr(package, name) for name in package.__dataclass_fields__}


def same_name(first: str, second: str) -> bool:
    """Whether two names mean one package: of PyPI, ``Typing_Extensions`` is ``typing-extensions``."""
    return _plain(first) == _plain(second)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-") if name.startswith("@") else name.lower().replace("_", "-").replace(".", "-")


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Orders versions of PyPI and npm: ``1.0rc1`` < ``1.0`` < ``1.0.post1`` < ``1.0.1``; what is after ``+`` does not count."""
    parts = _VERSION_PART.findall(version.lower().partition("+")[0])
    key = [(3, int(part), "") if part.isdigit() else (2 if part == "post" else 0, 0, part) for part in parts]
    return (*key, (1, 0, ""))
