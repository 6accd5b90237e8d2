"""One answer that comes piece by piece: a verdict for each claim as soon as its sentence is whole, the score at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from scoring.rag.growing_answer import GrowingAnswer
from scoring.rag.outcome import says_nothing_is_said
from scoring.types import Claim
from serving.api.errors import ValidationFailedError
from serving.api.lane_types import ClaimsAnswer, ClaimsInput, LaneAnswer, LaneInput

_WINDOW_CHARACTERS = 600
"""Of the text before a claim, what the encoder reads with it: some 150 tokens, so that a verdict costs the same at the end of a
long answer as at its beginning."""
_QUALITY = "quality"


Judge = Callable[[ClaimsInput], Awaitable[ClaimsAnswer]]
"""Gives a verdict on every claim."""
Score = Callable[[LaneInput], Awaitable[LaneAnswer]]
"""Scores the whole answer."""


@dataclass(frozen=True)
class Finished:
    """``answer``: what scoring the whole text at once gives. ``claims``: those that had no verdict yet.

    ``revised``: indices of the claims whose verdict is another one now that the whole answer is known.
    """

    answer: LaneAnswer
    claims: tuple[Mapping[str, Any], ...]
    revised: tuple[int, ...]


class AnswerStream:
    """Collects an answer and has its claims judged; ``template`` is the request without its ``response_text``."""

    def __init__(self, judge: Judge, score: Score, template: LaneInput) -> None:
        self._judge = judge
        self._score = score
        self._template = template
        self._claim_template = replace(template, verification_samples=(), verbose=False)
        self._answer = GrowingAnswer(atomic=template.profile == _QUALITY)
        self._open: list[Claim] = []
        self._verdicts: dict[tuple[int, int], tuple[int, str]] = {}
        self._abstaining = True
        self.judged_to = 0
        self.phases_ms: Mapping[str, float] = {}

    @property
    def characters(self) -> int:
        """Characters of the answer so far."""
        return len(self._answer.text)

    def add(self, piece: str) -> None:
        """The next piece of the answer."""
        self._open.extend(self._answer.add(piece))

    async def judge(self) -> tuple[Mapping[str, Any], ...]:
        """Verdicts on all claims that are whole and had none; moves ``judged_to``, before which nothing is open.

        ``phases_ms``: milliseconds by phase of these verdicts.
        """
        claims, self._open = self._open, []
        settled_to = self._answer.settled_to
        documents: tuple[Mapping[str, Any], ...] = ()
        self.phases_ms = {}
        if claims:
            documents = await self._judged(claims)
        self.judged_to = settled_to
        return documents

    async def _judged(self, claims: list[Claim]) -> tuple[Mapping[str, Any], ...]:
        start = self._answer.window_start(claims[0], _WINDOW_CHARACTERS)
        text = self._answer.plain[start : claims[-1].char_end]
        own = tuple(
            Claim(at, claim.text, claim.char_start - start, claim.char_end - start) for at, claim in enumerate(claims)
        )
        answer = await self._judge(
            ClaimsInput(replace(self._claim_template, response_text=text), own, self._abstaining)
        )
        self.phases_ms = {name: round(value, 3) for name, value in answer.phases_ms.items()}
        self._abstaining = self._abstaining and all(says_nothing_is_said(claim.text) for claim in claims)
        return tuple(self._placed(claim, found) for claim, found in zip(claims, answer.claims, strict=True))

    def _placed(self, claim: Claim, found: Mapping[str, Any]) -> dict[str, Any]:
        """The verdict with the claim's place in the whole answer."""
        self._verdicts[claim.char_start, claim.char_end] = (claim.index, found["verdict"])
        place = {"char_start": claim.char_start, "char_end": claim.char_end}
        return {"index": claim.index, **found, "text": self._answer.text[claim.char_start : claim.char_end], **place}

    async def finish(self) -> Finished:
        """The whole answer's score. Raises ValidationFailedError if no text came."""
        if not self._answer.text.strip():
            raise ValidationFailedError("the answer is blank: send at least one text before the end")
        answer = await self._score(replace(self._template, response_text=self._answer.text))
        left, revised = [], []
        for index, claim in enumerate(orjson.loads(answer.body)["claims"]):
            known = self._verdicts.get((claim["char_start"], claim["char_end"]))
            if known is None:
                left.append({"index": index, **claim})
            elif known[1] != claim["verdict"]:
                revised.append(known[0])
        self.judged_to = self.characters
        return Finished(answer, tuple(left), tuple(revised))
