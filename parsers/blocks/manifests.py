"""What manifests among the files declare: the packages that a project may import, by language family."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Manifest", "read_manifests"]

_LARGEST_CHARACTERS = 400_000
# The name at the start of a requirement: ``requests[socks]>=2.0; python_version > "3.8"``, ``name @ https://…``.
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_OPTION = re.compile(r"\s*(?:-r|-c|--requirement|--constraint|-e|--editable|-f|--)")
_EGG = re.compile(r"#egg=([A-Za-z0-9._-]+)")
_GO_REQUIRE = re.compile(r"^[ \t]*+(?:require[ \t]++)?+(\S++)[ \t]++v\d", re.MULTILINE)
_GO_MODULE = re.compile(r"^module[ \t]+(\S+)", re.MULTILINE)
_NODE_TABLES = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


@dataclass(frozen=True)
class Manifest:
    """All manifests of one family together. ``declared``: packages as written; ``own``: the names of the projects themselves."""

    declared: frozenset[str]
    own: frozenset[str]


def read_manifests(files: Iterable[tuple[str | None, str]]) -> dict[str, Manifest]:
    """Manifests by language family; a family without a readable one is left out. ``files``: (path, text)."""
    found: dict[str, list[Manifest]] = {}
    for path, text in files:
        name = (path or "").replace("\\", "/").rpartition("/")[2].lower()
        if (read := _reader(name)) is None or len(text) > _LARGEST_CHARACTERS:
            continue
        family, reader = read
        try:
            found.setdefault(family, []).append(reader(text))
        except (ValueError, TypeError, AttributeError):  # no manifest after all, or one that an edit broke
            continue
    return {
        family: Manifest(
            frozenset().union(*(one.declared for one in members)), frozenset().union(*(one.own for one in members))
        )
        for family, members in found.items()
        if members
    }


def _reader(name: str) -> tuple[str, Any] | None:
    if name in _READERS:
        return _READERS[name]
    if re.fullmatch(r"(?:[\w.-]*requirements[\w.-]*|constraints)\.(?:txt|in)", name):
        return "python", _requirements
    return None


def _requirements(text: str) -> Manifest:
    found = set()
    for line in text.split("\n"):
        if (egg := _EGG.search(line)) is not None:
            found.add(egg[1])
        elif not _OPTION.match(line) and (named := _REQUIREMENT.match(line)) is not None:
            found.add(named[1])
    return Manifest(frozenset(found), frozenset())


def _names(requirements: object) -> Iterator[str]:
    """Names of a list of requirements, or the keys of a table of them."""
    if isinstance(requirements, Mapping):
        yield from (str(key) for key in requirements)
    elif isinstance(requirements, list):
        for item in requirements:
            if isinstance(item, str) and (named := _REQUIREMENT.match(item)) is not None:
                yield named[1]


def _table(document: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    current: Any = document
    for key in keys:
        current = current.get(key) if isinstance(current, Mapping) else None
    return dict(current) if isinstance(current, Mapping) else {}


def _pyproject(text: str) -> Manifest:
    document = tomllib.loads(text)
    project, poetry = _table(document, "project"), _table(document, "tool", "poetry")
    lists: list[object] = [project.get("dependencies"), _table(document, "build-system").get("requires")]
    lists += _table(project, "optional-dependencies").values()
    lists += _table(document, "dependency-groups").values()
    lists += [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    lists += [group.get("dependencies") for group in _table(poetry, "group").values() if isinstance(group, Mapping)]
    lists += [
        _table(document, "tool", "uv").get("dev-dependencies"),
        *_table(document, "tool", "pdm", "dev-dependencies").values(),
    ]
    own = {str(table["name"]) for table in (project, poetry) if table.get("name")}
    return Manifest(frozenset(name for one in lists for name in _names(one)), frozenset(own))


def _setup_cfg(text: str) -> Manifest:
    found: set[str] = set()
    own: set[str] = set()
    inside = False
    for line in text.split("\n"):
        key = re.match(r"(\w+)[ \t]*=[ \t]*(.*)", line)
        if key is not None or line.startswith("["):
            inside = key is not None and (
                key[1].endswith("_requires") or key[1] in {"requires", "test", "tests", "dev", "docs"}
            )
            if key is not None and key[1] == "name":
                own.add(key[2].strip())
            line = key[2] if key is not None else ""
        if inside and (named := _REQUIREMENT.match(line)) is not None:
            found.add(named[1])
    return Manifest(frozenset(found), frozenset(own))


def _package_json(text: str) -> Manifest:
    document = json.loads(text)
    declared = {name for table in _NODE_TABLES for name in _names(document.get(table))}
    bundled = document.get("bundledDependencies") or document.get("bundleDependencies")
    declared |= {str(name) for name in bundled} if isinstance(bundled, list) else set()
    imports = {str(name).removesuffix("/*") for name in _table(document, "imports")}
    return Manifest(
        frozenset(declared | imports), frozenset({str(document["name"])} if document.get("name") else set())
    )


def _go_mod(text: str) -> Manifest:
    own = {match[1] for match in _GO_MODULE.finditer(text)}
    return Manifest(frozenset(match[1] for match in _GO_REQUIRE.finditer(text) if "." in match[1]), frozenset(own))


def _cargo(text: str) -> Manifest:
    document = tomllib.loads(text)
    tables = [document, _table(document, "workspace"), *_table(document, "target").values()]
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    declared = {
        str(name) for table in tables if isinstance(table, Mapping) for kind in kinds for name in _table(table, kind)
    }
    named = [_table(document, "package").get("name"), _table(document, "lib").get("name")]
    return Manifest(frozenset(declared), frozenset(str(name) for name in named if name))


_READERS = {
    "pyproject.toml": ("python", _pyproject),
    "setup.cfg": ("python", _setup_cfg),
    "package.json": ("typescript", _package_json),
    "go.mod": ("go", _go_mod),
    "cargo.toml": ("rust", _cargo),
}
