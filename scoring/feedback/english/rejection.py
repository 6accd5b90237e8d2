"""English: the answer is not what was asked for. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.english.parts import ADVERB, DOESNT, IS, ISNT, IT
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

REJECTION_RULES: Final = (
    Rule(
        "en.not_meant",
        Kind.REJECTION,
        words(
            rf"(?:no,? )?{IT}{ADVERB}(?:{ISNT}){ADVERB} (?:what i|the (?:question|point|thing"
            r"|one) i|my question|what was)"
        ),
        0.95,
        "No, that's not what I meant.",
    ),
    Rule(
        "en.did_not_ask",
        Kind.REJECTION,
        words(
            r"i (?:didn't|didn’t|did not|never) (?:ask|want|mean|say|request)(?:ed)?\b(?! (?:any" r"|to know|anything))"
        ),
        0.9,
        "I didn't ask for a summary.",
    ),
    Rule(
        "en.asked_for",
        Kind.REJECTION,
        words(
            r"(?:but )?i(?: (?:only|explicitly|clearly|specifically|already"
            r"|just))? (?:asked (?:you )?(?:about|for|to|in|when|who|what|how|where|why|whether|if"
            r"|only|both)|was asking|said|told you|wanted (?:only|just|the|a|an)"
            r"|meant)\b(?!.*\b(?:my|a) (?:boss|friend|colleague|teacher)\b)"
        ),
        0.85,
        "I asked about children.",
    ),
    Rule(
        "en.not_answered",
        Kind.REJECTION,
        words(
            rf"(?:you|{IT})(?: still)? (?:{DOESNT}|haven't|have not|never|hasn't)(?: even| really"
            r"| actually)? (?:answer|address|understand|understood|answered|addressed|read"
            r"|respond)(?:ed)?\b"
        ),
        0.95,
        "You didn't answer my question",
    ),
    Rule(
        "en.not_understood",
        Kind.REJECTION,
        words(
            r"(?:i have no idea|no idea|i (?:don't|do not|can't|cannot)(?: really)? (?:understand"
            r"|get|follow)) (?:what you|a word|any of|this answer|your answer|that answer)|wtf\b"
            r"|you changed my|(?:i (?:don't|do not) think|i doubt) you (?:understood|understand"
            r"|got|read)"
        ),
        0.9,
        "I don't think you understood my question.",
    ),
    Rule(
        "en.different_question",
        Kind.REJECTION,
        words(
            r"you(?:'re|’re| are| keep| just| still)*+(?: just| still)? (?:answer(?:ed"
            r"|ing)? (?:a different|the wrong|another)|dodg(?:e|ed|ing)|avoid(?:ed|ing)?|ignor(?:e"
            r"|ing)|misunderst(?:ood|and)|misread|missed (?:the|my) (?:point|question))"
        ),
        0.92,
        "You're answering a different question.",
    ),
    Rule(
        "en.did_you_read",
        Kind.REJECTION,
        words(
            r"(?:did|have|are|can) you (?:even|actually) (?:read|reading|listen|listening|look"
            r"|looked|understand|understood|try|tried|test|tested)\b"
        ),
        0.92,
        "Did you even read my message?",
        asks=True,
    ),
    Rule(
        "en.why_did_you",
        Kind.REJECTION,
        words(
            r"why (?:did|do|are|would) you (?:rewrite|change|remove|delete|ignore|repeat|keep|not"
            r"|add|give|tell|answer|switch|drop|invent|make)"
        ),
        0.85,
        "Why did you rewrite everything?",
        asks=True,
    ),
    Rule(
        "en.read_again",
        Kind.REJECTION,
        words(
            r"(?:please )?(?:(?:read|look at|check) (?:it|that|my (?:question|message)"
            r"|the question) again|try again|(?:please )?stick to the (?:question|topic|text)"
            r"|not what i)"
        ),
        0.8,
        "No. Read it again.",
    ),
    Rule(
        "en.wrong_thing",
        Kind.REJECTION,
        words(
            r"(?:(?:that's|that’s|this is|it's|you (?:used|took|picked|chose"
            r"|opened)) )?(?:the )?wrong (?!with)\w+\s*[.!]*$"
        ),
        0.9,
        "Wrong product.",
    ),
    Rule(
        "en.to_the_wrong",
        Kind.REJECTION,
        words(rf"{IT}{IS}{ADVERB}(?: \w+)* the wrong \w+"),
        0.85,
        "This is addressed to the wrong person.",
    ),
    Rule(
        "en.invented",
        Kind.REJECTION,
        words(
            r".*\b(?:you (?:just )?(?:made (?:that|this|it|them) up|invented|hallucinat\w+)"
            r"|(?:that|this|it) (?:is|was) (?:made[ -]up|invented|fabricated|hallucinated)|(?:that"
            r"|this|the|such a) (?:\w+ ){0,2}(?:doesn't|doesn’t|does not|don't) (?:even )?exist)"
        ),
        0.93,
        "You made that up.",
    ),
    Rule(
        "en.worthless",
        Kind.REJECTION,
        words(
            r"(?:(?:(?:that|this|it|your answer)(?:'s|’s| is)|you're"
            rf"|you are){ADVERB} )?(?:completely |totally |absolutely |utterly )?(?:useless"
            r"|unhelpful|nonsense|garbage|rubbish|terrible|horrible|awful|ridiculous|gibberish"
            r"|irrelevant|unusable|pointless|not (?:really |very )?(?:helpful|useful|relevant"
            r"|usable))\b\s*+(?:answer|response)?[.!,]*\s*(?:$|i |and )"
        ),
        0.9,
        "Useless.",
    ),
    Rule(
        "en.no_help",
        Kind.REJECTION,
        words(
            rf"{IT}(?: (?:doesn't tell|does not tell|tells?|told|gives?|gave|helps?"
            r"|helped) (?:me )?(?:nothing|absolutely nothing|nobody|who|how|what|when|where|why"
            rf"|which)|{ADVERB} (?:{DOESNT}) (?:really |actually )?(?:help|make (?:any )?sense"
            rf"|add up|tell me anything)|{IS} no help)"
        ),
        0.92,
        "That tells me nothing.",
    ),
    Rule(
        "en.too",
        Kind.REJECTION,
        words(rf"{IT}{IS}{ADVERB} (?:too|not \w+ enough)(?: \w+)?"),
        0.85,
        "That's way too complicated.",
    ),
    Rule(
        "en.opposite",
        Kind.REJECTION,
        words(
            r"(?:you made it (?:\w+er|worse|more|less)|.*\b(?:the )?exact opposite\b"
            rf"|it's supposed to|{IT} (?:is|was|are|were) supposed to be)"
        ),
        0.85,
        "You made it longer",
    ),
    Rule(
        "en.is_not_a",
        Kind.REJECTION,
        words(
            rf"(?:{IT}{ISNT}(?: really| even| at all)?|(?:definitely |certainly )?not (?=an? "
            r"|valid|what|related|relevant)) ?(?:a|an|formal|short|simple|brief|funny|what|valid"
            r"|related|relevant|english|german|french|spanish)\b(?! (?:bad|problem|worry|surprise"
            r"|big deal))(?!.*\b(?:but|instead|anymore) )"
        ),
        0.85,
        "This is not formal.",
    ),
    Rule(
        "en.flat_no",
        Kind.REJECTION,
        re.compile(r"(?:(?:no|nope|nah|lol no|wrong|hell no)[.! ,]*)+$", re.IGNORECASE),
        0.75,
        "nope",
    ),
    Rule(
        "en.x_not_y",
        Kind.REJECTION,
        words(r"(?!just|or|and|why|maybe|but|we|i|please|sure|if|preferably)\w+[,!]+ not \w+[.!]*$"),
        0.8,
        "export, not import!",
    ),
    Rule(
        "en.wanted_this_is",
        Kind.REJECTION,
        words(
            r"i (?:wanted|asked for|needed|meant|mean|need) (?:the )?[\w-]+(?: \w+)?, (?:this|that"
            r"|it|you)(?:'s| is| are|'re)\b|still (?:not|no) (?:an? )?(?:answer|what)|(?:no|nope"
            r"|lol what)[,.!?]* i mean\b"
        ),
        0.88,
        "I wanted markdown, this is HTML",
    ),
    Rule(
        "en.i_need_other",
        Kind.REJECTION,
        words(r"those are|these are (?:\w+ ){1,3}(?:not|but i)"),
        0.75,
        "Those are Sunday flights.",
    ),
    Rule(
        "en.nothing_to_do",
        Kind.REJECTION,
        words(r".*\bnothing to do with (?:what i|my|the question)"),
        0.93,
        "This has nothing to do with what I was asking.",
    ),
    Rule(
        "en.why_are_you",
        Kind.REJECTION,
        words(
            r"why (?:are|were) you (?:showing|giving|telling|talking|listing|sending|using|writing"
            r"|answering|explaining|repeating)"
        ),
        0.85,
        "why are you showing me Q2",
        asks=True,
    ),
    Rule(
        "en.still_do_not",
        Kind.REJECTION,
        words(
            r"(?:but )?i still (?:don't|don’t|do not|can't|can’t|cannot|have no) (?:know|see|find"
            r"|understand|get|have|idea|log|open|access|use)"
        ),
        0.85,
        "I still don't know where to enter it",
    ),
    Rule(
        "en.how_often",
        Kind.REJECTION,
        words(
            r".*\b(?:this is|that's|for) the (?:second|third|fourth|fifth|hundredth|\d+(?:nd|rd"
            r"|th)) time\b|come on[,.!]|.*\byou(?:'ve| have)? (?:just )?(?:gave|given"
            r"|give) me (?:an? )?(?:irrelevant|useless|wrong|generic|the same)\b"
        ),
        0.85,
        "This is the third time you've given me an irrelevant reply",
        asks=True,
    ),
    Rule(
        "en.not_that_kind",
        Kind.REJECTION,
        words(
            r"not that (?:kind|type|sort|one)\b|(?:i )?(?:can't|cannot|couldn't) find (?:it|that"
            r"|this|them|any trace|\S+(?: \S+){0,3}) anywhere\b"
        ),
        0.85,
        "not that kind of toast",
    ),
    Rule(
        "en.x_is_not_y",
        Kind.REJECTION,
        words(r"[a-z]+ (?:isn't|aren't|is not|are not) (?:an? |the )?[a-z]+[.!]*$"),
        0.7,
        "chicken isn't vegetarian",
    ),
)
