"""Who did what to whom: one relation said in several ways, and the same ways with both sides exchanged.

All templates of a relation mean the same, active beside passive, "bought from" beside "sold to", so that neither voice nor a word
decides; of a symmetric relation ("married") the exchanged claim is true as well.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.training.contrast.items import NO_MARKS, Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.words import Cast


@dataclass(frozen=True)
class Relation:
    """``side``: the type of {a} and {b}. ``says``: templates that mean the same. ``more``: further slots and their types."""

    side: str
    says: tuple[str, ...]
    more: Mapping[str, str] = field(default_factory=dict)
    symmetric: bool = False


_VERB_SAYS = (
    "{{a}} {past} {{b}}",
    "{{b}} was {done} by {{a}}",
    "it was {{a}} who {past} {{b}}",
    "it was {{b}} who was {done} by {{a}}",
)
_PLURAL = frozenset({"team"})
_ADJECTIVE_SAYS = (
    "{{a}} {be} {more} than {{b}}",
    "{{b}} {be} {less} than {{a}}",
    "{{b}} {be} not as {plain} as {{a}}",
    "compared with {{b}}, {{a}} {be} {more}",
    "of the two, {{a}} and {{b}}, {{b}} {be} the {less}",
)


def relations(kind: str) -> tuple[Relation, ...]:
    """The relations of one kind in ``tables/relations.yaml``, with those made of its verbs and adjectives."""
    rows = table("relations")
    made: list[Relation] = [
        Relation(row["of"], tuple(row["says"]), row.get("with", {}), row.get("symmetric", False)) for row in rows[kind]
    ]
    if kind == "role":
        made += [_of_verb(side, verb) for side, verbs in rows["verbs"].items() for verb in verbs]
    if kind == "comparison":
        made += [_of_adjective(side, words) for side, found in rows["adjectives"].items() for words in found]
    return tuple(made)


def _of_verb(side: str, verb: str) -> Relation:
    """ "chose/chosen" -> "{a} chose {b}", "{b} was chosen by {a}"."""
    past, _, done = verb.partition("/")
    says = [say.format(past=past, done=done or past) for say in _VERB_SAYS]
    if side in _PLURAL:
        says = [say.replace("{b} was", "{b} were").replace("who was", "who were") for say in says]
    return Relation(side, tuple(says))


def _of_adjective(side: str, words: Sequence[str]) -> Relation:
    """[older, younger, old] -> "{a} is older than {b}", "{b} is not as old as {a}"."""
    be = "are" if side in _PLURAL else "is"
    return Relation(
        side, tuple(say.format(be=be, more=words[0], less=words[1], plain=words[2]) for say in _ADJECTIVE_SAYS)
    )


def _exchanged(template: str, values: Mapping[str, str]) -> str:
    """The template with {a} and {b} exchanged and marked as wrong."""
    return template.format(**{**values, "a": f"[{values['b']}]", "b": f"[{values['a']}]"})


def related(table: Sequence[Relation]) -> Maker:
    """A maker of contrasts from one table: a fact in one wording, claims in the others.

    Example: "The Rovers beat the Lions in the final." -> true "The Lions lost the final to the Rovers.", false "[The Rovers] lost
    the final to [the Lions]."
    """

    def make(cast: Cast) -> Contrast:
        relation = cast.draw.choice(table)
        values = {**cast.some({"a": relation.side, "b": relation.side}), **cast.some(relation.more)}
        says = list(relation.says)
        cast.draw.shuffle(says)
        fact, claims = says[0], _more_of_the_first(says, cast.draw)
        true = [sentence(claim.format(**values)) for claim in claims]
        wrong = [sentence(_exchanged(claim, values)) for claim in claims]
        if relation.symmetric:
            return Contrast((sentence(fact.format(**values)),), (*true, *(w.translate(NO_MARKS) for w in wrong)), ())
        return Contrast((sentence(fact.format(**values)),), tuple(true), tuple(wrong))

    return make


def _more_of_the_first(says: Sequence[str], draw: random.Random) -> list[str]:
    """The other wordings; now and then the fact's own, so that a claim in the same words is read as well."""
    return [*says[1:], *([says[0]] if draw.random() < 0.3 else [])]


MAKERS: Mapping[str, Maker] = {kind: related(relations(kind)) for kind in ("role", "comparison", "order", "direction")}
