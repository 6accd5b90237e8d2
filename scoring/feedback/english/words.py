"""English openers, praise, thanks and fillers."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import words

OPENERS: Final = words(
    r"(?:(?:ok|okay|hm+|well|ah+|oh(?! no)|ugh|sigh|sorry|but|so|and|yes|yeah|please|hey"
    r"|hi|nice|good|great|(?:thanks|thank you|thx)(?: (?:a lot|so much|very much|anyway"
    r"|though))?|unfortunately|i'm afraid|i think|however|except|nice try"
    r"|no)\b[,.!:;–— -]*(?:but\b[, ]*)?)+"
)
"""What may come before the point: "Thanks, but that's for adults", "Hmm, those are Sunday flights"."""
PRAISE: Final = words(
    r"\b(?:perfect(?:ly)?|great|excellent|awesome|fantastic|wonderful|amazing|brilliant"
    r"|beautiful|lovely|superb|nice|cool|sweet|splendid|terrific|good (?:work|job|to know"
    r"|answer|idea|one|list|text|summary|explanation|tip|point|recommendation|suggestion"
    r"|catch|call)|well done|(?:very |so |really |super )?helpful|much better|better|clean"
    r"|clear|love(?:ly)?|bravo|impressive)\b|👍|🎉|🙏|❤️?|💯|👏"
)
THANKS: Final = words(
    r"\b(?:thanks?|thank you|thx|ty|cheers|much appreciated|i appreciate (?:it|that|this"
    r"|your help)|appreciate it|appreciated|tysm)\b"
)
FILLERS: Final = words(
    r"\b(?:a lot|a ton|a bunch|so much|very much|very|really|so|again|you|for (?:the|your"
    r"|that|this|all)(?: \w+){1,3}|for (?:checking|helping|that|this|explaining)(?: (?:it"
    r"|that|me|this))?(?: (?:up|out))?|for \w+ing \w+(?: \w+)?|of course|the quick|quick"
    r"|done|that|this|is|was|it|s|yes|yep|ok|okay|ah+|oh|wow|man|mate|bye|goodbye"
    r"|have a (?:nice|good|great) (?:day|one|evening|weekend)|all|good|right|now|the|an?"
    r"|answer|work|job|help|explanation|and|absolutely|just|got|no worries|no problem"
    r"|indeed)\b"
)
"""What is left of a turn without praise, thanks and these is what else it says: "Perfect, thanks a lot!" leaves nothing."""
