"""What the rules are asked with: one block of a response, and the memory that its rules share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from parsers.inference import Inference, LookupStatus, Values, union_of
from parsers.project.augmentation import augment
from parsers.project.entities import (
    ClassEntity,
    ClassValue,
    Instance,
    ModuleEntity,
    ModuleValue,
    Symbol,
    Value,
)
from parsers.project.import_paths import FileTable
from parsers.project.module_builder import FileModule
from parsers.project.project import ResponseProject
from parsers.rules.packages import KnownPackages
from parsers.syntax.expressions import read_expression
from parsers.syntax.facts import CodeFacts
from parsers.syntax.types import Reference, ReferenceKind, Span

__all__ = [
    "CALLS",
    "TYPES",
    "BlockCheck",
    "Owner",
    "ResponseCheck",
    "is_called",
    "is_library",
    "module_of",
    "owner_name",
    "owner_of",
    "spans_of",
]

CALLS = {ReferenceKind.CALL, ReferenceKind.INSTANTIATION}
TYPES = {ReferenceKind.TYPE, ReferenceKind.INSTANTIATION}
Owner = ModuleEntity | ClassEntity | None


@dataclass(frozen=True)
class Universe:
    """All names that the library, the context or the response gives to anything."""

    parts: tuple[Container[str], ...]

    def __contains__(self, name: str) -> bool:
        return any(name in part for part in self.parts)


class ResponseCheck:
    """What all blocks of one response in one language family share."""

    def __init__(
        self, project: ResponseProject, family: str, texts: Sequence[str], packages: KnownPackages | None = None
    ) -> None:
        """``packages``: what manifests declare; None where imports are not judged by it."""
        self.project = project
        self.packages = packages
        self.family = family
        self.inference = Inference(project, family)
        self.universe = Universe(
            (
                project.library.member_names(),
                project.index.names,
                project.top_level,
                project.members,
                *project.installed_names(),
            )
        )
        self.stored = {
            reference.chain[-1] for block in project.blocks for reference in block.parse.references if reference.store
        }
        if family == "typescript":  # ``declare module "x" { interface Cart { … } }`` of the response itself
            self.stored |= augment({block.entity.key: block for block in project.blocks}, FileTable(family, ()))
        self.blocks = tuple(BlockCheck(self, block, text) for block, text in zip(project.blocks, texts, strict=True))


@dataclass(eq=False)
class BlockCheck:
    """One block under judgement. What is worked out once for all its names is a cached property."""

    response: ResponseCheck
    block: FileModule
    text: str
    missing_on_self: dict[Owner, dict[Span, str]] = field(default_factory=lambda: defaultdict(dict))
    """Names that a class's own receivers (``self``, ``this``) seem to lack, by the class."""

    @property
    def project(self) -> ResponseProject:
        """The context and the response as one project."""
        return self.response.project

    @property
    def inference(self) -> Inference:
        """What expressions of this response evaluate to."""
        return self.response.inference

    @property
    def family(self) -> str:
        """The language family: python, typescript (JavaScript too), go, rust."""
        return self.response.family

    @property
    def language(self) -> str:
        """The language itself."""
        return self.block.parse.language

    @property
    def universe(self) -> Universe:
        """All names that the library, the context or the response gives to anything."""
        return self.response.universe

    @property
    def facts(self) -> CodeFacts:
        """What the block's syntax says beyond its names."""
        return self.block.parse.facts

    @cached_property
    def named_by_text(self) -> frozenset[str]:
        """Members that the code reaches by a text: ``setattr(x, "name", …)``."""
        return self.facts.named_by_text

    @cached_property
    def links(self) -> frozenset[str]:
        """Every link of every access path of the block, heads left out."""
        return frozenset(link for reference in self.block.parse.references for link in reference.chain[1:])

    @cached_property
    def foreign_names(self) -> frozenset[str]:
        """What the block imports from places that are not visible."""
        return frozenset(
            item.alias or item.name or ""
            for item in self.block.parse.imports
            if self.project.import_module(self.block.entity, item.module, item.level) is None
        ) - {""}

    @cached_property
    def homeless_types(self) -> frozenset[tuple[str, int]]:
        """Types that the block names without a path and that nothing visible defines, and where (Rust)."""
        used = {
            (reference.chain[0], (reference.spans or (reference.span,))[0][0])
            for reference in self.block.parse.references
            if reference.kind is ReferenceKind.TYPE
        }
        return frozenset(
            (name, position)
            for name, position in used
            if name.isidentifier()
            and self.inference.name(name, self.block.entity, position, True).status is not LookupStatus.FOUND
        )

    def read(self, text: str, position: int) -> Values | None:
        """What an expression of the block may evaluate to."""
        chains = read_expression(text, self.family)
        if not chains:
            return None
        return union_of(self.inference.chain(chain, self.block.entity, position) for chain in chains)

    def symbols_of(self, name: str, position: int) -> tuple[Symbol, ...]:
        """What a bare name at ``position`` stands for."""
        return self.inference.name(name, self.block.entity, position).symbols

    def in_subclass(self, owner: ClassEntity, name: str) -> bool:
        """Whether a visible class below ``owner`` has the member: the code may know that it holds one of those."""
        holders = {
            symbol.owner
            for table in (self.project.index.members, self.project.members)
            for symbol in table.get(name, ())
            if symbol.owner
        }
        if owner.module.package:
            holders.update(self.project.libraries.holders(owner, name))
        return any(holder is not owner and owner in self.inference.mro(holder)[0] for holder in holders)

    def ignored(self, span: Span) -> bool:
        """Whether a comment of the line asks checkers to look away."""
        if not self.facts.ignored_lines:
            return False
        first = self.text.count("\n", 0, span[0]) + 1
        last = first + self.text.count("\n", span[0], span[1])
        return any(line in self.facts.ignored_lines for line in range(first, last + 1))

    def stands_once(self, name: str) -> bool:
        """Whether no other place of the visible code has the word."""
        if name in self.universe or name in self.project.index.words or name in self.response.stored:
            return False
        return self.facts.occurrences.get(name, 0) == 1 and name not in self.named_by_text

    def name_span(self, span: Span, name: str) -> Span:
        """Where a name stands in a longer span."""
        start = self.text.find(name, span[0], span[1])
        return (start, start + len(name)) if start >= 0 else span


def spans_of(reference: Reference) -> tuple[Span, ...]:
    """One span for each link."""
    return reference.spans or (reference.span,) * len(reference.chain)


def is_called(reference: Reference, position: int) -> bool:
    """Whether the link at ``position`` is what is called."""
    following = reference.chain[position + 1 : position + 2]
    return following == ("()",) or (not following and reference.kind in CALLS)


def owner_of(value: Value) -> Owner:
    """The module or class that a value stands for."""
    if isinstance(value, ModuleValue):
        return value.module
    return value.entity if isinstance(value, Instance | ClassValue) else None


def owner_name(owner: Owner) -> str:
    """How a reason calls an owner."""
    if owner is None:
        return "its owner"
    if isinstance(owner, ClassEntity):
        return owner.name
    if owner.package:
        return f"{owner.package} ({owner.path or owner.key.partition('>/')[2]})"
    return "this code" if owner.key.startswith("<response") else (owner.path or owner.key or "the language")


def module_of(owner: Owner) -> ModuleEntity | None:
    """The module that an owner is or lives in."""
    return owner.module if isinstance(owner, ClassEntity) else owner


def is_library(owner: Owner) -> bool:
    """Whether an owner is built-in data."""
    if isinstance(owner, ClassEntity):
        return owner.module.library
    return owner is not None and owner.library
