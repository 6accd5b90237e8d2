"""Fakes that ship with the package, for tests of what keeps scores. They judge nothing: never use one to score."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.types import ModelInfo
from serving.api.errors import ApiError
from serving.chunks.chunks import ChunkVectors

_WORD = re.compile(r"\w+|[^\w\s]")
_CUTS = ((0.8, "green"), (0.4, "amber"), (-1.0, "red"))


def count_words(text: str) -> int:
    """Words and punctuation marks; grows with the text, as a tokenizer's count does."""
    return len(_WORD.findall(text))


class FakeLane:
    """Scores by the share of the response's words that its premises hold. Every answer says ``version: fake-lane``.

    ``delay_s`` is how long an answer takes; ``failures`` are raised, one a call, before answers are given.
    """

    def __init__(self, delay_s: float = 0.0, failures: Sequence[Exception] = ()) -> None:
        self.delay_s = delay_s
        self.failures = list(failures)
        self.calls: list[tuple[str, dict[str, Any], str]] = []

    async def score(self, lane: str, request: dict[str, Any], tenant: str) -> dict[str, Any]:
        """An answer with the fields that sessions, rollups and jobs read."""
        self.calls.append((lane, request, tenant))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.failures:
            raise self.failures.pop(0)
        if lane == "rollup":
            return {"success": True, "turns_processed": len(request["turns"]), "version": "fake-lane"}
        return _answer(lane, request)


class FakeChunkEncoder:
    """One hash-based unit vector per word. ``encoded`` counts the texts; set ``revision`` to play a model change."""

    def __init__(self, dim: int = 16) -> None:
        self.dim = dim
        self.revision = "1"
        self.encoded: list[str] = []
        self.failure: ApiError | None = None

    async def info(self, model: str | None) -> ModelInfo:
        """Named ``fake-encoder``, so that no result can pass for a real one."""
        return ModelInfo(model or "fake-encoder", self.revision, "float16", "cpu")

    async def encode(self, texts: Sequence[str], model: str | None) -> list[ChunkVectors]:
        """One token per word or punctuation mark."""
        if self.failure is not None:
            raise self.failure
        self.encoded.extend(texts)
        return [self._encode_one(text) for text in texts]

    def _encode_one(self, text: str) -> ChunkVectors:
        matches = list(_WORD.finditer(text))
        vectors = np.array([self._vector(match.group()) for match in matches], np.float32).reshape(-1, self.dim)
        spans = np.array([match.span() for match in matches], np.int32).reshape(-1, 2)
        content = np.array([match.group()[0].isalnum() for match in matches], np.bool_)
        return ChunkVectors(vectors, spans, content)

    def _vector(self, word: str) -> Any:
        seed = hashlib.sha256(f"{self.revision} {word.lower()}".encode()).digest()[:8]
        vector = np.random.default_rng(int.from_bytes(seed, "big")).standard_normal(self.dim)
        return vector / np.linalg.norm(vector)


def _answer(lane: str, request: Mapping[str, Any]) -> dict[str, Any]:
    units = [unit["text"] for unit in request.get("support_units") or ()]
    premises = units or [request.get("raw_context") or ""]
    held = {word.lower() for text in premises for word in _WORD.findall(text)}
    words = [word.lower() for word in _WORD.findall(request["response_text"]) if word[0].isalnum()]
    score = round(sum(word in held for word in words) / max(1, len(words)), 4)
    band = next(name for cut, name in _CUTS if score >= cut)
    text = request["response_text"]
    claim = {"text": text, "char_start": 0, "char_end": len(text)}
    claim["verdict"] = "supported" if band == "green" else "unsupported"
    answer = {
        "success": True,
        "request_id": request.get("request_id"),
        "session_id": request.get("session_id"),
        "score": score,
        "band": band,
        "primary_metric": "reverse_context",
        "scoring_mode": lane,
        "claims": [{**claim, "score": score, "citations": [{"unit_index": 0}]}],
        "context_coverage_ratio": score,
        "version": "fake-lane",
    }
    if lane == "code":
        symbols = [{"name": word, "status": _status(word)} for word in words]
        answer["code_lane"] = {"verdict": "cannot_tell", "symbols": symbols}
    return answer


def _status(word: str) -> str:
    return "phantom" if word.startswith("phantom") else "defined"
