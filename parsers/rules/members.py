"""How a member of a receiver ends: found, left alone, or missing from a wholly visible owner."""

from __future__ import annotations

from parsers.inference import Lookup, LookupStatus, Values
from parsers.project.entities import Instance, ModuleEntity
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.builder import Use, absent, kind_of, known, member_names, unverifiable
from parsers.rules.check import BlockCheck, is_library, owner_name, owner_of, spans_of
from parsers.rules.duck_types import ReceiverUses, judge_by_use
from parsers.rules.findings import Finding, FindingStatus
from parsers.rules.narrowing import asked_for
from parsers.rules.near_names import is_slip, misnumbered
from parsers.rules.suppressions import MEMBER_RULES, MissingMember, first_reason
from parsers.syntax.types import Reference

__all__ = ["judge_member"]

_LEAST_SUSPICION = 0.2


def judge_member(
    check: BlockCheck, uses: ReceiverUses, reference: Reference, values: Values | None, position: int, last: bool
) -> Finding:
    """What one link behind the head ends as. ``values`` is what the path before it may be, None when nobody knows."""
    link = reference.chain[position]
    use = Use(link, kind_of(reference, last, values), spans_of(reference)[position], reference.line)
    if not values:
        slip = judge_by_use(check, uses, reference, position, use) or misnumbered(check, reference, position, use)
        return slip or _unknown_owner(check, use)
    looked = [check.inference.member(value, link) for value in values]
    for found in looked:
        if found.status is LookupStatus.FOUND:
            return _found(use, found)
    unknown = next((found for found in looked if found.status is LookupStatus.UNKNOWN), None)
    doubt = (
        ("owner-not-whole", unknown.reason)
        if unknown is not None
        else first_reason(MEMBER_RULES, check, MissingMember(reference, position, values))
    )
    if doubt is not None:
        return misnumbered(check, reference, position, use) or unverifiable(use, doubt[1], rule=doubt[0])
    return _missing(check, reference, position, values, use)


def _found(use: Use, found: Lookup) -> Finding:
    symbol = found.symbols[0] if found.symbols else None
    library = symbol.module.library if symbol else isinstance(found.owner, ModuleEntity) and found.owner.library
    status = FindingStatus.BUILTIN if library else FindingStatus.DEFINED
    return known(use, status, f"a member of {owner_name(found.owner)}", symbol.defined_in if symbol else None)


def _missing(check: BlockCheck, reference: Reference, position: int, values: Values, use: Use) -> Finding:
    documented = any(isinstance(value, Instance) and value.documented for value in values)
    if documented and (asked_for(check, reference, None, position) or not is_slip(check, use.name, values)):
        return unverifiable(use, "only a comment says what it belongs to", rule="documented-only")
    owner = owner_of(values[0])
    names = {name for value in values for name in member_names(check, value)}
    if reference.chain[0] in {"self", "this"} and position == 1 and not is_library(owner):
        check.missing_on_self[owner][use.span] = use.name
        if _may_be_abstract(check) and best_match(use.name, names)[1] < NEAR:
            return unverifiable(use, "its class may be a base for others", rule="may-be-base")
    return absent(check, use, owner, names)


def _may_be_abstract(check: BlockCheck) -> bool:
    """Whether a class may leave methods to classes that are not visible, in a language without a word for that."""
    # class Handler: def run(self): return self.handle()
    return check.family == "python" or (check.language == "javascript" and check.facts.module)


def _unknown_owner(check: BlockCheck, use: Use) -> Finding:
    """Nothing says what the receiver is. A name that no visible code and no library has is at least worth a second look."""
    if use.name in check.universe:
        return unverifiable(use, "what it belongs to is not known", rule="unknown-owner")
    suggestion, score = check.project.index.nearest_member(use.name)
    reason = "what it belongs to is not known, and no visible code has this name"
    return unverifiable(use, reason, suggestion, max(score, _LEAST_SUSPICION), rule="unknown-owner")
