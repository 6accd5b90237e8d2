"""Names on receivers of unknown type that can only be a slip: the singular for the plural, or the reverse."""

from __future__ import annotations

from parsers.project.entities import Value
from parsers.project.suggestions import NEAR, best_match, other_number
from parsers.rules.builder import Use, member_names, unverifiable
from parsers.rules.check import CALLS, BlockCheck
from parsers.rules.findings import Finding
from parsers.syntax.types import Reference

__all__ = ["is_foreign", "is_slip", "misnumbered"]

_SHORTEST = 5
"""``item`` and ``items`` differ often enough by intent; ``selector`` and ``selectors`` seldom do."""

_SUSPICIOUS = 0.9


def misnumbered(check: BlockCheck, reference: Reference, position: int, use: Use) -> Finding | None:
    """Suspicious when no visible text has the word and another member differs from it by number only.

    Not flagged: three of some six hundred clean files have such a pair of names, one of them on an object from elsewhere.
    """
    # node.addListeners(f)  // every other place says addListener
    name = use.name
    if check.family != "typescript" or reference.store or len(name) < _SHORTEST:
        return None
    following = reference.chain[position + 1 : position + 2]
    if following != ("()",) and not (following == () and reference.kind in CALLS):
        return None  # objects often have both ``key`` and ``keys``, functions seldom
    if not check.stands_once(name) or is_foreign(check, reference):
        return None
    meant = other_number(name)
    if meant is None or not _is_member(check, meant) or check.ignored(use.span):
        return None
    if frozenset({name, meant}) in check.facts.choices:
        return None  # ``a.selector || a.selectors``: the code knows of both
    reason = f"no visible code has {name!r}; it has {meant!r}"
    return unverifiable(use, reason, meant, _SUSPICIOUS, rule="misnumbered")


def is_slip(check: BlockCheck, name: str, values: tuple[Value, ...]) -> bool:
    """Whether a name that stands once in all visible text is near a member: enough where a comment alone gives the type."""
    names = (other for value in values for other in member_names(check, value))
    return check.stands_once(name) and best_match(name, names)[1] >= NEAR


def _is_member(check: BlockCheck, name: str) -> bool:
    return name in check.project.index.used or name in check.links


def is_foreign(check: BlockCheck, reference: Reference) -> bool:
    """Whether the receiver comes from a package that is not visible, as far as its own file says."""
    head, foreign = reference.chain[0], check.foreign_names
    if head in {"this", "super"}:
        return False
    if head in {"?", "()", "[]"}:
        return any(name in (reference.receiver or "") for name in foreign)
    symbols = check.symbols_of(head, reference.extent[0])
    texts = [text for symbol in symbols for text in (symbol.value, symbol.annotation, symbol.default)]
    return head in foreign or any(name in text for text in texts for name in foreign)
