"""English: said outcomes, enough by themselves if nothing in the turn complains or asks on. Each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.english.parts import ADVERB, IS, IT
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

SATISFIED_RULES: Final = (
    Rule(
        "en.worked",
        Kind.SATISFIED,
        words(
            rf"(?:(?:yes|yep|great|ok|okay|ah|cool|nice|thanks|thank you)[,.!]* )*+(?:(?:{IT}"
            r"|everything|all tests|the tests|all|tests)(?: (?:now|all|finally"
            r"|really))* )?(?:works?|worked|builds?|loads?|compiles?|compiled|runs?|ran|pass(?:es"
            r"|ed)?|did (?:the trick|it)|fixed (?:it|that|the \w+|my \w+)|solved (?:it|that"
            r"|the \w+|my \w+)|is (?:fixed|solved|working)(?: now)?|'s (?:fixed|solved"
            r"|working))(?: (?:and|now|for me|perfectly|fine|great|well|like a charm|flawlessly"
            r"|again|runs|beautifully|as expected|nicely))*"
        ),
        0.92,
        "That fixed it!",
    ),
    Rule(
        "en.needed",
        Kind.SATISFIED,
        words(
            rf"(?:yes[,!.]? )?(?:(?:{IT}{IS} )?(?:exactly|just|precisely|pretty much) (?:what"
            r"|the (?:thing|one|answer)) (?:i|we) (?:needed|wanted|meant|was looking for"
            rf"|were looking for|asked for|had in mind)|{IT}{IS} what i (?:needed|wanted|meant"
            r"|was looking for)|exactly[,!]? (?:like that|just like that|that)|just like that)"
        ),
        0.93,
        "Exactly what I needed.",
    ),
    Rule(
        "en.answered",
        Kind.SATISFIED,
        words(
            rf"{IT} (?:fully |really |completely |perfectly )?(?:answers|answered|clears up"
            r"|cleared up|solves|settles|explains) (?:my|the|it|that|everything|all)\b"
        ),
        0.9,
        "That answers my question.",
    ),
    Rule(
        "en.sense",
        Kind.SATISFIED,
        words(
            rf"(?:ah+[,!]? |ok(?:ay)?[,!]? |now |oh[,!]? ){{0,6}}(?:{IT} (?:now )?(?:makes (?:perfect "
            r"|total |a lot of |more |much more )?sense|helps|helped|is (?:clear|clearer))"
            r"|makes (?:perfect |total )?sense|(?:i |now i |now )(?:now )?(?:understand|get it"
            r"|see how it works|got it)|got it|understood|it's clear)(?: now| a lot| so much)?"
        ),
        0.82,
        "That makes sense now, thank you.",
    ),
    Rule(
        "en.were_right",
        Kind.SATISFIED,
        words(
            r"(?:you(?:'re| are| were) (?:absolutely |totally |completely )?right(?=[,.! ]"
            r"|$)(?! to\b)|can confirm|spot on|correct(?=[!.]|$)|that was (?:the (?:problem|bug"
            r"|issue|cause|reason)|it))"
        ),
        0.85,
        "You were right, line 4 was the problem.",
    ),
    Rule(
        "en.saved",
        Kind.SATISFIED,
        words(
            r"(?:you(?:'re| are)? (?:a )?(?:saved my \w+|nailed it|rock|rule|lifesaver|life saver"
            r"|the best|a genius|a star|amazing|awesome)|couldn't have asked for more|found it"
            r"|finally an? \w+|(?:that's|that is|this is) the one|lgtm|looks good(?: to me)?)"
        ),
        0.85,
        "You saved my day",
    ),
    Rule(
        "en.like",
        Kind.SATISFIED,
        words(
            r"(?:i (?:really |absolutely )?(?:love|like) (?:it|this|that)|love (?:it|this|that)"
            rf"|(?:s?he|they|we)(?:'ll|’ll| will) love (?:it|that|this)|{IT}{IS}{ADVERB} (?:a "
            r"|an |the )?(?:so |very |really |much |absolutely |such a )?(?:not bad|(?:easier"
            r"|clearer|simpler) to \w+|great|perfect|excellent|awesome|fantastic|wonderful|amazing"
            r"|brilliant|helpful|better|beautiful|lovely|correct|right|good|nice|superb|clear"
            r"|clean)(?: (?:answer|title|idea|work|job|explanation|summary|now|one))?(?=[\s,.!]"
            r"|$))"
        ),
        0.85,
        "That's a great title",
    ),
    Rule(
        "en.all_done",
        Kind.SATISFIED,
        words(
            r"(?:no[,.]? )?(?:that's all|that is all|that will be all|that'll be all|no (?:further"
            r"|more|other) questions|nothing else|no complaints|nothing wrong with (?:that|it"
            r"|this))\b"
        ),
        0.78,
        "No, that's all. Thank you!",
    ),
)
