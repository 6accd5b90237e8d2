"""The application on a port, without Ray and without models: ``python -m tests.serving.evals.eval_server PORT FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

from models.types import ModelInfo
from serving.api.errors import OverloadedError
from serving.config.load import load_config
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from serving.lanes.rollup import RollupLane


class NoLane:
    """A lane that is away: cases here are graded by their texts."""

    async def score(self, request: Any) -> Any:
        raise OverloadedError("no lane here")

    async def ready(self) -> None:
        """At once."""


class ReadyRollup(RollupLane):
    """In this process."""

    async def ready(self) -> None:
        """At once."""


class LetterEncoder:
    """Vectors of letter counts, so that no result can pass for a real encoder's."""

    async def info(self) -> ModelInfo:
        return ModelInfo("letters", "1", "float16", "cpu")

    async def encode(self, texts: list[str]) -> list[Any]:
        raise OverloadedError("no chunks here")

    async def embed(self, texts: list[str], role: str) -> Any:
        counts = np.array(
            [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts], float
        )
        return (counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def build(folder: Path, **settings: Any) -> FastAPI:
    """The application with its store in ``folder``; local targets are allowed."""
    values = {
        "data_dir": str(folder),
        "observability.log_level": "error",
        "limits.burst": 100_000,
        "limits.requests_per_minute": 100_000,
        "evals.egress_private_hosts": ["127.0.0.1"],
        "evals.key_variables": ["EVAL_KEY"],
        **settings,
    }
    config = load_config(None, values, environment={})
    lanes = Lanes(rag=NoLane(), code=NoLane(), rollup=ReadyRollup())
    return create_app(config, lanes, {"minilm": LetterEncoder()})


if __name__ == "__main__":
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(build(folder), host="127.0.0.1", port=port, log_level="error")
