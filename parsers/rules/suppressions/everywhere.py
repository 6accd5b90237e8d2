"""Suppression rules of all languages."""

from __future__ import annotations

from parsers.rules.check import BlockCheck, module_of
from parsers.rules.narrowing import narrowed
from parsers.rules.suppressions.rule import MissingMember

__all__ = ["assigned_elsewhere", "assigned_here", "checked_first", "derived_has_it", "named_by_text", "special_name"]


def assigned_here(_check: BlockCheck, missing: MissingMember) -> str | None:
    """The use itself gives the member a value."""
    # cart.discount = 3
    return "it is assigned here" if missing.reference.store and missing.last else None


def assigned_elsewhere(check: BlockCheck, missing: MissingMember) -> str | None:
    """Some visible code gives an object a member of this name from outside its class."""
    # cart.discount = 3 ... print(cart.discount)
    stored = missing.name in check.response.stored or missing.name in check.project.index.stored
    module = module_of(missing.owner)
    project = check.project
    stored = stored or (module is not None and project.libraries.stored(module, missing.name, project.installed_roots))
    return "it is assigned from outside" if stored else None


def special_name(_check: BlockCheck, missing: MissingMember) -> str | None:
    """Names between double underscores belong to the runtime."""
    # cart.__wrapped__
    special = missing.name.startswith("__") and missing.name.endswith("__")
    return "special names may come from the runtime" if special else None


def named_by_text(check: BlockCheck, missing: MissingMember) -> str | None:
    """Code of the block reaches a member of this name by a text; a text that only mentions it says nothing."""
    # setattr(Cart, "discount", f) ... cart.discount(); not: print("discount")
    named = missing.name in check.named_by_text
    return "the code has its name as a text: it may be made at run time" if named else None


def derived_has_it(check: BlockCheck, missing: MissingMember) -> str | None:
    """A visible class below the owner has the member: the code may know that it holds one of those."""
    # def pay(cart: Cart): cart.discount()  # class SaleCart(Cart): def discount(self)
    owner = missing.owner_class
    if owner is None or (owner.module.library and check.family != "typescript"):
        return None
    return "a class derived from it has it" if check.in_subclass(owner, missing.name) else None


def checked_first(check: BlockCheck, missing: MissingMember) -> str | None:
    """A check in the code may make the receiver more than its declaration says."""
    # if isinstance(cart, SaleCart): cart.discount()
    module = check.family == "typescript" and missing.owner_class is None  # a module is what it is
    return (
        "the code checks what it is first"
        if not module and narrowed(check, missing.reference, missing.position)
        else None
    )
