"""Suppression rules of owners from the standard library, whose data does not list everything."""

from __future__ import annotations

from collections.abc import Iterable

from parsers.project.entities import ClassEntity, ModuleEntity, Symbol
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.check import BlockCheck, is_library, module_of
from parsers.rules.suppressions.rule import MissingMember

__all__ = [
    "abstract_type",
    "adapts_to_versions",
    "asks_for_version",
    "global_name",
    "inherited_private_name",
    "private_name",
]

_VERSIONS = "the code adapts to versions"
_VERSION_NAMES = frozenset({"__version__", "version_info", "VERSION", "__version_info__", "importlib.metadata"})
_PRIVATE = "private names of the standard library are not listed"
_ABSTRACT = frozenset(
    (
        "Sequence MutableSequence Mapping MutableMapping Set AbstractSet MutableSet Collection Container Reversible Sized"
        " Iterable Iterator AsyncIterable AsyncIterator Awaitable Coroutine Hashable Buffer IO TextIO BinaryIO PathLike KeysView"
        " ItemsView ValuesView MappingView"
    ).split()
)


def private_name(_check: BlockCheck, missing: MissingMember) -> str | None:
    """Stubs leave private names out."""
    # threading.Thread()._bootstrap
    module = module_of(missing.owner)
    listed = is_library(missing.owner) or (module is not None and module.stub)
    return _PRIVATE if listed and missing.name.startswith("_") else None


def global_name(check: BlockCheck, missing: MissingMember) -> str | None:
    """Every global of JavaScript can be reached through the global object too, and a module has what any object has."""
    # globalThis.fetch;  fs.hasOwnProperty("promises")
    if not isinstance(missing.owner, ModuleEntity):
        return None
    objects = (symbol.entity for symbol in check.project.library.globals.lookup("Object", as_type=True))
    if any(entity is not None and missing.name in entity.members for entity in objects):
        return "any object has it"
    module = is_library(missing.owner)
    return "it is a global name" if module and check.project.library.globals.lookup(missing.name) else None


def adapts_to_versions(check: BlockCheck, missing: MissingMember) -> str | None:
    """The code asks which version it runs on."""
    # if sys.version_info >= (3, 14): sys.remote_exec(pid, path)
    # if pydantic.VERSION >= "2": order.model_dump()
    module = module_of(missing.owner)
    if module is not None and module.package and asks_for_version(check):
        return _VERSIONS
    asks = is_library(missing.owner) and (
        "version_info" in check.links or any(item.name == "version_info" for item in check.block.parse.imports)
    )
    return _VERSIONS if asks else None


def asks_for_version(check: BlockCheck) -> bool:
    """Whether the code reads the version of some package."""
    imported = {item.name for item in check.block.parse.imports}
    return not _VERSION_NAMES.isdisjoint(check.links | imported)


def abstract_type(check: BlockCheck, missing: MissingMember) -> str | None:
    """An annotation promises an abstract type; the value is a list, dict or set that has more."""
    # def sort(items: Sequence[int]): items.append(1)
    owner = missing.owner
    if not isinstance(owner, ClassEntity) or not is_library(owner) or owner.name not in _ABSTRACT:
        return None
    known = any(missing.name in table for table in _concrete(check))
    near = best_match(missing.name, owner.members)[1] >= NEAR
    return "its type is abstract, the value may have more" if known or not near else None


def inherited_private_name(check: BlockCheck, missing: MissingMember) -> str | None:
    """A class of the code that has a class of the library above it may have that one's private names."""
    # class Queue extends EventEmitter { size() { return this._eventsCount } }
    owner = missing.owner_class
    if owner is None or not missing.name.startswith("_"):
        return None
    return _PRIVATE if any(is_library(above) for above in check.inference.mro(owner)[0]) else None


def _concrete(check: BlockCheck) -> Iterable[dict[str, list[Symbol]]]:
    for name in ("list", "dict", "set"):
        for symbol in check.project.library.globals.lookup(name):
            if symbol.entity is not None:
                yield symbol.entity.members
