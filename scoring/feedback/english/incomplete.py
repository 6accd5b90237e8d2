"""English: a part is missing. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.english.parts import ADVERB, IS, IT
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

INCOMPLETE_RULES: Final = (
    Rule(
        "en.you_forgot",
        Kind.INCOMPLETE,
        words(
            r"(?:but )?you(?:'ve| have)? (?:forgot|forgotten|missed|left out|left off|skipped"
            r"|omitted|dropped|(?:didn't|didn’t|did not|never) (?:mention|include|list|provide|add"
            r"|give|cover|show|finish|say)|only \w+(?:ed|ave|ote|id|owed|ut)|stopped|cut)\b"
        ),
        0.92,
        "You forgot flood and earthquake.",
    ),
    Rule(
        "en.missing",
        Kind.INCOMPLETE,
        words(
            r"(?:but )?(?:the|my|some|several|two|three|half|all|most) (?:\S+ ){1,4}(?:is|are"
            r"|seems?) (?:still )?missing\b"
        ),
        0.88,
        "The deadline is missing.",
    ),
    Rule(
        "en.just_part",
        Kind.INCOMPLETE,
        words(r"(?:that's|this is|it's) (?:just|only) (?:the|one|half|part|a part|two|three|four)\b"),
        0.85,
        "that's just the server part",
    ),
    Rule(
        "en.missing_things",
        Kind.INCOMPLETE,
        words(
            rf"{IT}{IS}{ADVERB} (?:missing|incomplete|not complete|only (?:half|part|one|two"
            rf"|three|four|the first)|cut off|truncated)|{IT} (?:stops|ends|cuts off|breaks off)\b"
            rf"|{IT}(?: only)? (?:covers|contains|lists) only"
        ),
        0.88,
        "It stops in the middle of chapter 2",
    ),
    Rule(
        "en.and_the_other",
        Kind.INCOMPLETE,
        words(
            r"(?:and |what about )(?:the )?(?:rest|other (?:one|ones|two|three|four|five|half"
            r"|parts?)|others|remaining \w+|second (?:one|part|half))\s?\?*$"
        ),
        0.82,
        "and the other two?",
        asks=True,
    ),
    Rule(
        "en.should_be_there",
        Kind.INCOMPLETE,
        words(
            r".*\bshould(?:'ve| have)? (?:also )?be(?:en)? (?:on|in|part of|included)\b(?: (?:that"
            r"|the|your) list| there| too|.*as well)|(?:i )?(?:can't|cannot|don't"
            r"|do not) see (?:any|the) \w+(?: in (?:there|it|that))?[.!]*$|\S+ has no \w+[.!]*$"
        ),
        0.8,
        "torch should be on that list as well",
    ),
    Rule(
        "en.where_is",
        Kind.INCOMPLETE,
        words(
            r"(?:so |and )?where(?:'s|’s| is| are) (?:the (?:rest|other|remaining|missing|second"
            r"|tests?|examples?|sources?|source|code)|my)\b(?! (?:file|parcel|order))"
        ),
        0.85,
        "where is the rest?",
        asks=True,
    ),
    Rule(
        "en.need_all",
        Kind.INCOMPLETE,
        words(
            r".*\bi (?:asked for|need|wanted) (?:both|all|the (?:complete|whole|full|entire))\b"
            r"|(?:don't|do not) (?:abbreviate|truncate|cut|omit|shorten)\b"
        ),
        0.87,
        "And the cons? I asked for both.",
    ),
    Rule(
        "en.nothing_about",
        Kind.INCOMPLETE,
        words(
            r"(?:and )?nothing about\b|no (?:sources?|examples?|tests?|numbers?|citations?|links?"
            r"|explanation) (?:given|provided|included|at all|there)"
        ),
        0.82,
        "nothing about the price?",
        asks=True,
    ),
)
