"""Whether an answer declines. For grading refusals; English and German, first sentences only."""

from __future__ import annotations

import re
from typing import Final

_READ_CHARACTERS: Final = 400
"""A refusal says so at its start; "I cannot stress enough" at the end of a long answer is none."""
_REFUSALS: Final = (
    # "I'm sorry, but I can't help with that." "I cannot provide medical advice."
    re.compile(
        r"\bI(?:'m| am)? (?:sorry,? (?:but )?)?I? ?(?:can(?:no|')t|can not|won't|will not"
        r"|am (?:not able|unable)|'m (?:not able|unable))"
        r" (?:to )?(?:help|assist|answer|provide|give|share|do|comply|discuss|create|write"
        r"|fulfil|fulfill|tell|recommend|advise|support|find|say)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:can(?:no|')t|won't|unable to|not able to) (?:help|assist) (?:you )?with (?:that" r"|this)\b",
        re.IGNORECASE,
    ),
    # "The documents do not say." "There is no information about this in the context."
    re.compile(
        r"\b(?:the )?(?:documents?|context|sources?|text|provided \w+|excerpts?|passages?"
        r"|knowledge base)\b.{0,60}"
        r"\b(?:do(?:es)? not|don't|doesn't) (?:say|contain|mention|state|cover|include|specify"
        r"|provide|answer|address)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:there is|I (?:have|found|find)) no (?:\w+ )?(?:information|mention|answer" r"|evidence|data)\b",
        re.IGNORECASE,
    ),
    re.compile(r"\bI (?:do not|don't) (?:know|have (?:enough|any|that|this|the) )", re.IGNORECASE),
    re.compile(
        r"\b(?:dabei|damit|das|hier) kann ich (?:leider |dir |Ihnen |nicht )*nicht (?:helfen"
        r"|beantworten|sagen)|\bleider kann ich\b.{0,60}\bnicht\b"
        r"|\b(?:Dokument\w*|Kontext|Quelle\w*|Unterlagen)\b.{0,60}\b(?:enthält|enthalten|sagt"
        r"|sagen|nennt|nennen) (?:dazu |darüber )?(?:nichts|keine)\b"
        r"|\bdazu (?:liegen|finde|habe) (?:mir |ich )?(?:keine|nichts)\b|\bdas weiß ich nicht\b",
        re.IGNORECASE,
    ),
)


def is_refusal(answer: str) -> bool:
    """Whether the answer, in its first 400 characters, declines or says that it does not know."""
    start = answer[:_READ_CHARACTERS].replace("’", "'")
    return any(pattern.search(start) for pattern in _REFUSALS)
