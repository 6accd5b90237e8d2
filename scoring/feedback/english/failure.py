"""English: it was tried and did not work. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

import re
from typing import Final

from scoring.feedback.english.parts import ADVERB, DOESNT, IS, ISNT, IT
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

FAILURE_RULES: Final = (
    Rule(
        "en.error_line",
        Kind.FAILURE,
        re.compile(
            r"(?:[\w./-]++:(?:\d++:)*+\s?(?:line \d+:\s)?)?(?:(?:\w++\.)*+[A-Z]\w*(?:Error|Exception): "
            r"|error\[E\d+\]|error TS\d+|error: |fatal: |syntax error near|Traceback \(most recent"
            r"|panic: |[Ss]egmentation fault|\S+: command not found|(?:[Cc]onnection refused"
            r"|[Pp]ermission denied|[Aa]ccess denied|[Nn]o such file)\b)"
        ),
        0.88,
        "ImportError: cannot import name 'db' from 'app'",
    ),
    Rule(
        "en.not_working",
        Kind.FAILURE,
        words(
            rf"(?:(?:but |still |sorry )*+(?:{IT}|i tried (?:that|it|this),? (?:but |and )?(?:it"
            rf"|that)|[\w-]+) )?(?:still |just |also |really )*+(?:{DOESNT}) (?:seem to |even "
            r"|really )?(?:work|compile|run|build|match|load|parse|start|open|function|do anything"
            r"|change anything|fix|solve|pass)\w*"
        ),
        0.92,
        "still doesn't work",
    ),
    Rule(
        "en.not_working_bare",
        Kind.FAILURE,
        words(
            rf"(?:{IT}{ISNT}|still not|not) (?:even )?(?:working|compiling|running|loading"
            r"|building|fixed|solved|valid)\b"
        ),
        0.92,
        "still not working",
    ),
    Rule(
        "en.fails",
        Kind.FAILURE,
        words(
            rf"(?:now )?(?:{IT})(?: still| now| just| always)*+ (?:fails?|crash(?:es|ed)?|breaks?"
            r"|broke|throws?|raises?|hangs?|errors?|failed|threw|deadlocks|(?:dropped|deleted"
            r"|removed|overwrote) (?:my|all|every\w*))\b"
        ),
        0.9,
        "The test still fails",
    ),
    Rule(
        "en.broken",
        Kind.FAILURE,
        words(
            rf"(?:now )?(?:everything|{IT}){IS}{ADVERB} (?:broken|dead|down|gone|slower|worse"
            r"|failing|crashing|empty|blank|on the (?:left|right))\b"
        ),
        0.88,
        "The link is broken",
    ),
    Rule("en.its_still", Kind.FAILURE, words(rf"{IT}{IS} still (?!(?:good|great|fine))\w+"), 0.85, "it's still blue"),
    Rule(
        "en.x_still",
        Kind.FAILURE,
        words(
            r"(?:the |my )?\w+ still (?:goes?|shows?|says?|returns?|fails?|crash(?:es)?|scrolls?"
            r"|prints?|gives?|looks?|flickers?|leaks?|hangs?|grows?|appears?|complains?|happens?"
            r"|blocks?|asks?|opens?|overlaps?|won't|doesn't|isn't|is not|can't)\b"
        ),
        0.82,
        "The header still scrolls away.",
    ),
    Rule(
        "en.still_there",
        Kind.FAILURE,
        words(
            r"(?:the|that) (?:page|chart|plot|file|list|table|window|screen|output|response"
            r"|log) (?:\w+ \w+ )?(?:is|stays|was|comes back) (?:still |just |completely )*+(?:empty"
            r"|blank|black|white)\b|(?:it |that |now )*+takes? (?:twice|even|much|way) \w+"
            r"|now it \w+s[.!]*$|(?:the |my |that )?\w+ (?:is|are|'s) still (?:there|here|present"
            r"|open|empty|missing|red|wrong|visible|the same)\b|.*\b(?:even )?(?:more|new|other"
            r"|another) (?:errors?|warnings?|problems?|exceptions?|duplicates)[.!]*$"
            r"|.*\bstill (?:shows?|showing|says?|saying|fails?|failing|crashes)\b|\w+ (?:was |is "
            r"|were |got )?(?:not accepted|rejected|declined)[.!]*$|(?:that|this"
            r"|it) returns (?:duplicates|garbage|too|wrong|everything|all)\b"
        ),
        0.85,
        "the typo is still there",
    ),
    Rule(
        "en.same_thing",
        Kind.FAILURE,
        words(
            r"same (?:thing|story|here)[.!]*$|(?:it |that |the \w+ )?(?:failed|crashed|broke"
            r"|happened) again\b|.*\b(?:rejects|rejected|refuses) (?:that|this|it|your)\b|(?:that"
            r"|this|it) (?:selects|matches|returns|prints|shows|finds) (?:nothing|no \w+|an? empty"
            r"|undefined|null|none)\b"
        ),
        0.85,
        "Restarted it twice, same thing",
    ),
    Rule(
        "en.same_problem",
        Kind.FAILURE,
        words(
            r"(?:i(?:'m| am)? )?(?:still )?(?:get(?:ting)?|see(?:ing)?|have|having)?\s?(?:the "
            r"|exactly the )?same (?:error|problem|issue|result|message|exception|bug)\b"
        ),
        0.9,
        "I still get the same error.",
    ),
    Rule(
        "en.i_get_error",
        Kind.FAILURE,
        words(
            r"(?:but |now |and )*+i(?:'m| am)? (?:now |still |just )?(?:get|got|getting|see"
            r"|seeing) (?:an? |the |this )?(?:\w+ )?(?:error|exception|warning|404|403|500|401"
            r"|crash|failure|timeout)\b"
        ),
        0.85,
        "I get a 404 with that URL",
    ),
    Rule(
        "en.tried",
        Kind.FAILURE,
        words(
            r"(?:i(?:'ve| have)? )?(?:already )?tried (?:that|this|it|both|your)\b(?!.*\b(?:works"
            r"|worked|great)\b)|no (?:change|effect|difference)\b(?=[,.!]|$)|no luck[.!]*$"
            r"|nothing (?:happens|happened|changed)"
        ),
        0.85,
        "Tried that, nothing happens.",
    ),
    Rule(
        "en.does_nothing",
        Kind.FAILURE,
        words(
            r"\w+ (?:does|did) nothing\b|(?:the|that) (?:number|address|site|page|link|url|button"
            r"|menu) (?:isn't|is not|doesn't|does not|no longer)\b"
        ),
        0.91,
        "F9 does nothing on my laptop",
    ),
    Rule(
        "en.destroyed",
        Kind.FAILURE,
        words(
            r".*\b(?:now|and) (?:all|everything|my|the|it)\b.{0,30}\b(?:gone|broken|lost|deleted"
            r"|slower|worse|empty)\b|.*\bnow it(?:'s|’s| is) (?:even )?(?:slower|worse|broken"
            r"|longer)"
        ),
        0.88,
        "Great, now all my changes are gone.",
    ),
)
