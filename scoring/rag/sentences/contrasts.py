"""What a difference between a claim and its sentence of the source means. A rule is certain or silent.

Each is a function from a :class:`~scoring.rag.sentences.align.Comparison` to at most one :class:`Contrast`, tried in the order of
:data:`CONTRASTS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from parsers.words.lexicon import base_forms, converse, exclusive, is_past_form, is_symmetric, is_verb_form, lexicon, may_be_verb
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.align import Comparison, Pair, Relation, excludes
from scoring.rag.sentences.words import Kind, Sentence, Word

LEAST_COVERED = 0.75
"""Share of the claim's words that its sentence must have before a difference in the rest can be called one."""
_LEAST_PAIRS = 2
_OPEN = frozenset("unless except excluding apart if only until till otherwise whether falls außer ausgenommen nur".split())
"""A sentence with one of these holds in part of the cases: "not refunded unless defective" does not deny "refunded if defective"."""
_LIMITS_IN_TIME = frozenset("until till".split())
"""Do not keep a denial from being wrong: "cannot be carried over" against "can be carried over until 31 March"."""
_DENIES_BY_MEANING = frozenset(
    "lack lacks lacked lacking fail fails failed failing unable decline declines declined refuse refuses refused avoid avoids "
    "avoided prevent prevents prevented deny denies denied hardly barely scarcely rarely seldom stop stops stopped instead rather "
    "reject rejects rejected "
    "kaum fehlt fehlen verweigert".split()
)
"""Words that deny without a negation; a sentence with one of them has no sign that could be compared."""
_DETERMINERS = frozenset("no kein keine keinen keinem keiner keines".split())
_MOST_LEFT = 2
_RATES = frozenset({"per", "pro"})
_MOST_EXTRA = 2
_LEAST_REST = 3
_PLACES = frozenset("in on at under behind near from".split())
_BEING_SOMEWHERE = frozenset(
    "hang stand lie live work keep store locate situate sit stay bear find park sleep meet hold grow build base house display".split()
)
_NOT_A_VERBS = _DETERMINERS | {"without", "ohne", "nor", "neither"}
_LEAST_COVERED_FOR = 0.6
_EXCEPTS = frozenset("except excluding unlike besides außer".split())
_JOINS = frozenset("and or may can must should will would do does did is are was were has have".split())
_PRONOUNS = frozenset("he him his she her hers they them their it its er ihn ihm sie ihr ihnen es".split())
_SAME_LETTERS = 4
_ALIKE = 0.75
_NEAR = 3
"""Content words from a verb to its argument: "Halden bought the quarry operator Brix" has three."""
_BEFORE_NOUNS = frozenset("a an the this that these those his her its their our my your no of in on at for with by from as".split())
_DIRECTIONS = frozenset("from to into onto by for with against over above below under von nach zu zum zur vom".split())
_NOBODY = frozenset("nobody none niemand keiner".split())
_PARTITIVE = frozenset("one among some part most many several eine einer eines".split())
_ORDINALS = frozenset("second third fourth fifth sixth seventh eighth ninth tenth 2nd 3rd 4th 5th zweit dritt viert".split())


@dataclass(frozen=True, slots=True)
class Contrast:
    """``said`` of the claim against ``stands`` of the source."""

    code: RulingCode
    said: Word
    stands: Word
    reason: str


def polarity(found: Comparison) -> Contrast | None:
    """One side denies what the other says: "are refunded" against "are not refunded", "is open" against "is closed".

    Every word pair has a sign; the pair that carries the statement must differ and no other pair may say why.
    """
    limits = (found.source.cues ^ found.claim.cues) & _OPEN
    if (limits and not (_claim_denies(found) and limits <= _LIMITS_IN_TIME)) or _other_subject(found):
        return None
    if found.covered < LEAST_COVERED or len(found.pairs) + len(found.carried) < _LEAST_PAIRS:
        return None
    if (found.source.cues ^ found.claim.cues) & _DENIES_BY_MEANING:
        return None
    heads = [pair for pair in found.pairs if _states(found, pair)]
    odd = [pair for pair in heads if _sign(found, pair) and not (pair.relation is Relation.OPPOSITE and _converse(found, pair))]
    if not odd or _roles_turned(found):
        return None
    denied = [pair for pair in found.pairs if found.claim_word(pair).negated or found.source_word(pair).negated]
    if any(not _sign(found, pair) and pair.relation is not Relation.OPPOSITE for pair in denied):
        return None  # both deny: the words in the reach of both negations agree
    if limits and not all(_before_the_limit(found, pair) for pair in odd):
        return None
    opposites = [pair for pair in odd if pair.relation is Relation.OPPOSITE]
    if opposites and (found.extra or not _stand_alike(found, opposites[0])):
        return None
    plain = [pair for pair in odd if pair.relation is not Relation.OPPOSITE]
    if plain and not opposites and not _denies_the_statement(found, plain):
        return None
    first = (opposites or plain)[0]
    said, stands = found.claim_word(first), found.source_word(first)
    return Contrast(RulingCode.DENIED, said, stands, _denial(said, stands))


def _before_the_limit(found: Comparison, pair: Pair) -> bool:
    """Whether what is said stands before the *until* that limits it, not behind it ("until the president accepts")."""
    until = next((word for word in found.source.words if word.text.lower() in _LIMITS_IN_TIME), None)
    return until is None or found.source_word(pair).span < until.span


def _other_subject(found: Comparison) -> bool:
    """Whether each side has a name that the other lacks: then they may speak of two things."""
    extra = any(_proper(found.claim.content[at]) for at in found.extra)
    return extra and any(_proper(found.source.content[at]) for at in found.left)


def _denial(said: Word, stands: Word) -> str:
    if stands.negated != said.negated:
        denies = "the source denies it" if stands.negated else "the claim denies what the source says"
        return f"{denies}: {stands.text!r}"
    return f"the source says {stands.text!r}, the claim {said.text!r}"


def _sign(found: Comparison, pair: Pair) -> bool:
    """Whether the two sides of ``pair`` differ in what they affirm."""
    differs = found.claim_word(pair).negated != found.source_word(pair).negated
    return differs != (pair.relation is Relation.OPPOSITE)


def _states(found: Comparison, pair: Pair) -> bool:
    said = found.claim_word(pair)
    return said.kind is Kind.CONTENT


def _open(found: Comparison) -> bool:
    return bool((found.source.cues ^ found.claim.cues) & _OPEN)


def _claim_denies(found: Comparison) -> bool:
    return any(word.kind is Kind.NEGATION for word in found.claim.words)


def _stand_alike(found: Comparison, pair: Pair) -> bool:
    """Whether an opposite is said of the same thing: the word it belongs to is the same on both sides.

    That is the next word ("first quarter"); a verb, or a word that ends its part, may belong to the one before it.
    """
    steps = {(other.claim - pair.claim, other.source - pair.source) for other in found.pairs}
    if (1, 1) in steps:
        return True
    word, there = found.claim_word(pair), found.source_word(pair)
    ends = _ends_its_part(found.claim, word) and _ends_its_part(found.source, there)
    verb = is_verb_form(word.text) and is_verb_form(there.text)
    before = (-1, -1) in steps or (pair.claim - 1 in found.carried and there.span == found.source.content[0].span)
    opens = pair.source == 0 and bool(found.carried)
    return (ends or verb) and (before or opens)


def _ends_its_part(sentence: Sentence, word: Word) -> bool:
    return not any(w.segment == word.segment and w.span[0] > word.span[0] and not w.slot for w in sentence.content)


def _denies_the_statement(found: Comparison, odd: list[Pair]) -> bool:
    """The words behind the negation are among the pairs, and the other side has no negation of its own."""
    claim_denies = _claim_denies(found)
    side, other = (found.claim, found.source) if claim_denies else (found.source, found.claim)
    if any(word.kind is Kind.NEGATION for word in other.words):
        return False
    paired = {(found.claim_word(pair) if claim_denies else found.source_word(pair)).span for pair in odd}
    behind = _behind_negation(side)
    if not behind or behind[0].span not in paired:
        return False
    determiner = any(word.text.lower() in _DETERMINERS for word in side.words)
    predicate = any(may_be_verb(found.claim_word(pair).text) or found.claim_word(pair).text.lower() not in lexicon().nouns for pair in odd)
    return (predicate or determiner) and all(word.span in paired for word in behind[1:2])


def _behind_negation(side: Sentence) -> list[Word]:
    """The content words from the negation to the end of its part."""
    at = next((word for word in side.words if word.kind is Kind.NEGATION), None)
    if at is None:
        return []
    return [w for w in side.content if w.segment == at.segment and w.span[0] > at.span[0]]


def nobody_did(found: Comparison) -> Contrast | None:
    """Somebody did what the source says nobody did: "Two guests were injured" against "Nobody was injured"."""
    nobody = next((word for word in found.source.words if word.text.lower() in _NOBODY), None)
    if nobody is None or _claim_denies(found) or _open(found):
        return None
    behind = [word.span for word in found.source.content if word.segment == nobody.segment and word.span[0] > nobody.span[0]]
    heads = [pair for pair in found.pairs if found.source_word(pair).span in behind[:1]]
    if not heads or heads[0].relation is Relation.OPPOSITE:
        return None
    head = heads[0].claim
    after = [at for at in range(head + 1, len(found.claim.content)) if at not in {pair.claim for pair in found.pairs}]
    if after or head == 0:
        return None
    said, stands = found.claim_word(heads[0]), found.source_word(heads[0])
    return Contrast(RulingCode.DENIED, said, stands, f"the source says that nobody: {stands.text!r}")


def exchanged_roles(found: Comparison) -> Contrast | None:
    """Who did it to whom: "Brix acquired Halden" against "Halden bought Brix"."""
    turned = _turned(found)
    if turned is None or found.covered < LEAST_COVERED or _open(found):
        return None
    first, _, pivot = turned
    if any(_sign(found, pair) for pair in found.pairs if pair is not pivot and pair.relation is not Relation.OPPOSITE):
        return None
    said, stands = found.claim_word(first), found.source_word(first)
    other = found.source_word(pivot)
    return Contrast(RulingCode.EXCHANGED_ROLES, said, stands, f"who and whom are exchanged around {other.text!r}")


def _roles_turned(found: Comparison) -> bool:
    return _turned(found) is not None


def _turned(found: Comparison) -> tuple[Pair, Pair, Pair] | None:
    """(first argument, second, pivot) that the claim has the other way round than the source; None where none is."""
    arguments = [pair for pair in found.pairs if _argument(found, pair) and _once(found, pair)]
    pivots = [pair for pair in found.pairs if _pivot(found, pair)]
    for pivot in pivots:
        if is_symmetric(found.source_word(pivot).text) or is_symmetric(found.claim_word(pivot).text):
            continue
        for first, second in combinations(arguments, 2):
            if pivot in (first, second) or not _around(first.claim, pivot.claim, second.claim):
                continue
            order = _order(first.source, pivot.source, second.source)
            if order == 0:
                continue
            turned = order < 0
            passive = _passive(found.claim, pivot.claim, second.claim) != _passive(
                found.source, pivot.source, max(first.source, second.source)
            )
            reversed_words = pivot.relation is Relation.OPPOSITE and _converse(found, pivot)
            if turned ^ passive ^ reversed_words:
                return first, second, pivot
    return None


def _converse(found: Comparison, pair: Pair) -> bool:
    """Words that say each other with the arguments exchanged, where there are two arguments to exchange."""
    if not converse(found.claim_word(pair).text, found.source_word(pair).text):
        return False
    arguments = [other.claim for other in found.pairs if _argument(found, other)]
    return any(at < pair.claim for at in arguments) and any(at > pair.claim for at in arguments)


def _argument(found: Comparison, pair: Pair) -> bool:
    said = found.claim_word(pair)
    return pair.relation is Relation.SAME and said.kind is Kind.NAME


def _once(found: Comparison, pair: Pair) -> bool:
    """Whether a name stands once on each side, so that its place can be told."""
    said = found.claim_word(pair).text.lower()
    return all(sum(w.text.lower() == said for w in side.content) == 1 for side in (found.claim, found.source))


def _pivot(found: Comparison, pair: Pair) -> bool:
    """Whether both sides of ``pair`` are what a sentence turns on: a verb in use, or a comparative before *than*."""
    said, stands = found.claim_word(pair), found.source_word(pair)
    if _compares(found.claim, said) or _compares(found.source, stands):
        return _compares(found.claim, said) and _compares(found.source, stands)
    return _verb_in_use(found.claim, said) and _verb_in_use(found.source, stands)


def _compares(sentence: Sentence, word: Word) -> bool:
    after = [w.text.lower() for w in sentence.words if w.span[0] > word.span[0]][:2]
    return word.kind is Kind.CONTENT and "than" in after


def _verb_in_use(sentence: Sentence, word: Word) -> bool:
    """A verb form that no determiner or preposition stands before; "-ing" forms leave open who does it."""
    if word.kind is not Kind.CONTENT or not is_verb_form(word.text) or word.text.lower().endswith("ing"):
        return False
    before = [w for w in sentence.words if w.span[1] <= word.span[0]][-1:]
    if before and before[0].text.lower() in _BEFORE_NOUNS:
        return False
    return not before or is_past_form(word.text) or before[0].kind is not Kind.CONTENT


def _around(first: int, middle: int, last: int) -> bool:
    return first < middle < last and middle - first <= _NEAR and last - middle <= _NEAR


def _order(first: int, pivot: int, second: int) -> int:
    """1: first argument, pivot, second; -1: the other way round; 0: they do not stand close around the pivot."""
    if _around(first, pivot, second):
        return 1
    return -1 if _around(second, pivot, first) else 0


def _passive(sentence: Sentence, pivot: int, last: int) -> bool:
    """Whether the pivot is passive: a form of *be* before it and *by* (*von*) between it and the argument behind it."""
    verb, agent = sentence.content[pivot], sentence.content[last]
    between = [w for w in sentence.words if verb.span[1] <= w.span[0] < agent.span[0]]
    return any(w.text.lower() in ("by", "von", "vom", "durch") for w in between)


def exchanged_slots(found: Comparison) -> Contrast | None:
    """Two names each behind the other's preposition: "from Bern to Basel" against "from Basel to Bern"."""
    names = [pair for pair in found.pairs if _argument(found, pair)]
    for first, second in combinations(names, 2):
        one, two = found.claim_word(first), found.claim_word(second)
        there, other = found.source_word(first), found.source_word(second)
        if one.slot and two.slot and one.slot != two.slot and (one.slot, two.slot) == (other.slot, there.slot):
            if found.covered < LEAST_COVERED or not {one.slot, two.slot} <= _DIRECTIONS:
                continue
            return Contrast(RulingCode.EXCHANGED_ROLES, one, there, f"{one.text!r} and {two.text!r} are exchanged")
    return None


def other_member(found: Comparison) -> Contrast | None:
    """Another member of a class, or another name, in the same slot: "in Chemistry" against "in Physics"."""
    if _open(found) or _other_subject(found):
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
    if _open(found) or len(found.left) > len(found.pairs) + _MOST_LEFT or found.source.cues & _PRONOUNS:
        return None
    for said_at, stands_at in _substitutions(found):
        said, stands = found.claim.content[said_at], found.source.content[stands_at]
        if _proper(said) and _proper(stands) and not _one_entity(found, said_at, stands_at):
            return Contrast(
                RulingCode.OTHER_NAME, said, stands, f"the source says {stands.text!r} here, the claim {said.text!r}"
            )
    return None


def _proper(word: Word) -> bool:
    """A name that is no everyday word: the "OK" and "Sort" of a menu are none."""
    lowered = word.text.lower().removesuffix("'s").removesuffix("’s")
    known = lexicon()
    if word.kind is not Kind.NAME or len(word.text) == 1:
        return False
    return lowered in known.given_names or not base_forms(lowered) & known.common


def _one_entity(found: Comparison, said_at: int, stands_at: int) -> bool:
    """Whether two names may be of one person or thing: spelt nearly alike, or side by side elsewhere ("Maria Lopez")."""
    said, stands = (w.text.lower().removesuffix("'s") for w in (found.claim.content[said_at], found.source.content[stands_at]))
    if said[:_SAME_LETTERS] == stands[:_SAME_LETTERS] or SequenceMatcher(None, said, stands).ratio() >= _ALIKE:
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
    if not extra or rest < _LEAST_PAIRS or rest < LEAST_COVERED * (rest + len(extra) - 1) or len(extra) > 2:
        return
    if any(_sign(found, pair) for pair in found.pairs):
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
    before, after = by_claim.get(at - 1), by_claim.get(at + 1)
    return (before is not None and before == stands - 1) or (after is not None and after == stands + 1)


def lost_rank(found: Comparison) -> Contrast | None:
    """A superlative without what limited it: "the largest city" against "the third-largest city"."""
    if found.covered < LEAST_COVERED:
        return None
    for pair in found.pairs:
        said, stands = found.claim_word(pair), found.source_word(pair)
        if not _superlative(stands) or said.text.lower() != stands.text.lower():
            continue
        limit, own = _limit(found.source, stands), _limit(found.claim, said)
        if limit and not own:
            return Contrast(RulingCode.LOST_LIMIT, said, limit, f"the source says {limit.text} {stands.text!r}")
    return None


def _superlative(word: Word) -> bool:
    lowered = word.text.lower()
    return lowered.endswith("est") and len(lowered) > 5 and any(
        base != lowered and base in lexicon().senses for base in base_forms(lowered)
    )


def _limit(sentence: Sentence, word: Word) -> Word | None:
    before = [w for w in sentence.words if w.span[1] <= word.span[0]][-3:]
    for near in reversed(before):
        lowered = near.text.lower()
        if lowered in _ORDINALS or (lowered in _PARTITIVE and any(w.text.lower() == "of" for w in before)):
            return near
    return None


def denied_for(found: Comparison) -> Contrast | None:
    """What the claim says of somebody whom the source excepts: "and so may trainees" against "Trainees may not use them"."""
    if _claim_denies(found) or _open(found) or found.claim.cues & (_EXCEPTS | _DENIES_BY_MEANING):
        return None
    negation = next((word for word in found.source.words if word.kind is Kind.NEGATION), None)
    if negation is None or negation.text.lower() in _NOT_A_VERBS or found.covered < _LEAST_COVERED_FOR:
        return None
    behind = _behind_negation(found.source)[:1]
    subjects = [w for w in found.source.content if w.span[1] <= negation.span[0] and _heads(found.source, w)]
    verb = next((pair for pair in found.pairs if behind and found.source_word(pair).span == behind[0].span), None)
    if verb is None or verb.relation is Relation.OPPOSITE:
        return None
    for pair in found.pairs:
        said, stands = found.claim_word(pair), found.source_word(pair)
        named = any(stands.span == subject.span for subject in subjects)
        if not named or pair is verb or pair.relation is not Relation.SAME or not _noun(said):
            continue
        objects = [p for p in found.pairs if found.source_word(p).span > behind[0].span]
        if objects or found.source.cues & _PRONOUNS:
            return Contrast(RulingCode.DENIED_FOR, said, stands, f"the source denies it of {stands.text!r}")
    return None


def _noun(word: Word) -> bool:
    noun = word.kind is Kind.CONTENT and bool(base_forms(word.text) & lexicon().nouns)
    return word.kind is Kind.NAME or (noun and "ordinal" not in lexicon().classes.get(word.text.lower(), ()))


def _heads(sentence: Sentence, word: Word) -> bool:
    """Whether nothing narrows ``word`` down: "trainees and …" or "trainees may not", never "employees who …"."""
    after = next((w for w in sentence.words if w.span[0] >= word.span[1]), None)
    return after is not None and (after.text.lower() in _JOINS or after.kind is Kind.NEGATION)


def other_slot(found: Comparison) -> Contrast | None:
    """Another thing behind the same verb and preposition: "hangs in the reading room" against "in the porter's lodge"."""
    extra = found.extra
    if not extra or _open(found) or len(extra) > _MOST_EXTRA or list(extra) != list(range(extra[0], extra[-1] + 1)):
        return None
    rest = len(found.pairs) + len(found.carried)
    if rest < _LEAST_REST or len(found.pairs) < _LEAST_PAIRS or any(_sign(found, pair) for pair in found.pairs):
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
    if SequenceMatcher(None, said.text.lower(), stands.text.lower()).ratio() >= _ALIKE:
        return None
    return Contrast(
        RulingCode.OTHER_SLOT, said, stands, f"the source says {said.slot} {stands.text!r} here, the claim {said.text!r}"
    )


ContrastRule = Callable[[Comparison], Contrast | None]
CONTRASTS: tuple[ContrastRule, ...] = (
    lost_rank,
    exchanged_roles,
    nobody_did,
    polarity,
    denied_for,
    exchanged_slots,
    other_member,
    other_name,
    other_slot,
)
FREE_ORDER_CONTRASTS: tuple[ContrastRule, ...] = (nobody_did, polarity, other_member)
"""Where order does not say who did it to whom, and every noun has a capital: German."""


_HEDGES = re.compile(
    r"\b(?:may|might|could|would|reportedly|allegedly|alleg\w+|plan(?:s|ned)?|hop(?:e|es|ed)|expect\w*|consider\w*|propos\w+|argu\w+|"
    r"claim\w*|believ\w+|suggest\w*|impl(?:y|ies|ied)|think\w*|thought|tried|try|tries|want\w*|wish\w*|almost|nearly|"
    r"those who|supposed|intend\w*|könnte\w*|würde\w*|soll|sollte\w*|fast|beinahe)\b",
    re.IGNORECASE,
)
"""A source with one of these does not say it as a fact; a claim without it is no restatement."""
_PASSIVE = frozenset("is are was were be been being ist sind wird werden wurde wurden".split())
_LOOSE_SLOTS = frozenset("of in at on for by von im in am bei für".split())
_MOST_BETWEEN = 4


def restates(found: Comparison) -> bool:
    """Whether the sentence says all that the claim says, in the same words or synonyms, with the same sign and roles."""
    if found.extra or len(found.pairs) < _LEAST_PAIRS or _open(found):
        return False
    if len(found.carried) > len(found.pairs) or not any(_states(found, pair) for pair in found.pairs):
        return False
    if any(rule(found) for rule in (lost_rank, exchanged_roles, nobody_did, polarity, exchanged_slots)):
        return False
    if any(_sign(found, pair) for pair in found.pairs if not _converse(found, pair)):
        return False
    if found.carried and not (found.source.cues & _PRONOUNS or found.source.cues & _PASSIVE):
        return False
    if any(_doer(found.claim_word(pair).text, found.source_word(pair).text) for pair in found.pairs):
        return False
    places = [pair.source for pair in found.pairs]
    if max(places) - min(places) + 1 > len(places) + _MOST_BETWEEN:
        return False
    if (found.source.cues ^ found.claim.cues) & _DENIES_BY_MEANING:
        return False
    hedges = {match.group().lower() for match in _HEDGES.finditer(found.source.text)}
    said = {match.group().lower() for match in _HEDGES.finditer(found.claim.text)}
    return hedges <= said and all(_in_place(found, pair) for pair in found.pairs)


def _doer(said: str, stands: str) -> bool:
    """Whether one names who does what the other says: "winner" and "beats" leave open which of two it is."""
    ends = [word.lower().rstrip("s").endswith(("er", "or", "ee")) for word in (said, stands)]
    return ends[0] != ends[1]


def _in_place(found: Comparison, pair: Pair) -> bool:
    """Whether a word belongs to the same on both sides: behind the same preposition, or a number beside the same word."""
    said, stands = found.claim_word(pair), found.source_word(pair)
    if said.kind is Kind.NUMBER:
        beside = {(other.claim - pair.claim, other.source - pair.source) for other in found.pairs}
        return bool(beside & _BESIDE) or bool(said.slot and said.slot == stands.slot)
    if said.slot == stands.slot or {said.slot, stands.slot} <= _LOOSE_SLOTS:
        return True
    if said.kind is Kind.NAME and not said.slot:
        return stands.slot in ("by", "von", "of")
    return not (said.slot and stands.slot)


_BESIDE = frozenset({(1, 1), (-1, -1), (1, 2), (2, 1), (-1, -2), (-2, -1)})
