"""What the block's own checks and assignments say of a receiver."""

from __future__ import annotations

from parsers.project.entities import ClassEntity
from parsers.rules.check import CALLS, BlockCheck, Owner, spans_of
from parsers.syntax.types import Reference

__all__ = ["asked_for", "assigned_again", "narrowed"]

_MAX_PATH = 200


def narrowed(check: BlockCheck, reference: Reference, position: int) -> bool:
    """Whether a check of the block may make the receiver more than its declaration says.

    In Go and Rust a check binds a name of its own.
    """
    # if isinstance(cart, SaleCart): cart.discount()
    start, end = reference.extent[0], spans_of(reference)[position][0]
    receiver = check.text[start:end].rstrip(" \n.?!:")
    if not receiver or end - start > _MAX_PATH or check.family in {"go", "rust"}:
        return False
    return receiver in check.facts.narrowed or (receiver, reference.chain[position]) in check.facts.by_text


def asked_for(check: BlockCheck, reference: Reference, owner: Owner, position: int) -> bool:
    """Whether a condition reads the member: hooks that others may set. A call alone asks for nothing."""
    # if (cart.onChange) cart.onChange()
    if reference.kind not in CALLS and isinstance(owner, ClassEntity) and owner.kind != "object":
        return False
    return check.text[reference.extent[0] : spans_of(reference)[position][1]] in check.facts.asked


def assigned_again(check: BlockCheck, reference: Reference) -> bool:
    """Whether a variable gets another value after its first: what it then is nothing says."""
    # let cart = new Cart(); cart = wrap(cart)
    name = reference.chain[0]
    if name in {"this", "super"} or not name.isidentifier():
        return False
    symbols = check.symbols_of(name, reference.extent[0])
    if not symbols or any(symbol.kind != "value" for symbol in symbols):
        return False
    places = check.block.local.get(name, ())
    scope = next(((start, end) for start, end, symbol in places if symbol is symbols[0]), (0, len(check.text)))
    return check.facts.assigned_within(name, scope)
