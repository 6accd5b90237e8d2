"""FastAPI and sentence-transformers, as a first service is usually written: ``python with_fastapi.py MODEL PORT``.

Runs in an environment of its own, see ``benchmarks/peers.py``. FastAPI calls the handler in its thread pool.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer


class Texts(BaseModel):
    """Texts to encode."""

    input: list[str]


def main() -> None:
    """Serve until the process is ended."""
    model = SentenceTransformer(sys.argv[1], device="cpu")
    model.max_seq_length = 512
    app = FastAPI()

    @app.post("/embeddings")
    def embed(body: Texts) -> dict[str, list[list[float]]]:
        return {"embeddings": model.encode(body.input).tolist()}

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")


if __name__ == "__main__":
    main()
