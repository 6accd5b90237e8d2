"""English: praise that is none. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

SARCASM_RULES: Final = (
    Rule(
        "en.thanks_for_nothing",
        Kind.SARCASM,
        words(r"(?:.*\b)?thanks (?:so much |a lot )?for (?:nothing|wasting|that (?:useless|wall))"),
        0.95,
        "Thanks for nothing.",
    ),
    Rule(
        "en.cleared_nothing",
        Kind.SARCASM,
        words(
            r".*\b(?:clear(?:s|ed) up|help(?:s|ed)|explain(?:s|ed)|change[sd]?|test[s]?"
            r"|does) (?:me )?(?:absolutely |exactly )?nothing\b"
        ),
        0.9,
        "Well that cleared up absolutely nothing",
    ),
    Rule(
        "en.praise_of_a_fault",
        Kind.SARCASM,
        words(
            r"(?:oh |wow |yeah |well )*+,? ?(?:great|brilliant|fantastic|wonderful|lovely|perfect"
            r"|amazing|nice|good job|well done|congrats|congratulations|bravo),? (?:(?:now "
            r"|so )?(?:another|even more|yet another|still|again)\b|(?:so|now) .*\b(?:crash|broken"
            r"|fail|gone|imagination|wrong|nothing)|(?:job )?(?:repeating|ignoring|breaking"
            r"|deleting|making (?:it|that) worse|copying))"
        ),
        0.88,
        "Oh great, another answer that ignores the actual bug.",
        asks=True,
    ),
    Rule(
        "en.real_genius",
        Kind.SARCASM,
        words(
            r".*\b(?:(?:real(?:ly)? |what a )?genius|gee,? thanks|how very \w+|you(?:'re"
            r"| are) clearly not|tell me something (?:i don't|new)|no kidding|who needs \w+ anyway"
            r"|thanks,? (?:sherlock|captain obvious|einstein)|no shit|captain obvious|very funny"
            r"|what a (?:surprise|genius|joke))\b"
        ),
        0.85,
        "Yeah, water is wet. Real genius.",
        asks=True,
    ),
    Rule(
        "en.wow_super",
        Kind.SARCASM,
        words(
            r"(?:wow|oh|gee|yeah|sure|right),? (?:super|so|very|really|thanks,? (?:so|very)|that's"
            r"|how) (?:helpful|useful|insightful|clear|brief|funny)\b|sure,? because\b"
        ),
        0.75,
        "Wow, super helpful.",
    ),
)
