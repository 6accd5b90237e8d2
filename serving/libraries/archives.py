"""The files of a wheel, sdist, npm tarball or folder, read in memory. Nothing is extracted, nothing is run.

An archive is refused as a whole for a path that leaves it, a link or a device in it, and for sizes past the limits, whatever
its headers claim: bytes are counted as they are read.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["ArchiveError", "ArchiveLimits", "SourceFile", "read_archive", "read_folder"]

_READ_BYTES = 1 << 20
_ZIP_SUFFIXES = (".whl", ".zip")
_TAR_SUFFIXES = (".tgz", ".tar.gz", ".crate")


class ArchiveError(Exception):
    """Why an archive was refused; ``str()`` is the message for the user."""


@dataclass(frozen=True)
class ArchiveLimits:
    """What one package may hold. ``ratio``: unpacked bytes for each packed one; source text seldom passes 10."""

    files: int = 20_000
    bytes: int = 400_000_000
    file_bytes: int = 8_000_000
    ratio: int = 100
    path_characters: int = 400


@dataclass(frozen=True)
class SourceFile:
    """A file of a package: its path with '/' from the package's root, and its text; '' where only its name matters."""

    path: str
    text: str


Wanted = Callable[[str], bool]
"""Whether the text of a path is to be read; of the others only the path is kept."""


def read_archive(path: Path, wanted: Wanted, limits: ArchiveLimits | None = None) -> list[SourceFile]:
    """The files of an archive. Raises ArchiveError for what is refused or no archive at all."""
    limits = limits or ArchiveLimits()
    name = path.name.lower()
    try:
        if name.endswith(_ZIP_SUFFIXES):
            return list(_checked(_read_zip(path, wanted, limits), limits))
        if name.endswith(_TAR_SUFFIXES):
            return list(_checked(_read_tar(path, wanted, limits), limits))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"{path.name} cannot be read: {error}") from None
    known = ", ".join((*_ZIP_SUFFIXES, *_TAR_SUFFIXES))
    raise ArchiveError(f"{path.name} is no archive that can be read ({known})")


def read_folder(root: Path, wanted: Wanted, limits: ArchiveLimits | None = None) -> list[SourceFile]:
    """The files below a folder. Links are not followed: what they lead to is left out."""
    limits = limits or ArchiveLimits()
    return list(_checked(_walk(root, wanted, limits), limits))


def _walk(root: Path, wanted: Wanted, limits: ArchiveLimits) -> Iterator[tuple[str, bytes | None]]:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(
            name for name in folders if name not in {"__pycache__", "node_modules", ".git"} and not name.startswith(".")
        )
        for name in sorted(names):
            file = Path(folder) / name
            if not stat.S_ISREG(file.lstat().st_mode):
                continue
            path = file.relative_to(root).as_posix()
            if not wanted(path):
                yield path, None
                continue
            if file.stat().st_size > limits.file_bytes:
                raise ArchiveError(f"{path} has more than {limits.file_bytes:,} bytes")
            yield path, file.read_bytes()


def _read_zip(path: Path, wanted: Wanted, limits: ArchiveLimits) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > limits.files:
            raise ArchiveError(f"{path.name} has more than {limits.files:,} files")
        packed = max(path.stat().st_size, 1)
        for info in infos:
            if info.is_dir():
                _safe(info.filename.rstrip("/"), limits)
                continue
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                raise ArchiveError(f"{info.filename} is a link or a device")
            if info.flag_bits & 1:
                raise ArchiveError(f"{info.filename} is encrypted")
            if not wanted(info.filename):
                yield info.filename, None
                continue
            if info.file_size > limits.file_bytes or info.file_size > limits.ratio * packed:
                raise ArchiveError(f"{info.filename} unpacks to {info.file_size:,} bytes: more than is allowed")
            with archive.open(info) as file:
                body = file.read(limits.file_bytes + 1)
            if len(body) > limits.file_bytes:
                raise ArchiveError(f"{info.filename} unpacks to more than {limits.file_bytes:,} bytes")
            yield info.filename, body


class _Counted(io.RawIOBase):
    """A gzip stream that ends with an error once it has given more bytes than an archive may unpack to."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self._file = path.open("rb")
        self._unpack = zlib.decompressobj(wbits=31)
        self._left = min(limits.bytes, limits.ratio * max(path.stat().st_size, 10_000))
        self._name = path.name

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """The next bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while True:
            body = self._unpack.decompress(self._unpack.unconsumed_tail or self._file.read(_READ_BYTES), len(view))
            if body:
                break
            if self._unpack.eof:
                return 0
            if not self._unpack.unconsumed_tail and self._at_end():
                raise EOFError("it ends early")
        self._left -= len(body)
        if self._left < 0:
            raise ArchiveError(f"{self._name} unpacks to more than is allowed: it looks like a bomb")
        view[: len(body)] = body
        return len(body)

    def _at_end(self) -> bool:
        more = self._file.peek(1)
        return not more

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


def _read_tar(path: Path, wanted: Wanted, limits: ArchiveLimits) -> Iterator[tuple[str, bytes | None]]:
    with _Counted(path, limits) as stream, tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as archive:
        for count, info in enumerate(archive):
            if count >= limits.files:
                raise ArchiveError(f"{path.name} has more than {limits.files:,} files")
            if info.isdir():
                _safe(info.name.rstrip("/"), limits)
                continue
            if not info.isreg():
                raise ArchiveError(f"{info.name} is a link or a device")
            if not wanted(info.name):
                yield info.name, None
                continue
            if info.size > limits.file_bytes:
                raise ArchiveError(f"{info.name} unpacks to {info.size:,} bytes: more than is allowed")
            file = archive.extractfile(info)
            yield info.name, b"" if file is None else file.read()


def _checked(found: Iterator[tuple[str, bytes | None]], limits: ArchiveLimits) -> Iterator[SourceFile]:
    total = 0
    for count, (path, body) in enumerate(found):
        _safe(path, limits)
        total += len(body or b"")
        if count >= limits.files:
            raise ArchiveError(f"it has more than {limits.files:,} files")
        if total > limits.bytes:
            raise ArchiveError(f"its sources have more than {limits.bytes:,} bytes")
        yield SourceFile(path, "" if body is None else body.decode("utf-8", "replace").removeprefix("\ufeff"))


def _safe(path: str, limits: ArchiveLimits) -> None:
    """Refuse paths that leave the archive: ``../x``, ``/etc/x``, ``C:\\x``."""
    parts = PurePosixPath(path).parts
    odd = "\\" in path or "\0" in path or (len(path) > 1 and path[1] == ":")
    if not parts or path.startswith("/") or ".." in parts or odd:
        raise ArchiveError(f"the path {path[:100]!r} leaves the archive")
    if len(path) > limits.path_characters:
        raise ArchiveError(f"a path of {len(path)} characters is longer than {limits.path_characters}")
