"""Suppression rules of JavaScript and TypeScript."""

from __future__ import annotations

from parsers.project.entities import ClassEntity
from parsers.rules.check import BlockCheck
from parsers.rules.narrowing import asked_for, assigned_again
from parsers.rules.suppressions.rule import MissingMember

__all__ = ["alias_of_rebound_this", "asked_whether_there", "own_this", "receiver_assigned_again"]

_REBOUND = "a function of its own may bind this"


def own_this(check: BlockCheck, missing: MissingMember) -> str | None:
    """Between the class and the use lies a function or object with a ``this`` of its own."""
    # class Cart { total() { return lines.map(function () { return this.price }) } }
    owner = missing.owner_class
    bare = missing.head == "this" and missing.position == 1
    return _REBOUND if owner is not None and bare and _rebound(check, owner, missing.reference.extent[0]) else None


def alias_of_rebound_this(check: BlockCheck, missing: MissingMember) -> str | None:
    """The same, where ``const self = this`` named it."""
    # function handler() { const self = this; self.price }
    owner = missing.owner_class
    if owner is None or not missing.head.isidentifier():
        return None
    symbols = check.symbols_of(missing.head, missing.reference.extent[0])
    bound = next((symbol.position for symbol in symbols if symbol.value.strip() == "this"), None)
    return _REBOUND if bound is not None and _rebound(check, owner, bound) else None


def asked_whether_there(check: BlockCheck, missing: MissingMember) -> str | None:
    """A condition reads the member: a hook that others may set."""
    # if (cart.onChange) cart.onChange()
    asked = asked_for(check, missing.reference, missing.owner, missing.position)
    return "the code asks whether it is there" if asked else None


def receiver_assigned_again(check: BlockCheck, missing: MissingMember) -> str | None:
    """The receiver gets another value after its first: what it then is nothing says."""
    # let cart = new Cart(); cart = wrap(cart); cart.discount()
    again = missing.position == 1 and assigned_again(check, missing.reference)
    return "its receiver is assigned more than once" if again else None


def _rebound(check: BlockCheck, owner: ClassEntity, position: int) -> bool:
    """Whether a ``function``, another object's method or a class between ``owner`` and ``position`` has its own ``this``."""
    around = check.block.methods_at(position)
    if around and around[0].owner and around[0].owner.rpartition(".")[2] != owner.name:
        return True
    method = next((item for item in around if item.owner.rpartition(".")[2] == owner.name), None)
    if method is None:
        return True  # outside of its methods: field initialisers, old-style constructors
    start, end = method.extent
    return any(start < inner[0] <= position < inner[1] < end for inner in check.facts.own_this)
