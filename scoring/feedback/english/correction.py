"""English: the user says what is right instead. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.english.parts import ADVERB, IS, ISNT, IT
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

CORRECTION_RULES: Final = (
    Rule(
        "en.wrong",
        Kind.CORRECTION,
        words(
            rf"(?:i (?:think|believe|am afraid|'m afraid) )?(?:{IT}|you"
            rf"|your (?:\w+ )?\w+)(?:{IS})?{ADVERB} (?:wrong|incorrect|mistaken|false|inaccurate"
            r"|outdated|out of date|off|not (?:right|correct|true|accurate)|untrue)\b(?!.*\?)"
        ),
        0.95,
        "That's wrong, the CEO is Tom Hale.",
    ),
    Rule(
        "en.isnt_right",
        Kind.CORRECTION,
        words(rf"(?:no,? )?{IT}{ISNT}{ADVERB} (?:right|correct|true|accurate|the case)\b"),
        0.93,
        "That isn't right.",
    ),
    Rule(
        "en.got_wrong",
        Kind.CORRECTION,
        words(
            r".*\byou(?:'ve| have)? (?:got|have|had) (?:that|this|it|the \w+) (?:\w+ )?wrong"
            r"|.*\b(?:so )?(?:that's|that is|your (?:number|date|answer|figure)\w* (?:is"
            r"|are)) (?:wrong|outdated|incorrect)|.*\byou(?:'ve| have)? (?:mixed|confused"
            r"|swapped)\b"
        ),
        0.93,
        "For books it's 7 percent, you got that wrong",
    ),
    Rule(
        "en.incorrect",
        Kind.CORRECTION,
        words(r"(?:incorrect|wrong|false|not (?:true|correct|right|quite)|untrue)\b(?=[.,!;:]|$)"),
        0.9,
        "Incorrect. It is closed on Mondays.",
    ),
    Rule(
        "en.no_it_is",
        Kind.CORRECTION,
        words(
            r"(?:no|nope|nah)[,:;.]? (?:it|there|that|the|he|she|they|you|its)\b(?!(?:'s|’s| is"
            r"| was| will be|'ll be) (?:all|it|fine|ok|okay|everything|great|good|perfect"
            r"|enough)\b)"
        ),
        0.88,
        "No, there are 240 seats.",
    ),
    Rule(
        "en.actually",
        Kind.CORRECTION,
        words(r"(?:actually|in fact),? (?:it|the|there|that|this|he|she|they|you)(?:'s|’s)?\b"),
        0.82,
        "Actually, the late fee is 35 euros since March.",
    ),
    Rule(
        "en.not_x",
        Kind.CORRECTION,
        words(
            r"(?:(?:pretty|quite|fairly) sure )?(?:it|that|he|she|they|the \w+"
            r"|this)\b(?!.*\b(?:should|must|could|can|shall|need|has to|have to|prefer"
            r"|want)\b).{0,60}(?:, not|, it's not| and not| rather than| instead of) \S+[^?]*$"
        ),
        0.85,
        "It starts at 10, not 9.",
    ),
    Rule(
        "en.wasnt_was",
        Kind.CORRECTION,
        words(
            r"(?:it|that|he|she) (?:wasn't|wasn’t|isn't|isn’t|was not|is not) .{1,60}[,;] ?(?:it"
            r"|that|he|she)(?:'s|’s| was| is)\b"
        ),
        0.9,
        "It wasn't Ms Lee, it was Mr Ortiz.",
    ),
    Rule(
        "en.source_says",
        Kind.CORRECTION,
        words(
            r"(?:the|your(?: own)?|our|my) (?:(?:data ?sheet|contract|docs?|documentation|manual"
            r"|website|page|policy|invoice|label|source|law|statute|readme|spec|specification"
            r"|handbook|pdf|document|file|text|table|report)|(?:\w+ )?(?:data sheet|web ?site"
            r"|web ?page)) (?:clearly |actually )?(?:says?|states?|lists?|shows?|reads?|gives?"
            r"|mentions?)\b"
        ),
        0.82,
        "The data sheet says aluminium.",
    ),
    Rule(
        "en.no_such",
        Kind.CORRECTION,
        words(
            r".*\bthere(?:'s|’s| is| are) no (?:such )?\S+(?: \w+)? (?:method|function|argument"
            r"|attribute|menu|option|article|section|button|setting|flag|parameter|page|tab|module"
            r"|class|column|endpoint|on|in|under)\b|.*\bthere(?:'s|’s| is) no such\b|there(?:'s|’s"
            r"| is) no \w+ [0-9]\w*"
        ),
        0.88,
        "There's no finish() method on that object",
    ),
    Rule(
        "en.has_no",
        Kind.CORRECTION,
        words(
            r"[\w.()]+ (?:isn't|is not|isn’t) (?:an? )?(?:function|method|attribute|keyword"
            r"|command|valid|defined|callable|real|thing)\b|[\w.()]+ (?:has|takes|accepts"
            r"|supports) no \S+|[\w.()]+ (?:doesn't|doesn’t|does not) (?:have|take|accept"
            r"|support) (?:a|an|any|that|such)\b"
        ),
        0.85,
        "sort has no desc argument, it's reverse=True",
    ),
    Rule(
        "en.thinking_of",
        Kind.CORRECTION,
        words(
            r".*\byou(?:'re| are) (?:thinking of|confusing|mixing up|referring to)\b|no,? (?:on|in"
            r"|at|since|from|until) \S+$|it(?:'s| is) (?:spelled|called|pronounced"
            r"|written) (?:with |as )?\w+"
        ),
        0.85,
        "-x is exclude in this tool, you're thinking of tar",
    ),
    Rule(
        "en.it_is_value",
        Kind.CORRECTION,
        re.compile(
            r"(?:[Ii]t|[Tt]hat)(?:'s|’s| is| was| should be) (?:[A-Z][\w-]++(?: [A-Z][\w-]++)*+[.!]*"
            r"|[$€£]?\d[\d.,]*+\s?\S*)$"
        ),
        0.8,
        "It's Canberra.",
    ),
    Rule(
        "en.checked",
        Kind.CORRECTION,
        words(
            r"(?:i|we) (?:checked|counted|measured|verified|looked it up|tested it)\b.*(?:\d"
            r"|\bit(?:'s| is)|\bnot\b|n't\b)"
        ),
        0.8,
        "I checked with explain and it's the btree index",
    ),
    Rule(
        "en.moved_on",
        Kind.CORRECTION,
        words(
            r"\w+ (?:hasn't|haven't|has not|have not) been \w+ (?:since|for|in)\b|(?:they|it|he"
            r"|she) (?:moved|closed|changed|left|retired|stopped|was (?:replaced|renamed|removed"
            r"|dropped))\b.*\b(?:ago|since|last|in \d{4})\b"
        ),
        0.75,
        "Parking hasn't been free since last summer",
    ),
    Rule(
        "en.wikipedia",
        Kind.CORRECTION,
        words(
            r"(?:wikipedia|google|the internet|[A-Z]\w+\.(?:com|org)) (?:says?|gives?|lists?"
            r"|states?)\b|according to \w+"
        ),
        0.78,
        "Wikipedia gives 1937.",
    ),
)
