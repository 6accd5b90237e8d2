"""Our encoder as a service of its own, for the comparison: ``main(KIND, PORT)``.

The encoder, its queue and its batches are the product's; the product's answers carry no vectors, so mean pooling and a
JSON answer are added here, as the other servers have them. KIND: ``plain`` and ``plain-fp32`` run under uvicorn,
``serve`` behind Ray Serve's proxy with the encoder in a replica behind a handle.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models.device import available_cores, thread_environment
from models.types import TokenVectors
from serving.config.load import load_config
from serving.inference.rounds import RoundQueue
from serving.lanes.factory import encoder_spec

_ROUND_CHARACTERS = 12_000


class Embedder:
    """Mean-pooled vectors of texts; requests share batches."""

    def __init__(self, dtype: str) -> None:
        from models.registry import load_encoder

        settings = load_config().encoder().model_copy(update={"dtype": dtype})
        self._encoder = load_encoder(encoder_spec(settings))
        self._queue: RoundQueue[str, list[float]] = RoundQueue(self._run, _ROUND_CHARACTERS, "encoder")

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector per text."""
        return (await self._queue.submit(texts, [len(text) for text in texts])).results

    def _run(self, texts: Sequence[str]) -> list[list[float]]:
        return [_pooled(text) for text in self._encoder.encode(texts)]


def _pooled(text: TokenVectors) -> list[float]:
    values: list[float] = text.vectors.float().mean(0).tolist()
    return values


def application(embed: Any) -> Any:
    """The ASGI application around ``embed``."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        texts = orjson.loads(await Request(scope, receive).body())["input"]
        body = orjson.dumps({"embeddings": await embed(texts)})
        await Response(body, media_type="application/json")(scope, receive, send)

    return app


def run_plain(port: int, dtype: str) -> None:
    """Under uvicorn, in this process."""
    import uvicorn

    embedder = Embedder(dtype)
    uvicorn.run(application(embedder.embed), host="127.0.0.1", port=port, log_level="error", lifespan="off")


def serve_embeddings(port: int) -> None:
    """Behind Ray Serve: proxy, ingress replica, handle, encoder replica."""
    import ray
    from ray import serve

    @serve.deployment(max_ongoing_requests=128)
    class Encoder(Embedder):
        """The encoder replica."""

    @serve.deployment(max_ongoing_requests=256)
    @serve.ingress()
    class Ingress:
        """The HTTP ingress."""

        def __init__(self, encoder: Any) -> None:
            async def embed(texts: list[str]) -> Any:
                return await encoder.embed.remote(texts)

            self._app = application(embed)

        def __serve_build_asgi_app__(self) -> Any:
            return self._app

    ray.init(address="local", include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    environment = {"env_vars": thread_environment(available_cores())}
    encoder = Encoder.options(ray_actor_options={"num_cpus": 0, "runtime_env": environment}).bind("auto")
    ingress = Ingress.options(ray_actor_options={"num_cpus": 0}).bind(encoder)
    serve.run(ingress, route_prefix="/")
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


def main(kind: str, port: int) -> None:
    """Serve until the process is ended, or its standard input closes."""
    if kind == "serve":
        serve_embeddings(port)
    else:
        run_plain(port, "fp32" if kind == "plain-fp32" else "auto")
