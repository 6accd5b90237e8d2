"""The walk over one block: every import and every link of every access path, one finding for each span."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from parsers.inference import Values
from parsers.project.budget import UNJUDGED, OutOfTimeError
from parsers.project.entities import FunctionValue, Value
from parsers.project.suggestions import best_match
from parsers.rules.bare_names import BareNames
from parsers.rules.builder import kind_of, not_judged
from parsers.rules.check import CALLS, BlockCheck, spans_of
from parsers.rules.duck_types import ReceiverUses
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.rules.imports import judge_import
from parsers.rules.members import judge_member
from parsers.rules.narrowing import narrowed
from parsers.rules.signatures import Misfit, check_call
from parsers.rules.suppressions.library import asks_for_version
from parsers.syntax.type_text import split_top
from parsers.syntax.types import Import, Reference, Span

__all__ = ["Checker"]

Item = TypeVar("Item", Import, Reference)
_STEPS = frozenset({"()", "[]", "?"})
_MAX_INDEX = 400
_MISFIT_SEVERITY = 0.7


class Checker:
    """Judges one block of a response."""

    def __init__(self, check: BlockCheck) -> None:
        self.check = check
        self.bare_names = BareNames(check)
        self.uses = ReceiverUses(check)

    def findings(self) -> list[Finding]:
        """Every import and reference of the block, one finding for each span."""
        found: dict[Span, Finding] = {}
        for item in self.check.block.parse.imports:
            for finding in self._in_time(lambda item: judge_import(self.check, item), item):
                found.setdefault(finding.span, finding)
        for reference in self.check.block.parse.references:
            for finding in self._in_time(self._reference, reference):
                known = found.get(finding.span)
                if known is None or (finding.flagged and not known.flagged):
                    found[finding.span] = finding
        self._spare_bases(found)
        return list(found.values())

    def _spare_bases(self, found: dict[Span, Finding]) -> None:
        """A class that lacks several names at once is meant to be completed by others."""
        # class Handler { run() { this.open(); this.close() } }
        for missing in self.check.missing_on_self.values():
            if len(set(missing.values())) > 1 or self.check.project.budget.spent:
                for span in missing.keys() & found.keys():
                    found[span] = replace(
                        found[span],
                        status=FindingStatus.UNVERIFIABLE,
                        reason="its class seems to be a base for others",
                        rule="lacks-several",
                    )

    def _in_time(self, judge: Callable[[Item], Iterable[Finding]], item: Item) -> list[Finding]:
        """What ``judge`` says of ``item``; that it was not judged once the time is over or where types nest too deep."""
        try:
            self.check.project.budget.check_now()
            return list(judge(item))
        except OutOfTimeError:
            return not_judged(item, UNJUDGED)
        except RecursionError:
            return not_judged(item, "what it belongs to is nested too deep")

    def _reference(self, reference: Reference) -> Iterable[Finding]:
        chain, spans = reference.chain, spans_of(reference)
        finding, values = self.bare_names.judge(reference, chain[0], spans[0], len(chain) == 1)
        if finding is not None:
            yield finding
            if finding.flagged:
                return
        for position, link in enumerate(chain[1:], 1):
            if link in _STEPS:
                values = self._step(reference, position, values)
                continue
            last = position == len(chain) - 1
            finding = judge_member(self.check, self.uses, reference, values, position, last)
            if last or finding.flagged:
                yield finding
            if finding.flagged:
                return
            values = self._follow(values, link, spans[position][0])
        if reference.kind in CALLS and values is not None:
            yield from self._call(reference, values)

    def _follow(self, values: Values | None, link: str, position: int) -> Values | None:
        if values is None:
            return None
        return self.check.inference.step(values, link, self.check.block.entity, position)

    def _step(self, reference: Reference, position: int, values: Values | None) -> Values | None:
        """A call, an index or a step that changes the type."""
        text, spans, link = self.check.text, spans_of(reference), reference.chain[position]
        start, end = spans[position]
        if link == "?":
            if self.check.family in {"go", "rust"}:  # a type assertion, ``?`` or ``await``
                return self.check.read(text[spans[0][0] : end], spans[0][0])
            return None
        inside = text[start + 1 : end - 1] if end - start < _MAX_INDEX else ":"
        if link == "[]" and self.check.family == "python" and len(split_top(inside, ":", False)) > 1:
            link = "[:]"  # ``names[1:]`` is a list again
        if reference.chain[0] == "super" and position == 1 and inside.strip():
            return None  # ``super(Other, self)`` is not the class around
        return self._follow(values, link, start)

    def _call(self, reference: Reference, values: Values) -> Iterable[Finding]:
        """Whether the arguments fit what is called."""
        misfits = check_call(reference, values, self.check.inference)
        if misfits and any(item.symbol is not None and item.symbol.module.package for item in misfits):
            misfits = None if asks_for_version(self.check) else misfits
        if misfits is None or (misfits and any(self._overridden(value, reference.chain[-1]) for value in values)):
            return
        at = len(reference.chain) - 1
        if not self.check.ignored(reference.span) and not (at and narrowed(self.check, reference, at)):
            yield from (self._misfit(reference, misfit) for misfit in misfits)
        flagged = {misfit.span for misfit in misfits}
        for name, span in reference.keywords:
            if span not in flagged:
                reason = f"a parameter of {reference.chain[-1]}"
                yield Finding(name, FindingKind.PARAMETER, FindingStatus.DEFINED, span, reference.line, reason)

    def _misfit(self, reference: Reference, misfit: Misfit) -> Finding:
        where = misfit.symbol.defined_in if misfit.symbol else None
        if misfit.keyword is None or misfit.span is None:
            name, kind = reference.chain[-1], kind_of(reference, True, None)
            return Finding(
                name,
                kind,
                FindingStatus.DRIFT,
                reference.span,
                reference.line,
                misfit.message,
                defined_in=where,
                severity=_MISFIT_SEVERITY,
            )
        suggestion, _ = best_match(misfit.keyword, misfit.candidates, least=0.0)
        line = reference.line + self.check.text.count("\n", reference.span[0], misfit.span[0])
        return Finding(
            misfit.keyword,
            FindingKind.PARAMETER,
            FindingStatus.DRIFT,
            misfit.span,
            line,
            misfit.message,
            suggestion,
            where,
            severity=1.0,
        )

    def _overridden(self, value: Value, name: str) -> bool:
        """Whether a visible class below the receiver's has a method of this name, maybe with other parameters."""
        receiver = value.receiver if isinstance(value, FunctionValue) else None
        return receiver is not None and self.check.in_subclass(receiver.entity, name)
