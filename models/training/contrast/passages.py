"""Passages of several contrasts and the rows they give: each fact is a distractor for the claims about the others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.training.contrast import attributes, logic, records, relations, reports, scenes
from models.training.contrast.items import Contrast, Maker, sentence, unmarked
from models.training.contrast.words import VOCABULARY, Cast, Vocabulary

KINDS: Mapping[str, Maker] = scenes.with_scenes(
    {**relations.MAKERS, **attributes.MAKERS, **logic.MAKERS, **reports.MAKERS, **records.MAKERS}
)
"""Every kind of contrast that training makes, by name."""

_JOINS = (", and ", ". ", "; ", ", while ")
_OPENINGS = ("according to the text, ", "the passage says that ", "", "", "", "", "")


def passage_rows(
    seed: str, kinds: Mapping[str, Maker], fillers: Sequence[str] = (), vocabulary: Vocabulary = VOCABULARY
) -> list[dict[str, Any]]:
    """The rows of one passage, of one to four contrasts: as many supported claims as others, for each kind.

    A row: ``src`` (contrast_KIND), ``group``, ``premise``, ``claim``, ``label``, ``unsupported``. ``fillers``: sentences of other
    texts, put between the facts. The same seed gives the same rows.
    """
    draw = random.Random(seed)  # noqa: S311 - made text, no secret
    cast = Cast(vocabulary, draw)
    names = draw.sample(sorted(kinds), min(len(kinds), draw.choice((1, 1, 2, 2, 3, 4))))
    contrasts = {name: kinds[name](cast) for name in names}
    blocks = [" ".join(contrast.facts) for contrast in contrasts.values()]
    blocks += draw.sample(fillers, min(len(fillers), draw.choice((0, 0, 1, 2, 3))))
    draw.shuffle(blocks)
    premise = draw.choice((" ", " ", "\n")).join(blocks)
    rows: list[dict[str, Any]] = []
    for name, contrast in contrasts.items():
        rows.extend(_claims(name, seed, premise, contrast, draw, draw.choice((1, 1, 2))))
        rows.extend(_answers(name, seed, premise, contrast, draw))
    if len(contrasts) > 1:
        rows.extend(_joined(contrasts, seed, premise, draw))
    return rows


def short_rows(seed: str, kind: str, make: Maker, vocabulary: Vocabulary = VOCABULARY) -> list[dict[str, Any]]:
    """The rows of a passage of one contrast and nothing else, up to four pairs: cheap to read, nothing to look past."""
    draw = random.Random(seed)  # noqa: S311 - made text, no secret
    contrast = make(Cast(vocabulary, draw))
    return list(_claims(kind, seed, " ".join(contrast.facts), contrast, draw, 4))


def _claims(
    kind: str, seed: str, premise: str, contrast: Contrast, draw: random.Random, count: int
) -> Iterator[dict[str, Any]]:
    """Pairs of a true and a false claim in the same wording where the kind has them so; they are learned side by side.

    Of a contrast with only true claims, up to ``count`` of these.
    """
    if not contrast.false:
        for number, claim in enumerate(draw.sample(contrast.true, min(count, len(contrast.true)))):
            yield _row(kind, seed, premise, claim, "entailment", f"true{number}")
        return
    both = min(len(contrast.true), len(contrast.false))
    for number in draw.sample(range(both), min(count, both)):
        opening = draw.choice(_OPENINGS)
        for claim, label in ((contrast.true[number], "entailment"), (contrast.false[number], contrast.label)):
            yield _row(kind, seed, premise, _opened(claim, opening), label, f"{number}")


def _opened(claim: str, opening: str) -> str:
    """With "According to the text," before it, or nothing."""
    return sentence(opening + _lowered(claim, opening)) if opening else claim


def _answers(name: str, seed: str, premise: str, contrast: Contrast, draw: random.Random) -> Iterator[dict[str, Any]]:
    """A short answer with its question before premise and claim, as the server puts it; sometimes a whole sentence so."""
    if contrast.question is None or contrast.right_answer is None or draw.random() < 0.4:
        return
    asked = f"{contrast.question} "
    for answer, label in ((contrast.right_answer, "entailment"), (f"[{contrast.wrong_answer}]", contrast.label)):
        text = answer if draw.random() < 0.5 else f"{answer}."
        yield _row(name, seed, f"{contrast.question}\n{premise}", asked + text, label, "answer")
    if draw.random() < 0.3:
        for claim, label in ((draw.choice(contrast.true), "entailment"), (draw.choice(contrast.false), contrast.label)):
            yield _row(
                name,
                seed,
                f"{contrast.question}\n{premise}",
                asked + claim if len(claim.split()) <= 12 else claim,
                label,
                "asked",
            )


def _joined(
    contrasts: Mapping[str, Contrast], seed: str, premise: str, draw: random.Random
) -> Iterator[dict[str, Any]]:
    """Two claims in one: both true, or one of them false."""
    first, second = draw.sample(sorted(contrasts), 2)
    one, two = contrasts[first], contrasts[second]
    if not one.false:
        return
    join = draw.choice(_JOINS)
    for claim, label in ((draw.choice(one.true), "entailment"), (draw.choice(one.false), one.label)):
        parts = [claim, draw.choice(two.true)]
        draw.shuffle(parts)
        yield _row(
            first, seed, premise, f"{parts[0].removesuffix('.')}{join}{_lowered(parts[1], join)}", label, "joined"
        )


def _lowered(text: str, join: str) -> str:
    """After a comma an article or pronoun begins small, a name does not."""
    first = text.split(" ", 1)[0]
    return (
        text
        if "." in join or first not in ("The", "It", "In", "At", "On", "All", "First", "If", "Not", "None")
        else text[0].lower() + text[1:]
    )


def _row(kind: str, seed: str, premise: str, claim: str, label: str, pair: str) -> dict[str, Any]:
    text, spans = unmarked(claim)
    return {
        "src": f"contrast_{kind}",
        "group": f"contrast:{seed}",
        "premise": premise,
        "claim": text,
        "label": label,
        "unsupported": [list(span) for span in spans],
        "group_label": None,
        "pair": f"{seed}:{kind}:{pair}",
    }
