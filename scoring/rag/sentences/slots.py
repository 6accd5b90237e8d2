"""Another word in the same slot: a name, a member of a class, a place."""

from __future__ import annotations

from collections.abc import Iterator

from parsers.words.lexicon import base_forms, exclusive, lexicon
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, excludes
from scoring.rag.sentences.grounds import (
    LEAST_COVERED,
    LEAST_PAIRS,
    PRONOUNS,
    Contrast,
    differs_in_sign,
    holds_in_part,
    other_names,
    proper,
    spelt_alike,
)
from scoring.rag.sentences.words import Kind, Word

_MOST_LEFT = 2
_RATES = frozenset({"per", "pro"})
_MOST_EXTRA = 2
_LEAST_REST = 3
_PLACES = frozenset("in on at under behind near from".split())
_BEING_SOMEWHERE = frozenset(
    "hang stand lie live work keep store locate situate sit stay bear find park sleep meet hold grow build "
    "base house display".split()
)
_SAME_LETTERS = 4


def other_member(found: Comparison) -> Contrast | None:
    """Another member of a class, or another name, in the same slot: "in Chemistry" against "in Physics"."""
    if holds_in_part(found) or other_names(found):
        return None
    for said_at, stands_at in _substitutions(found):
        said, stands = found.claim.content[said_at], found.source.content[stands_at]
        if _timed(said) and _timed(stands) and said.slot not in _RATES:
            continue  # "two weeks" against "two days": lengths of time are values, which other rules compare
        if len(found.extra) > 1 and not (said.slot and exclusive(said.text, stands.text)):
            continue
        if said.kind is Kind.NAME and stands.kind is Kind.NAME and not excludes(said, stands):
            continue
        if excludes(said, stands):
            return Contrast(
                RulingCode.OTHER_MEMBER, said, stands, f"the source says {stands.text!r} here, the claim {said.text!r}"
            )
    return None


def _timed(word: Word) -> bool:
    return any("time_unit" in lexicon().classes.get(base, ()) for base in base_forms(word.text))


def other_name(found: Comparison) -> Contrast | None:
    """Another name in the same slot: "born in Paris" against "born in Warsaw", "Tom proposed" against "Anna proposed"."""
    if holds_in_part(found) or len(found.left) > len(found.pairs) + _MOST_LEFT or holds_in_part(found):
        return None
    for said_at, stands_at in _substitutions(found):
        said, stands = found.claim.content[said_at], found.source.content[stands_at]
        if not said.slot and found.source.cues & PRONOUNS:
            continue  # what the pronoun stands for may be the claim's name
        if proper(said) and proper(stands) and not _one_entity(found, said_at, stands_at):
            return Contrast(
                RulingCode.OTHER_NAME, said, stands, f"the source says {stands.text!r} here, the claim {said.text!r}"
            )
    return None


def _one_entity(found: Comparison, said_at: int, stands_at: int) -> bool:
    """Whether two names may be of one person or thing: spelt nearly alike, or side by side elsewhere ("Maria Lopez")."""
    said, stands = (
        w.text.lower().removesuffix("'s") for w in (found.claim.content[said_at], found.source.content[stands_at])
    )
    if said[:_SAME_LETTERS] == stands[:_SAME_LETTERS] or spelt_alike(said, stands):
        return True
    if (said, stands) in found.entities:
        return True
    by_claim = {pair.claim: pair.source for pair in found.pairs}
    for step in (-1, 1):
        beside = said_at + step
        if 0 <= beside < len(found.claim.content) and found.claim.content[beside].kind is Kind.NAME:
            there = by_claim.get(beside)
            if there is not None and there != stands_at + step:
                return True  # the rest of the claim's name stands elsewhere in the sentence
    return False


def _substitutions(found: Comparison) -> Iterator[tuple[int, int]]:
    """(claim word, source word) that stand in one slot and are all that the sentences differ in."""
    extra = [at for at in found.extra if found.claim.content[at].kind is not Kind.NUMBER]
    rest = len(found.pairs) + len(found.carried)
    if not extra or rest < LEAST_PAIRS or rest < LEAST_COVERED * (rest + len(extra) - 1) or len(extra) > 2:
        return
    if any(differs_in_sign(found, pair) for pair in found.pairs):
        return
    by_claim = {pair.claim: pair.source for pair in found.pairs}
    for at in extra:
        for stands in found.left:
            if _same_slot(found, at, stands, by_claim):
                yield at, stands


def _same_slot(found: Comparison, at: int, stands: int, by_claim: dict[int, int]) -> bool:
    said, there = found.claim.content[at], found.source.content[stands]
    if there.negated != said.negated or said.slot != there.slot:
        return False
    if said.slot and exclusive(said.text, there.text):
        rivals = [w for w in found.source.content if exclusive(said.text, w.text)]
        return len(rivals) == 1
    before, after = by_claim.get(at - 1), by_claim.get(at + 1)
    return (before is not None and before == stands - 1) or (after is not None and after == stands + 1)


def other_slot(found: Comparison) -> Contrast | None:
    """Another thing behind the same verb and preposition: "hangs in the reading room" against "in the porter's lodge"."""
    extra = found.extra
    if (
        not extra
        or holds_in_part(found)
        or len(extra) > _MOST_EXTRA
        or list(extra) != list(range(extra[0], extra[-1] + 1))
    ):
        return None
    rest = len(found.pairs) + len(found.carried)
    if (
        rest < _LEAST_REST
        or len(found.pairs) < LEAST_PAIRS
        or any(differs_in_sign(found, pair) for pair in found.pairs)
    ):
        return None
    said = found.claim.content[extra[0]]
    before = next((pair for pair in found.pairs if pair.claim == extra[0] - 1), None)
    if before is None or said.slot not in _PLACES or before.source + 1 not in found.left:
        return None
    stands = found.source.content[before.source + 1]
    if stands.slot != said.slot or any(found.claim.content[at].slot != said.slot for at in extra):
        return None
    if Kind.NUMBER in (said.kind, stands.kind) or not base_forms(found.claim_word(before).text) & _BEING_SOMEWHERE:
        return None
    after = next((pair for pair in found.pairs if pair.claim == extra[-1] + 1), None)
    if after is not None and found.claim_word(after).slot == said.slot:
        return None  # "the counterterrorism operation" against "the January operation": the same thing, described otherwise
    if spelt_alike(said.text, stands.text):
        return None
    return Contrast(
        RulingCode.OTHER_SLOT,
        said,
        stands,
        f"the source says {said.slot} {stands.text!r} here, the claim {said.text!r}",
    )
