"""Which visible file an import names. The path of the response is not known, so its relative imports match by suffix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from parsers.project.entities import ModuleEntity

__all__ = ["FileTable", "import_statement", "module_parts"]

Parts = tuple[str, ...]
_SCRIPT_SUFFIXES = (".d.ts", ".tsx", ".ts", ".mts", ".cts", ".jsx", ".js", ".mjs", ".cjs")
_HOSTS_WITH_OWNER = {"github.com", "gitlab.com", "bitbucket.org"}


def module_parts(path: str, family: str) -> tuple[Parts, bool]:
    """Path segments without the file's suffix, and whether the file stands for its folder (``__init__``, ``index``, ``mod``)."""
    parts = tuple(part for part in path.replace("\\", "/").split("/") if part not in {"", "."})
    if not parts:
        return (), False
    name = parts[-1]
    if family == "python":
        stem = name.removesuffix(".pyi").removesuffix(".py")
        return (parts[:-1], True) if stem == "__init__" else ((*parts[:-1], stem), False)
    if family == "typescript":
        stem = next((name.removesuffix(suffix) for suffix in _SCRIPT_SUFFIXES if name.endswith(suffix)), name)
        return (parts[:-1], True) if stem == "index" else ((*parts[:-1], stem), False)
    if family == "go":
        return parts[:-1], True
    stem = name.removesuffix(".rs")
    if stem in {"mod", "lib", "main"}:
        return parts[:-1], True
    return (*parts[:-1], stem), False


def import_statement(name: str, module: ModuleEntity, importer: str, imported: Collection[str]) -> str | None:
    """The import that brings ``name`` of a visible file into the file ``importer`` ('' where it is not known).

    ``imported``: the modules that visible files import, which say from where Python's names begin. None where no path says
    it. Go imports packages, not names, and Rust's modules may hand a name on under another path.
    """
    # from shop.cart import Cart;  import { Cart } from "../shop/cart";
    parts, _ = module_parts(module.path, module.language)
    if not parts or module.language not in {"python", "typescript"}:
        return None
    if module.language == "python":
        inside = parts[1:] if parts[0] == "src" and len(parts) > 1 else parts
        ends = (".".join(parts[start:]) for start in range(len(parts)))
        dotted = next((end for end in ends if end in imported), ".".join(inside))
        return f"from {dotted} import {name}" if all(part.isidentifier() for part in dotted.split(".")) else None
    folder, is_folder = module_parts(importer, "typescript")
    start = folder if is_folder else folder[:-1]
    shared = _shared(start, parts)
    up = len(start) - shared
    way = "/".join(("..",) * up + parts[shared:]) if up else "./" + "/".join(parts[shared:])
    brought = name if module.default_export != name else f"default as {name}"
    return f'import {{ {brought} }} from "{way}";'


class FileTable:
    """Files of one family by the tail of their path."""

    def __init__(self, family: str, files: Iterable[tuple[str, str]]) -> None:
        self.family = family
        self.by_parts: dict[Parts, list[str]] = defaultdict(list)
        self.by_last: dict[str, list[Parts]] = defaultdict(list)
        self.folders: set[Parts] = set()
        self.names: set[str] = set()
        for key, path in files:
            parts, _ = module_parts(path, family)
            if not self.by_parts[parts]:
                self.by_last[parts[-1] if parts else ""].append(parts)
            self.by_parts[parts].append(key)
            folder = parts if module_parts(path, family)[1] else parts[:-1]
            self.folders.update(folder[:count] for count in range(len(folder) + 1))
            self.names.update(folder, parts[:1])

    def exact(self, parts: Parts) -> list[str]:
        """Files that stand for exactly this path."""
        return self.by_parts.get(parts, [])

    def ending(self, tail: Parts, near: Parts = ()) -> list[str]:
        """Files whose path ends with ``tail``: those that share the longest folder with ``near``, then the shortest."""
        if not tail:
            return []
        found = [parts for parts in self.by_last.get(tail[-1], ()) if parts[-len(tail) :] == tail]
        if not found:
            return []
        best = min(found, key=lambda parts: (-_shared(parts, near), len(parts), parts))
        return self.by_parts[best]

    def all_ending(self, tail: Parts) -> list[Parts]:
        """Every path that ends with ``tail``."""
        return [parts for parts in self.by_last.get(tail[-1], ()) if parts[-len(tail) :] == tail] if tail else []

    def relative(self, folder: Parts, target: str) -> list[str]:
        """A TypeScript path such as ``../a/b`` from ``folder``."""
        parts = _joined(folder, target)
        return self.exact(_without_suffix(parts)) or self.exact(parts) if parts is not None else []

    def place(self, path: str, target: str) -> Parts | None:
        """Where a TypeScript path leads that stands in the file ``path``, whether a file is there or not."""
        parts, is_folder = module_parts(path, self.family)
        joined = _joined(parts if is_folder else parts[:-1], target)
        return _without_suffix(joined) if joined is not None else None

    def with_index(self) -> list[Parts]:
        """Folders that a file stands for."""
        return [parts for parts, keys in self.by_parts.items() if keys and parts in self.folders]

    def plain(self, tail: Parts) -> Parts:
        """A path as the files' own are kept: without suffix, ``index`` for its folder."""
        return _without_suffix(tail)

    def only(self, tail: Parts) -> list[str]:
        """Files of the one path that ends with ``tail``; nothing when several do."""
        found = self.all_ending(tail)
        return self.by_parts[found[0]] if len(found) == 1 else []

    def loose(self, target: str) -> list[str]:
        """A TypeScript path whose starting folder is unknown, by its tail."""
        pieces = tuple(piece for piece in target.split("/") if piece not in {"", ".", "..", "@", "~"})
        return self.only(_without_suffix(pieces)) or self.only(pieces)

    def importable(self, tail: Parts) -> list[str]:
        """Files that an absolute Python import may name: its top package lies at the root of the tree or of a source folder."""
        found = [
            parts for parts in self.all_ending(tail) if len(parts) == len(tail) or not self.exact(parts[: -len(tail)])
        ]
        if len(tail) == 1:
            found = [parts for parts in found if parts[:-1] in {(), ("src",), ("lib",), ("python",)}]
        return self.by_parts[min(found, key=lambda parts: (len(parts), parts))] if found else []

    def package_folder(self, tail: Parts) -> Parts | None:
        """The one folder that an absolute Python import may name although no file stands for it, None when none or several do."""
        found = [
            folder
            for folder in self.folders
            if len(folder) >= len(tail) > 0 and folder[-len(tail) :] == tail and not self.exact(folder[: -len(tail)])
        ]
        return found[0] if len(found) == 1 else None

    def in_crate(self, tail: Parts) -> list[str]:
        """Files of a Rust module by its path below the folder of the crate's sources."""
        found = [parts for parts in self.all_ending(tail) if len(parts) == len(tail) or parts[-len(tail) - 1] == "src"]
        return self.by_parts[found[0]] if len(found) == 1 else []

    def package(self, path: str) -> list[str]:
        """The files of a Go package by its import path."""
        pieces = tuple(path.split("/"))
        for count in range(len(pieces), 0, -1):
            tail, head = pieces[-count:], pieces[:-count]
            if head and len(head) < (3 if head[0] in _HOSTS_WITH_OWNER else 1):
                continue
            if not head and count == 1:
                continue
            if keys := self.by_parts.get(tail):
                return keys
        for count in range(len(pieces), 1, -1):  # a checkout below some other folder
            if keys := self.ending(pieces[-count:]):
                return keys
        return []


def _joined(folder: Parts, target: str) -> Parts | None:
    parts = list(folder)
    for piece in target.split("/"):
        if piece == "..":
            if not parts:
                return None
            parts.pop()
        elif piece not in {"", "."}:
            parts.append(piece)
    return tuple(parts)


def _without_suffix(parts: Parts) -> Parts:
    if not parts:
        return parts
    name = parts[-1]
    stem = next((name.removesuffix(suffix) for suffix in _SCRIPT_SUFFIXES if name.endswith(suffix)), name)
    return parts[:-1] if stem == "index" else (*parts[:-1], stem)


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        count += 1
    return count
