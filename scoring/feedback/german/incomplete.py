"""German: a part is missing. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

INCOMPLETE_RULES: Final = (
    Rule(
        "de.you_forgot",
        Kind.INCOMPLETE,
        words(
            r"(?:du|sie) (?:hast|haben) .*\b(?:vergessen|ausgelassen|weggelassen|übersehen"
            r"|unterschlagen|übersprungen|nicht (?:erwähnt|genannt|berücksichtigt))\b"
        ),
        0.92,
        "Du hast Hochwasser vergessen.",
    ),
    Rule(
        "de.only_part",
        Kind.INCOMPLETE,
        words(r"(?:du|sie) (?:hast|haben) (?:ja |aber |leider )?nur \b.*(?:t|en)\b[.!]*$"),
        0.85,
        "Du hast nur die erste Zeile übersetzt",
    ),
    Rule(
        "de.missing",
        Kind.INCOMPLETE,
        words(
            r"(?:da|hier|dort|es|die|der|das|noch)(?: \w+){0,3} (?:fehlt|fehlen)\b|(?:da|hier|es"
            r"|noch) (?:fehlt|fehlen)\b"
        ),
        0.88,
        "Die Frist fehlt.",
    ),
    Rule(
        "de.only_some",
        Kind.INCOMPLETE,
        words(
            r"das (?:ist|sind) (?:ja |aber |doch )?(?:nur|erst) (?:zwei|drei|vier|eine?r?"
            r"|die hälfte|ein teil|\d+)\b|.*\bich (?:brauche|wollte) (?:aber )?(?:alle|beide"
            r"|beides|den ganzen|das ganze)\b|(?:das ist )?(?:unvollständig|nicht vollständig)\b"
        ),
        0.88,
        "Das sind nur drei, ich brauche alle fünf.",
    ),
    Rule(
        "de.and_the_other",
        Kind.INCOMPLETE,
        words(r"(?:und )(?:die (?:anderen|restlichen|übrigen|zweite)|der rest" r"|das zweite)(?: \w+){0,2}\s?\?*$"),
        0.82,
        "Und die anderen beiden?",
        asks=True,
    ),
    Rule(
        "de.where_is",
        Kind.INCOMPLETE,
        words(
            r"(?:und )?wo (?:ist|sind|bleib(?:t|en)) (?:der rest|die (?:tests?|quellen?|beispiele?"
            r"|nachteile|zweite|anderen|restlichen)|das beispiel|mein)\b"
        ),
        0.85,
        "Wo sind die Tests?",
        asks=True,
    ),
)
