"""German: praise that is none. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

SARCASM_RULES: Final = (
    Rule(
        "de.thanks_for_nothing",
        Kind.SARCASM,
        words(r".*\b(?:danke?|dank) für nichts\b"),
        0.95,
        "Na super, vielen Dank für nichts.",
    ),
    Rule(
        "de.praise_of_a_fault",
        Kind.SARCASM,
        words(
            r"(?:na |ja |ach |oh )*+,?(?:toll|super|klasse|prima|großartig|wunderbar"
            r"|ganz große klasse|ganz toll|bravo),? (?:genau da|das wusste ich|jetzt ist"
            r"|noch (?:ein|mehr)|schon wieder|wieder|und (?:jetzt|nun)|nur leider)\b"
        ),
        0.85,
        "Toll, genau da bin ich doch gerade.",
        asks=True,
    ),
    Rule(
        "de.oh_really",
        Kind.SARCASM,
        words(
            r"ach (?:wirklich|was|nee)\b|sehr (?:kurz|witzig|lustig|hilfreich), (?:wirklich|echt"
            r"|haha)|(?:das )?wusste ich (?:schon|bereits|selbst)\b"
        ),
        0.82,
        "Ach wirklich? Und warum stürzt es dann ab?",
        asks=True,
    ),
)
