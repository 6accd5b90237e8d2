"""One version of an indexed package: what is known of it at once, and its files on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from parsers.project.augmentation import augment
from parsers.project.entities import ClassEntity, ModuleEntity
from parsers.project.file_module import FileModule
from parsers.project.import_paths import FileTable
from parsers.project.libraries.codec import decode_parse
from parsers.project.module_builder import build_module

__all__ = ["Package", "PackageContents", "PackageIndex"]


@dataclass(frozen=True)
class PackageIndex:
    """What was worked out when the package was indexed.

    ``modules``: files by module, of Python by dotted name, a stub before its source; of TypeScript by path without suffix, the
    module's own file before those that add to it.
    ``unread``: why a module may have any name (compiled, unreadable). ``roots``: the first parts of the names it is imported
    by. ``namespaces``: folders that other packages may add modules to. ``entries``: the file of each subpath that a package
    of npm exports, ``"."`` is the package itself. ``whole``: a module that is not listed does not exist.
    ``opened``: by file, classes that some code of the package adds members to by computed name.
    """

    family: str
    name: str
    version: str
    roots: tuple[str, ...]
    modules: Mapping[str, tuple[int, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    entries: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    opened: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How findings call it: ``httpx 0.27.2``."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class MemberTable:
    """Which modules have a class with a member of a name, which members are set from outside of a class, and all names."""

    holders: Mapping[str, tuple[str, ...]]
    stored: frozenset[str]
    names: frozenset[str]


class PackageContents(Protocol):
    """Where an indexed package is kept. Errors in reading it are OSError or ValueError."""

    label: str
    """``httpx 0.27.2``."""

    roots: tuple[str, ...]
    """The first parts of the names that it is imported by."""

    def index(self) -> PackageIndex:
        """What is known of the package at once."""

    def file(self, number: int) -> bytes:
        """One file as :func:`parsers.project.libraries.codec.encode_parse` wrote it."""

    def members(self) -> MemberTable:
        """The table of its members."""


class Package:
    """One version of a package as modules. Entities are made once; threads may share it."""

    def __init__(self, contents: PackageContents, register: Callable[[FileModule], None]) -> None:
        """``register`` is told of every file that becomes a module."""
        self.contents = contents
        self.index = contents.index()
        self._register = register
        self._modules: dict[str, ModuleEntity | None] = {}
        self._folders = _folders(self.index)
        self._table: MemberTable | None = None
        self._lock = threading.RLock()

    @property
    def members(self) -> MemberTable:
        """The table of its members, read on first use."""
        if self._table is None:
            try:
                self._table = self.contents.members()
            except (OSError, ValueError):
                self._table = MemberTable({}, frozenset(), frozenset())
        return self._table

    def is_folder(self, key: str) -> bool:
        """Whether modules lie below ``key`` without a module of that name."""
        return key in self._folders

    def below(self, key: str) -> Iterator[str]:
        """Last parts of the modules directly below ``key``."""
        start = f"{key}."
        names = (name for name in (*self.index.modules, *self.index.unread) if name.startswith(start))
        return (name[len(start) :] for name in names if "." not in name[len(start) :])

    def module(self, key: str) -> ModuleEntity | None:
        """A module by its key, None when the package has none such."""
        if key not in self._modules:
            with self._lock:
                if key not in self._modules:
                    self._modules[key] = self._made(key)
        return self._modules[key]

    def _made(self, key: str) -> ModuleEntity | None:
        index = self.index
        if key in index.modules:
            try:
                files = [self._file(number) for number in index.modules[key]]
            except (OSError, ValueError) as error:
                return self._unreadable(key, f"what was indexed of it cannot be read: {error}")
            entity = files[0].entity
            if index.family == "typescript" and len(files) > 1:
                paths = [file.parse.path or "" for file in files]
                augment(dict(zip(paths, files, strict=True)), FileTable("typescript", zip(paths, paths, strict=True)))
                files = files[:1]  # what the others add is in its classes now
            for other in files[1:]:
                _join(files[0], other)
            for file in files:
                self._register(file)
            entity.opaque = entity.opaque or index.unread.get(key, "")
            return entity
        reason = index.unread.get(key) or ("it is a folder without a module" if key in self._folders else "")
        if not reason:
            return None
        return self._unreadable(key, reason)

    def _unreadable(self, key: str, reason: str) -> ModuleEntity:
        label, is_folder = self.index.label, key in self._folders
        return ModuleEntity(f"<{label}>/{key}", self.index.family, opaque=reason, package=label, is_package=is_folder)

    def _file(self, number: int) -> FileModule:
        index = self.index
        parse = decode_parse(self.contents.file(number))
        made = build_module(parse, f"<{index.label}>/{parse.path}")
        entity = made.entity
        entity.package, entity.whole = index.label, index.whole
        entity.stub = (parse.path or "").endswith((".pyi", ".d.ts", ".d.mts", ".d.cts"))
        entity.is_package = (parse.path or "").rpartition("/")[2].startswith("__init__.")
        for path in index.opened.get(number, ()):
            if (opened := made.classes.get(path)) is not None:
                opened.opaque = opened.opaque or "attributes are set on it by computed name"
        return made


def _join(stub: FileModule, source: FileModule) -> None:
    """A stub says the types, its source has names that no stub lists: what either has exists."""
    entity, other = stub.entity, source.entity
    entity.stub = False
    for name, symbols in other.names.items():
        entity.names.setdefault(name, symbols)
    entity.stars.extend(star for star in other.stars if star not in entity.stars)
    entity.opaque = entity.opaque or other.opaque
    for path, known in stub.classes.items():
        if (found := source.classes.get(path)) is not None:
            _join_class(known, found)


def _join_class(known: ClassEntity, source: ClassEntity) -> None:
    for name, symbols in source.members.items():
        known.members.setdefault(name, symbols)
    known.opaque = known.opaque or source.opaque


def _folders(index: PackageIndex) -> frozenset[str]:
    separator = "." if index.family == "python" else "/"
    found: set[str] = set()
    for key in (*index.modules, *index.unread):
        parts = key.split(separator)
        found.update(separator.join(parts[:count]) for count in range(1, len(parts)))
    return frozenset(found)
