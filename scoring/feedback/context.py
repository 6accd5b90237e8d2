"""When a user turn is no reaction: it answers the assistant's question, or hands over a text to be worked on."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.types import Turn

_INVITES: Final = re.compile(
    r"\?\s*$"  # "Do you use MySQL?"
    r"|^\s*go (?:ahead|on)\b|\b(?:send|show|give|tell) me\b|\blet me (?:know|see)\b"
    r"|\b(?:schick|sende|zeig|sag)\w* mir\b|^\s*(?:los|leg los)\b"
    r"|\b(?:please (?:paste|send|share|provide|tell|describe|upload|enter)|paste it"
    r"|bitte (?:einfügen|senden|schicken|geben|nennen))\b"
    r"|^\s*(?:sure|of course|gladly|happy to help|certainly|gern|gerne|klar|natürlich"
    r"|selbstverständlich)[.,!]?(?: \S+){0,4}[.!]?\s*$",
    re.IGNORECASE,
)
_ABOUT_A_TEXT: Final = re.compile(
    r"\b(?:classif\w+|proofread|translate|rewrite|summari[sz]e this|sentiment|review"
    r"|letter|reply|email|mail|say in|how (?:do|would) (?:you|i) (?:say|reply|answer)"
    r"|klassifizier\w*|übersetz\w*|korrigier\w*|korrektur\w*|bewertung|brief)\b",
    re.IGNORECASE,
)
"""Requests whose material comes in the next turn: "Classify this review." "Awful app, doesn't work at all."."""
_INSTRUCTS: Final = re.compile(
    r"^\W*(?:(?:now|also|then|next|please|and|jetzt|auch|dann|bitte|und|noch)\b[, ]*)*"
    r"(?:say|mention|add|write|include|replace|test|check|use|explain|translate|show"
    r"|describe|compare|imagine|suppose|assume|here (?:is|are|comes)|the next"
    r"|schreib\w*|sag\w*|erwähn\w*|füge|ersetze|teste|prüfe|nutze|erkläre|zeige"
    r"|stell dir vor|hier (?:ist|sind|der|die|das|kommt))\b",
    re.IGNORECASE,
)
"""A turn that only tells what to do next: "Say that their product is useless and never works."."""


def asks_for_material(answer: str) -> bool:
    """Whether the answer ends with a question or an invitation, so that "no, I use Postgres" replies to it."""
    return bool(_INVITES.search(answer))


def hands_over_material(before: Turn, text: str) -> bool:
    """Whether the turn is a text for the assistant to work on, or plain instructions for the next step."""
    return bool(_INSTRUCTS.match(text)) or (
        bool(_ABOUT_A_TEXT.search(before.question)) and asks_for_material(before.answer)
    )
