"""A Python package from its parsed files: which module each is, and what its own code adds to its classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from parsers.project.augmentation import open_classes, stored_by_text
from parsers.project.entities import Symbol
from parsers.project.file_module import FileModule
from parsers.project.import_paths import module_parts
from parsers.project.libraries.package import MemberTable, PackageIndex
from parsers.project.module_builder import build_module
from parsers.syntax.types import ParseResult

__all__ = ["COMPILED", "index_python", "member_table"]

COMPILED = "it is compiled and has no stub"
_STUBS = "-stubs"


def index_python(
    name: str, version: str, parses: Sequence[ParseResult], compiled: Iterable[str] = (), whole: bool = True
) -> tuple[PackageIndex, MemberTable]:
    """The package of ``parses``, whose paths start at the folder that imports start from (``httpx/_client.py``).

    ``compiled``: paths of extension modules. ``whole``: False where files may be missing that a build would make.
    """
    modules: dict[str, list[int]] = defaultdict(list)
    files = [build_module(parse, parse.path or "") for parse in parses]
    packages: set[str] = set()
    for number, parse in sorted(enumerate(parses), key=lambda item: not (item[1].path or "").endswith(".pyi")):
        key, is_package = _module_key(parse.path or "")
        modules[key].append(number)
        if is_package:
            packages.add(key)
    unread = {}
    for path in compiled:
        key, _ = _module_key(path.partition(".")[0] + ".py")
        if not any((parses[number].path or "").endswith(".pyi") for number in modules.get(key, ())):
            unread[key] = COMPILED
    keys = [*modules, *unread]
    parents = {key.rpartition(".")[0] for key in keys} - {""}
    namespaces = {parent for parent in _with_parents(parents) if parent not in packages and parent not in modules}
    namespaces |= {key for key in packages if _extends_path(files, modules[key])}
    index = PackageIndex(
        "python",
        name,
        version,
        tuple(sorted({key.partition(".")[0] for key in keys})),
        {key: tuple(numbers) for key, numbers in modules.items()},
        unread,
        tuple(sorted(namespaces)),
        {},
        whole,
        _opened(files),
    )
    return index, member_table(files, {number: key for key, numbers in modules.items() for number in numbers})


def member_table(files: Sequence[FileModule], keys: dict[int, str]) -> MemberTable:
    """The names of a package's files; ``keys``: the module of each file."""
    holders: dict[str, set[str]] = defaultdict(set)
    stored: set[str] = set()
    names: set[str] = set()
    for number, file in enumerate(files):
        names.update(file.entity.names, file.entity.types or ())
        stored.update(stored_by_text(file.parse))
        stored.update(item.chain[-1] for item in file.parse.references if item.store and item.chain[0] != "self")
        for entity in file.classes.values():
            for name in (*entity.members, *(entity.statics or ())):
                names.add(name)
                if entity.bases:  # only what has a base can be below another
                    holders[name].add(keys[number])
    return MemberTable(
        {name: tuple(sorted(found)) for name, found in holders.items()}, frozenset(stored), frozenset(names)
    )


def _module_key(path: str) -> tuple[str, bool]:
    parts, is_package = module_parts(path, "python")
    if parts and parts[0].endswith(_STUBS):
        parts = (parts[0].removesuffix(_STUBS), *parts[1:])
    return ".".join(parts), is_package


def _with_parents(keys: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        parts = key.split(".")
        found.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return found


def _extends_path(files: Sequence[FileModule], numbers: Sequence[int]) -> bool:
    """Whether other packages may add modules: ``__path__ = extend_path(__path__, __name__)``."""
    return any(
        definition.name == "__path__" for number in numbers for definition in files[number].parse.definitions
    ) or any(
        reference.chain[-1] in {"extend_path", "declare_namespace"}
        for number in numbers
        for reference in files[number].parse.references
    )


def _opened(files: Sequence[FileModule]) -> dict[int, tuple[str, ...]]:
    """By file, the classes that some file sets attributes on by computed name."""
    top_level: dict[str, list[Symbol]] = defaultdict(list)
    for file in files:
        for name, symbols in file.entity.names.items():
            top_level[name].extend(symbols)
    before = {id(entity) for file in files for entity in file.classes.values() if entity.opaque}
    open_classes({str(number): file for number, file in enumerate(files)}, top_level)
    opened = {
        number: tuple(path for path, entity in file.classes.items() if entity.opaque and id(entity) not in before)
        for number, file in enumerate(files)
    }
    return {number: paths for number, paths in opened.items() if paths}
