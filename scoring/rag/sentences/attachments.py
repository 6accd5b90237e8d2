"""A word of the sentence that belongs to another word or another person there."""

from __future__ import annotations

from collections.abc import Iterator

from parsers.words.lexicon import is_verb_form, opposite, same_meaning, same_word
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, Pair
from scoring.rag.sentences.grounds import (
    LEAST_COVERED,
    LEAST_PAIRS,
    LONG,
    SUBJECT_PRONOUNS,
    Contrast,
    claim_denies,
    holds_in_part,
    proper,
)
from scoring.rag.sentences.words import Kind


def other_link(found: Comparison) -> Contrast | None:
    """A word of the sentence that belongs to another one there: "open on Sundays" against "closed on Sundays",
    "directed by Dietz" against "directed by Sorel and produced by Dietz".
    """
    if holds_in_part(found) or found.covered < LEAST_COVERED or claim_denies(found) or len(found.source.content) > LONG:
        return None
    for verb, argument in _linked(found):
        said, stands = found.claim_word(argument), found.source_word(argument)
        before = argument.source - 1
        while before >= 0 and found.source.content[before].slot == stands.slot and before != verb.source:
            before -= 1  # the other words of the same phrase
        if before < 0 or before not in found.left:
            continue
        rival, head = found.source.content[before], found.source_word(verb)
        own = found.source.content[verb.source + 1] if verb.source + 1 < len(found.source.content) else None
        taken = own is not None and verb.source + 1 in found.left and own.slot == stands.slot
        turned = opposite(rival.text, found.claim_word(verb).text)
        if same_meaning(rival.text, head.text) or rival.text.lower().endswith("ing"):
            continue
        if taken and (turned or (is_verb_form(rival.text) and is_verb_form(head.text) and rival.kind is Kind.CONTENT)):
            reason = f"the source says {rival.text!r} of {stands.text!r}, not {head.text!r}"
            return Contrast(RulingCode.OTHER_LINK, said, stands, reason)
    return None


def _linked(found: Comparison) -> Iterator[tuple[Pair, Pair]]:
    """(verb or adjective, word behind it in a prepositional slot) that stand next to each other in the claim."""
    by_claim = {pair.claim: pair for pair in found.pairs}
    for pair in found.pairs:
        behind = by_claim.get(pair.claim + 1)
        if behind is None or found.claim_word(pair).kind is not Kind.CONTENT:
            continue
        slot = found.claim_word(behind).slot
        if slot and slot == found.source_word(behind).slot and found.claim_word(pair).slot != slot and slot != "of":
            yield pair, behind


def other_subject(found: Comparison) -> Contrast | None:
    """What the source says of one person, said of another who is named beside it: "Ada left in 2004" against
    "Joris left in 2004, and Ada has led the firm since".
    """
    if holds_in_part(found) or not found.claim.content or claim_denies(found) or found.source.cues & SUBJECT_PRONOUNS:
        return None
    said = found.claim.content[0]
    if not proper(said) or said.slot:
        return None
    named = {
        at
        for at, word in enumerate(found.claim.content)
        if word.kind is Kind.NAME and word.segment == said.segment and at < 3
    }
    rest = [pair for pair in found.pairs if pair.claim not in named]
    segments = {found.source_word(pair).segment for pair in rest}
    if len(rest) < LEAST_PAIRS or len(segments) != 1 or len(found.extra) > 1:
        return None
    segment = segments.pop()
    if any(found.source_word(pair).segment == segment for pair in found.pairs if pair.claim in named):
        return None
    first = min(pair.source for pair in rest)
    opens = [w for w in found.source.content[:first] if w.segment == segment]
    if len(opens) != 1 or not proper(opens[0]) or (opens[0].text.lower(), said.text.lower()) in found.entities:
        return None
    if any(same_word(opens[0].text, word.text) for word in found.claim.content) or len(found.source.content) > LONG:
        return None
    if not any(is_verb_form(found.source_word(pair).text) or pair.claim > 0 for pair in rest):
        return None
    return Contrast(
        RulingCode.OTHER_NAME, said, opens[0], f"the source says so of {opens[0].text!r}, not of {said.text!r}"
    )
