"""A lane that is a rule, so that pages have scores to show: a sentence is supported where its numbers are in one document.

It shows how pages draw a score, never how good a score is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from serving.api.lane_types import LaneAnswer, LaneInput
from serving.config.load import load_config
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from tests.serving.evals.eval_server import LetterEncoder, ReadyRollup

_SENTENCE = re.compile(r"\S[^.!?]*[.!?]*")


class NumberLane:
    """Says ``fake`` in every answer."""

    async def score(self, request: LaneInput) -> LaneAnswer:
        """Claims with verdicts by their numbers."""
        claims = [_claim(found, request) for found in _SENTENCE.finditer(request.response_text)]
        worst = any(claim["verdict"] != "supported" for claim in claims)
        band, score = ("red", 0.2) if worst else ("green", 0.9)
        body = {"success": True, "request_id": request.request_id, "version": "fake", "band": band, "score": score}
        body |= {"reason": "fake", "reasons": ["fake"], "claims": claims, "unsupported_spans": []}
        return LaneAnswer(json.dumps(body).encode(), band, 1, 1, {})

    async def ready(self) -> None:
        """At once."""


def _claim(found: re.Match[str], request: LaneInput) -> dict[str, Any]:
    numbers = re.findall(r"\d+", found[0])
    units = [unit.text for unit in request.support_units]
    place = next((at for at, text in enumerate(units) if all(number in text for number in numbers)), None)
    claim = {"text": found[0], "char_start": found.start(), "char_end": found.end(), "citations": [], "score": 0.5}
    if place is None:
        return {**claim, "verdict": "unsupported", "reasons": ["no document has these numbers"]}
    unit = request.support_units[place]
    cited = {"unit_index": place, "source_id": unit.source_id, "char_start": 0, "char_end": min(40, len(unit.text))}
    return {**claim, "verdict": "supported", "citations": [{**cited, "text": unit.text[:40]}]}


def build(folder: Path, **settings: Any) -> FastAPI:
    """The application on a store in ``folder``; turns are complete at once."""
    values = {
        "data_dir": str(folder),
        "observability.log_level": "error",
        "limits.burst": 100_000,
        "limits.requests_per_minute": 100_000,
        "traces.settle_s": 0,
        "evals.egress_private_hosts": ["127.0.0.1"],
        **settings,
    }
    lanes = Lanes(rag=NumberLane(), code=NumberLane(), rollup=ReadyRollup())
    return create_app(load_config(None, values, environment={}), lanes, {"minilm": LetterEncoder()})
