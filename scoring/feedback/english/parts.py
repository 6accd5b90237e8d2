"""Parts of English patterns that several rules share."""

from __future__ import annotations

from typing import Final

IT: Final = (
    r"(?:that|this|it|these|those|the (?:answer|link|url|page|code|script|command|query"
    r"|regex|build|test|tests|function|example|snippet|import|button|number|patch|fix"
    r"|solution|result|output|summary|translation)|your (?:answer|code|script|fix|solution"
    r"|example|query|link|response|function|suggestion))"
)
"""What a complaint about the answer has as its subject: "the test still fails", "your code throws". A delivery or a waiter is not
in it: that is the user's story, not a reaction to the answer."""
IS: Final = r"(?:'s|’s| is| are|'re|’re| was| were)"
ISNT: Final = r"(?: isn't| isn’t| is not|'s not|’s not| aren't| are not|'re not| wasn't| was not" r"| weren't)"
DOESNT: Final = (
    r"(?:doesn't|doesn’t|does not|don't|don’t|do not|didn't|didn’t|did not|won't|won’t" r"|can't|can’t|cannot)"
)
ADVERB: Final = (
    r"(?:(?: really| actually| simply| just| also| still| even| completely| totally"
    r"| definitely| clearly| quite| way| far| now| all|,)*+)"
)
HAD_ASKED: Final = (
    r"(?:asked|said|told you|wanted|meant|requested|specified|was asking|was looking" r"|am asking|'m asking|needed)"
)
