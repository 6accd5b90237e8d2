"""Packages in memory, as if they had been indexed and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsers.project.libraries.codec import encode_parse
from parsers.project.libraries.package import MemberTable, PackageIndex
from parsers.project.libraries.python import index_python
from parsers.project.libraries.script import index_script
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source

LIMITS = ParseLimits(facts=False)


class Contents:
    """A package in memory, as if it had been stored."""

    def __init__(self, index: PackageIndex, members: MemberTable, files: Sequence[bytes]) -> None:
        self.label, self.roots = index.label, index.roots
        self._index, self._members, self._files = index, members, files

    def index(self) -> PackageIndex:
        """What is known at once."""
        return self._index

    def file(self, number: int) -> bytes:
        """One file."""
        return self._files[number]

    def members(self) -> MemberTable:
        """All members."""
        return self._members


def package(name: str, files: Mapping[str, str], version: str = "1.0", **more: object) -> Contents:
    """A Python package from its files."""
    parses = [parse_source(text, "python", path, LIMITS) for path, text in files.items()]
    index, members = index_python(name, version, parses, **more)  # type: ignore[arg-type]
    return Contents(index, members, [encode_parse(item) for item in parses])


def script_package(
    name: str, files: Mapping[str, str], manifest: Mapping[str, object], version: str = "1.0.0"
) -> Contents:
    """A package of npm from its declaration files."""
    parses = [parse_source(text, "typescript", path, LIMITS) for path, text in files.items()]
    index, members = index_script(name, version, parses, manifest)
    return Contents(index, members, [encode_parse(item) for item in parses])
