"""How imports name packages and the modules in them, by language family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parsers.project.entities import ModuleEntity
from parsers.project.import_paths import module_parts
from parsers.project.libraries.package import Package
from parsers.project.libraries.script import declaration_key, module_keys, script_root

__all__ = ["NAMING", "Naming"]


@dataclass(frozen=True)
class Naming:
    """``root``: the part of a module's name that says which package. ``module``: a module of a package by the name that it is
    imported by. ``inside``: what a relative import of a module of the package names.
    """

    root: Callable[[str], str]
    module: Callable[[Package, str], ModuleEntity | None]
    inside: Callable[[Package, ModuleEntity, str, int], ModuleEntity | None]


def _python_root(module: str) -> str:
    return module.partition(".")[0]


def _python_module(package: Package, name: str) -> ModuleEntity | None:
    return package.module(name)


def _python_inside(package: Package, importer: ModuleEntity, module: str, level: int) -> ModuleEntity | None:
    parts, is_package = module_parts(importer.path, "python")
    base = [part.removesuffix("-stubs") for part in (parts if is_package else parts[:-1])]
    if level - 1 > len(base):
        return None
    pieces = [*base[: len(base) - (level - 1)], *(module.split(".") if module else ())]
    return package.module(".".join(pieces)) if pieces else None


def _script_module(package: Package, name: str) -> ModuleEntity | None:
    rest = name[len(script_root(name)) :]
    subpath = f".{rest}"
    entries = package.index.entries
    key = entries.get(subpath) or entries.get(f"./{declaration_key(rest.lstrip('/'))}" if rest else ".")
    return package.module(key) if key is not None else None


def _script_inside(package: Package, importer: ModuleEntity, module: str, _level: int) -> ModuleEntity | None:
    folder = importer.path.rpartition("/")[0]
    written = f"{folder}/{module.removeprefix('./')}".removeprefix("/")  # ``./a.b`` may be a.b.d.ts
    keys = (*module_keys(f"{folder}/{module}"), written)
    return next((package.module(key) for key in keys if key in package.index.modules), None)


NAMING = {
    "python": Naming(_python_root, _python_module, _python_inside),
    "typescript": Naming(script_root, _script_module, _script_inside),
}
"""Families whose packages can be indexed."""
