"""Who said it, what was said and what only came near it, long lists, and steps in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.training.contrast.items import NO_MARKS, Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.words import Cast

_TABLE = table("reports")


def speaker(cast: Cast) -> Contrast:
    """Two speakers, two statements; a false claim puts one's words into the other's mouth.

    Example: 'Anna: The bridge is safe. Ben: The roof leaks.' -> false "According to [Ben], the bridge is safe."
    """
    first, second = cast.one("person"), cast.one("person")
    one, two = cast.draw.sample(_TABLE["opinions"], 2)
    if cast.draw.random() < 0.5:
        form = cast.draw.choice(_TABLE["dialogue"])
        facts = [form.format(p=p, X=x[0].upper() + x[1:]) for p, x in ((first, one), (second, two))]
    else:
        facts = [sentence(cast.draw.choice(_TABLE["said"]).format(p=p, x=x)) for p, x in ((first, one), (second, two))]
    says = cast.draw.sample(_TABLE["said"], 4)
    true = [says[0].format(p=first, x=one), says[1].format(p=second, x=two), says[2].format(p=first, x=one)]
    false = [
        says[0].format(p=f"[{second}]", x=one),
        says[1].format(p=f"[{first}]", x=two),
        says[3].format(p=f"[{second}]", x=one),
    ]
    return Contrast(
        tuple(facts),
        tuple(map(sentence, true)),
        tuple(map(sentence, false)),
        "not_entailment",
        f"Who said that {one}?",
        first,
        second,
    )


def mentioned(cast: Cast) -> Contrast:
    """Mentioned is not said: a passage that names both and says something else of them.

    Example: "Lisbon asked to host the marathon." -> true "A request to host it came from Lisbon.", false "Lisbon [hosted] it."
    """
    if cast.draw.random() < 0.12:
        return _planned(cast)
    near = cast.draw.choice(_TABLE["near"])
    values = {"s": cast.one(near["of"]), "o": cast.one(near["other"])}
    said = cast.draw.sample(near["said"], len(near["said"]))
    true = [sentence(say.format(**values)) for say in (*said[1:], said[0])]
    false = [sentence(say.format(**values)) for say in near["unsaid"]]
    if cast.draw.random() < 0.5:  # the other way round: the stronger is said, and the weaker is not
        strong = [sentence(say.format(**values).translate(NO_MARKS)) for say in near["unsaid"]]
        place = cast.draw.randrange(len(strong))
        weak = tuple(f"[{claim}]" for claim in true)
        return Contrast(
            (strong[place],), (strong[place],) * len(weak), (*weak[:1], *false[:place], *false[place + 1 :]), "neutral"
        )
    return Contrast((sentence(said[0].format(**values)),), tuple(true), tuple(false), "neutral")


def _planned(cast: Cast) -> Contrast:
    do, done = cast.draw.choice(_TABLE["plans"])
    owner = cast.one("org")
    says = cast.draw.sample(_TABLE["plan"], 3)
    if cast.draw.random() < 0.5:
        fact = sentence(f"{owner} {done}")
        false = [f"{owner} [only plans to {do}]", f"{owner} [has not yet decided whether to {do}]"]
        return Contrast(
            (fact,),
            (sentence(f"it is reported that {owner} {done}"), fact),
            tuple(map(sentence, false)),
            "not_entailment",
        )
    true = [sentence(say.format(s=owner, do=do)) for say in says[1:]]
    false = [sentence(say.format(s=owner, done=done)) for say in _TABLE["done"]]
    return Contrast((sentence(says[0].format(s=owner, do=do)),), tuple(true), tuple(false), "neutral")


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else items[0]


def in_list(cast: Cast) -> Contrast:
    """A long list, whole or in part, in any order; a false claim has one item that the list lacks.

    Example: "The park has oak, ash and birch." -> true "In it grow birch and oak.", false "In it grow birch, [yew] and oak."
    """
    draw = cast.draw
    kind = draw.choice(tuple(table("lists")))
    known, frames_of = table("lists")[kind]["items"], table("lists")[kind]["frames"]
    items = draw.sample(known, min(len(known) - 2, draw.randint(4, 14)))
    extra = draw.choice([item for item in known if item not in items])
    frames = draw.sample(frames_of, len(frames_of))
    slots = {slot: cast.one(slot) for slot in ("place", "org", "person") if f"{{{slot}}}" in frames[0]}
    claim = frames[1] if not frames[1].endswith(": {items}.") else frames[0]
    say = claim if draw.random() < 0.7 else frames[2]
    shuffled = draw.sample(items, len(items))
    true, false = [], []
    for part in (items, shuffled, shuffled[: max(2, len(items) // 2)], shuffled[:2]):
        place = draw.randrange(len(part))
        kept = part[place:] if draw.random() < 0.5 else part[place + 1 :]
        true.append(say.format(items=_listed(part), **slots))
        false.append(say.format(items=_listed([*part[:place], f"[{extra}]", *kept]), **slots))
    fact = frames[0].format(items=_listed(items), **slots)
    return Contrast((sentence(fact),), tuple(map(sentence, true)), tuple(map(sentence, false)), "neutral")


def steps(cast: Cast) -> Contrast:
    """Three to five steps in their order; claims about which comes before which.

    Example: "First open the valve, then drain the tank." -> false "[Drain the tank] before you [open the valve]."
    """
    names = cast.draw.sample(_TABLE["steps"], cast.draw.randint(3, 5))
    words = ["first", *["then", "next", "after that"][: len(names) - 2], "finally"]
    facts = tuple(sentence(f"{word} {step}") for word, step in zip(words, names, strict=True))
    if cast.draw.random() < 0.4:
        facts = (" ".join(f"{i}. {step[0].upper()}{step[1:]}." for i, step in enumerate(names, 1)),)
    early, late = sorted(cast.draw.sample(range(len(names)), 2))
    a, b = names[early], names[late]
    says = (
        "{a} before you {b}",
        "only {b} after you {a}",
        "you {a} first and {b} later",
        "the step to {b} comes after the step to {a}",
        "{a}, and later {b}",
    )
    chosen = cast.draw.sample(says, 3)
    true = [say.format(a=a, b=b) for say in chosen]
    false = [say.format(a=f"[{b}]", b=f"[{a}]") for say in chosen]
    return Contrast(facts, tuple(map(sentence, true)), tuple(map(sentence, false)))


MAKERS: Mapping[str, Maker] = {"speaker": speaker, "mentioned": mentioned, "list": in_list, "steps": steps}
