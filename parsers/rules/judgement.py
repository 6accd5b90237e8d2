"""The rules by which a use ends as defined, builtin, phantom, drift or unverifiable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from parsers.inference import Lookup, LookupStatus, union_of
from parsers.project.budget import UNJUDGED, OutOfTimeError
from parsers.project.entities import FunctionValue, Instance, ModuleEntity, Value
from parsers.project.suggestions import NEAR, NameTable, best_match
from parsers.rules.ambient import AMBIENT, PLATFORM
from parsers.rules.duck_types import DuckTypes
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.rules.implicit_names import IMPLICIT
from parsers.rules.signatures import check_call
from parsers.rules.silence import EXPORTS
from parsers.rules.verdicts import CALLS, is_library, not_judged, owner_name, owner_of
from parsers.syntax.expressions import read_expression
from parsers.syntax.type_text import split_top
from parsers.syntax.types import Import, Reference, ReferenceKind, Span, SymbolKind

__all__ = ["Judge"]

_FILE_CHARACTERS = 600
_MODULE_CHARACTERS = 250
_LIKE = 0.75
_BOUND_INSIDE = re.compile(r"\b(?:infer|using)\s+([A-Za-z_$][\w$]*)")
_PATH = re.compile(r"::(?!<)")


class Judge(DuckTypes):
    """Judges the blocks of one response in one language family."""

    def judge_block(self, number: int) -> list[Finding]:
        """Every import and reference of one block, one finding for each span."""
        block, self.text = self.project.blocks[number], self.texts[number]
        self.block = block
        self.on_self: dict[int, dict[Span, str]] = {}
        found: dict[Span, Finding] = {}
        for item in block.parse.imports:
            for finding in self._in_time(self._import, item):
                found.setdefault(finding.span, finding)
        for reference in block.parse.references:
            for finding in self._in_time(self._reference, reference):
                known = found.get(finding.span)
                if known is None or (finding.flagged and not known.flagged):
                    found[finding.span] = finding
        for missing in self.on_self.values():
            if len(set(missing.values())) > 1 or self.project.budget.spent:
                # several at once: the class is meant to be completed by others
                for span in missing.keys() & found.keys():
                    found[span] = replace(
                        found[span], status=FindingStatus.UNVERIFIABLE, reason="its class seems to be a base for others"
                    )
        return list(found.values())

    def _in_time(self, judge: Callable[[Any], Iterable[Finding]], item: Import | Reference) -> list[Finding]:
        """What ``judge`` says of ``item``; that it was not judged once the time is over or where types nest too deep."""
        try:
            self.project.budget.check_now()
            return list(judge(item))
        except OutOfTimeError:
            return not_judged(item, UNJUDGED)
        except RecursionError:
            return not_judged(item, "what it belongs to is nested too deep")

    def _reference(self, reference: Reference) -> Iterable[Finding]:
        chain, spans = reference.chain, reference.spans or (reference.span,) * len(reference.chain)
        values: tuple[Value, ...] | None = None
        for position, link in enumerate(chain):
            last = position == len(chain) - 1
            if position == 0:
                finding, values = self._head(reference, link, spans[0], last)
                if finding is not None:
                    yield finding
                    if finding.flagged:
                        return
                continue
            if link in {"()", "[]", "?"}:
                inside = (
                    self.text[spans[position][0] + 1 : spans[position][1] - 1]
                    if spans[position][1] - spans[position][0] < 400
                    else ":"
                )
                if link == "[]" and self.family == "python" and len(split_top(inside, ":", False)) > 1:
                    link = "[:]"
                if chain[0] == "super" and position == 1 and inside.strip():
                    values = None
                if link == "?" and self.family in {"go", "rust"}:  # a type assertion, ``?`` or ``await``
                    values = self._read(self.text[spans[0][0] : spans[position][1]], spans[0][0])
                    continue
                values = (
                    self.inference.step(values, link, self.block.entity, spans[position][0])
                    if values is not None and link != "?"
                    else None
                )
                continue
            finding = self._member(reference, values, position, last)
            if last or finding.flagged:
                yield finding
            if finding.flagged:
                return
            values = (
                self.inference.step(values, link, self.block.entity, spans[position][0]) if values is not None else None
            )
        if reference.kind in CALLS and values is not None:
            yield from self._call(reference, values)

    def _head(
        self, reference: Reference, link: str, span: Span, last: bool
    ) -> tuple[Finding | None, tuple[Value, ...] | None]:
        if link in {"()", "[]", "?"}:
            return None, self._receiver(reference)
        as_type = reference.kind is ReferenceKind.TYPE
        path = self.family == "rust" and _PATH.match(self.text, span[1]) is not None
        if link == "self" and path:
            link = "self::"
        found = self.inference.name(link, self.block.entity, span[0], as_type, path)
        if found.status != LookupStatus.FOUND and self.family == "typescript":
            found = self.inference.name(link, self.block.entity, span[0], not as_type)
        kind = self._kind(reference, last, None)
        if found.status == LookupStatus.FOUND:
            values = self.inference.symbols_values(found.symbols)
            if not last:
                return None, values
            library = bool(found.symbols) and found.symbols[0].module.library
            status = FindingStatus.BUILTIN if library else FindingStatus.DEFINED
            where = found.symbols[0].defined_in if found.symbols else None
            return self._finding(
                link,
                kind,
                status,
                span,
                reference.line,
                "a built-in name" if library else "defined here or imported",
                defined_in=where,
            ), values
        if self._implicit(link, span) or link in self.project.top_level:
            return None, None
        if self.family == "rust" and link in self.project.index.top_level:
            return None, None
        return self._bare(reference, link, span, kind, found, last), None

    def _implicit(self, link: str, span: Span) -> bool:
        member = self.text[max(span[0] - 1, 0)] == "." and self.text[max(span[0] - 3, 0) : span[0]] != "..."
        if member or link in self._bound_inside():
            return True
        if link in IMPLICIT[self.family] or self.text[max(span[0] - 1, 0)] in "\"'":
            return True
        if link.startswith("__") or (self.family == "typescript" and (link in AMBIENT or PLATFORM.match(link))):
            return True
        if self.family == "typescript" and link.isupper() and link not in self._renamed_constants():
            return True  # constants that a build step puts in
        if self.family == "typescript" and self._in_namespace(link, span[0]):
            return True
        owner = self.block.class_at(span[0])
        if owner is not None and (link in owner.members or link == owner.name):
            return True
        return self.family == "typescript" and any(  # inside a namespace its names are bare
            link in table
            for item in self.block.classes.values()
            if item.kind in {"module", "object"}
            for table in (item.members, item.statics or {})
        )

    def _in_namespace(self, link: str, position: int) -> bool:
        """Whether a namespace around has the name, or what is around is another module (``declare module "m"``)."""
        for item in self.block.parse.definitions:
            start, end = item.extent
            if item.kind is not SymbolKind.MODULE or not start <= position < end:
                continue
            if self.text[max(item.span[0] - 1, 0)] in "\"'":
                return True
            if any(start < d.extent[0] and d.extent[1] <= end and d.name == link for d in self.block.parse.definitions):
                return True
        return False

    def _bound_inside(self) -> frozenset[str]:
        """Names that ``infer T`` and ``using x`` bind where no scope is kept for them."""
        if id(self.block) not in self.bound_inside:
            self.bound_inside[id(self.block)] = frozenset(_BOUND_INSIDE.findall(self.text))
        return self.bound_inside[id(self.block)]

    def _renamed_constants(self) -> set[str]:
        """Names in capitals that resemble one of the context's or the file's own: those were not put in by a build step."""
        if id(self.block) not in self.near_constants:
            table = NameTable(name for name in self._bare_candidates() if name.isupper())
            heads = {item.chain[0] for item in self.block.parse.references if item.chain[0].isupper()}
            self.near_constants[id(self.block)] = {name for name in heads if table.best(name)[1] >= _LIKE}
        return self.near_constants[id(self.block)]

    def _receiver(self, reference: Reference) -> tuple[Value, ...] | None:
        return self._read(reference.receiver, reference.extent[0]) if reference.receiver else None

    def _read(self, text: str, position: int) -> tuple[Value, ...] | None:
        """What an expression of the block may evaluate to."""
        chains = read_expression(text, self.family)
        return (
            union_of(self.inference.chain(chain, self.block.entity, position) for chain in chains) if chains else None
        )

    def _bare(
        self, reference: Reference, link: str, span: Span, kind: FindingKind, found: Lookup, last: bool
    ) -> Finding:
        """A name that nothing defines: flagged only when the block is a file of its own that accounts for all its other names."""
        key = (id(self.block), self.family == "rust" and link[:1].isupper())
        if key not in self.bare_names:
            names = self._bare_candidates()
            same = (name for name in names if name[:1].isupper() == key[1]) if self.family == "rust" else names
            self.bare_names[key] = NameTable(same)  # a type of Rust is never meant for a function
        table = self.bare_names[key]
        suggestion, score = table.best(link)
        in_context = self.project.index.top_level.get(link)
        if in_context and not self.block.parse.imports:
            return self._finding(
                link,
                kind,
                FindingStatus.DEFINED,
                span,
                reference.line,
                "defined in the context",
                defined_in=in_context[0].defined_in,
            )
        if in_context and self.family != "rust":
            where = in_context[0].defined_in or in_context[0].module.path or "a visible file"
            return self._unverifiable(link, kind, span, reference.line, f"not imported here: {where} has it")
        doubtful = not last or link in self.universe or not link.isidentifier()
        if self.family == "rust" and (doubtful or (score < NEAR and not self._only_gap(link, as_type=True))):
            return self._unverifiable(
                link, kind, span, reference.line, "macros and other crates may define it", suggestion, score
            )
        if self.family == "go" and (reason := self._go_gap(link)):
            return self._unverifiable(link, kind, span, reference.line, reason, suggestion, score)
        if found.status == LookupStatus.UNKNOWN or self.block.parse.errors or not self._self_contained(score):
            return self._unverifiable(
                link,
                kind,
                span,
                reference.line,
                found.reason or "the code may rely on names that are not shown",
                suggestion,
                score,
            )
        owner = self.block.entity
        return self._absent(link, kind, span, reference.line, owner, table.names)

    def _only_gap(self, link: str, as_type: bool) -> bool:
        """Whether every other type that the block names without a path has a home."""
        if id(self.block) not in self.gaps:
            used = {
                (reference.chain[0], (reference.spans or (reference.span,))[0][0])
                for reference in self.block.parse.references
                if reference.kind is ReferenceKind.TYPE
            }
            self.gaps[id(self.block)] = {
                name
                for name, position in used
                if name.isidentifier()
                and self.inference.name(name, self.block.entity, position, as_type).status != LookupStatus.FOUND
                and not self._implicit(name, (position, position))
            }
        return self.gaps[id(self.block)] == {link}

    def _go_gap(self, link: str) -> str:
        """Why the package of the response may have more than is visible: something in it uses a name without a home."""
        if self.project.home is None or self.project.package is None:
            return "the rest of its package is not visible"
        if gap := self.project.gap(self.project.package):
            return f"its package is not wholly visible: nothing defines {gap}"
        missing = set(self.project.unresolved(self.block)) - {link}
        return f"its package is not wholly visible: nothing defines {min(missing)}" if missing else ""

    def _self_contained(self, score: float) -> bool:
        """Whether the block reads as a file of its own; a snippet with imports must at least come near an existing name."""
        if self.family == "go" and self.block.parse.package:
            return True  # a file, and a name of its package that is missing was looked for before
        if not self.block.parse.imports:
            return False
        functions = sum(item.parameters is not None for item in self.block.parse.definitions)
        if self.family == "typescript" and len(self.text) >= _MODULE_CHARACTERS and EXPORTS.search(self.text):
            return True  # what imports and exports is a module of its own
        return score >= NEAR or (functions >= 2 and len(self.text) >= _FILE_CHARACTERS)

    def _bare_candidates(self) -> set[str]:
        names = {name for name in self.block.entity.names if not name.startswith("<")}
        names.update(self.block.entity.types or ())
        names.update(self.project.top_level)
        names.update(self.project.index.top_level)
        return names

    def _member(self, reference: Reference, values: tuple[Value, ...] | None, position: int, last: bool) -> Finding:
        link, span = reference.chain[position], (reference.spans or (reference.span,) * len(reference.chain))[position]
        kind = self._kind(reference, last, values)
        if not values:
            slip = self._by_use(reference, link, position, kind) or self._misnumbered(reference, link, position, kind)
            return slip or self._unknown_owner(reference, link, span, kind)
        looked = [self.inference.member(value, link) for value in values]
        for found in looked:
            if found.status == LookupStatus.FOUND:
                symbol = found.symbols[0] if found.symbols else None
                library = (
                    symbol.module.library if symbol else isinstance(found.owner, ModuleEntity) and found.owner.library
                )
                status = FindingStatus.BUILTIN if library else FindingStatus.DEFINED
                return self._finding(
                    link,
                    kind,
                    status,
                    span,
                    reference.line,
                    f"a member of {owner_name(found.owner)}",
                    defined_in=symbol.defined_in if symbol else None,
                )
        for found in looked:
            if found.status == LookupStatus.UNKNOWN:
                return self._misnumbered(reference, link, position, kind) or self._unverifiable(
                    link, kind, span, reference.line, found.reason
                )
        if (silent := self._silence(reference, link, position, values, last)) is not None:
            return self._misnumbered(reference, link, position, kind) or self._unverifiable(
                link, kind, span, reference.line, silent
            )
        documented = any(isinstance(value, Instance) and value.documented for value in values)
        if documented and (self._asked_for(reference, None, position) or not self._slip(link, values)):
            return self._unverifiable(link, kind, span, reference.line, "only a comment says what it belongs to")
        owner = values[0]
        names = {name for value in values for name in self._member_names(value)}
        if reference.chain[0] in {"self", "this"} and position == 1 and not is_library(owner_of(owner)):
            self.on_self.setdefault(id(owner_of(owner)), {})[span] = link
            if self._may_be_abstract() and best_match(link, names)[1] < NEAR:
                return self._unverifiable(link, kind, span, reference.line, "its class may be a base for others")
        return self._absent(link, kind, span, reference.line, owner_of(owner), names)

    def _unknown_owner(self, reference: Reference, link: str, span: Span, kind: FindingKind) -> Finding:
        """Nothing says what the receiver is. A name that no visible code and no library has is at least worth a second look."""
        if link in self.universe:
            return self._unverifiable(link, kind, span, reference.line, "what it belongs to is not known")
        suggestion, score = self.project.index.nearest_member(link)
        return self._unverifiable(
            link,
            kind,
            span,
            reference.line,
            "what it belongs to is not known, and no visible code has this name",
            suggestion,
            max(score, 0.2),
        )

    def _call(self, reference: Reference, values: tuple[Value, ...]) -> Iterable[Finding]:
        misfits = check_call(reference, values, self.inference)
        if misfits and any(self._overridden(value, reference.chain[-1]) for value in values):
            return
        for misfit in misfits or ():
            if self._ignored(reference.span) or (
                len(reference.chain) > 1 and self._narrowed(reference, len(reference.chain) - 1)
            ):
                continue
            where = misfit.symbol.defined_in if misfit.symbol else None
            if misfit.keyword is None or misfit.span is None:
                yield self._finding(
                    reference.chain[-1],
                    self._kind(reference, True, None),
                    FindingStatus.DRIFT,
                    reference.span,
                    reference.line,
                    misfit.message,
                    defined_in=where,
                    severity=0.7,
                )
                continue
            suggestion, _ = best_match(misfit.keyword, misfit.candidates, least=0.0)
            line = reference.line + self.text.count("\n", reference.span[0], misfit.span[0])
            yield self._finding(
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
        if misfits is not None:
            flagged = {misfit.span for misfit in misfits}
            for name, span in reference.keywords:
                if span not in flagged:
                    yield self._finding(
                        name,
                        FindingKind.PARAMETER,
                        FindingStatus.DEFINED,
                        span,
                        reference.line,
                        f"a parameter of {reference.chain[-1]}",
                    )

    def _overridden(self, value: Value, name: str) -> bool:
        """Whether a visible class below the receiver's has a method of this name, maybe with other parameters."""
        receiver = value.receiver if isinstance(value, FunctionValue) else None
        return receiver is not None and self._in_subclass(receiver.entity, name)
