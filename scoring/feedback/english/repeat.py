"""English: the same is asked again. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

REPEAT_RULES: Final = (
    Rule(
        "en.ask_again",
        Kind.REPEAT,
        words(
            r"(?:once )?again[:,] |once more\b|(?:i(?:'ll| will)|let me|i) (?:ask(?:ing)?|repeat"
            r"|rephrase|say)(?: (?:it|that|this|you|my question|myself|the question))?(?: again"
            r"| once more| more clearly|:|\.|,|$)|(?:as|like) i (?:said|asked|wrote"
            r"|mentioned)(?: before| above| already)?\b"
        ),
        0.9,
        "I'll ask again, how do I enable two-factor login",
        asks=True,
    ),
    Rule(
        "en.my_question",
        Kind.REPEAT,
        words(
            r"(?:but )?my (?:actual |original )?question (?:was|is)(?! answered)\b"
            r"|(?:but )?what i (?:meant|mean|want to know|wanted to know|was asking"
            r"|need to know)\b|in other words\b|to rephrase\b"
        ),
        0.88,
        "My question was whether the plan covers dental implants.",
        asks=True,
    ),
)
