"""What a receiver of plain JavaScript must be: the visible class that has every other name used on it."""

from __future__ import annotations

from parsers.project.entities import ClassEntity, Instance, Value
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.findings import Finding, FindingKind
from parsers.rules.near_names import NearNames
from parsers.syntax.types import Reference

__all__ = ["DuckTypes"]

_LEAST_USES = 2.0
_MOST_CLASSES = 400
_STEPS = frozenset({"()", "[]", "?"})
_Path = tuple[object, ...]


class DuckTypes(NearNames):
    """Rules for receivers that nothing gives a type but their use."""

    def _by_use(self, reference: Reference, link: str, position: int, kind: FindingKind) -> Finding | None:
        """A name that stands nowhere else in visible text, near a member of every class that has what else is used."""
        if self.block.parse.language != "javascript" or reference.store or not self._stands_once(link):
            return None
        path = self._path(reference, position)
        used = self._uses().get(path, frozenset()) - {link} if path is not None else frozenset()
        if sum(1.0 if name not in self.project.library.member_names() else 0.5 for name in used) < _LEAST_USES:
            return None
        classes = self._classes_with(used)
        if not classes or self._asked_for(reference, None, position) or self._narrowed(reference, position):
            return None
        if position == 1 and self._assigned_again(reference):
            return None
        values: list[Value] = [Instance(entity) for entity in classes]
        tables = [set(self._member_names(value)) for value in values]
        if any(best_match(link, names)[1] < NEAR for names in tables) or self._foreign(reference):
            return None
        span = (reference.spans or (reference.span,) * len(reference.chain))[position]
        return self._absent(link, kind, span, reference.line, classes[0], set.intersection(*tables) or tables[0])

    def _path(self, reference: Reference, position: int) -> _Path | None:
        """Which variable, and which of its members, a link is read from; None for results of calls and elements."""
        head, *rest = reference.chain[:position]
        if head in _STEPS or _STEPS & set(rest):
            return None
        found = self.inference.name(head, self.block.entity, reference.extent[0])
        if head == "this":
            owner = found.symbols[0].entity if found.symbols else None
            return (id(owner), *rest) if owner is not None and rest else None
        return (id(found.symbols[0]), *rest) if len(found.symbols) == 1 else None

    def _uses(self) -> dict[_Path, frozenset[str]]:
        """The names that the block reads or calls on each path."""
        if id(self.block) not in self.uses:
            uses: dict[_Path, set[str]] = {}
            for reference in self.block.parse.references:
                for position in range(1, len(reference.chain)):
                    name = reference.chain[position]
                    path = self._path(reference, position) if name not in _STEPS else None
                    if path is not None and not reference.store:
                        uses.setdefault(path, set()).add(name)
            self.uses[id(self.block)] = {path: frozenset(names) for path, names in uses.items()}
        return self.uses[id(self.block)]

    def _classes_with(self, names: frozenset[str]) -> list[ClassEntity]:
        """The visible classes that have all of ``names``; none when one of them cannot be seen into."""
        rarest = min(names, key=lambda name: (len(self.project.index.members.get(name, ())), name))
        holders = {id(s.owner): s.owner for s in self.project.index.members.get(rarest, ()) if s.owner is not None}
        if not 0 < len(holders) <= _MOST_CLASSES:
            return []
        fitting: list[ClassEntity] = []
        for entity in [*self.project.index.classes]:
            ancestors, reason = self.inference.mro(entity)
            if not any(id(ancestor) in holders for ancestor in ancestors):
                continue
            if all(any(name in ancestor.members for ancestor in ancestors) for name in names):
                if reason or any(ancestor.unread for ancestor in ancestors):
                    return []
                fitting.append(entity)
        return fitting
