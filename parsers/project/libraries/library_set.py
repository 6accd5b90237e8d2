"""The packages that code may import from, one version of each; made once for a choice of versions and shared by requests."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence

from parsers.project.entities import Ancestry, ClassEntity, ModuleEntity
from parsers.project.file_module import FileModule
from parsers.project.import_paths import module_parts
from parsers.project.libraries.naming import NAMING
from parsers.project.libraries.package import Package, PackageContents
from parsers.project.library import Library

__all__ = ["NO_LIBRARIES", "LibrarySet"]


class LibrarySet:
    """Modules of the packages of one language family. What a package says never depends on a response or a context."""

    def __init__(self, family: str, contents: Sequence[PackageContents] = ()) -> None:
        self.family = family
        self._naming = NAMING.get(family, NAMING["python"])
        self.files: dict[str, FileModule] = {}
        self.ancestry: dict[ClassEntity, Ancestry] = {}
        self._packages: dict[str, Package | None] = {}
        self._labels = {item.label: item for item in contents}
        self._roots: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        for item in contents:
            for root in item.roots:
                self._roots[root].append(item.label)

    def _register(self, file: FileModule) -> None:
        self.files[file.entity.key] = file

    def _package(self, label: str) -> Package | None:
        """A package of the set, opened on first use; None for one that cannot be read: nothing is said of it."""
        if label not in self._packages:
            with self._lock:
                if label not in self._packages:
                    try:
                        made = Package(self._labels[label], self._register)
                    except (OSError, ValueError, KeyError):
                        made = None
                    self._packages[label] = made
        return self._packages[label]

    def _owners(self, name: str) -> list[Package]:
        """The packages that modules of this name may belong to."""
        labels = self._roots.get(self._naming.root(name), ())
        return [package for label in labels if (package := self._package(label)) is not None]

    def root(self, module: str) -> str:
        """The part of a module's name that says which package it belongs to."""
        return self._naming.root(module)

    def knows(self, root: str) -> bool:
        """Whether some package is imported by names that start with ``root``."""
        return root in self._roots

    def labels_of(self, module: str) -> tuple[str, ...]:
        """The packages that an import of ``module`` means, as findings call them."""
        return tuple(self._roots.get(self._naming.root(module), ()))

    def module(self, name: str) -> ModuleEntity | None:
        """A module by the name that it is imported by."""
        found = [entity for package in self._owners(name) if (entity := self._naming.module(package, name)) is not None]
        # of several packages that share a namespace the one that has a file there
        return min(found, key=lambda entity: not entity.path) if found else None

    def import_from(self, importer: ModuleEntity, module: str, level: int, library: Library) -> ModuleEntity | None:
        """What an import inside a package names: its own files, the standard library, another package of the set."""
        if self.family == "typescript" and not module:
            return importer  # ``export { name }``
        if not level and not (self.family == "typescript" and module.startswith(".")):
            return library.module(module) or self.module(module)
        package = self._package(importer.package)
        return self._naming.inside(package, importer, module, level) if package is not None else None

    def submodule(self, module: ModuleEntity, name: str) -> ModuleEntity | None:
        """A module below a package; TypeScript has none that are reached as members."""
        if self.family != "python":
            return None
        return self.module(f"{self.key_of(module)}.{name}") if module.is_package else None

    def key_of(self, module: ModuleEntity) -> str:
        """The name that a module is imported by."""
        if not module.path:
            return module.key.partition(">/")[2]
        return ".".join(part.removesuffix("-stubs") for part in module_parts(module.path, "python")[0])

    def absent(self, name: str) -> tuple[ModuleEntity, str, frozenset[str]] | None:
        """For a module that does not exist in a package all of whose modules are known: (what it would lie in, its name
        there, the modules there); None where it exists or may exist.
        """
        if self.family != "python":
            return None
        parts = name.split(".")
        for count in range(1, len(parts)):
            parent, below = ".".join(parts[:count]), parts[count]
            if self.module(f"{parent}.{below}") is not None:
                continue
            owners = [package for package in self._owners(name) if package.module(parent) is not None]
            entity = self.module(parent)
            open_to_others = any(parent in package.index.namespaces for package in self._owners(name))
            if entity is None or open_to_others or not all(package.index.whole for package in owners):
                return None
            if entity.opaque or entity.lookup(below):
                return None
            return entity, below, frozenset(name for package in owners for name in package.below(parent))
        return None

    def holders(self, entity: ClassEntity, name: str) -> Iterator[ClassEntity]:
        """Classes with bases that have a member of this name, in the package of ``entity``."""
        package = self._package(entity.module.package) if entity.module.package else None
        for key in package.members.holders.get(name, ()) if package is not None else ():
            module = package.module(key) if package is not None else None
            file = self.files.get(module.key) if module is not None else None
            for found in file.classes.values() if file is not None else ():
                if name in found.members or name in (found.statics or ()):
                    yield found

    def stored(self, module: ModuleEntity, name: str, roots: Sequence[str] = ()) -> bool:
        """Whether code of the package of ``module`` sets a member of this name on some object from outside.

        ``roots``: packages that the code imports, whose declarations may add to the types of any other.
        """
        package = self._package(module.package) if module.package else None
        beside = (found for root in roots for found in self._owners(root)) if self.family == "typescript" else ()
        return any(name in found.members.stored for found in (package, *beside) if found is not None)

    def names_of(self, roots: Sequence[str]) -> Iterator[frozenset[str]]:
        """All names that the packages behind these roots define."""
        seen = {package.index.label: package for root in roots for package in self._owners(root)}
        return (package.members.names for package in seen.values())


NO_LIBRARIES = {family: LibrarySet(family) for family in ("python", "typescript", "go", "rust")}
