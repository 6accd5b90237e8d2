"""A package of npm from its type declarations: which file each subpath means, and which file an import inside it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from parsers.project.augmentation import augment
from parsers.project.file_module import FileModule
from parsers.project.import_paths import FileTable
from parsers.project.libraries.package import MemberTable, PackageIndex
from parsers.project.libraries.python import member_table
from parsers.project.module_builder import build_module
from parsers.syntax.types import ParseResult

__all__ = ["declaration_key", "index_script", "inner_key", "kept_declarations", "module_keys", "script_root"]

_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
_RUN = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
# Which condition of ``exports`` is asked first: declarations, then what TypeScript itself would import.
_CONDITIONS = ("types", "import", "module", "default", "node", "require")
_TYPES = "@types/"


def script_root(module: str) -> str:
    """The package that an import names: ``zod/v4`` is ``zod``, ``@scope/a/b`` is ``@scope/a``."""
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]


def kept_declarations(paths: Iterable[str]) -> list[str]:
    """Of ``a.d.ts``, ``a.d.mts`` and ``a.d.cts``, which say the same for other module systems, the first."""
    found: dict[str, str] = {}
    for path in paths:
        key = declaration_key(path)
        if key not in found or _rank(path) < _rank(found[key]):
            found[key] = path
    return list(found.values())


def _rank(path: str) -> int:
    return next((place for place, suffix in enumerate(_DECLARATIONS) if path.endswith(suffix)), len(_DECLARATIONS))


def declaration_key(path: str) -> str:
    """A path without the suffix of a declaration or of what runs: ``dist/a.d.ts`` and ``./dist/a.mjs`` are ``dist/a``."""
    plain = path.removeprefix("./")
    suffix = next((suffix for suffix in (*_DECLARATIONS, *_RUN) if plain.endswith(suffix)), "")
    return plain.removesuffix(suffix)


def index_script(
    name: str,
    version: str,
    parses: Sequence[ParseResult],
    manifest: Mapping[str, object],
    folders: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[PackageIndex, MemberTable]:
    """The package of ``parses``, declaration files with paths from the package's root.

    ``manifest`` is its ``package.json``; ``folders`` those of folders inside, by their path, which say where a folder's types
    are in packages that have no ``exports``.
    """
    keys = {declaration_key(parse.path or ""): number for number, parse in enumerate(parses)}
    files = [build_module(parse, parse.path or "") for parse in parses]
    added = _additions(files, keys)
    modules = {key: (number, *added.get(number, ())) for key, number in keys.items()}
    table = FileTable("typescript", ((parse.path or "", parse.path or "") for parse in parses))
    elsewhere = augment({parse.path or "": file for parse, file in zip(parses, files, strict=True)}, table)
    members = member_table(files, {number: key for key, number in keys.items()})
    root = _imported_as(name)
    index = PackageIndex(
        "typescript",
        name,
        version,
        (root,),
        modules,
        entries=_entries(manifest, folders or {}, modules),
    )
    return index, MemberTable(members.holders, members.stored | elsewhere, members.names)


def _imported_as(name: str) -> str:
    """``@types/node-fetch`` declares ``node-fetch``, ``@types/babel__core`` declares ``@babel/core``."""
    if not name.startswith(_TYPES):
        return name
    scope, mark, rest = name.removeprefix(_TYPES).partition("__")
    return f"@{scope}/{rest}" if mark else scope


def _additions(files: Sequence[FileModule], keys: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    """By file, the files of the package that add to it: ``declare module "./core" { interface Chain {…} }``."""
    found: dict[int, list[int]] = {}
    for number, file in enumerate(files):
        for entry in file.parse.dynamic:
            reason, _, module = entry.partition(":")
            if reason != "augmentation" or not module.startswith("."):
                continue
            folder = (file.parse.path or "").rpartition("/")[0]
            target = next((keys[key] for key in module_keys(f"{folder}/{module}") if key in keys), None)
            if target is not None and target != number and number not in found.setdefault(target, []):
                found[target].append(number)
    return {target: tuple(numbers) for target, numbers in found.items()}


def _entries(
    manifest: Mapping[str, object], folders: Mapping[str, Mapping[str, object]], modules: Mapping[str, object]
) -> dict[str, str]:
    """The module behind each subpath, ``"."`` for the package itself."""
    exports = manifest.get("exports")
    found: dict[str, str] = {}
    if isinstance(exports, dict) and any(str(key).startswith(".") for key in exports):
        for key, target in exports.items():
            found.update(_exported(str(key), target, modules))
    elif exports is not None:
        found.update(_exported(".", exports, modules))
    main = _main(manifest, "", modules)
    if main is not None:
        found.setdefault(".", main)
    if exports is None:
        for key in modules:
            found[f"./{key}"] = key
            if PurePosixPath(key).name == "index" and "/" in key:
                found.setdefault(f"./{key.rpartition('/')[0]}", key)
        for folder, inner in folders.items():
            if (at := _main(inner, folder, modules)) is not None:
                found[f"./{folder}"] = at
    return found


def _main(manifest: Mapping[str, object], folder: str, modules: Mapping[str, object]) -> str | None:
    written = [manifest.get(field) for field in ("types", "typings", "main")]
    for target in (*(item for item in written if isinstance(item, str)), "index"):
        found = next((key for key in module_keys(f"{folder}/{target}") if key in modules), None)
        if found is not None:
            return found
    return None


def inner_key(path: str) -> str | None:
    """``lib/../types/a.d.ts`` as a key, '' for the package's root; None for what leaves the package."""
    parts: list[str] = []
    for piece in declaration_key(path).split("/"):
        if piece == "..":
            if not parts:
                return None
            parts.pop()
        elif piece not in {"", "."}:
            parts.append(piece)
    return "/".join(parts)


def module_keys(path: str) -> tuple[str, ...]:
    """The modules that a path may mean, the likelier first: a file, or a folder with an ``index``."""
    key = inner_key(path)
    if key is None:
        return ()
    return (key, f"{key}/index") if key else ("index",)


def _exported(subpath: str, target: object, modules: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for leaf in _leaves(target):
        if "*" not in subpath:
            key = inner_key(leaf)
            if key is not None and key in modules:
                yield subpath, key
                return
            continue
        head, _, tail = (inner_key(leaf) or "").partition("*")
        matched = [
            (subpath.replace("*", key[len(head) : len(key) - len(tail) or None]), key)
            for key in modules
            if key.startswith(head) and key.endswith(tail) and len(key) > len(head) + len(tail)
        ]
        if matched:
            yield from matched
            return


def _leaves(target: object) -> Iterator[str]:
    """The paths that ``exports`` gives a subpath, declarations first."""
    if isinstance(target, str):
        yield target
    elif isinstance(target, list):
        for item in target:
            yield from _leaves(item)
    elif isinstance(target, dict):
        asked = [key for key in _CONDITIONS if key in target]
        others = [key for key in target if key not in _CONDITIONS and not re.match(r"types@|@", str(key))]
        for key in (*asked, *others):
            yield from _leaves(target[key])
