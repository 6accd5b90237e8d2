"""German openers, praise, thanks and fillers."""

from __future__ import annotations

from typing import Final

from scoring.feedback.rules import words

OPENERS: Final = words(
    r"(?:(?:ok|okay|hm+|naja|na ja|also|ah+|ach so|tut mir leid|sorry|aber|und|ja|bitte"
    r"|hallo|gut|schön|(?:vielen |lieben )?dank(?:e)?(?: (?:dir|ihnen|schön|sehr))?|leider"
    r"|jedoch|allerdings|nein|nee|inzwischen"
    r"|den paragrafen)\b[,.!:;–— -]*(?:aber\b[, ]*)?)+"
)
PRAISE: Final = words(
    r"\b(?:perfekt|super|toll|klasse|prima|großartig|wunderbar|ausgezeichnet|hervorragend"
    r"|spitze|top|genial|sehr gut|gute \w+|guter \w+|gut gemacht|gute idee|schön"
    r"|sehr hilfreich|hilfreich|viel besser|fantastisch|cool|bestens|einwandfrei|mega)\b"
)
THANKS: Final = words(r"\b(?:(?:vielen |lieben |besten |herzlichen |tausend )?dank(?:e)?|dankeschön|merci)\b")
FILLERS: Final = words(
    r"\b(?:dir|ihnen|schön|sehr|so|nochmals?|noch einmal|für (?:die|das|den|deine"
    r"|ihre)(?: \w+){1,2}|ja|ok|okay|ah+|oh|gut|das|ist|war|es|alles|klar|jetzt|die|der"
    r"|und|tschüss|schönen (?:tag|abend)(?: noch)?|antwort|hilfe|erklärung|wirklich"
    r"|gemacht)\b"
)
