"""The language of a text, by script and function words, and how far the lane can judge it.

Enough to say what a verdict rests on; not a language identifier for its own sake. Short texts are ``und`` (undetermined).
"""

from __future__ import annotations

import re
from enum import StrEnum


class LanguageSupport(StrEnum):
    """What judges a text in a language."""

    FULL = "full"  # the verifier was trained on it: English
    PARTIAL = "partial"  # literals, cells and words in its own notation: German
    LITERALS = "literals"  # numbers, dates and exact words only


_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]"),
    "ar": re.compile(r"[\u0600-\u06ff\u0750-\u077f]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
}
"""In this order: Japanese text holds Chinese characters as well, so kana come first."""
_FUNCTION_WORDS = {
    "en": (
        "the of and to in is was are were that it for on with as by from this be have has had not which at an "
        "or they he she may you your we our can will no if more than there their been do does did who what when where how "
        "its only about after before all also but would should could must into over under each per"
    ),
    "de": (
        "der die das und ist nicht von zu mit den dem ein eine für auf im wird werden sich auch wurde sind "
        "bei nach als wer kein keine man darf muss kann oder"
    ),
    "fr": (
        "le la les des et est une un dans du pour pas que qui en sur au aux avec ce sont elle il par ne plus "
        "cette à elle où son ses leur sont être fait ont deux après"
    ),
    "es": "el la los las de y en que es un una del por con para se no su al son fue después como más ninguno",
    "it": "il la di che e è un una per con non del della sono nel alla dei le gli si più anche questo",
    "pt": "o a os as de e que é um uma do da em para com não por se no na dos são foi mais",
    "nl": "de het een en van is niet op te dat die in voor met zijn aan er wordt werd ook naar bij",
    "sv": "och att det som en är på för av inte med den till har ett om var de från",
    "pl": "i w na z się nie do jest to że po jak od przez dla są który oraz",
    "tr": "ve bir bu için ile da de olarak olan daha en çok gibi değil",
}
_WORDS = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 4000
_SCRIPT_SHARE = 0.3
_KANA_SHARE = 0.1
_LEAST_HITS = 2
UNDETERMINED = "und"


def detect_language(text: str) -> str:
    """ISO 639-1 code of the language of ``text``; ``und`` when it has too few words to tell."""
    sample = text[:_LOOKED_AT]
    letters = sum(character.isalpha() for character in sample)
    if not letters:
        return UNDETERMINED
    for name, script in _SCRIPTS.items():
        if len(script.findall(sample)) >= _SCRIPT_SHARE * letters or (
            name == "ja" and len(script.findall(sample)) > letters // 10
        ):
            return name
    words = {word.lower() for word in _WORD.findall(sample)}
    hits = {name: sum(word in known for word in words) for name, known in _WORDS.items()}
    best = max(hits, key=lambda name: hits[name])
    second = max(count for name, count in hits.items() if name != best)
    return best if hits[best] >= _LEAST_HITS and hits[best] > second else UNDETERMINED


def language_support(language: str) -> LanguageSupport:
    """How far the lane can judge the language with the bundled models. Undetermined text is read as English."""
    if language in ("en", UNDETERMINED):
        return LanguageSupport.FULL
    return LanguageSupport.PARTIAL if language == "de" else LanguageSupport.LITERALS
