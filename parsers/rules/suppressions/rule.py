"""The shape of a suppression rule: when a name that its owner does not seem to have is left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from parsers.inference import Lookup
from parsers.project.entities import ClassEntity, ModuleEntity, Value
from parsers.rules.check import BlockCheck, Owner, is_called, owner_of
from parsers.syntax.types import Import, Reference, Span

__all__ = [
    "EVERY",
    "GO",
    "PLAIN_SCRIPT",
    "PYTHON",
    "RUST",
    "SCRIPT",
    "MissingImport",
    "MissingMember",
    "SuppressionRule",
    "first_reason",
]

PYTHON = frozenset({"python"})
PLAIN_SCRIPT = frozenset({"javascript"})
SCRIPT = frozenset({"javascript", "typescript", "tsx"})
GO = frozenset({"go"})
RUST = frozenset({"rust"})
EVERY = PYTHON | SCRIPT | GO | RUST


@dataclass(frozen=True)
class MissingMember:
    """A link of an access path that none of its possible owners has. ``position`` counts the links, the head is 0."""

    reference: Reference
    position: int
    values: tuple[Value, ...]

    @property
    def name(self) -> str:
        """The missing name."""
        return self.reference.chain[self.position]

    @property
    def head(self) -> str:
        """The first link of the path."""
        return self.reference.chain[0]

    @property
    def last(self) -> bool:
        """Whether nothing follows."""
        return self.position == len(self.reference.chain) - 1

    @property
    def called(self) -> bool:
        """Whether the name is what is called."""
        return is_called(self.reference, self.position)

    @property
    def owner(self) -> Owner:
        """The first of the possible owners."""
        return owner_of(self.values[0])

    @property
    def owner_class(self) -> ClassEntity | None:
        """The owner where it is a class."""
        return self.owner if isinstance(self.owner, ClassEntity) else None


@dataclass(frozen=True)
class MissingImport:
    """An imported name that its visible module does not seem to have."""

    item: Import
    module: ModuleEntity
    lookup: Lookup
    span: Span

    @property
    def name(self) -> str:
        """The missing name."""
        return self.item.name or ""


Missing = TypeVar("Missing", MissingMember, MissingImport)


@dataclass(frozen=True)
class SuppressionRule(Generic[Missing]):
    """One reason to leave a missing name alone.

    ``applies`` gives the reason as the user reads it, None when the rule says nothing. ``code`` is stable: it stands in the
    finding as ``rule``.
    """

    code: str
    languages: frozenset[str]
    applies: Callable[[BlockCheck, Missing], str | None]


def first_reason(
    rules: Sequence[SuppressionRule[Missing]], check: BlockCheck, missing: Missing
) -> tuple[str, str] | None:
    """Code and reason of the first rule that applies, None when the name may be judged."""
    for rule in rules:
        if check.language in rule.languages and (reason := rule.applies(check, missing)) is not None:
            return rule.code, reason
    return None
