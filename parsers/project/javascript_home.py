"""Where a JavaScript or TypeScript response without a path lies among the visible files, and which missing file it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from parsers.project.budget import Budget
from parsers.project.file_module import FileModule
from parsers.project.import_paths import FileTable, Parts
from parsers.syntax.types import Import

__all__ = ["find_home", "missing_targets"]

_ANY = "*"
_MAX_CANDIDATES = 400


def find_home(
    blocks: Sequence[FileModule], table: FileTable, files: Mapping[str, FileModule], budget: Budget
) -> Parts | None:
    """The folder from which most relative imports lead to visible files that have the names.

    A folder that no visible file lies in ends with ``*``. Folders that explain equally much must lead to the same files,
    otherwise None: then nothing is concluded.
    """
    wanted: dict[str, set[str]] = {}
    for item in (item for block in blocks for item in block.parse.imports if item.module.startswith(".")):
        wanted.setdefault(item.module, set()).update({item.name} if item.name else set())
    ranked: list[tuple[int, Parts, tuple[str, ...]]] = []
    for folder in _candidates(wanted, table, budget):
        budget.check_now()
        found = {module: table.relative(folder, module) for module in wanted}
        score = sum(1 + 2 * _has(files[keys[0]], wanted[module]) for module, keys in found.items() if keys)
        ranked.append((score, folder, tuple(keys[0] if keys else "" for keys in found.values())))
    best = max((score for score, _, _ in ranked), default=0)
    top = [item for item in ranked if item[0] == best]
    if not best or len({targets for _, _, targets in top}) > 1:
        return None
    return min((folder for _, folder, _ in top), key=lambda folder: (_ANY not in folder, len(folder), folder))


def _has(file: FileModule, names: Iterable[str]) -> bool:
    return any(file.entity.lookup(name) or file.entity.lookup(name, True) for name in names)


def _candidates(modules: Iterable[str], table: FileTable, budget: Budget) -> set[Parts]:
    found: set[Parts] = set()
    for module in modules:
        budget.check_now()
        pieces = [piece for piece in module.split("/") if piece not in {"", "."}]
        ups = pieces.count("..")
        tail = table.plain(tuple(piece for piece in pieces if piece != ".."))
        for parts in table.all_ending(tail) if tail else table.with_index():
            base = parts[: len(parts) - len(tail)]
            found.add(base + (_ANY,) * ups)
            if ups:
                found.update(f for f in table.folders if len(f) == len(base) + ups and f[: len(base)] == base)
        if len(found) > _MAX_CANDIDATES:
            break
    return found


def missing_targets(files: Mapping[str, FileModule], table: FileTable) -> dict[Parts, set[str]]:
    """Relative imports of visible files that lead to no visible file: the place, and the names taken from it."""
    missing: dict[Parts, set[str]] = {}
    for file in files.values():
        for item in file.parse.imports:
            if not item.module.startswith(".") or not file.entity.path:
                continue
            place = table.place(file.entity.path, item.module)
            if place is not None and not table.exact(place):
                missing.setdefault(place, set()).update(_taken(item))
    return missing


def _taken(item: Import) -> set[str]:
    return {item.name} if item.name and item.name not in {"*", "default"} else set()
