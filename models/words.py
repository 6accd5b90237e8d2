"""Function words of English and German, and which characters of a text carry content. Does not load torch.

A text's content is what a claim can be wrong about: names, numbers, things, deeds, and negations. Articles, pronouns,
prepositions, conjunctions and auxiliaries match nearly everything, so they get no weight. Negations and quantifiers
(not, no, never, all, only; nicht, kein, nie, alle, nur) are content on purpose.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

ENGLISH = frozenset(
    """a about after although am among an and are as at be because been before being between but by can could
    did do does doing during each either for from had has have having he he's her here hers herself him himself
    his how i i'd i'll i'm i've if in into is it it's its itself let me my myself of on onto or our ours ourselves
    shall she she's should since so some such than that that's the their theirs them themselves then there there's
    these they they're they've this those though through thus to toward towards upon us was we we're we've were
    what when where whether which while who whom whose why will with would you you're you've your yours yourself
    yourselves""".split()
)
GERMAN = frozenset(
    """aber als also am an auch auf aus bei beim bin bis bist da dabei dadurch dafür damit dann daran darauf
    daraus darin das dass dein deine deinem deinen deiner dem den denen denn der deren des dessen die dies diese
    diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwa etwas euch euer
    eure für gegen hat hatte hatten hattest hattet hier hinter hätte hätten ich ihm ihn ihnen ihr ihre ihrem ihren
    ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes jene jenem jenen jener jenes kann kannst können
    könnte könnten man mein meine meinem meinen meiner mich mir mit nach neben noch ob obwohl oder sehr sein seine
    seinem seinen seiner seines seit sich sie sind so solche solchem solchen solcher soll sollen sollte sollten
    sondern sowie trotz um und uns unser unsere unter vom von vor war waren warst was weil welche welchem welchen
    welcher welches wenn werde werden wird wie wieder will wir wird wo wobei wodurch während wäre wären wurde wurden
    würde würden zu zum zur zwar zwischen über""".split()
)
_GERMAN_ONLY_IN_GERMAN_TEXT = frozenset("bin da den des die dies dort du er etwa hat hier in ja man um war".split())
"""German function words that are content (die, war, man, hat) or foreign in an English text."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SYMBOL = re.compile(r"[%‰°§$¢£¤¥֏؋৲৳฿₠-⃀﷼＄￠￡￥￦]")


def content_characters(text: str) -> NDArray[np.bool_]:
    """(characters,) True where a character belongs to a word with content, or is a unit sign (%, °, §, currencies).

    Words that are all capitals in a text that is not (US, IT, WHO) are names, not function words.
    """
    mask = np.zeros(len(text), dtype=np.bool_)
    words = list(_WORD.finditer(text))
    lowered = [match.group().lower().replace("’", "'") for match in words]
    function_words = _function_words(lowered)
    shouted = text.isupper()
    for match, word in zip(words, lowered, strict=True):
        start, end = match.span()
        if word in function_words and (shouted or end - start < 2 or not match.group().isupper()):
            continue
        mask[start:end] = True
        if "'" in word:
            mask[[start + offset for offset, character in enumerate(word[: end - start]) if character == "'"]] = False
    for match in _SYMBOL.finditer(text):
        mask[match.start()] = True
    return mask


def _function_words(words: list[str]) -> frozenset[str]:
    """The function words for a text with these words: German homographs count only where German prevails."""
    german = sum(word in GERMAN and word not in ENGLISH for word in words)
    english = sum(word in ENGLISH and word not in GERMAN for word in words)
    if german > english:
        return ENGLISH | GERMAN
    return ENGLISH | (GERMAN - _GERMAN_ONLY_IN_GERMAN_TEXT)
