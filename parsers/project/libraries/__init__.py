"""Third-party packages that were indexed once: their files as modules, made when an import asks for them."""

from parsers.project.libraries.library_set import NO_LIBRARIES, LibrarySet
from parsers.project.libraries.package import Package, PackageContents, PackageIndex

__all__ = ["NO_LIBRARIES", "LibrarySet", "Package", "PackageContents", "PackageIndex"]
