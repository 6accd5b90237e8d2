"""German: the user says what is right instead. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.german.parts import ADVERB, ES
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

CORRECTION_RULES: Final = (
    Rule(
        "de.wrong",
        Kind.CORRECTION,
        words(
            rf"(?:nein,? )?(?:{ES} (?:stimmt|passt){ADVERB} nicht|{ES} (?:ist|sind"
            rf"|war){ADVERB} (?:falsch|veraltet|unrichtig|nicht (?:richtig|korrekt|wahr))"
            r"|stimmt (?:so )?nicht|falsch(?=[.,!:;]|$)|veraltet(?=[.,!]|$)|nicht (?:richtig"
            r"|korrekt)(?=[.,!]|$)|(?:du|sie) (?:irrst|irren|liegst|liegen)\b)"
        ),
        0.95,
        "Das stimmt nicht, die Gebühr beträgt 35 Euro.",
    ),
    Rule(
        "de.no_it_is",
        Kind.CORRECTION,
        words(
            r"(?:nein|nee|nö)[,:;.]? (?:das|es|der|die|sie|er|dort|da)\b (?:ist|sind|war|waren|hat"
            r"|gibt|gilt|heißt|kostet|beginnt|beträgt)(?! (?:dann )?alles)|(?:nein|nee),? (?:am|um"
            r"|im|in|seit|ab|bis) \S+$"
        ),
        0.88,
        "Nein, das ist Frau Schulz.",
    ),
    Rule(
        "de.not_x",
        Kind.CORRECTION,
        words(
            r"(?:es|das|er|sie|der|die)\b(?!.*\b(?:soll(?:te)?|muss|müsste|kann|könnte|will|möchte"
            r"|darf)\b) .{1,60}(?:, nicht|, und nicht| statt| sondern| anstatt) \S+[^?]*$"
        ),
        0.85,
        "Es beginnt um 10, nicht um 9.",
    ),
    Rule(
        "de.source_says",
        Kind.CORRECTION,
        words(
            r"(?:laut|gemäß) (?:\w+ )?(?:vertrag|gesetz|handbuch|webseite|website|doku\w*|rechnung"
            r"|datenblatt|quelle|text|seite|richtlinie)\b.*\b(?:ist|sind|gilt|beträgt|hat|heißt"
            r"|kostet)\b|(?:im|in der|in dem|auf der|in den) (?:gesetz|vertrag|handbuch|doku\w*"
            r"|rechnung|webseite|website|quelle|datenblatt|unterlagen|text|verpackung) steht\b"
            r"|auf (?:der|dem) (?:packung|etikett|rechnung|webseite|website|seite) (?:steht"
            r"|stehen)\b"
        ),
        0.82,
        "Laut Vertrag sind es 28",
    ),
    Rule(
        "de.actually",
        Kind.CORRECTION,
        words(
            r"(?:eigentlich|tatsächlich|in wirklichkeit) (?:ist|sind|war|waren|heißt|gilt|beträgt" r"|kostet|beginnt)\b"
        ),
        0.85,
        "eigentlich ist es 8000",
    ),
    Rule(
        "de.it_is_value",
        Kind.CORRECTION,
        re.compile(r"(?:Es|es) (?:ist|sind|war|waren) (?:[A-ZÄÖÜ][\w-]++[.!]*|\d[\d.,]*+\s?\S*)$"),
        0.78,
        "Es sind 12.",
    ),
    Rule(
        "de.no_such",
        Kind.CORRECTION,
        words(
            r".*\b(?:gibt es|existier(?:t|en)) (?:dort |da |hier |so |aber |das |doch |gar "
            r"|überhaupt )*+(?:nicht|keine?n?)\b"
        ),
        0.85,
        "Die Methode finish() gibt es nicht",
    ),
)
