"""What an encoder replica does: encode units, response and query together, align them there, answer small."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.types import Encoder, ModelInfo, TextRole, TokenVectors
from scoring.maxsim import PackedUnits, align, pack_units
from serving.lanes.types import AlignReply, AlignRequest, UnitVectors
from serving.rounds import RoundQueue, Waiting
from serving.vector_cache import VectorCache

_ROUND_CHARACTERS = 24_000
_SLICE_CHARACTERS = 24_000
_QUERY_WINDOW = 0
_Key = tuple[str, int | None, str]
"""(tenant, window, text); window None for units, 0 for queries, the window's tokens for responses."""


class AbandonedError(RuntimeError):
    """Every caller of a round has gone, so nobody wants its result."""


class AlignmentService:
    """Encoder and reverse MaxSim behind one queue; a plain class, so that it runs with and without Ray.

    ``null_texts``: unrelated texts, encoded once, that similarities are calibrated against. Units and queries are encoded
    in the encoder's own windows, responses in the window that the request asks for. ``cache_bytes``: vectors of units
    that are kept, so that the next turn on the same context encodes only its response; 0 keeps none.
    """

    def __init__(self, encoder: Encoder, null_texts: Sequence[str], cache_bytes: int = 0) -> None:
        self._encoder = encoder
        self._null_bank: PackedUnits = pack_units(encoder.encode(list(null_texts)))
        self._cache = VectorCache(cache_bytes)
        self._queue: RoundQueue[AlignRequest, AlignReply] = RoundQueue(self._run, _ROUND_CHARACTERS, "encoder")

    @property
    def info(self) -> ModelInfo:
        """The encoder's identity."""
        return self._encoder.info

    async def encode(self, texts: Sequence[str]) -> list[UnitVectors]:
        """Vectors of units, to be stored: float16, on the CPU."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._encode_units, list(texts))

    async def embed(self, texts: Sequence[str], role: TextRole) -> NDArray[np.float32]:
        """One vector a text, the mean of its tokens' vectors, L2-normalised: (texts, dim)."""
        return await asyncio.get_running_loop().run_in_executor(None, self._embed, list(texts), role)

    def _embed(self, texts: list[str], role: TextRole) -> NDArray[np.float32]:
        means = torch.stack([one.vectors.float().mean(dim=0) for one in self._encoder.encode(texts, role)])
        pooled: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        return pooled

    def _encode_units(self, texts: list[str]) -> list[UnitVectors]:
        return [
            UnitVectors(one.vectors.to(torch.float16).cpu().numpy(), one.char_spans, one.content)
            for one in self._encoder.encode(texts)
        ]

    def _token_vectors(self, stored: UnitVectors) -> TokenVectors:
        """Stored vectors as the encoder gives them: on its device, in its dtype."""
        like = self._null_bank.vectors
        vectors = torch.from_numpy(np.array(stored.vectors)).to(device=like.device, dtype=like.dtype)
        return TokenVectors(vectors, stored.char_spans, stored.content)

    async def align(self, request: AlignRequest) -> AlignReply:
        """The alignment of one request."""
        return await self._queue.submit(request, len(request.response) + sum(map(len, request.units)))

    def _run(self, entries: Sequence[Waiting[AlignRequest, AlignReply]]) -> list[AlignReply]:
        started_s = time.perf_counter()
        cached = self._cached([entry.item for entry in entries])
        vectors = cached | self._encode(entries, cached)
        encode_ms = (time.perf_counter() - started_s) * 1000.0
        return [
            self._reply(entry.item, vectors, cached, len(entries), (started_s - entry.arrived_s) * 1000.0, encode_ms)
            for entry in entries
        ]

    def _reply(
        self,
        request: AlignRequest,
        vectors: dict[_Key, TokenVectors],
        cached: dict[_Key, TokenVectors],
        batch_requests: int,
        queue_ms: float,
        encode_ms: float,
    ) -> AlignReply:
        started_s = time.perf_counter()
        keys = [(request.tenant, None, unit) for unit in request.units]
        units = [
            self._token_vectors(request.stored[index]) if index in request.stored else vectors[key]
            for index, key in enumerate(keys)
        ]
        response = vectors[request.tenant, request.response_window_tokens, request.response]
        query = None if request.query is None else vectors[request.tenant, _QUERY_WINDOW, request.query]
        alignment = align(response, pack_units(units), request.claims, self._null_bank, query)
        align_ms = (time.perf_counter() - started_s) * 1000.0
        return AlignReply(
            alignment=alignment,
            model=self.info,
            context_tokens=sum(map(len, units)),
            response_tokens=len(response),
            cached_tokens=sum(
                len(unit)
                for index, (key, unit) in enumerate(zip(keys, units, strict=True))
                if key in cached or index in request.stored
            ),
            batch_requests=batch_requests,
            phases_ms={"encoder_queue": queue_ms, "encode": encode_ms, "align": align_ms},
        )

    def _cached(self, requests: Sequence[AlignRequest]) -> dict[_Key, TokenVectors]:
        """The units whose vectors are held from before."""
        found: dict[_Key, TokenVectors] = {}
        for request in requests:
            for unit in _own_units(request):
                vectors = self._cache.get(request.tenant, unit)
                if vectors is not None:
                    found[request.tenant, None, unit] = vectors
        return found

    def _encode(
        self, entries: Sequence[Waiting[AlignRequest, AlignReply]], known: dict[_Key, TokenVectors]
    ) -> dict[_Key, TokenVectors]:
        """Vectors of everything that is not known, each text once; new units go into the cache.

        In slices: what takes longer than its callers wait is given up between two of them, so that it does not hold up
        the next round. Raises AbandonedError then.
        """
        wanted: dict[_Key, None] = {}
        for request in (entry.item for entry in entries):
            wanted.update(dict.fromkeys((request.tenant, None, unit) for unit in _own_units(request)))
            wanted[request.tenant, request.response_window_tokens, request.response] = None
            if request.query is not None:
                wanted[request.tenant, _QUERY_WINDOW, request.query] = None
        found: dict[_Key, TokenVectors] = {}
        for role, keys in self._slices([key for key in wanted if key not in known]):
            if all(entry.future.done() for entry in entries):
                raise AbandonedError("every caller has gone")
            windows = [window or None for _, window, _ in keys]
            encoded = self._encoder.encode([text for _, _, text in keys], role, windows)
            found.update(zip(keys, encoded, strict=True))
        for (tenant, window, text), vectors in found.items():
            if window is None:
                self._cache.put(tenant, text, vectors)
        return found

    def _slices(self, keys: Sequence[_Key]) -> Iterator[tuple[TextRole, list[_Key]]]:
        """The keys in lists of one role and of bounded size; a longer text makes a list of its own.

        Where the roles do not differ, everything shares the batches: a forward pass more costs more than its tokens.
        """
        queries = [] if self._encoder.symmetric else [key for key in keys if key[1] == _QUERY_WINDOW]
        others = [key for key in keys if key not in queries]
        plan: tuple[tuple[TextRole, list[_Key]], ...] = (("document", others), ("query", queries))
        for role, chosen in plan:
            taken: list[_Key] = []
            size = 0
            for key in chosen:
                if taken and size + len(key[2]) > _SLICE_CHARACTERS:
                    yield role, taken
                    taken, size = [], 0
                taken.append(key)
                size += len(key[2])
            if taken:
                yield role, taken

    def close(self) -> None:
        """End the worker thread."""
        self._queue.close()


def _own_units(request: AlignRequest) -> list[str]:
    """The units that came without vectors."""
    return [unit for index, unit in enumerate(request.units) if index not in request.stored]
