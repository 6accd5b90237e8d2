"""Not, except, if, all and may: small words that turn a claim round, beside claims where the same words leave it true."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from models.training.contrast.items import NO_MARKS, Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.words import Cast

_TABLE = table("logic")
_MUST, _NEED_NOT, _MAY, _MUST_NOT = (tuple(_TABLE[name]) for name in ("must", "need_not", "may", "must_not"))
_MODES = ((_MUST, _NEED_NOT), (_NEED_NOT, _MUST), (_MAY, _MUST_NOT), (_MUST_NOT, _MAY))
"""What a rule says and what turns it round."""


def negation(cast: Cast) -> Contrast:
    """Added, removed and double negation.

    Example: "The hall lacks a lift." -> true "It is not true that the hall has a lift.",
    false "The hall [is not without] a lift."
    """
    polar = cast.draw.choice(_TABLE["polars"])
    subject = cast.one(polar["of"])
    kept, turned = (polar["yes"], polar["no"]) if cast.draw.random() < 0.5 else (polar["no"], polar["yes"])
    kept, turned = _filled(kept, subject, cast.draw), _filled(turned, subject, cast.draw)
    true = [
        kept[1],
        kept[2],
        cast.draw.choice(_TABLE["deny"]).format(x=turned[0]),
        cast.draw.choice(_TABLE["affirm"]).format(x=kept[0]),
    ]
    false = [
        marked(turned[1], subject),
        marked(turned[2], subject),
        f"[{cast.draw.choice(_TABLE['deny']).format(x=kept[0])}]",
        f"[{cast.draw.choice(_TABLE['affirm']).format(x=turned[0])}]",
    ]
    return Contrast((sentence(kept[0]),), tuple(map(sentence, true)), tuple(map(sentence, false)))


def marked(claim: str, subject: str) -> str:
    """All but the subject it begins with in brackets: "the hall [has a lift]"; all of it when it begins otherwise."""
    rest = claim.removeprefix(f"{subject} ")
    return f"[{claim}]" if rest == claim else f"{subject} [{rest}]"


def _filled(says: Sequence[str], subject: str, draw: random.Random) -> list[str]:
    return [say.format(s=subject) for say in draw.sample(says, len(says))]


def _rule_said(template: str, group: str, act: Sequence[str]) -> str:
    return template.format(g=group, d=act[0], d_ing=act[1])


def permission(cast: Cast) -> Contrast:
    """May, must, need not and must not, each said as a verb and otherwise.

    Example: "Interns are not allowed to use the lift." -> true "Using the lift is forbidden for interns.",
    false "Interns [may] …".
    """
    (group, parts), act = cast.draw.choice(list(_TABLE["rules"].items())), cast.draw.choice(_TABLE["acts"])
    group = cast.draw.choice((group, *parts))
    kept, turned = cast.draw.choice(_MODES)
    kept = tuple(cast.draw.sample(kept, len(kept)))
    true = [_rule_said(say, group, act) for say in kept[1:4]]
    if kept[0] in _MUST:
        true.append(_rule_said(cast.draw.choice(_MAY), group, act))
    false = [marked(_rule_said(say, group, act), group) for say in cast.draw.sample(turned, 3)]
    fact = sentence(
        f"{cast.draw.choice(('', '', 'at all times ', 'from now on ', 'by the house rules '))}{_rule_said(kept[0], group, act)}"
    )
    return Contrast((fact,), tuple(map(sentence, true)), tuple(map(sentence, false)))


def exception(cast: Cast) -> Contrast:
    """A rule with an exception: those excepted are not meant, all others are.

    Example: "All members must pay, except trainees." -> true "Trainees need not pay.", false "[Trainees] must pay."
    """
    (group, parts), act = cast.draw.choice(list(_TABLE["rules"].items())), cast.draw.choice(_TABLE["acts"])
    excepted, other = cast.draw.sample(parts, 2)
    kept, turned = cast.draw.choice(_MODES)
    do = cast.draw.choice([say for say in kept[:3]]).removeprefix("{g} ").format(d=act[0])
    say_true, say_false = cast.draw.choice(_TABLE["except_"]), cast.draw.choice(_TABLE["including"])
    if cast.draw.random() < 0.5:  # the rule has no exception: then the including claim is the true one
        fact = sentence(say_false.format(g=group, do=do, x=excepted))
        true = [
            cast.draw.choice(_TABLE["including"]).format(g=group, do=do, x=excepted),
            _rule_said(cast.draw.choice(kept), excepted, act),
        ]
        false = [
            f"[{_rule_said(cast.draw.choice(turned), excepted, act)}]",
            cast.draw.choice(_TABLE["except_"]).format(g=group, do=do, x=f"[{excepted}]"),
        ]
        return Contrast((fact,), tuple(map(sentence, true)), tuple(map(sentence, false)))
    fact = sentence(say_true.format(g=group, do=do, x=excepted))
    true = [
        _rule_said(cast.draw.choice(turned), excepted, act),
        cast.draw.choice(_TABLE["except_"]).format(g=group, do=do, x=excepted),
        _rule_said(cast.draw.choice(kept), other, act),
    ]
    false = [
        f"[{_rule_said(cast.draw.choice(kept), excepted, act)}]",
        cast.draw.choice(_TABLE["including"]).format(g=group, do=do, x=f"[{excepted}]"),
        cast.draw.choice(_TABLE["except_"]).format(g=group, do=do, x=f"[{other}]"),
    ]
    return Contrast((fact,), tuple(map(sentence, true)), tuple(map(sentence, false)))


def condition(cast: Cast) -> Contrast:
    """Only if, unless, even if: what follows when the condition holds and when it does not.

    Example: "Delivery is free only if the bill is paid in time." -> false "Delivery is free [even if the bill is paid late]."
    """
    holds, fails = cast.draw.choice(_TABLE["conditions"])
    comes, stays_out = cast.draw.choice(_TABLE["outcomes"])
    slots = {"holds": holds, "fails": fails, "comes": comes, "not": stays_out}
    bound = cast.draw.random() < 0.5
    fact = cast.draw.choice(_TABLE["bound" if bound else "unbound"])
    if_bound, if_unbound = cast.draw.sample(_TABLE["if_bound"], 3), cast.draw.sample(_TABLE["if_unbound"], 3)
    true, false = (if_bound, if_unbound) if bound else (if_unbound, if_bound)
    true = [*(say.translate(NO_MARKS) for say in true), "{comes} if {holds}"]
    false = [*false, "[{not} when {holds}]"]
    said = [[sentence(say.format(**slots)) for say in claims] for claims in (true, false)]
    return Contrast((sentence(fact.format(**slots)),), tuple(said[0]), tuple(said[1]))


_HOLDS: Mapping[str, frozenset[str]] = {
    "all": frozenset({"all", "most", "some"}),
    "most": frozenset({"most", "some", "not_all"}),
    "half": frozenset({"some", "not_all"}),
    "few": frozenset({"few", "some", "not_all"}),
    "none": frozenset({"none", "not_all", "few"}),
}
_LEVEL_WEIGHTS: Mapping[str, float] = {"all": 3.0, "most": 1.5, "half": 0.5, "few": 1.5, "none": 3.0}
"""How often each is stated: so that every claim is about as often true as false."""
_UNCLEAR = {"none": {"few"}, "half": {"few", "most"}}
"""Claims that are neither given nor denied plainly and so never made: of none, "few" did."""


def quantifier(cast: Cast) -> Contrast:
    """All, most, half, few, none, or numbers of them; what each gives and what it does not.

    Example: "Most of the guests ordered fish, though not all." -> true "Not all of the guests ordered fish.", false "[All] ...".
    """
    group, verb = cast.draw.choice(_TABLE["counted"])
    level = cast.draw.choices(tuple(_TABLE["stated"]), [_LEVEL_WEIGHTS[name] for name in _TABLE["stated"]])[0]
    if cast.draw.random() < 0.35:
        total = cast.draw.randint(6, 60)
        part = {
            "all": total,
            "most": total - cast.draw.randint(1, max(1, total // 4)),
            "half": total // 2,
            "few": cast.draw.randint(1, max(1, total // 5)),
            "none": 0,
        }[level]
        fact = cast.draw.choice((f"{part} of the {total} {group} {verb}", f"of {total} {group}, {part} {verb}"))
        if level == "half":
            level = "half" if total % 2 == 0 else "few"
    else:
        fact = cast.draw.choice(_TABLE["stated"][level]).format(g=group, v=verb)
    unclear = _UNCLEAR.get(level, set())
    true = [
        cast.draw.choice(_TABLE["claimed"][name]).format(g=group, v=verb) for name in sorted(_HOLDS[level] - unclear)
    ]
    false = [
        f"[{cast.draw.choice(_TABLE['claimed'][name]).format(g=group, v=verb)}]"
        for name in sorted(set(_TABLE["claimed"]) - _HOLDS[level] - unclear)
    ]
    return Contrast((sentence(fact),), tuple(map(sentence, true)), tuple(map(sentence, false)))


MAKERS: Mapping[str, Maker] = {
    "negation": negation,
    "permission": permission,
    "exception": exception,
    "condition": condition,
    "quantifier": quantifier,
}
