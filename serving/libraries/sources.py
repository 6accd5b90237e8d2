"""What a path given to ``index-library`` is: a wheel, an sdist, a package of npm, an installed distribution, or many of them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import partial
from pathlib import Path, PurePosixPath

from parsers.project.libraries.script import kept_declarations
from serving.libraries.archives import ArchiveError, SourceFile, read_archive, read_folder

__all__ = ["PYTHON", "SCRIPT", "PackageSource", "find_sources"]

PYTHON, SCRIPT = "python", "typescript"
_PYTHON_TEXTS = (".py", ".pyi")
_COMPILED = (".so", ".pyd")
_SCRIPT_TEXTS = (".d.ts", ".d.mts", ".d.cts")
_NAME = re.compile(r"(?:@[A-Za-z0-9~][\w.~-]*/)?[A-Za-z0-9][\w.-]*")
_VERSION = re.compile(r"[A-Za-z0-9][\w.+!-]{0,63}")
_LEFT_OUT = re.compile(r"(?:^|/)(?:tests?|testing/tests|docs|examples?|benchmarks?|build|dist)/")


@dataclass(frozen=True)
class PackageSource:
    """One package as found: its files with paths from where imports start (Python) or from its root (npm).

    ``compiled``: paths of extension modules. ``whole``: False where a build may add files. ``manifest``: package.json,
    ``folders``: those of folders inside it.
    """

    family: str
    name: str
    version: str
    origin: str
    files: tuple[SourceFile, ...]
    compiled: tuple[str, ...] = ()
    whole: bool = True
    manifest: dict[str, object] | None = None
    folders: dict[str, dict[str, object]] | None = None


def find_sources(
    path: Path, name: str | None = None, version: str | None = None
) -> Iterator[PackageSource | ArchiveError]:
    """The packages at ``path``; an ArchiveError in place of one that is refused, so that the others are still read.

    ``name`` and ``version`` are for a folder of plain sources, which says neither.
    """
    if not path.exists():
        yield ArchiveError(f"{path} does not exist")
    elif path.is_file() and path.name.endswith(".whl"):
        yield from _one(lambda: _wheel(path))
    elif path.is_file():
        yield from _one(lambda: _tarball(path))
    elif path.name.endswith(".dist-info"):
        yield from _one(lambda: _installed(path))
    elif infos := sorted(path.glob("*.dist-info")):
        for info in infos:
            yield from _one(partial(_installed, info))
    elif (path / "package.json").is_file():
        yield from _one(partial(_npm_folder, path))
    elif path.name == "node_modules":
        folders = [*path.glob("*/package.json"), *path.glob("@*/*/package.json")]
        for manifest in sorted(folders):
            yield from _one(partial(_npm_folder, manifest.parent))
    else:
        yield from _one(lambda: _plain(path, name, version))


def _npm_folder(folder: Path) -> PackageSource:
    return _npm(folder.name, read_folder(folder, _wanted_script))


def _one(read: Callable[[], PackageSource]) -> Iterator[PackageSource | ArchiveError]:
    try:
        yield read()
    except ArchiveError as error:
        yield error


def _wanted_python(path: str) -> bool:
    return path.endswith((*_PYTHON_TEXTS, ".dist-info/METADATA", "PKG-INFO"))


def _wanted_script(path: str) -> bool:
    return path.endswith(_SCRIPT_TEXTS) or PurePosixPath(path).name == "package.json"


def _python(name: str, version: str, origin: str, files: Sequence[SourceFile], whole: bool) -> PackageSource:
    compiled = tuple(file.path for file in files if file.path.endswith(_COMPILED))
    texts = tuple(file for file in files if file.path.endswith(_PYTHON_TEXTS) and _importable(file.path))
    if not texts and not compiled:
        raise ArchiveError(f"{origin} has no Python sources or stubs")
    return PackageSource(PYTHON, _checked_name(name), _checked_version(version), origin, texts, compiled, whole)


def _importable(path: str) -> bool:
    """Whether every part is a name that an import can spell; ``httpx-stubs`` may stand for ``httpx``."""
    parts = path.removesuffix(".pyi").removesuffix(".py").split("/")
    return all(part.isidentifier() for part in (parts[0].removesuffix("-stubs"), *parts[1:]))


def _wheel(path: Path) -> PackageSource:
    files = read_archive(path, _wanted_python)
    metadata = next((file.text for file in files if re.fullmatch(r"[^/]+\.dist-info/METADATA", file.path)), None)
    if metadata is None:
        raise ArchiveError(f"{path.name} has no dist-info/METADATA: it is no wheel")
    name, version = _metadata(metadata, path.name)
    inside = [SourceFile(_installed_path(file.path), file.text) for file in files if ".dist-info/" not in file.path]
    return _python(name, version, path.name, [file for file in inside if file.path], True)


def _installed_path(path: str) -> str:
    """Where a file of a wheel is installed: ``x.data/purelib/a.py`` is ``a.py``; '' for data and scripts."""
    parts = path.split("/")
    if not parts[0].endswith(".data"):
        return path
    return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in {"purelib", "platlib"} else ""


def _metadata(text: str, origin: str) -> tuple[str, str]:
    headers = HeaderParser().parsestr(text)
    name, version = headers.get("Name"), headers.get("Version")
    if not name or not version:
        raise ArchiveError(f"the metadata of {origin} has no Name or no Version")
    return str(name), str(version)


def _installed(info: Path) -> PackageSource:
    """An installed distribution by its RECORD: several share one folder."""
    metadata, record = info / "METADATA", info / "RECORD"
    if not metadata.is_file() or not record.is_file():
        raise ArchiveError(f"{info.name} has no METADATA or no RECORD")
    name, version = _metadata(metadata.read_text(encoding="utf-8", errors="replace"), info.name)
    with record.open(encoding="utf-8", newline="") as rows:
        listed = [row[0] for row in csv.reader(rows) if row]
    listed = [path for path in listed if not path.startswith(("/", "../")) and ".." not in path.split("/")]
    root = info.parent
    files = []
    for path in listed:
        file = root / path
        if path.endswith(_COMPILED):
            files.append(SourceFile(path, ""))
        elif path.endswith(_PYTHON_TEXTS) and not file.is_symlink() and file.is_file():
            if file.stat().st_size > 8_000_000:
                raise ArchiveError(f"{path} has more than 8,000,000 bytes")
            files.append(SourceFile(path, file.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff")))
    return _python(name, version, info.name, files, True)


def _tarball(path: Path) -> PackageSource:
    """A tarball of npm has ``package/package.json``, an sdist ``name-version/PKG-INFO``."""
    files = read_archive(path, lambda name: _wanted_python(name) or _wanted_script(name))
    tops = {file.path.partition("/")[0] for file in files}
    inner = [SourceFile(file.path.partition("/")[2], file.text) for file in files] if len(tops) == 1 else files
    if any(file.path == "PKG-INFO" for file in inner):
        return _sdist(path.name, inner)
    if any(file.path == "package.json" for file in inner):
        return _npm(path.name, [file for file in inner if _wanted_script(file.path)])
    raise ArchiveError(f"{path.name} has neither PKG-INFO (an sdist) nor package.json (a package of npm)")


def _sdist(origin: str, files: Sequence[SourceFile]) -> PackageSource:
    """The packages of an sdist lie at its top or in ``src``. A build may add files, so that none can be called missing."""
    name, version = _metadata(next(file.text for file in files if file.path == "PKG-INFO"), origin)
    src = any(file.path.startswith("src/") and file.path.endswith("/__init__.py") for file in files)
    start = "src/" if src else ""
    inside = [
        SourceFile(file.path.removeprefix(start), file.text)
        for file in files
        if file.path.startswith(start)
        and not _LEFT_OUT.search(file.path)
        and file.path not in {"setup.py", "conftest.py"}
    ]
    return _python(name, version, origin, inside, False)


def _plain(path: Path, name: str | None, version: str | None) -> PackageSource:
    if not name or not version:
        hint = "say --name and --version for a folder of plain sources"
        raise ArchiveError(f"{path} is neither an installed distribution nor a package of npm; {hint}")
    files = read_folder(path, _wanted_python)
    top = f"{path.name}/" if (path / "__init__.py").is_file() or (path / "__init__.pyi").is_file() else ""
    return _python(name, version, path.name, [SourceFile(f"{top}{file.path}", file.text) for file in files], True)


def _npm(origin: str, files: Sequence[SourceFile]) -> PackageSource:
    text = next((file.text for file in files if file.path == "package.json"), "")
    try:
        manifest = json.loads(text)
        name, version = str(manifest["name"]), str(manifest["version"])
    except (ValueError, KeyError, TypeError):
        raise ArchiveError(f"{origin} has no readable package.json with name and version") from None
    kept = set(kept_declarations(file.path for file in files if file.path.endswith(_SCRIPT_TEXTS)))
    texts = tuple(file for file in files if file.path in kept)
    if not texts:
        hint = f"index @types/{name.removeprefix('@').replace('/', '__')} instead, if there is one"
        raise ArchiveError(f"{name} {version} has no type declarations (.d.ts); {hint}")
    folders = {
        file.path.removesuffix("/package.json"): read
        for file in files
        if file.path.endswith("/package.json") and isinstance(read := _json(file.text), dict)
    }
    return PackageSource(
        SCRIPT, _checked_name(name), _checked_version(version), origin, texts, manifest={**manifest}, folders=folders
    )


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 200 or ".." in name:
        raise ArchiveError(f"{name[:100]!r} is no name of a package")
    return name


def _checked_version(version: str) -> str:
    if not _VERSION.fullmatch(version):
        raise ArchiveError(f"{version[:100]!r} is no version of a package")
    return version
