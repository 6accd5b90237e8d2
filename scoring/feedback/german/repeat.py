"""German: the same is asked again. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

REPEAT_RULES: Final = (
    Rule(
        "de.ask_again",
        Kind.REPEAT,
        words(
            r"(?:noch ?mals?|noch einmal|erneut)\b ?[:,]|ich (?:frage"
            r"|wiederhole)\b.*\b(?:noch ?mals?|noch einmal|erneut|mich)|wie (?:gesagt"
            r"|bereits gefragt|schon gefragt)\b|anders gefragt\b|anders formuliert\b"
            r"|mit anderen worten\b"
        ),
        0.9,
        "Nochmal: Wann schließt die Apotheke?",
        asks=True,
    ),
    Rule(
        "de.my_question",
        Kind.REPEAT,
        words(
            r"(?:aber )?meine (?:eigentliche )?frage (?:war|ist|lautet\w*)\b(?! beantwortet)"
            r"|was ich (?:meinte|wissen wollte|wissen will)\b"
        ),
        0.88,
        "Meine Frage war, wie hoch die Selbstbeteiligung ist.",
        asks=True,
    ),
)
