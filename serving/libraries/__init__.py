"""Third-party packages indexed once into the data folder, so that calls into them are judged."""

from serving.libraries.store import IndexedPackage, LibraryStore, PackageExistsError

__all__ = ["IndexedPackage", "LibraryStore", "PackageExistsError"]
