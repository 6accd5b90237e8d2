"""A package into the store: each file parsed in a process of its own, the index worked out, everything written at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from parsers.project.libraries.codec import encode_parse
from parsers.project.libraries.package import MemberTable, PackageIndex
from parsers.project.libraries.python import index_python
from parsers.project.libraries.script import index_script
from parsers.syntax.isolation import IsolatedParser
from parsers.syntax.source import ParseLimits
from parsers.syntax.types import ParseResult
from serving.libraries.archives import ArchiveError, SourceFile
from serving.libraries.sources import PYTHON, PackageSource, find_sources
from serving.libraries.store import IndexedPackage, LibraryStore, PackageExistsError

__all__ = ["index_path", "index_source"]

_LIMITS = ParseLimits(facts=False, deadline_s=10.0)
_SHOWN_WARNINGS = 20
_TESTS = {"tests", "test"}


def index_path(
    path: Path, store: LibraryStore, name: str | None = None, version: str | None = None, replace: bool = False
) -> Iterator[IndexedPackage | ArchiveError | PackageExistsError]:
    """Index the package, or all packages, at ``path``; one value for each: its row of the catalog, or why it was left out."""
    parser = IsolatedParser()
    try:
        for source in find_sources(path, name, version):
            if isinstance(source, ArchiveError):
                yield source
                continue
            try:
                yield index_source(source, store, parser.parse, replace)
            except PackageExistsError as error:
                yield error
            except ValueError as error:
                yield ArchiveError(f"{source.name} {source.version}: {error}")
    finally:
        parser.close()


Parse = Callable[[str, str, str | None, ParseLimits], ParseResult]


def index_source(source: PackageSource, store: LibraryStore, parse: Parse, replace: bool = False) -> IndexedPackage:
    """Parse, index and store one package. Raises PackageExistsError, or ValueError when the store is full."""
    if not replace and any(
        row.name == source.name and row.version == source.version and row.family == source.family
        for row in store.packages()
    ):
        raise PackageExistsError(f"{source.name} {source.version} is indexed already; --replace reads it again")
    files, tests = _without_tests(source.files)
    parses = [parse(file.text, source.family, file.path, _LIMITS) for file in files]
    index, members = _indexed(source, parses, tests)
    warnings = [f"{item.path}: {item.truncated_reason}" for item in parses if item.truncated_reason]
    hidden = len(warnings) - _SHOWN_WARNINGS
    row = IndexedPackage(
        family=source.family,
        name=source.name,
        version=source.version,
        roots=index.roots,
        modules=len(index.modules),
        files=len(parses),
        bytes=0,
        origin=source.origin,
        digest=_digest(files),
        indexed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        warnings=(*warnings[:_SHOWN_WARNINGS], *([f"and {hidden} more files"] if hidden > 0 else [])),
    )
    return store.add(row, index, members, [encode_parse(item) for item in parses], replace)


def _indexed(source: PackageSource, parses: Sequence[ParseResult], tests: set[str]) -> tuple[PackageIndex, MemberTable]:
    if source.family == PYTHON:
        return index_python(source.name, source.version, parses, (*source.compiled, *tests), source.whole)
    return index_script(source.name, source.version, parses, source.manifest or {}, source.folders)


def _without_tests(files: Sequence[SourceFile]) -> tuple[list[SourceFile], set[str]]:
    """The files that code of others uses, and the folders of tests that were left out (as if they were compiled modules)."""
    kept, left = [], set()
    for file in files:
        parts = file.path.split("/")
        at = next((place for place, part in enumerate(parts[:-1]) if part in _TESTS and place), None)
        if at is None:
            kept.append(file)
        else:
            left.add("/".join(parts[: at + 1]))
    return kept, left


def _digest(files: Sequence[SourceFile]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda item: item.path):
        digest.update(f"{file.path}\0{len(file.text)}\0".encode())
        digest.update(file.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
