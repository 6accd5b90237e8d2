"""What kind of answer it is: one that answers, one that says the documents do not say, or one without a claim.

"The documents do not mention the price" is not a hallucination. It is judged by whether they do: by the words of the question
that one passage of the context has together. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scoring.lexical import stem
from scoring.rag.anchors import content_stems
from scoring.segmentation import sentence_spans
from scoring.types import Claim, Span, SupportUnit


class Outcome(StrEnum):
    """What an answer does."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    NO_CLAIM = "no_claim"


@dataclass(frozen=True, slots=True)
class Abstention:
    """``justified``: no passage speaks of what was asked. ``evidence``: (unit, characters) of the passage that does."""

    justified: bool
    reason: str
    unit_index: int | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """The outcome, and which claims say that nothing is said."""

    outcome: Outcome
    abstaining: frozenset[int] = frozenset()
    abstention: Abstention | None = None


_SAYING = "say|mention|state|specify|tell|address|explain|answer|indicate|describe|discuss|give (?:any )?(?:information|details?)"
_DETERMINERS = r"(?:the |this |these |any of the |your |provided |given |available |supplied |above |retrieved ){0,4}"
_SOURCE = rf"{_DETERMINERS}(?:context|documents?|passages?|texts?|sources?|information|articles?|excerpts?|materials?|content)"
_WORK = rf"{_DETERMINERS}(?:reports?|notes?|files?|manuals?|polic(?:y|ies)|page|guide|handbook|data|minutes|contract|letter)"
"""What may be silent on a question, and may as well be the subject: "the policy does not cover floods" answers something."""
_QUELLE = (
    r"(?:der |die |das |den |dem |diese[rmns]? |im |in den |in der |vorliegenden? |bereitgestellten? |gegebenen? |obigen? ){0,4}"
    r"(?:kontext|dokument\w*|text\w*|quellen?|unterlagen|passagen?|angaben|informationen|artikel\w*|auszug|auszüge\w*|handbuch|bericht)"
)
_ABSTAINS = re.compile(
    # "The documents do not mention the price." "Nothing in the context says who." "The text doesn't specify a date."
    rf"\b{_SOURCE}\s+(?:\w+\s+){{0,2}}?(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?"
    rf"(?:{_SAYING}|contain|provide|include|give|cover|list|name)"
    rf"|\b{_WORK}\s+(?:\w+\s+){{0,2}}?(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?(?:{_SAYING})\b"
    rf"|\bnothing in {_SOURCE}\b"
    # "This is not mentioned in the text." "No date is given." "There is no information about prices."
    rf"|\b(?:is|are|was|were)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?(?:mentioned|stated|specified|given|provided|included|covered|found|"
    rf"listed|described|available|discussed|indicated|disclosed)\b(?=[^.]{{0,200}}\b(?:in|by|from)\s+{_SOURCE}|\s*+(?:[.!]\s*+)?$)"
    r"|\bthere (?:is|are|was|were) no (?:information|mention|indication|details?|data|evidence)\b"
    rf"|\bno (?:information|mention|details?|data|indication)\b[^.]{{0,200}}\b{_SOURCE}"
    # "I don't know." "I cannot find this in the documents." "I am unable to answer." "Unable to determine from the context."
    r"|\bI (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t) (?:know|find|tell|determine|answer|see|locate|say|confirm)\b"
    r"|\b(?:unable|not able|not possible|impossible) to (?:answer|determine|find|say|tell|provide|confirm)\b"
    rf"|\b(?:cannot|can['’]t|could not) be (?:determined|answered|found|inferred)\b"
    # German
    # "Das Dokument nennt den Preis nicht." "Der Text enthält dazu nichts."
    rf"|\b{_QUELLE}\s+(?:erwähn\w+|nennt|nennen|sagt|sagen|enthält|enthalten|gibt|geben|beantworte\w+|beschreib\w+)\s+"
    rf"(?:\w+\s+){{0,6}}?(?:nichts?|keine?n?)\b"
    rf"|\b(?:nicht|nichts|keine?n?)\b[^.]{{0,60}}\b(?:in|im|aus|laut)\s+{_QUELLE}"
    rf"|\b(?:im|in den|in der|aus den|aus dem)\s+(?:\w+\s+){{0,2}}?{_QUELLE}\s+(?:\w+\s+){{0,4}}?(?:nicht|nichts|keine?n?)\b"
    r"|\b(?:keine|ohne) (?:angaben?|informationen?|auskunft|hinweise?)\b|\bgeht (?:\w+\s+){0,5}nicht hervor\b"
    r"|\bich (?:weiß|kann|finde) (?:\w+\s+){0,5}(?:nicht|nichts|keine?n?)\b|\blässt sich (?:\w+\s+){0,5}nicht\b",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    # Greetings, thanks, offers and questions back, whole sentences of them.
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)"
    r"|thanks?(?: you)?(?: (?:so|very) much)?|you['’]?re welcome|sure|certainly|of course"
    r"|great question|happy to help|i['’]?m (?:happy|glad) to help|glad (?:i could|to) help|no problem|ok(?:ay)?|got it"
    r"|sorry|i apologi[sz]e|goodbye|bye|have a (?:nice|great|good) day"
    r"|hallo|guten (?:tag|morgen|abend)|danke(?: schön| sehr)?|vielen dank|gerne?|bitte(?: schön| sehr)?|natürlich"
    r"|selbstverständlich|alles klar|tschüss|auf wiedersehen|einen schönen tag(?: noch)?"
    r")\b[^.?!]{0,40}[.!,]*"
    r"|(?:how|what) (?:can|may|else can) i (?:help|do|assist)\b[^.?!]{0,60}\?"
    r"|(?:let me know|please let me know|feel free)\b[^.?!]{0,120}[.!]*"
    r"|(?:wie|womit|was) kann ich\b[^.?!]{0,60}\?"
    r"|(?:melden sie sich|sagen sie mir|frag(?:en sie)? gern)\b[^.?!]{0,100}[.!]*",
    re.IGNORECASE,
)
_ASKING = frozenset(
    stem(word)
    for word in (
        "who what when where why how which whose whom does did do can could is are was were will would should many much long "
        "often tell me please give list name explain there any wer was wann wo warum wie welche welcher welches wieviel viele "
        "lange oft gibt kann können hat ist sind bitte nenne erkläre have has get got mention say said document documents "
        "context text"
    ).split()
)
_ANSWERED_SHARE = 0.75


def telling_claims(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims that state something, numbered anew: without greetings, thanks, offers and questions back."""
    kept = [claim for claim in claims if _ABSTAINS.search(claim.text) or not says_nothing(claim.text)]
    return tuple(replace(claim, index=at) for at, claim in enumerate(kept))


def answer_kind(claims: Sequence[Claim], question: str | None, units: Sequence[SupportUnit]) -> AnswerKind:
    """The kind of an answer with these claims (:func:`telling_claims`); it abstains when every one of them does."""
    if not claims:
        return AnswerKind(Outcome.NO_CLAIM)
    abstaining = frozenset(claim.index for claim in claims if _ABSTAINS.search(claim.text))
    if len(abstaining) < len(claims):
        return AnswerKind(Outcome.ANSWERED, abstaining)
    asked = question if question and question.strip() else _topic(claims[0].text)
    return AnswerKind(Outcome.ABSTAINED, abstaining, find_evidence(asked, units))


def says_nothing_is_said(text: str) -> bool:
    """Whether a claim says that the documents do not say, or that the answer is not known."""
    return _ABSTAINS.search(text) is not None


def says_nothing(text: str) -> bool:
    """A greeting, thanks, an offer, or a question: no statement to check."""
    stripped = text.strip().strip("\"'“”*_ ")
    return stripped.endswith(("?", "？")) or _EMPTY.fullmatch(stripped) is not None


def _topic(text: str) -> str:
    """What an abstaining sentence says is missing: its words without those that say so."""
    return _ABSTAINS.sub(" ", text)


def find_evidence(asked: str, units: Sequence[SupportUnit]) -> Abstention:
    """Whether one passage of the context (two sentences) has the words of what was asked together."""
    wanted = content_stems(asked) - _ASKING
    if not wanted:
        return Abstention(True, "what was asked has no words to look for")
    best, place = 0.0, None
    for unit in units:
        spans = sentence_spans(unit.text)
        for at, (start, end) in enumerate(spans):
            stop = spans[at + 1][1] if at + 1 < len(spans) else end
            share = len(wanted & content_stems(unit.text[start:stop])) / len(wanted)
            if share > best:
                best, place = share, (unit.index, (start, end))
    if place is not None and best >= _ANSWERED_SHARE:
        return Abstention(False, f"a passage has {best:.0%} of the words that were asked for", place[0], place[1])
    return Abstention(True, f"no passage has more than {best:.0%} of the words that were asked for")
