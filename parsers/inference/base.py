"""What the steps of inference share: the project they ask, the result of a look-up, and the guard against circles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from parsers.inference.memory import ResponseMemory
from parsers.project.budget import Budget
from parsers.project.entities import Ancestry, ClassEntity, ModuleEntity, Symbol, Value
from parsers.project.library import Library
from parsers.syntax.expressions import Chain

__all__ = [
    "FUNCTION_MEMBERS",
    "GO_PLACEHOLDERS",
    "MAX_DEPTH",
    "MAX_UNION",
    "Environment",
    "InferenceBase",
    "Lookup",
    "LookupStatus",
    "Project",
    "Values",
    "union_of",
]

Values = tuple[Value, ...]
Environment = dict[str, Values | None]

MAX_DEPTH = 14
FUNCTION_MEMBERS = {"apply", "call", "bind", "name", "length", "prototype", "arguments", "caller"}
MAX_UNION = 8
GO_PLACEHOLDERS = {
    "Type",
    "Type1",
    "IntegerType",
    "FloatType",
    "ComplexType",
}  # the builtin package's documentation only


class LookupStatus(StrEnum):
    """How a look-up ended."""

    FOUND = "found"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lookup:
    """Result of a look-up. UNKNOWN comes with the reason: the owner may have the name where nobody can see it."""

    status: LookupStatus
    symbols: tuple[Symbol, ...] = ()
    reason: str = ""
    owner: ClassEntity | ModuleEntity | None = None
    environment: Environment | None = None


class Project(Protocol):
    """How names cross files: the context index and the response together."""

    library: Library
    budget: Budget

    def import_module(self, importer: ModuleEntity, module: str, level: int) -> ModuleEntity | None:
        """The module that an import names, None when it is not visible."""

    def submodule(self, module: ModuleEntity, name: str) -> ModuleEntity | None:
        """A module below a package, if visible."""

    def local_symbols(self, module: ModuleEntity, name: str, position: int) -> list[Symbol]:
        """Bindings of a name in the innermost scope around ``position`` that has it."""

    def hidden(self, module: ModuleEntity, name: str) -> str:
        """Why a module may have a name that nothing visible defines, '' when nothing speaks for it."""

    def class_doubt(self, entity: ClassEntity) -> str:
        """Why a class may have members that nobody can see, beyond what its own code says."""

    def lasting(self, entity: ClassEntity) -> dict[ClassEntity, Ancestry] | None:
        """Where the ancestry of a class is kept beyond this response, None for classes of the response itself."""

    def only_class(self, name: str) -> ClassEntity | None:
        """The one visible class of a name, wherever it stands; None when there is none or several."""

    def names_in_package(self, module: ModuleEntity, name: str, as_type: bool) -> list[Symbol]:
        """The name in files that share the module's namespace (a Go package)."""


class InferenceBase(ABC):
    """State of one response's evaluation, and what the layers above give to those below."""

    def __init__(self, project: Project, family: str) -> None:
        self.project = project
        self.family = family
        self.library = project.library
        self.budget = project.budget
        self.memory = ResponseMemory()

    def _enter(self, key: object) -> bool:
        """Whether ``key`` may be worked on: not when it already is, or when too much is open. Leave it afterwards."""
        self.budget.check()
        running = self.memory.running
        if key in running or len(running) > MAX_DEPTH:
            return False
        running.add(key)
        return True

    def _leave(self, key: object) -> None:
        self.memory.running.discard(key)

    @abstractmethod
    def symbols_values(self, symbols: tuple[Symbol, ...], environment: Environment | None = None) -> Values | None:
        """The union of what the symbols stand for; None as soon as one of them is unknown."""

    @abstractmethod
    def symbol_values(self, symbol: Symbol, environment: Environment | None = None) -> Values | None:
        """What one symbol stands for."""

    @abstractmethod
    def chain(self, chain: Chain, module: ModuleEntity, position: int) -> Values | None:
        """Evaluate a chain from its head."""

    @abstractmethod
    def step(self, values: Values, link: str, module: ModuleEntity | None = None, position: int = -1) -> Values | None:
        """One link further, over the whole union."""

    @abstractmethod
    def _export_value(self, module: ModuleEntity) -> Values | None:
        """What a module's default export is."""

    @abstractmethod
    def member(self, value: Value, name: str) -> Lookup:
        """Look up ``value.name``."""


def unread(owner: ClassEntity | ModuleEntity, name: str) -> str:
    """Why an owner may have a name in a part that could not be read, '' when the name does not stand there."""
    return "parts of it could not be read" if name in owner.unread else ""


def union_of(parts: Iterable[Values | None]) -> Values | None:
    """The union without repeats; None as soon as one part is unknown."""
    union: list[Value] = []
    for part in parts:
        if part is None:
            return None
        union.extend(value for value in part if value not in union)
    return tuple(union)
