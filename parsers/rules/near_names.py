"""Names on receivers of unknown type that can only be a slip: the singular for the plural, or the reverse."""

from __future__ import annotations

import re

from parsers.project.entities import Value
from parsers.project.suggestions import NEAR, best_match, other_number
from parsers.rules.findings import Finding, FindingKind
from parsers.rules.import_rules import ImportRules
from parsers.rules.verdicts import CALLS
from parsers.syntax.types import Reference

__all__ = ["NearNames"]

_SHORTEST = 5


class NearNames(ImportRules):
    """The rules for receivers that nothing or only a comment gives a type."""

    def _misnumbered(self, reference: Reference, link: str, position: int, kind: FindingKind) -> Finding | None:
        """Suspicious when no visible text has the word and another member differs from it by number only.

        Not flagged: three of some six hundred clean files have such a pair of names, one of them on an object from elsewhere.
        """
        if self.family != "typescript" or reference.store or len(link) < _SHORTEST:
            return None
        following = reference.chain[position + 1 : position + 2]
        if following != ("()",) and not (following == () and reference.kind in CALLS):
            return None  # objects often have both ``key`` and ``keys``, functions seldom
        if not self._stands_once(link) or self._foreign(reference):
            return None
        meant = other_number(link)
        span = (reference.spans or (reference.span,) * len(reference.chain))[position]
        if meant is None or not self._is_member(meant) or self._ignored(span) or self._both_tried(link, meant):
            return None
        reason = f"no visible code has {link!r}; it has {meant!r}"
        return self._unverifiable(link, kind, span, reference.line, reason, meant, severity=0.9)

    def _slip(self, link: str, values: tuple[Value, ...]) -> bool:
        """Whether a name that stands once in all visible text is near a member: enough where a comment alone gives the type."""
        names = (name for value in values for name in self._member_names(value))
        return self._stands_once(link) and best_match(link, names)[1] >= NEAR

    def _stands_once(self, link: str) -> bool:
        """Whether no other visible place has the word."""
        if link in self.universe or link in self.project.index.words or link in self.stored:
            return False
        return len(re.findall(rf"(?<![\w$]){re.escape(link)}(?![\w$])", self.text)) == 1

    def _both_tried(self, link: str, meant: str) -> bool:
        """``a.selector || a.selectors``: the code knows of both."""
        first, second = re.escape(link), re.escape(meant)
        choice = r"[\w$]*\s*(?:\|\||\?\?|&&)\s*!?[\w$.?]*\."
        return re.search(rf"\.{first}{choice}{second}\b|\.{second}{choice}{first}\b", self.text) is not None

    def _is_member(self, name: str) -> bool:
        return name in self.project.index.used or name in self._own_members()

    def _own_members(self) -> frozenset[str]:
        if id(self.block) not in self.own_members:
            self.own_members[id(self.block)] = frozenset(
                link for reference in self.block.parse.references for link in reference.chain[1:]
            )
        return self.own_members[id(self.block)]

    def _foreign(self, reference: Reference) -> bool:
        """Whether the receiver comes from a package that is not visible, as far as its own file says."""
        head = reference.chain[0]
        if head in {"this", "super"}:
            return False
        if head in {"?", "()", "[]"}:
            return any(name in (reference.receiver or "") for name in self._foreign_names())
        found = self.inference.name(head, self.block.entity, reference.extent[0])
        texts = [text for symbol in found.symbols for text in (symbol.value, symbol.annotation, symbol.default)]
        foreign = self._foreign_names()
        return head in foreign or any(name in text for text in texts for name in foreign)

    def _foreign_names(self) -> frozenset[str]:
        if id(self.block) not in self.foreign_names:
            self.foreign_names[id(self.block)] = frozenset(
                item.alias or item.name or ""
                for item in self.block.parse.imports
                if self.project.import_module(self.block.entity, item.module, item.level) is None
            ) - {""}
        return self.foreign_names[id(self.block)]
