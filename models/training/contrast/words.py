"""Vocabulary of made passages: who, where, what. Large enough that a reader cannot learn the passages by their words."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.training.contrast.tables import table


@dataclass(frozen=True)
class Vocabulary:
    """What to draw from, by type; ``makers`` compose values where a list would be short ("Alder Foods")."""

    makers: Mapping[str, Callable[[random.Random], str]]


def _from(values: Sequence[str]) -> Callable[[random.Random], str]:
    return lambda draw: draw.choice(values)


def _joined(heads: Sequence[str], tails: Sequence[str], form: str = "{} {}") -> Callable[[random.Random], str]:
    return lambda draw: form.format(draw.choice(heads), draw.choice(tails))


def _person(draw: random.Random) -> str:
    """One in four by the last name with a title, one by the first name alone, as passages do."""
    first, last = draw.choice(table("words")["first_names"]), draw.choice(table("words")["last_names"])
    return draw.choice((f"{first} {last}", f"{first} {last}", f"{draw.choice(('Dr.', 'Ms.', 'Mr.'))} {last}", first))


def _vocabulary() -> Vocabulary:
    words = table("words")
    composed = {"org": "{} {}", "building": "the {} {}"}
    makers = {kind: _joined(words[kind]["heads"], words[kind]["tails"], form) for kind, form in composed.items()}
    names = {"first_names", "last_names", *composed}
    plain = {kind: _from(values) for kind, values in words.items() if kind not in names}
    return Vocabulary({"person": _person, **makers, **plain})


VOCABULARY = _vocabulary()
"""The vocabulary of training; measuring has its own."""


class Cast:
    """Draws for one passage: no value twice, and no person who shares a name with another."""

    def __init__(self, vocabulary: Vocabulary, draw: random.Random) -> None:
        """``draw`` is the passage's own generator."""
        self._vocabulary, self.draw = vocabulary, draw
        self._used: set[str] = set()

    def one(self, kind: str) -> str:
        """A value of this type that the passage does not have yet."""
        for _ in range(200):
            value = self._vocabulary.makers[kind](self.draw)
            parts = {part for part in value.split() if part[:1].isupper()} or {value}
            parts -= {"Dr.", "Ms.", "Mr."}
            if not parts & self._used and value not in self._used:
                self._used |= parts | {value}
                return value
        raise LookupError(f"the vocabulary has no unused {kind} left")

    def some(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """One value for each slot of ``{slot: type}``."""
        return {slot: self.one(kind) for slot, kind in kinds.items()}
