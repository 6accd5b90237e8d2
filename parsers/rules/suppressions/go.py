"""Suppression rules of Go: a package is judged only when all of it is visible."""

from __future__ import annotations

import re

from parsers.project.entities import ClassEntity, ModuleEntity
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.check import BlockCheck, is_library
from parsers.rules.suppressions.rule import MissingMember

__all__ = ["generated_method", "package_with_gaps"]

# ``func (c *Cart) MarshalJSON()`` stands in a file that ``go generate`` writes
_GENERATED = re.compile(
    r"String|GoString|Error|(?:Unm|M)arshal\w*|DeepCopy\w*|ProtoReflect|ProtoMessage|Reset|Descriptor|Validate"
)


def generated_method(check: BlockCheck, missing: MissingMember) -> str | None:
    """Tools write methods of well-known names into files that are seldom shown."""
    # cart.DeepCopyInto(other)
    if is_library(missing.owner) or _is_field(check, missing):
        return None
    return "tools generate methods of this name" if _GENERATED.fullmatch(missing.name) else None


def package_with_gaps(check: BlockCheck, missing: MissingMember) -> str | None:
    """The package's visible files use a name that none of them defines: some file is missing, and may have this one too."""
    # package shop: Open() calls newStore(), which no file has; cart.Discount()
    module = _module(missing)
    if module is None or is_library(missing.owner) or _is_field(check, missing):
        return None
    whole = check.project.package_of(module)
    gap = check.project.gap(whole) if whole is not None else "its package"
    return f"its package is not wholly visible: nothing defines {gap}" if gap else None


def _module(missing: MissingMember) -> ModuleEntity | None:
    return missing.owner.module if isinstance(missing.owner, ClassEntity) else missing.owner


def _is_field(check: BlockCheck, missing: MissingMember) -> bool:
    """Whether a name can only mean a field: not called, near a field of a struct, whose fields stand in one place."""
    owner = missing.owner
    if missing.called or not isinstance(owner, ClassEntity) or owner.kind != "struct":
        return False
    fields = {symbol.name for item in check.inference.mro(owner)[0] for symbol in item.own_fields}
    return best_match(missing.name, fields, least=0.0)[1] >= NEAR
