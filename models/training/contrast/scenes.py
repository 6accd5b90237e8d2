"""Short texts as people write them, with slots for names and values: ``tables/scenes.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.training.contrast.items import Contrast, Maker, sentence
from models.training.contrast.tables import table
from models.training.contrast.values import VALUES
from models.training.contrast.words import Cast

SCENE_SHARE = 0.15
"""How often a kind that has scenes draws one instead of composing its sentences."""

_PEOPLE_AND_PLACES: Mapping[str, str] = {
    **dict.fromkeys("pqr", "person"), **dict.fromkeys("ou", "org"), **dict.fromkeys("tsw", "place"), "c": "country",
    **dict.fromkeys("bh", "building"), **dict.fromkeys("ef", "event"), "x": "product", "j": "drug", "v": "book",
}  # fmt: skip
_AMOUNTS: Mapping[str, str] = {
    "y": "year",
    "z": "year",
    "n": "count",
    "m": "count",
    "k": "money",
    "l": "money",
    "d": "day",
    "g": "day",
}
_LABELS: Mapping[str, str] = {"mentioned": "neutral", "list": "neutral", "speaker": "not_entailment"}


def scene(kind: str) -> Maker:
    """A maker of contrasts from the scenes of a kind.

    Example: "{q} looked after the shop when {p} fell ill." -> false "[{p}] looked after the shop."
    """

    def make(cast: Cast) -> Contrast:
        chosen = cast.draw.choice(table("scenes")[kind])
        values = _values(str(chosen), cast)
        true, false = zip(
            *((sentence(t.format(**values)), sentence(f.format(**values))) for t, f in chosen["pairs"]), strict=True
        )
        return Contrast((chosen["text"].format(**values),), true, false, _LABELS.get(kind, "contradiction"))

    return make


def _values(text: str, cast: Cast) -> dict[str, str]:
    """A value for each slot that the scene uses, all different."""
    values: dict[str, str] = {}
    for slot, kind in {**_PEOPLE_AND_PLACES, **_AMOUNTS}.items():
        if f"{{{slot}}}" not in text:
            continue
        value: Any = None
        while value is None or value in values.values():
            value = VALUES[kind](cast.draw)[0] if slot in _AMOUNTS else cast.one(kind)
        values[slot] = value
    return values


def with_scenes(makers: Mapping[str, Maker]) -> Mapping[str, Maker]:
    """The makers, of which those with scenes draw a scene at :data:`SCENE_SHARE`."""
    return {kind: _either(maker, scene(kind)) if kind in table("scenes") else maker for kind, maker in makers.items()}


def _either(composed: Maker, told: Maker) -> Maker:
    return lambda cast: (told if cast.draw.random() < SCENE_SHARE else composed)(cast)
