"""Rust's module tree: which visible file a path such as ``super::a::b`` names, and where a response without a path belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from parsers.project.entities import ModuleEntity
from parsers.project.file_module import FileModule
from parsers.project.import_paths import FileTable, Parts, module_parts
from parsers.syntax.types import SymbolKind

__all__ = ["RustModules"]

PATH_WORDS = frozenset({"crate", "self", "super", "self::"})
_ROOTS = ("src", "tests", "examples", "benches")


class RustModules:
    """Finds modules by path. ``home`` is the place of the response: its path when known, else what the context lacks."""

    def __init__(self, files: Mapping[str, FileModule], table: FileTable, blocks: Sequence[FileModule]) -> None:
        self.files = files
        self.table = table
        self.blocks = blocks
        self._unseen: dict[Parts, ModuleEntity] = {}
        self._parts: dict[str, Parts] = {}
        self._roots = {root for file in files.values() if (root := self._root_of(self._file_parts(file))) is not None}
        # Where ``crate::`` is written, other paths start from the module itself or from another crate (since 2018).
        self._paths_from_root = not any(
            item.module.partition("::")[0] == "crate" for file in files.values() for item in file.parse.imports
        )
        self.home: Parts | None = None
        self.home = self._home()

    def find(self, importer: ModuleEntity, path: str) -> ModuleEntity | None:
        """The module of a path as written in ``importer``; an unseen one when only something below it is visible."""
        pieces = [piece for piece in path.split("::") if piece]
        start = self.parts_of(importer)
        if pieces and pieces[0] == "crate":
            base = self._root_of(start) if start is not None else self._only_root()
            pieces = pieces[1:]
            if base is None:
                return self._first(self.table.in_crate(tuple(pieces))) if pieces else None
        else:
            relative = bool(pieces) and pieces[0] in PATH_WORDS
            while pieces and pieces[0] in PATH_WORDS:
                if pieces[0] == "super":
                    start = start[:-1] if start else None
                pieces = pieces[1:]
            base = start
            if base is None:
                if path in {"self", "self::"}:
                    return importer
                root = self._only_root()
                declared = any(symbol.role == "module" for symbol in importer.lookup(pieces[0])) if pieces else False
                if not relative and not declared and not self._paths_from_root:
                    return None
                if not relative and root is not None and pieces and self.at((*root, pieces[0])) is not None:
                    return self.at((*root, *pieces))
                return self._first(self.table.only(tuple(pieces))) if relative and pieces else None
            if not relative and self.at((*base, pieces[0])) is None:
                if not self._paths_from_root:
                    return None  # another crate
                root = self._root_of(base)
                base = root if root is not None and self.at((*root, pieces[0])) is not None else None
                if base is None:
                    return None
        return self.at((*base, *pieces))

    def parts_of(self, module: ModuleEntity) -> Parts | None:
        """Where a module lies, None when that is not known."""
        if module.key in self._parts:
            return self._parts[module.key]
        return module_parts(module.path, "rust")[0] if module.path else self.home

    def at(self, parts: Parts) -> ModuleEntity | None:
        """The module at a place."""
        if parts == self.home and self.blocks:
            return self.blocks[0].entity
        if keys := self.table.exact(parts):
            return self.files[keys[0]].entity
        if parts in self.table.folders or parts in self._roots:
            return self._placeholder(parts)
        return None

    def below(self, module: ModuleEntity, name: str) -> ModuleEntity | None:
        """The module ``name`` below ``module``."""
        parts = self.parts_of(module)
        return self.at((*parts, name)) if parts is not None else None

    def _placeholder(self, parts: Parts) -> ModuleEntity:
        if parts not in self._unseen:
            key = f"<unseen {'/'.join(parts)}>"
            self._unseen[parts] = ModuleEntity(key, "rust", opaque="its file is not visible")
            self._parts[key] = parts
        return self._unseen[parts]

    def _first(self, keys: list[str]) -> ModuleEntity | None:
        return self.files[keys[0]].entity if keys else None

    def _only_root(self) -> Parts | None:
        return next(iter(self._roots)) if len(self._roots) == 1 else None

    def _root_of(self, parts: Parts | None) -> Parts | None:
        """The folder of the crate's sources: the last ``src``, or the nearest above with a ``lib.rs`` or ``main.rs``."""
        if parts is None:
            return None
        for count in range(len(parts), 0, -1):
            if parts[count - 1] in _ROOTS:
                return parts[:count]
        for count in range(len(parts), -1, -1):
            if any(key.endswith(("lib.rs", "main.rs")) for key in self.table.exact(parts[:count])):
                return parts[:count]
        return None

    def _file_parts(self, file: FileModule) -> Parts:
        return module_parts(file.entity.path, "rust")[0] if file.entity.path else ()

    # where the response lives ---------------------------------------------------------------------------------------

    def _home(self) -> Parts | None:
        """The missing file that others import the response's names from, and from which its own relative imports resolve."""
        if not self.blocks:
            return None
        block = self.blocks[0]
        if block.parse.path:
            return self._file_parts(block)
        votes: dict[Parts, int] = {}
        wanted = self._wanted()
        own = {name for name in block.entity.names if not name.startswith("<")}
        for parts in {*wanted, *self._declared(), *self._parents()}:
            if self.table.exact(parts):
                continue
            names = wanted.get(parts, set())
            if names and not names & own:
                continue
            votes[parts] = 2 * len(names & own) - len(names - own) + self._fits(block, parts)
        ranked = sorted(votes, key=lambda parts: (-votes[parts], len(parts), parts))
        best = [parts for parts in ranked if votes[parts] == votes[ranked[0]] and votes[parts] > 0]
        if len(best) > 1 and len({parts[:-1] for parts in best}) == 1:
            return (*best[0][:-1], "<response>")  # which of its folder's files it is makes no difference
        return best[0] if len(best) == 1 else None

    def _fits(self, block: FileModule, parts: Parts) -> int:
        """How well the response's own relative imports and declared modules fit a place."""
        score = 0
        for item in block.parse.imports:
            pieces = item.module.split("::")
            if pieces[0] not in {"self", "super"}:
                continue
            base = parts
            while pieces and pieces[0] in {"self", "super"}:
                base = base[:-1] if pieces[0] == "super" else base
                pieces = pieces[1:]
            keys = self.table.exact((*base, *pieces))
            known = bool(keys) and (item.name == "*" or bool(self.files[keys[0]].entity.names.get(item.name or "")))
            below = bool(item.name) and bool(self.table.exact((*base, *pieces, item.name or "")))
            score += 2 if known or below else -1
        for name in _declared_modules(block):
            score += 2 if self.table.exact((*parts, name)) else 0
        return score

    def _wanted(self) -> dict[Parts, set[str]]:
        """Names that visible files import, by the place they import them from."""
        wanted: dict[Parts, set[str]] = {}
        for file in self.files.values():
            if file in self.blocks or not file.entity.path:
                continue
            here = self._file_parts(file)
            for item in file.parse.imports:
                base = self._place(here, item.module)
                if base is not None and item.name and item.name != "*":
                    wanted.setdefault(base, set()).add(item.name)
        return wanted

    def _place(self, here: Parts, module: str) -> Parts | None:
        pieces = module.split("::")
        if pieces[0] == "crate":
            root = self._root_of(here)
            return (*root, *pieces[1:]) if root is not None else None
        if pieces[0] not in {"self", "super"}:
            return (*here, *pieces) if self.at((*here, pieces[0])) is not None else None
        while pieces and pieces[0] in {"self", "super"}:
            here = here[:-1] if pieces[0] == "super" else here
            pieces = pieces[1:]
        return (*here, *pieces)

    def _declared(self) -> Iterator[Parts]:
        for file in self.files.values():
            if file not in self.blocks and file.entity.path:
                here = self._file_parts(file)
                yield from ((*here, name) for name in _declared_modules(file))

    def _parents(self) -> Iterator[Parts]:
        return (parts[:-1] for parts in list(self.table.by_parts) if len(parts) > 1)


def _declared_modules(file: FileModule) -> Iterator[str]:
    return (item.name for item in file.parse.definitions if item.kind is SymbolKind.MODULE and "file" in item.modifiers)
