"""Imports of packages that nothing declares: an agent that invents a package invites someone to publish it.

Judged only where a manifest of the language is among the files. What the files import already, what they contain, the standard
library and what a manifest names, under its own or its import name, is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from parsers.blocks.manifests import Manifest
from parsers.project.library import GLOBAL_MODULES
from parsers.project.project import ResponseProject
from parsers.project.suggestions import edit_distance
from parsers.syntax.types import Import

__all__ = ["KnownPackages", "Undeclared", "undeclared"]

_IMPORT_NAMES = {
    "attr": "attrs",
    "bio": "biopython",
    "bs4": "beautifulsoup4",
    "cairo": "pycairo",
    "crypto": "pycryptodome pycrypto",
    "cv2": "opencv-python opencv-python-headless opencv-contrib-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "gi": "pygobject",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "ldap": "python-ldap",
    "levenshtein": "python-levenshtein levenshtein rapidfuzz",
    "magic": "python-magic",
    "mpl-toolkits": "matplotlib",
    "multipart": "python-multipart",
    "mysqldb": "mysqlclient",
    "nacl": "pynacl",
    "openssl": "pyopenssl",
    "pil": "pillow",
    "pkg-resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pythoncom": "pywin32",
    "rest-framework": "djangorestframework",
    "ruamel": "ruamel-yaml",
    "sentence-transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify unicode-slugify",
    "socks": "pysocks",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "wx": "wxpython",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Import name to distributions of another name, both in the normal form of PyPI."""

_REGISTRIES = {"python": "pypi", "typescript": "npm", "go": "go", "rust": "crates"}
_REGISTRY_NAMES = {"python": "PyPI", "typescript": "npm", "go": "Go modules", "rust": "crates.io"}
_RUST_OWN = frozenset({"std", "core", "alloc", "proc_macro", "test", "crate", "self", "super", "Self"})
_AFFIX = re.compile(r"^(?:python-|py-?|node-|go-)|(?:-python|-py|js|-js|\.js|-rs|-go)$")


@dataclass(frozen=True)
class KnownPackages:
    """What is declared by family, and names of well-known packages by registry ('pypi', 'npm', 'go', 'crates')."""

    manifests: Mapping[str, Manifest]
    well_known: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Undeclared:
    """An import of ``package``, which nothing declares. ``suggestion``: the well-known package that its name is near."""

    package: str
    reason: str
    suggestion: str | None


def undeclared(project: ResponseProject, item: Import, packages: KnownPackages) -> Undeclared | None:
    """Why an import of a module that is not visible is of no declared package; None where it is, or where nobody can tell."""
    manifest = packages.manifests.get(project.family)
    name = _package(item, project.family)
    if manifest is None or not name or item.level:
        return None
    judged = _Judged(project, manifest, name)
    if judged.known:
        return None
    well_known = packages.well_known.get(_REGISTRIES[project.family], frozenset())
    project.budget.check_now()
    near = _near(name, project.family, well_known)
    registry = _REGISTRY_NAMES[project.family]
    shown = _normal(name, project.family)
    if shown in well_known:
        return Undeclared(name, f"no visible manifest declares {name!r}, which {registry} knows well", None)
    told = f"; {registry} knows {near!r}" if near else ""
    return Undeclared(name, f"no visible manifest declares {name!r} and no file imports it{told}", near)


def _package(item: Import, family: str) -> str:
    """The package that an import belongs to, '' for what is no package: relative paths, aliases, the language's own."""
    module = item.module
    if family == "python":
        return module.split(".")[0]
    if family == "typescript":
        if (
            not module
            or module[0] in "./#~"
            or module.startswith(("@/", "node:", "bun:", "virtual:", "src/"))
            or ":" in module
        ):
            return ""
        pieces = module.split("/")
        return "/".join(pieces[:2]) if module.startswith("@") else pieces[0]
    if family == "rust":
        first = module.partition("::")[0] or (item.name or "")
        return first if first.islower() and first not in _RUST_OWN else ""
    return "" if module.startswith(("internal/", "cmd/", "vendor/", "./", "../")) or module == "C" else module


def _normal(name: str, family: str) -> str:
    """The form in which names are compared: PyPI's, crates with hyphens, Go paths without their version."""
    if family == "python":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.replace("_", "-") if family == "rust" else name


@dataclass(frozen=True)
class _Judged:
    """One package name before the files and the manifest of a project."""

    project: ResponseProject
    manifest: Manifest
    name: str

    @property
    def known(self) -> bool:
        """Whether anything visible vouches for it."""
        family = self.project.family
        return self._in_library or self._in_files or getattr(self, f"_declared_{family}")

    @property
    def _in_library(self) -> bool:
        library, name = self.project.library, self.name
        return name in library.data or library.module(name) is not None or name == GLOBAL_MODULES[library.family]

    @property
    def _in_files(self) -> bool:
        """Whether a visible file is it, imports it too, or defines a thing of its name."""
        project, family = self.project, self.project.family
        imported = {
            _package(item, family)
            for file in project.index.files.values()
            for item in file.parse.imports
            if not item.level
        }
        if self.name in imported or (family == "rust" and self.name in self._rust_names):
            return True
        if family in {"go", "typescript"}:
            return family == "go" and bool(project.index.table.package(self.name))
        table = project.index.table
        return self.name in table.by_last or any(self.name in folder for folder in table.folders)

    @property
    def _rust_names(self) -> set[str]:
        project = self.project
        files = [*project.index.files.values(), *project.blocks]
        aliases = {item.alias or item.name or "" for file in files for item in file.parse.imports}
        return (
            {name for file in files for name in file.entity.names}
            | (aliases - {""})
            | {definition.name for file in files for definition in file.parse.definitions}
        )

    @cached_property
    def _names(self) -> set[str]:
        return {_normal(name, self.project.family) for name in (*self.manifest.declared, *self.manifest.own)}

    @property
    def _declared_python(self) -> bool:
        """``yaml`` by ``PyYAML``, ``google`` by ``google-cloud-storage``, ``slugify`` by ``python-slugify``."""
        wanted = _normal(self.name, "python")
        others = _IMPORT_NAMES.get(wanted, "").split()
        for declared in self._names:
            words = declared.split("-")
            if declared == wanted or declared in others or wanted in words or declared.startswith(f"{wanted}-"):
                return True
            if declared.replace("-", "") == wanted.replace("-", "") or _AFFIX.sub("", declared) == wanted:
                return True
        return False

    @property
    def _declared_typescript(self) -> bool:
        types = f"@types/{self.name.removeprefix('@').replace('/', '__')}"
        scope = self.name.split("/")[0] if self.name.startswith("@") else ""
        own = scope and any(name.startswith(f"{scope}/") for name in self.manifest.own)
        return self.name in self._names or types in self._names or bool(own)

    @property
    def _declared_go(self) -> bool:
        if "." not in self.name.split("/")[0]:
            return any(self.name == own or self.name.startswith(f"{own}/") for own in self.manifest.own)
        return any(self.name == name or self.name.startswith(f"{name}/") for name in self._names)

    @property
    def _declared_rust(self) -> bool:
        return _normal(self.name, "rust") in self._names


def _near(name: str, family: str, well_known: frozenset[str]) -> str | None:
    """The well-known package that a name is a slip or a variant of: ``reqeusts``, ``python-requests``, ``expresss``."""
    shown = _normal(name, family)
    if shown in well_known or not well_known:
        return None
    plain = _AFFIX.sub("", shown)
    variants = {
        plain,
        f"python-{plain}",
        f"{plain}-python",
        f"py{plain}",
        f"{plain}js",
        shown.replace("-", ""),
        shown.replace("-", "_"),
    }
    if variants & well_known - {shown}:
        return min(variants & well_known, key=lambda other: (edit_distance(shown, other, 9), other))
    most = 1 if len(shown) < _LONG_NAME else 2
    near = [
        (distance, other)
        for other in well_known
        if abs(len(other) - len(shown)) <= most
        and len(other) > 3
        and (distance := edit_distance(shown, other, most + 1)) <= most
    ]
    return min(near)[1] if near else None


_LONG_NAME = 7
