"""How a rule of reading a reaction looks. The tables stand in the folders of the languages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scoring.feedback.types import SuggestionKind, Thumb


@dataclass(frozen=True)
class Rule:
    """One pattern over a sentence of the user's turn, after openers such as "thanks, but" were skipped.

    ``anchored``: the pattern must begin the sentence; else it may stand anywhere in it. ``asks``: it may be a question
    ("where is the rest?"); other rules read statements only. ``example`` is a whole turn on which the rule decides.
    """

    name: str
    kind: SuggestionKind
    pattern: re.Pattern[str]
    confidence: float
    example: str
    anchored: bool = True
    asks: bool = False

    @property
    def thumb(self) -> Thumb:
        """Only satisfaction is up."""
        return Thumb.UP if self.kind is SuggestionKind.SATISFIED else Thumb.DOWN

    def find(self, sentence: str) -> re.Match[str] | None:
        """Where the rule sees its evidence in ``sentence``."""
        return self.pattern.match(sentence) if self.anchored else self.pattern.search(sentence)


def words(pattern: str) -> re.Pattern[str]:
    """A case-insensitive pattern; a blank in it stands for white space, as much as there is: "not  right" is "not right".

    The white space is taken whole (possessively), so that a sentence of blanks is read once. Write a repeated group of
    words as possessive too, ``(?:still |just )*+``: "immer noch" read as one word or as two must not be tried both ways.
    """
    spaced = re.sub(r" (?=[?*+])", r"\\s", " ".join(pattern.split()))
    return re.compile(spaced.replace(" ", r"\s++"), re.IGNORECASE)


@dataclass(frozen=True)
class Language:
    """The tables of one language. ``complaints``: any of them outweighs praise; ``outcomes``: praise that says what went well.

    ``openers`` may stand before the point ("Thanks, but that's for adults"). Of a turn of praise, what is left without
    ``praise``, ``thanks`` and ``fillers`` is what else it says: "Perfect, thanks a lot!" leaves nothing.
    """

    complaints: tuple[Rule, ...]
    outcomes: tuple[Rule, ...]
    openers: re.Pattern[str]
    praise: re.Pattern[str]
    thanks: re.Pattern[str]
    fillers: re.Pattern[str]
