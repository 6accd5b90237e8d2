"""Values with what they belong to: exchanged between two facts, off by a digit, or the same in another notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.training.contrast.items import Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.values import DATES, VALUES, Forms, different, slip
from models.training.contrast.words import Cast


@dataclass(frozen=True)
class Attribute:
    """``owner``: type of {e}. ``value``: a kind of :data:`VALUES`, or a type of the vocabulary. ``says``: statements of it."""

    owner: str
    value: str
    says: tuple[str, ...]
    asks: str


def _attributes(name: str) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(row["of"], row["value"], tuple(row["says"]), row["asks"]) for row in table("attributes")[name]
    )


VALUED, NAMED = _attributes("valued"), _attributes("named")


def _forms(attribute: Attribute, cast: Cast) -> Forms:
    made = VALUES.get(attribute.value)
    return made(cast.draw) if made else (cast.one(attribute.value),)


def exchanged(table: Sequence[Attribute]) -> Maker:
    """Two owners with a value each; a false claim gives one the other's.

    Example: "Alder Foods was founded in 1932. Opal Bank has existed since 1951." -> false "Opal Bank was founded in [1932]."
    """

    def make(cast: Cast) -> Contrast:
        attribute = cast.draw.choice(table)
        first, second = cast.one(attribute.owner), cast.one(attribute.owner)
        own = _forms(attribute, cast)
        other = different(attribute.value, own, cast.draw) if attribute.value in VALUES else _forms(attribute, cast)
        says = cast.draw.sample(attribute.says, len(attribute.says))
        facts = [
            sentence(says[0].format(e=first, v=own[0])),
            sentence(cast.draw.choice(says[:2]).format(e=second, v=other[0])),
        ]
        cast.draw.shuffle(facts)
        true = [sentence(say.format(e=first, v=own[0])) for say in says] + [
            sentence(says[1].format(e=second, v=other[0]))
        ]
        false = [sentence(say.format(e=first, v=f"[{other[0]}]")) for say in says]
        false.append(sentence(says[1].format(e=second, v=f"[{own[0]}]")))
        return Contrast(
            tuple(facts), tuple(true), tuple(false), "contradiction", attribute.asks.format(e=first), own[0], other[0]
        )

    return make


def notation(cast: Cast) -> Contrast:
    """The same value in another notation is true; another value in any notation is false, one digit off or by far.

    Example: "The cable is 3.2 km long." -> true "The length of the cable is 3,200 metres.", false "... is [320 metres]."
    """
    attribute = cast.draw.choice(VALUED)
    owner, own = cast.one(attribute.owner), VALUES[attribute.value](cast.draw)
    other = different(attribute.value, own, cast.draw)
    says = cast.draw.sample(attribute.says, len(attribute.says))
    fact_form = cast.draw.choice([form for form in own if not form.startswith(("about", "some", "roughly"))])
    true = [sentence(say.format(e=owner, v=form)) for say, form in zip(says, own[::-1], strict=False)]
    wrong = [_wrong(form, place, own, other, cast) for place, form in enumerate(own[::-1])]
    false = [sentence(say.format(e=owner, v=f"[{value}]")) for say, value in zip(says, wrong, strict=False)]
    fact = sentence(says[-1].format(e=owner, v=fact_form))
    return Contrast(
        (fact,), tuple(true), tuple(false), "contradiction", attribute.asks.format(e=owner), own[0], wrong[0]
    )


def _wrong(form: str, place: int, own: Forms, other: Forms, cast: Cast) -> str:
    """The form with a slip, or the other value in a like notation."""
    slipped = slip(form, cast.draw) if cast.draw.random() < 0.5 else None
    alike = other[::-1][min(place, len(other) - 1)]
    return slipped if slipped is not None and slipped not in own else alike


def two_numbers(cast: Cast) -> Contrast:
    """Two numbers of one sentence exchanged between what they measure.

    Example: "Costs fell by 35 and 12 branches opened." -> false "Costs fell by [12] and [35] branches opened."
    """
    first, second = cast.draw.sample(table("attributes")["measures"], 2)
    owner = cast.one("org")
    low, high = cast.draw.sample(range(2, 99), 2)
    frame = cast.draw.choice(("{e} {x} and {y}", "it was {e} that {x} and {y}", "last year {e} {x}, while it also {y}"))

    def say(a: object, b: object, wording: int) -> str:
        return sentence(frame.format(e=owner, x=first[wording].format(n=a), y=second[wording].format(n=b)))

    false = (say(f"[{high}]", f"[{low}]", 1), say(f"[{high}]", f"[{low}]", 0), say(low, f"[{(high + 7) % 90 + 2}]", 1))
    return Contrast((say(low, high, 0),), (say(low, high, 1), say(low, high, 0)), false)


MAKERS: Mapping[str, Maker] = {
    "exchange_names": exchanged(tuple(a for a in NAMED if a.value not in ("place", "country"))),
    "exchange_dates": exchanged(tuple(a for a in VALUED if a.value in DATES)),
    "exchange_amounts": exchanged(tuple(a for a in VALUED if a.value not in DATES)),
    "exchange_in_sentence": two_numbers,
    "place": exchanged(tuple(a for a in NAMED if a.value in ("place", "country"))),
    "notation": notation,
}
