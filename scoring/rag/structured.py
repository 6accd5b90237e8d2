"""Typed evidence from structured sources: entity ∧ attribute ∧ value ∧ unit ∧ sign of a claim against cells.

``contradicted`` is precision-first: the claim must be about the row's entity (named, or the only one of the source), name the
attribute, state one value of the cell's type without hedging, and that value must differ. Everything less is None with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.values.literals import Literal, extract_literals
from parsers.values.structured import StructuredSource
from parsers.values.types import Cell
from scoring.rag.cell_checks import CROWD, Case, Finding, check_cell
from scoring.rag.literal_index import LiteralIndex
from scoring.rag.schedules import check_schedule
from scoring.rag.wording import Words, attribute_forms, header_unit, phrases_of, split_words
from scoring.types import Verdict

_FILLER = frozenset(
    "the a an of is are was were and or in on at to for with it its has have be by as from that this which there their they "
    "der die das ist sind und oder in im am zu für mit hat haben von".split()
)
_LEAST_COVERED = 0.6
_MOST_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class StructuredEvidence:
    """Verdict of the cells on one claim. ``verdict`` None: not applicable, ``reason`` says why; unsupported: the cell is null.

    ``cell`` decided; it stands in ``sources[source_index]`` at ``cell.span``.
    """

    verdict: Verdict | None
    reason: str
    cell: Cell | None = None
    source_index: int | None = None


def check_structured(claim_text: str, sources: Sequence[StructuredSource]) -> StructuredEvidence:
    """Verdict of the cells of ``sources`` on one claim. For many claims build one :class:`StructuredIndex`."""
    return StructuredIndex(sources).check(claim_text)


@dataclass(frozen=True, slots=True)
class _Place:
    source_index: int
    cell: Cell


class _Entity:
    """Cells of one entity, found by attribute and by the first word of their value."""

    def __init__(self) -> None:
        self.places: list[_Place] = []
        self.counts: Counter[str] = Counter()
        self._by_form: dict[str, list[_Place]] = {}
        self._by_first_word: dict[str, list[_Place]] = {}

    def add(self, place: _Place) -> None:
        cell = place.cell
        self.places.append(place)
        self.counts[cell.attribute] += 1
        words = split_words(cell.text[:60]).stems
        if words:
            self._by_first_word.setdefault(words[0], []).append(place)
        for form in attribute_forms(cell.attribute):
            self._by_form.setdefault(form, []).append(place)

    def candidates(self, words: Words, phrases: set[str]) -> list[_Place]:
        """Places whose attribute the claim names, or whose value begins with one of its words.

        Of an attribute with many cells only the latter count, and only ``_MOST_CANDIDATES`` are looked at.
        """
        found: dict[tuple[int, int, int], _Place] = {}
        for phrase in phrases & self._by_form.keys():
            places = self._by_form[phrase]
            if len(places) <= 4 * CROWD:
                found.update(((place.source_index, *place.cell.span), place) for place in places)
        for word in dict.fromkeys(words.stems):
            for place in self._by_first_word.get(word, ())[:_MOST_CANDIDATES]:
                found[(place.source_index, *place.cell.span)] = place
        return [found[key] for key in sorted(found)[:_MOST_CANDIDATES]]


class StructuredIndex:
    """Cells of several sources, ready for many claims: a claim costs time for its own words, not for all cells."""

    def __init__(self, sources: Sequence[StructuredSource]) -> None:
        self._entities: dict[str, _Entity] = {}
        self._labels: dict[str, str] = {}
        columns: dict[str, set[str]] = {}
        labels = {entity for source in sources for entity in source.entities}
        for index, source in enumerate(sources):
            for cell in source.cells:
                label = cell.row[0] if cell.row else ""
                if len(labels) <= 1:  # one entity: cells without a label are about it too
                    label = next(iter(labels), "")
                self._entities.setdefault(label, _Entity()).add(_Place(index, cell))
                columns.setdefault(cell.attribute, set()).add(cell.text)
        for label in self._entities:
            self._labels.setdefault(split_words(label).squeezed, label)
        several = len(self._entities) > 1
        self._columns = {name: frozenset(texts) for name, texts in columns.items()} if several else {}

    def check(self, claim: str) -> StructuredEvidence:
        """Verdict on one claim.

        With several entities over all sources the claim must name exactly one. A cell that agrees outweighs one of the same
        attribute in another source that does not.
        """
        if not self._entities:
            return StructuredEvidence(None, "no structured source has cells")
        words = split_words(claim)
        phrases = phrases_of(words)
        label = self._named(phrases)
        if label is None:
            return StructuredEvidence(None, "the claim names none or several of the sources' entities")
        literals = extract_literals(claim)
        found = self._findings(claim, literals, self._entities[label], self._entities[label].candidates(words, phrases))
        supported = [(index, finding) for index, finding in found if finding.verdict is Verdict.SUPPORTED]
        agreed = {form for _, finding in supported for form in attribute_forms(finding.cell.attribute)}
        for index, finding in found:
            if finding.verdict is Verdict.CONTRADICTED and not agreed & set(attribute_forms(finding.cell.attribute)):
                return StructuredEvidence(Verdict.CONTRADICTED, finding.reason, finding.cell, index)
        unknown = [(index, finding) for index, finding in found if finding.verdict is Verdict.UNSUPPORTED]
        if unknown:
            index, finding = unknown[0]
            return StructuredEvidence(Verdict.UNSUPPORTED, finding.reason, finding.cell, index)
        if not supported:
            return StructuredEvidence(None, "the claim names no cell's entity, attribute and value")
        covered = _covered_share(claim, literals, [finding.cell for _, finding in supported], label)
        index, first = supported[0]
        if covered < _LEAST_COVERED:
            reason = f"a cell agrees, but cells cover only {covered:.0%} of the claim's words"
            return StructuredEvidence(None, reason, first.cell, index)
        return StructuredEvidence(Verdict.SUPPORTED, first.reason, first.cell, index)

    def _named(self, phrases: set[str]) -> str | None:
        """The only entity, or the only one that the claim names ('Nord GmbH' is not 'Nord')."""
        if len(self._entities) == 1:
            return next(iter(self._entities))
        named = [self._labels[phrase] for phrase in phrases & self._labels.keys() if phrase]
        longest = [
            label for label in named if not any(label != other and label.lower() in other.lower() for other in named)
        ]
        return longest[0] if len(longest) == 1 else None

    def _findings(
        self, claim: str, literals: tuple[Literal, ...], entity: _Entity, candidates: list[_Place]
    ) -> list[tuple[int, Finding]]:
        found: list[tuple[int, Finding]] = []
        schedule = check_schedule(claim, [place.cell for place in entity.places[:_MOST_CANDIDATES]])
        if schedule:
            source = next(place.source_index for place in entity.places if place.cell is schedule.cell)
            found.append((source, Finding(schedule.verdict, schedule.reason, schedule.cell)))
        cells = [place.cell for place in entity.places[:_MOST_CANDIDATES]]
        case = Case(claim, literals, cells, entity.counts, self._columns, self._entities)
        for place in candidates:
            finding = check_cell(case, place.cell)
            if finding is not None:
                found.append((place.source_index, finding))
        return found


def _covered_share(claim: str, all_literals: tuple[Literal, ...], cells: list[Cell], entity: str | None) -> float:
    """Share of the claim's content words that the agreeing cells hold; 0 when a literal of the claim is in none of them."""
    literals = [one for one in all_literals if one.checkable]
    index = LiteralIndex([extract_literals(f"{cell.text} {header_unit(cell.attribute) or ''}") for cell in cells])
    if any(index.find(one) is None for one in literals):
        return 0.0
    known: set[str] = set()
    for cell in cells:
        for part in (*cell.row, cell.attribute, cell.text):
            known.update(split_words(part[:300]).stems)
            known.update(attribute_forms(part))
    known.update(split_words(entity or "").stems)
    words = split_words(claim)
    joined = {a + b for a, b in zip(words.stems, words.stems[1:], strict=False)}
    stated = [one.span for one in literals]
    content = [
        word
        for word, (start, _) in zip(words.stems, words.spans, strict=True)
        if word not in _FILLER and not any(first <= start < last for first, last in stated)
    ]
    if not content:
        return 1.0
    spread = {part for form in known & joined for part in words.stems if part in form}
    return sum(word in known or word in spread for word in content) / len(content)
