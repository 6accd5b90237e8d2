"""A parsed file as a module entity, with the scopes that only its own file needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from parsers.project.entities import ClassEntity, ModuleEntity, Symbol
from parsers.syntax.types import Definition, ParseResult, Span

__all__ = ["FileModule"]


@dataclass(eq=False, repr=False)
class FileModule:
    """A module entity with what only its own file needs: scopes, and the parse it came from."""

    entity: ModuleEntity
    parse: ParseResult
    local: dict[str, list[tuple[int, int, Symbol]]] = field(default_factory=dict)
    classes: dict[str, ClassEntity] = field(default_factory=dict)
    methods: list[tuple[int, int, Definition]] = field(default_factory=list)
    stray: list[tuple[str, str, Symbol]] = field(default_factory=list)
    headers: dict[Span, int] = field(default_factory=dict)
    class_extents: list[tuple[int, int, str]] = field(default_factory=list)

    def class_at(self, position: int) -> ClassEntity | None:
        """The innermost class whose body holds ``position``."""
        found = [item for item in self.class_extents if item[0] <= position < item[1]]
        if not found:
            return None
        return self.classes.get(min(found, key=lambda item: item[1] - item[0])[2])

    def methods_at(self, position: int) -> list[Definition]:
        """Functions and methods around ``position``, innermost first."""
        found = [item for item in self.methods if item[0] <= position < item[1]]
        return [item[2] for item in sorted(found, key=lambda item: item[1] - item[0])]

    def at(self, name: str, position: int) -> list[Symbol]:
        """Bindings of ``name`` in the innermost scope that holds ``position``."""
        found = [
            item
            for item in self.local.get(name, ())
            if item[0] <= position < item[1] and position >= self.headers.get(item[:2], -1)
        ]
        if not found:
            return []
        width = min(end - start for start, end, _ in found)
        inner = [symbol for start, end, symbol in found if end - start == width]
        return inner
