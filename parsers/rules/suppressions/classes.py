"""Suppression rules of classes that are meant to be completed by others."""

from __future__ import annotations

import re

from parsers.rules.check import BlockCheck
from parsers.rules.suppressions.rule import MissingMember

__all__ = ["base_for_others"]

# ``RetryMixin``, ``BaseHandler``, ``AbstractStore``, ``CartTests``
_ABSTRACT_NAME = re.compile(r"Mixin|Base|Abstract|Interface|Tests?$|Suite|Fixture|Protocol|Generic")


def base_for_others(check: BlockCheck, missing: MissingMember) -> str | None:
    """Its name says that other classes bring what its methods use."""
    # class RetryMixin: def run(self): return self.send()
    owner = missing.owner_class
    if owner is None or (owner.module.library and check.family != "typescript"):
        return None
    on_self = missing.head in {"self", "cls", "this"} and missing.position == 1
    return f"{owner.name} looks like a base for others" if on_self and _ABSTRACT_NAME.search(owner.name) else None
