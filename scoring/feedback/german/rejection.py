"""German: the answer is not what was asked for. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.german.parts import ADVERB, ES
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

REJECTION_RULES: Final = (
    Rule(
        "de.not_meant",
        Kind.REJECTION,
        words(
            rf"(?:nein,? |nee,? )?{ES} (?:habe?|meinte|wollte|will|war|ist"
            rf"|hatte)(?: ich)?{ADVERB} (?:nicht|nie)(?: so)?(?: gefragt| gemeint| gewollt"
            r"| meine frage| das,? was ich| was ich)?(?=[,.!\s]|$)(?! (?:schlecht|schlimm|falsch"
            r"|nötig|schwer))"
        ),
        0.9,
        "Nein, das meinte ich nicht.",
    ),
    Rule(
        "de.asked_for",
        Kind.REJECTION,
        words(
            r"(?:aber )?ich (?:habe?|hatte) (?:doch |ja |nur |ausdrücklich )*+(?:nach|um|gesagt"
            r"|dich|sie|nur|nicht)\b.*(?:gefragt|gebeten|gesagt|gemeint|verlangt|gewollt)"
            r"|ich (?:wollte|meinte|fragte|brauche) (?:doch |ja |aber )?(?:nur|nach|die|den|das"
            r"|eine?n?|abends|auf)\b(?=.*(?:!|nicht|nur|gefragt|$))"
        ),
        0.82,
        "Ich wollte nur die offenen!",
    ),
    Rule(
        "de.not_answered",
        Kind.REJECTION,
        words(
            r"(?:du|sie|das) (?:hast|haben|hat|beantworte\w*"
            r"|geh\w*)(?: \w+){0,2} (?:meine? )?(?:eigentliche )?frage(?: \w+)?? (?:nicht"
            r"|gar nicht|überhaupt nicht)\b"
        ),
        0.95,
        "Du hast meine Frage nicht beantwortet",
    ),
    Rule(
        "de.nothing_to_do",
        Kind.REJECTION,
        words(r".*\bnichts mit (?:meiner|der) frage\b"),
        0.93,
        "Das hat nichts mit meiner Frage zu tun.",
    ),
    Rule(
        "de.why_are_you",
        Kind.REJECTION,
        words(
            r"(?:warum|wieso|weshalb) (?:zeig|gib|erzähl|schreib|nenn|schick|antworte|erklär|änder"
            r"|wiederhol|lösch)\w* (?:du|sie)\b|warum (?:hast du|haben sie)\b"
        ),
        0.85,
        "Warum zeigst du mir Q2?",
        asks=True,
    ),
    Rule(
        "de.had_said",
        Kind.REJECTION,
        words(r".*\b(?:hatte|habe) ich (?:doch )?(?:gesagt|geschrieben|gefragt|gebeten|verlangt)\b"),
        0.85,
        "auf deutsch hatte ich gesagt",
    ),
    Rule(
        "de.no_help",
        Kind.REJECTION,
        words(
            rf"{ES} (?:hilft|nützt|bringt|sagt)(?: mir| uns)?{ADVERB} (?:nicht|nichts|gar nichts"
            r"|wenig)\b|nicht hilfreich\b"
        ),
        0.92,
        "Das hilft mir nicht weiter.",
    ),
    Rule(
        "de.too",
        Kind.REJECTION,
        words(rf"(?:{ES} (?:ist|war|sind)|immer noch|noch immer){ADVERB} (?:zu \w+|nicht \w+ genug)"),
        0.85,
        "Das ist viel zu lang.",
    ),
    Rule(
        "de.misunderstood",
        Kind.REJECTION,
        words(
            r"(?:da (?:hast du|haben sie) )?(?:du hast |sie haben )?(?:mich |etwas "
            r"|das )?(?:falsch|missver|nicht)\s?(?:verstanden|standen)|falsche[rs]? \w+\s*[.!]*$"
        ),
        0.9,
        "Falsch verstanden, ich meinte abends",
    ),
    Rule(
        "de.supposed",
        Kind.REJECTION,
        words(
            r"(?:nee?,? |nein,? )?(?:das|es) soll(?:te)? (?:doch |aber |eigentlich )?(?:eine?|auf" r"|kurz|formell)\b"
        ),
        0.85,
        "nee, das soll eine Beschwerde sein",
    ),
    Rule(
        "de.is_not_a",
        Kind.REJECTION,
        words(
            rf"{ES} (?:ist|sind|war){ADVERB} (?:nicht (?:formell|kurz|lustig|einfach|auf|das|die"
            r"|der|was|gefragt|\w+isch)|kein(?:e)? (?:antwort|\w+gedicht|haiku|gedicht|liste"
            r"|zusammenfassung))\b"
        ),
        0.85,
        "Das ist kein Haiku.",
    ),
    Rule(
        "de.x_not_y",
        Kind.REJECTION,
        words(r"(?:das ist |hier steht )?\w+,? (?:und )?nicht \w+[.!]*$"),
        0.82,
        "Deutsch, nicht Englisch",
    ),
    Rule(
        "de.nonsense",
        Kind.REJECTION,
        words(
            r"(?:so ein |was für ein |das ist (?:doch )?(?:totaler )?)?(?:quatsch|unsinn|blödsinn"
            r"|schwachsinn|nutzlos|unbrauchbar)\b"
        ),
        0.9,
        "Quatsch.",
    ),
    Rule(
        "de.flat_no", Kind.REJECTION, re.compile(r"(?:(?:nein|nee|nö|falsch)[.! ,]*)+$", re.IGNORECASE), 0.75, "nein!"
    ),
    Rule(
        "de.invented",
        Kind.REJECTION,
        words(r".*\b(?:(?:ist|sind|hast du|wurde) (?:frei )?(?:erfunden|ausgedacht|halluziniert)" r"|ausgedacht)\b"),
        0.93,
        "Der ist erfunden.",
    ),
)
