"""The repository's own files around an edit: few, small, no secrets, nothing that .gitignore leaves out."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from posixpath import splitext
from typing import Final

FAMILIES: Final = {
    ".py": "python",
    ".pyi": "python",
    ".js": "script",
    ".jsx": "script",
    ".mjs": "script",
    ".cjs": "script",
    ".ts": "script",
    ".tsx": "script",
    ".mts": "script",
    ".cts": "script",
    ".go": "go",
    ".rs": "rust",
}
"""Files that the code lane reads; only files of the edited one's family say anything about it."""
MAX_FILES: Final = 150
MAX_CONTEXT_BYTES: Final = 200_000
MAX_FILE_BYTES: Final = 60_000
_GIT_LIMIT_S: Final = 5.0
_MOST_WALKED: Final = 20_000
_MOST_REFUSED: Final = 12
"""After so many groups that did not fit, smaller ones are not looked for any more."""
_SKIPPED_FOLDERS: Final = frozenset(
    {"node_modules", "__pycache__", "venv", "target", "dist", "build", "vendor", "site-packages", "third_party"}
)
_SECRET: Final = re.compile(
    r"(?i)^(?:\.env.*|.*(?:secret|credential|password)s?(?:[._-].*)?|id_(?:rsa|ed25519|ecdsa).*)$"
)
"""``.env.local.ts``, ``aws_secrets.py``, ``credentials.json``: a name that says that the file holds secrets."""
_IMPORTS: Final = {
    "python": re.compile(
        r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+\(?([^\n#()]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
    ),
    "script": re.compile(r"(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['\"]([^'\"\n]+)['\"]"),
    "go": re.compile(r"^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?\"([\w./-]+)\"[ \t]*$", re.MULTILINE),
    "rust": re.compile(r"^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?(?:use[ \t]+([\w:]+)|mod[ \t]+(\w+)[ \t]*;)", re.MULTILINE),
}
_INDEX_STEMS: Final = ("__init__", "index", "mod", "lib", "main")


@dataclass(frozen=True)
class Repository:
    """A working tree: its root, and the paths below it that are neither ignored nor skipped, with ``/`` on every system."""

    root: Path
    paths: tuple[str, ...]
    in_git: bool


@dataclass(frozen=True)
class Context:
    """The files to judge an edit by, by path. ``left_out``: paths of the same family that did not fit or are no text."""

    files: list[tuple[str, str]]
    left_out: list[str]


def family_of(path: str) -> str | None:
    """``python``, ``script``, ``go`` or ``rust``; None for a file that the code lane does not read or may not see."""
    name = path.rpartition("/")[2]  # not pathlib: a thousand paths would take it 60 ms
    return None if _SECRET.match(name) else FAMILIES.get(splitext(name)[1].lower())


def open_repository(folder: Path) -> Repository:
    """The repository that holds ``folder``; the folder itself where there is no git."""
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if root is not None:
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
        if listed is not None:
            return Repository(root, tuple(path for path in listed.split("\0") if path), True)
    base = root or folder
    return Repository(base, tuple(_walked(base)), False)


def git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails, is not installed or takes too long."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_LIMIT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "surrogateescape")


def read_source(path: Path, limit: int = MAX_FILE_BYTES) -> str | None:
    """A file's text; None for what is no plain file of UTF-8 text within ``limit`` bytes."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
            return None
        data = path.read_bytes()
        return None if b"\0" in data else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def gather(repository: Repository, edited: dict[str, str]) -> Context:
    """Files for the edited ones (path to text): what they import, what that imports, their neighbours, then the rest."""
    families = {family for path in edited if (family := family_of(path))}
    candidates = [path for path in repository.paths if family_of(path) in families]
    files: dict[str, str] = {}
    size = refused = 0
    for group in _in_order(repository, edited, candidates):
        read = {path: text for path in group if path not in edited and (text := read_source(repository.root / path))}
        room = sum(len(text.encode()) for text in read.values())
        if size + room > MAX_CONTEXT_BYTES or len(files) + len(read) > MAX_FILES:
            refused += 1
            if refused == _MOST_REFUSED:
                break
            continue
        size += room
        files |= read
    left_out = [path for path in candidates if path not in files and path not in edited]
    return Context(sorted(files.items()), left_out)


def _in_order(repository: Repository, edited: dict[str, str], candidates: list[str]) -> Iterator[list[str]]:
    """Groups of paths, nearest first. A Go package is one group: half a package would prove what it lacks."""
    finder = _Finder(candidates)
    seen: set[str] = set()
    queue = [(path, text) for path, text in edited.items() if family_of(path)]
    while queue:
        following: list[tuple[str, str]] = []
        for path, text in queue:
            for found in finder.imported(path, text):
                if found in seen or found in edited:
                    continue
                group = _group(found, candidates)
                seen.update(group)
                yield group
                following += [(one, read) for one in group if (read := read_source(repository.root / one)) is not None]
        queue = following if len(seen) < MAX_FILES else []
    nearest = sorted(candidates, key=lambda path: (-max(_shared(path, one) for one in edited), path))
    for path in nearest[: 4 * MAX_FILES]:
        if path not in seen and path not in edited:
            group = [one for one in _group(path, candidates) if one not in seen]
            seen.update(group)
            yield group


def _group(path: str, candidates: list[str]) -> list[str]:
    if not path.endswith(".go"):
        return [path]
    folder = path.rpartition("/")[0]
    return [one for one in candidates if one.rpartition("/")[0] == folder and one.endswith(".go")]


def _shared(path: str, other: str) -> int:
    """How many folders two paths have in common, more where nothing comes after them."""
    mine, theirs = path.split("/")[:-1], other.split("/")[:-1]
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(mine, theirs, strict=False)))
    return 4 * common - len(mine)


class _Finder:
    """Paths by the words of an import."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self._by_last: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in candidates:
            parts = tuple(splitext(path)[0].split("/"))
            if parts[-1] in _INDEX_STEMS and len(parts) > 1:
                self._by_last.setdefault(parts[-2], []).append((parts[:-1], path))
            self._by_last.setdefault(parts[-1], []).append((parts, path))
            if path.endswith(".go") and len(parts) > 1:
                self._by_last.setdefault(parts[-2], []).append((parts[:-1], path))

    def imported(self, path: str, text: str) -> Iterator[str]:
        """Files that ``text``, the file at ``path``, imports by name; each once."""
        family = family_of(path) or "python"
        folder = path.split("/")[:-1]
        given: dict[str, None] = {}
        for match in _IMPORTS[family].finditer(text):
            for words in _targets(family, match.groups(), folder):
                for found in self._matching(words):
                    given.setdefault(found)
        yield from given

    def _matching(self, words: tuple[str, ...]) -> list[str]:
        """The files whose path ends as the import does; an import's last words may name something inside the file."""
        for length in range(len(words), 0, -1):
            wanted = words[:length]
            found = [path for parts, path in self._by_last.get(wanted[-1], ()) if _ends_alike(parts, wanted)]
            if found:
                return found
        return []


def _ends_alike(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether one is the end of the other: ``src/shop/cart`` and ``shop.cart``; ``cmd/api`` and ``example.com/app/cmd/api``."""
    length = min(len(parts), len(wanted))
    return parts[-length:] == wanted[-length:] and (length > 1 or len(wanted) == 1 or len(parts) == 1)


def _targets(family: str, groups: tuple[str | None, ...], folder: list[str]) -> Iterator[tuple[str, ...]]:
    if family == "python":
        yield from _python_targets(groups, folder)
    elif family == "rust":
        words = [
            word
            for word in (groups[0] or groups[1] or "").split("::")
            if word and word not in ("crate", "self", "super")
        ]
        if words:
            yield tuple(words)
    else:
        target = groups[0] or ""
        if target.startswith("."):
            parts = os.path.normpath("/".join([*folder, target])).split("/")
            yield _without_suffix(parts)
        else:
            yield _without_suffix([part for part in target.split("/") if part not in ("", "@", "~")])


def _python_targets(groups: tuple[str | None, ...], folder: list[str]) -> Iterator[tuple[str, ...]]:
    source, names, plain = groups
    if plain is not None:
        for name in plain.split(","):
            yield tuple(name.split(" as ")[0].strip().split("."))
        return
    dots = len(source or "") - len((source or "").lstrip("."))
    base = folder[: len(folder) - dots + 1] if dots else []
    words = (*base, *(word for word in (source or "").split(".") if word))
    for name in (names or "").split(","):
        imported = name.split(" as ")[0].strip()
        if imported.isidentifier():
            yield (*words, imported)
    if words:
        yield words


def _without_suffix(parts: list[str]) -> tuple[str, ...]:
    if not parts:
        return ()
    stem, suffix = splitext(parts[-1])
    return (*parts[:-1], stem if suffix in FAMILIES else parts[-1])


def _walked(root: Path) -> Iterator[str]:
    """Paths below ``root`` where no git says which matter; at most some thousands."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            count += 1
            if count > _MOST_WALKED:
                return
            yield Path(folder, name).relative_to(root).as_posix()
