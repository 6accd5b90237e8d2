"""Items of a list inside a sentence, each looked up by itself: one invented bird among fifteen is not lost in the others.

An enumeration is three or more short items in a row, parted by commas, semicolons and a last "and" or "or". Where one sentence
of the context lists most of them, an item none of whose words the context has is one that the answer added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from scoring.lexical import ContextWords, stem
from scoring.rag.anchors import content_stems
from scoring.rag.rulings import Ruling, RulingCode
from scoring.types import Claim, Span, Verdict

_PARTING = re.compile(
    r"[ ]?[,;、，]\s*+(?:(?:and|or|und|oder|sowie|et|y|e)\s+)?|(?<!\s)\s{1,3}(?:and|or|und|oder|sowie|et|y)\s+",
    re.IGNORECASE,
)
_MOST_ITEM_WORDS = 3
_LEAST_KNOWN = 3
_HEAD_CHARACTERS = 6
_OPEN_END = frozenset({stem(word) for word in "others other more etc such like including andere weitere usw".split()})
_LEAST_KNOWN_SHARE = 0.7
"""Below this the answer words the whole list differently, and a missing word says nothing."""


def absent_item(claim: Claim, words: ContextWords, sentences: Sequence[frozenset[str]]) -> Ruling | None:
    """The first item of a list in the claim that the context does not have; None without such a list.

    ``sentences``: the stems of each sentence of the context.
    """
    for items in _enumerations(claim.text):
        stems = [content_stems(claim.text[start:end]) for start, end in items]
        absent = [at for at, found in enumerate(stems) if found and not _known(found, words)]
        present = [found for found in stems if found & words.stems]
        if len(absent) != 1 or len(present) < _LEAST_KNOWN or not _listed_together(present, sentences):
            continue
        start, end = items[absent[0]]
        item = claim.text[start:end].strip(" .")
        reason = f"{item!r} is not in the premises, though {len(present)} others of its list are"
        span = (claim.char_start + start, claim.char_start + end)
        return Ruling(RulingCode.ABSENT_ITEM, Verdict.UNSUPPORTED, reason, span)
    return None


def _known(stems: frozenset[str], words: ContextWords) -> bool:
    """Whether the context has a word of the item, or one that begins like it: "cardamom" where it says "cardamon"."""
    if stems & words.stems or stems & _OPEN_END:
        return True
    heads = tuple(one[:_HEAD_CHARACTERS] for one in stems if len(one) >= _HEAD_CHARACTERS)
    return bool(heads) and any(word.startswith(heads) for word in words.stems)


def _listed_together(items: Sequence[frozenset[str]], sentences: Sequence[frozenset[str]]) -> bool:
    """Whether one sentence of the context has most of the items."""
    least = max(_LEAST_KNOWN, _LEAST_KNOWN_SHARE * len(items))
    return any(sum(bool(item & sentence) for item in items) >= least for sentence in sentences)


def _enumerations(text: str) -> list[list[Span]]:
    """Runs of short items, in order. The words before the first comma may open the list ("The birds were coot, heron, …"):
    of them only the last item's length is taken, so the first item is left out.
    """
    edges = list(chain([0], *((m.start(), m.end()) for m in _PARTING.finditer(text)), [len(text)]))
    pieces = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    runs: list[list[Span]] = []
    run: list[Span] = []
    for piece in pieces[1:]:
        if 1 <= len(text[slice(*piece)].split()) <= _MOST_ITEM_WORDS:
            run.append(piece)
        else:
            runs.append(run)
            run = []
    return [one for one in [*runs, run] if len(one) > _LEAST_KNOWN]
