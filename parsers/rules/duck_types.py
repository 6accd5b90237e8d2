"""What a receiver of plain JavaScript must be: the visible class that has every other name used on it."""

from __future__ import annotations

from parsers.project.entities import ClassEntity, Instance, Value
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.builder import Use, absent, member_names
from parsers.rules.check import BlockCheck
from parsers.rules.findings import Finding
from parsers.rules.narrowing import asked_for, assigned_again, narrowed
from parsers.rules.near_names import is_foreign
from parsers.syntax.types import Reference

__all__ = ["ReceiverUses", "judge_by_use"]

_LEAST_USES = 2.0
"""A name that the library has too counts half: ``x.push(1); x.flushQueue()`` is not enough to know what x is."""

_MOST_CLASSES = 400
_STEPS = frozenset({"()", "[]", "?"})
_Path = tuple[object, ...]


class ReceiverUses:
    """The names that one block reads or calls on each variable and on each of its members."""

    def __init__(self, check: BlockCheck) -> None:
        self.check = check
        self._uses: dict[_Path, set[str]] | None = None

    def path(self, reference: Reference, position: int) -> _Path | None:
        """Which variable, and which of its members, a link is read from; None for results of calls and elements."""
        head, *rest = reference.chain[:position]
        if head in _STEPS or _STEPS & set(rest):
            return None
        symbols = self.check.symbols_of(head, reference.extent[0])
        if head == "this":
            owner = symbols[0].entity if symbols else None
            return (owner, *rest) if owner is not None and rest else None
        return (symbols[0], *rest) if len(symbols) == 1 else None

    def on(self, path: _Path) -> frozenset[str]:
        """The names used on a path."""
        if self._uses is None:
            self._uses = {}
            for reference in self.check.block.parse.references:
                for position in range(1, len(reference.chain)):
                    name = reference.chain[position]
                    where = self.path(reference, position) if name not in _STEPS else None
                    if where is not None and not reference.store:
                        self._uses.setdefault(where, set()).add(name)
        return frozenset(self._uses.get(path, ()))


def judge_by_use(
    check: BlockCheck, uses: ReceiverUses, reference: Reference, position: int, use: Use
) -> Finding | None:
    """A name that stands nowhere else in visible text, near a member of every class that has what else is used."""
    # queue.addItem(1); queue.size(); queue.removItem(1)  // only Queue has addItem and size
    if check.language != "javascript" or reference.store or not check.stands_once(use.name):
        return None
    path = uses.path(reference, position)
    used = uses.on(path) - {use.name} if path is not None else frozenset()
    if sum(1.0 if name not in check.project.library.member_names() else 0.5 for name in used) < _LEAST_USES:
        return None
    classes = _classes_with(check, used)
    if not classes or asked_for(check, reference, None, position) or narrowed(check, reference, position):
        return None
    if position == 1 and assigned_again(check, reference):
        return None
    values: list[Value] = [Instance(entity) for entity in classes]
    tables = [set(member_names(check, value)) for value in values]
    if any(best_match(use.name, names)[1] < NEAR for names in tables) or is_foreign(check, reference):
        return None
    return absent(check, use, classes[0], set.intersection(*tables) or tables[0])


def _classes_with(check: BlockCheck, names: frozenset[str]) -> list[ClassEntity]:
    """The visible classes that have all of ``names``; none when one of them cannot be seen into."""
    index = check.project.index
    rarest = min(names, key=lambda name: (len(index.members.get(name, ())), name))
    holders = {symbol.owner for symbol in index.members.get(rarest, ()) if symbol.owner is not None}
    if not 0 < len(holders) <= _MOST_CLASSES:
        return []
    fitting: list[ClassEntity] = []
    for entity in index.classes:
        ancestors, reason = check.inference.mro(entity)
        if holders.isdisjoint(ancestors):
            continue
        if all(any(name in ancestor.members for ancestor in ancestors) for name in names):
            if reason or any(ancestor.unread for ancestor in ancestors):
                return []
            fitting.append(entity)
    return fitting
