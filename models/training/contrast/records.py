"""Records as the lane reads them, "key: value" lines: yes, no and unknown are three things, and a value belongs to its key."""

from __future__ import annotations

from collections.abc import Mapping

from models.training.contrast.items import Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.values import VALUES, different
from models.training.contrast.words import Cast

_TABLE = table("records")
_SWITCHES, _FIELDS = _TABLE["switches"], _TABLE["fields"]


def record(cast: Cast) -> Contrast:
    """A record with switches and values; false claims turn a switch, guess an unknown one, or take another key's value.

    Example: "name: Alder Hall / wifi: no / opens: 9 am" -> false "Alder Hall [offers Wi-Fi]."
    """
    draw = cast.draw
    owner = cast.one("building").removeprefix("the ")
    switches = {
        key: draw.choice(("yes", "no", "yes", "no", "unknown"))
        for key in draw.sample(sorted(_SWITCHES), draw.randint(2, 5))
    }
    fields = {key: VALUES[_FIELDS[key]["value"]](draw) for key in draw.sample(sorted(_FIELDS), draw.randint(2, 5))}
    lines = [f"{key}: {value}" for key, value in switches.items()] + [
        f"{key}: {forms[0]}" for key, forms in fields.items()
    ]
    draw.shuffle(lines)
    true, false = [], []
    for key, value in switches.items():
        yes, no = (draw.choice(_SWITCHES[key][side]).format(e=owner) for side in ("yes", "no"))
        if value == "unknown":
            true.append(draw.choice(_TABLE["unknown"]).format(x=yes))
            false.append(_marked(draw.choice((yes, no)), owner))
        else:
            true.append(yes if value == "yes" else no)
            false.append(_marked(no if value == "yes" else yes, owner))
    for key, forms in fields.items():
        kind, says = _FIELDS[key]["value"], _FIELDS[key]["says"]
        same_kind = [
            other[0]
            for name, other in fields.items()
            if name != key and _FIELDS[name]["value"] == kind and not set(other) & set(forms)
        ]
        wrong = draw.choice(same_kind) if same_kind else different(kind, forms, draw)[0]
        say = draw.choice(says)
        true.append(say.format(e=owner, v=draw.choice(forms)))
        false.append(say.format(e=owner, v=f"[{wrong}]"))
    separator = draw.choice(("\n", "\n", ", "))
    return Contrast(
        (separator.join([f"name: {owner}", *lines]),),
        tuple(map(sentence, true)),
        tuple(map(sentence, false)),
        "not_entailment",
    )


def _marked(claim: str, owner: str) -> str:
    rest = claim.removeprefix(f"{owner} ")
    return f"[{claim}]" if rest == claim else f"{owner} [{rest}]"


MAKERS: Mapping[str, Maker] = {"record": record}
