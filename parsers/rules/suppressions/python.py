"""Suppression rules of Python."""

from __future__ import annotations

from parsers.project.entities import ModuleEntity
from parsers.rules.check import BlockCheck
from parsers.rules.suppressions.rule import MissingMember

__all__ = ["may_be_submodule"]


def may_be_submodule(_check: BlockCheck, missing: MissingMember) -> str | None:
    """A name of a package may be a file of its folder that was not given; modules are not called and are in lower case."""
    # import shop ... shop.discounts.apply()
    owner = missing.owner
    package = isinstance(owner, ModuleEntity) and owner.is_package and not owner.library and not owner.whole
    return "it may be a submodule" if package and missing.name.islower() and not missing.called else None
