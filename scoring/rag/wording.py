"""How a claim words an attribute: names split into words, phrases found in a text, and whether a mention is denied."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from parsers.values.quantities import parse_quantity
from scoring.types import Span

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NAME_PART = re.compile(r"[A-ZÄÖÜ]+(?![a-zäöü])|[A-ZÄÖÜ]?[a-zäöüß]+|[^\W\d_]+|[0-9]+")
_HEADER_UNIT = re.compile(r"(?<=.)[(\[]([^()\[\]]{1,24})[)\]]\s*$|[ _](?:in )?([^\W\d_]{1,6}|[%€$£°][CF]?)$")
# Words of an attribute's name that say nothing about which attribute it is.
_GENERIC = frozenset(
    "restaurant restaurants business has have is are good for by accepts accept offers offer allowed allows available in of "
    "the a an and value info data per total".split()
)
# Names of containers: a claim need not repeat them.
STRUCTURAL = frozenset(
    "attribute attributes property properties data info details detail fields features feature amenities services specs "
    "record records item items result results entry metadata values review_info".split()
)
_SYNONYMS = {
    "ambience": ("ambience", "ambiance", "atmosphere", "vibe", "setting", "environment"),
    "parking": ("parking", "park"),
    "star": ("star", "rating", "rated"),
    "wifi": ("wifi", "wlan", "wirelessinternet"),
    "takeout": ("takeout", "takeaway"),
    "price": ("price", "cost", "preis"),
}
_BREAK = re.compile(
    r"[;:.!?]|,\s*(?:it|they|there|you|customers|guests|es|sie)\b|\b(?:but|however|although|though|while|whereas|yet|despite|unless|aber|jedoch|sondern|obwohl|während)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|without|lacks?|lacking|cannot|neither|nor|none|unavailable|nicht|kein|keine|keinen|ohne|weder|noch)\b|n['’]t\b",
    re.IGNORECASE,
)
_AFFIRMATION = re.compile(
    r"\b(?:offers|provides|has|features|includes|accepts|takes|allows|serves|boasts|is|are|can|with|bietet|hat|akzeptiert|ist|sind)\b",
    re.IGNORECASE,
)
_AFTER_END = re.compile(r",|\b(?:and|or|with|without|no|und|oder|mit|ohne)\b", re.IGNORECASE)
_DENIED_AFTER = re.compile(r"\b(?:not|never|unavailable|nicht)\b|n['’]t\b", re.IGNORECASE)
_DETERMINER = frozenset({"no", "without", "kein", "keine", "keinen", "ohne"})
_HEDGE = re.compile(
    r"\b(?:may|might|could|should|would|if|whether|some|maybe|perhaps|possibly|seems?|appears?|unclear|unknown|unspecified|"
    r"mention\w*|specif\w+|reviews?|reviewers?|customers? (?:said|mention\w*|note\w*)|patrons?|sometimes|mixed|vielleicht|"
    r"eventuell|könnte\w*|ob)\b",
    re.IGNORECASE,
)


LONGEST_PHRASE_WORDS = 8


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a text, lowered and stripped of a plural s, with their characters."""

    stems: tuple[str, ...]
    spans: tuple[Span, ...]
    squeezed: str


def stem(word: str) -> str:
    """Lower case without a plural s or a possessive."""
    lowered = word.lower()
    for tail in ("'s", "’s"):
        lowered = lowered.removesuffix(tail)
    return lowered[:-1] if len(lowered) > 3 and lowered.endswith("s") and not lowered.endswith("ss") else lowered


@lru_cache(maxsize=512)
def split_words(text: str) -> Words:
    """Words of ``text`` for phrase search."""
    found = [(stem(match.group()), match.span()) for match in _WORD.finditer(text)]
    stems = tuple(word for word, _ in found)
    return Words(stems, tuple(span for _, span in found), "".join(stems))


@lru_cache(maxsize=4096)
def header_unit(name: str) -> str | None:
    """The unit in an attribute's name: 'Distance (km)' → 'km', 'Revenue (million EUR)' → 'million EUR', 'price_usd' → 'usd'."""
    found = _HEADER_UNIT.search(name[:80])
    unit = (found[1] or found[2]).strip() if found else ""
    return unit if unit and parse_quantity(f"1 {unit}") and not unit.isdigit() else None


@lru_cache(maxsize=4096)
def attribute_forms(name: str) -> tuple[str, ...]:
    """Squeezed spellings of an attribute: 'RestaurantsTakeOut' gives ('takeout', 'takeaway'), 'WiFi' ('wifi', 'wlan', …)."""
    unit = header_unit(name)
    bare = name[: name.rindex(unit)].rstrip(" _-([,") if unit else name
    parts = [part.lower() for part in _NAME_PART.findall(bare[:80])]
    kept = [part for part in parts if part not in _GENERIC and not part.isdigit()] or parts
    squeezed = "".join([*kept[:-1], stem(kept[-1])]) if kept else ""
    return _SYNONYMS.get(squeezed, (squeezed,)) if len(squeezed) > 1 else ()


def find_phrase(words: Words, squeezed: str) -> list[Span]:
    """Places where consecutive words, written together, are ``squeezed``: 'take-out' and 'take out' are 'takeout'.

    At most ``LONGEST_PHRASE_WORDS`` words.
    """
    if squeezed not in words.squeezed:
        return []
    found = []
    for first, word in enumerate(words.stems):
        if not squeezed.startswith(word[:3]):
            continue
        joined, last = word, first
        while len(joined) < len(squeezed) and last + 1 < len(words.stems) and last - first + 1 < LONGEST_PHRASE_WORDS:
            last += 1
            joined += words.stems[last]
        if joined == squeezed:
            found.append((words.spans[first][0], words.spans[last][1]))
    return found


def phrases_of(words: Words) -> set[str]:
    """All phrases that :func:`find_phrase` could find in a text."""
    found = set()
    for first in range(len(words.stems)):
        joined = ""
        for word in words.stems[first : first + LONGEST_PHRASE_WORDS]:
            joined += word
            found.add(joined)
    return found


def find_attribute(text: str, name: str) -> list[Span]:
    """Mentions of an attribute in ``text``."""
    words = split_words(text)
    return [span for form in attribute_forms(name) for span in find_phrase(words, form)]


def clause_around(text: str, span: Span) -> Span:
    """The clause that holds ``span``: up to a stop, or a word such as 'but' and 'while'."""
    start, end = 0, len(text)
    for match in _BREAK.finditer(text):
        inside_number = match.group() in ".:" and text[match.end() : match.end() + 1].isalnum()
        if inside_number:
            continue
        if match.end() <= span[0]:
            start = match.end()
        elif match.start() >= span[1]:
            end = match.start()
            break
    return start, end


def is_hedged(text: str, span: Span) -> bool:
    """Whether the clause of ``span`` only supposes or reports what it says."""
    return _HEDGE.search(text, *clause_around(text, span)) is not None


def is_denied(text: str, span: Span) -> bool | None:
    """Whether the mention at ``span`` is denied; None when the scope of a 'no' is unclear ('no WiFi, outdoor seating')."""
    start, end = clause_around(text, span)
    after = _AFTER_END.split(text[span[1] : end], maxsplit=1)[0]
    if _DENIED_AFTER.search(after):
        return True
    before = text[start : span[0]]
    denials = list(_NEGATION.finditer(before))
    if not denials:
        return False
    last = denials[-1]
    between = before[last.end() :]
    if _AFFIRMATION.search(between):
        return False
    if last.group().lower() in _DETERMINER and re.search(r",|\b(?:and|und)\b", between):
        return None
    return True
