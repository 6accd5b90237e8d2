"""What an encoder replica does: encode units, response and query together, align them there, answer small."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batching import DEFAULT_TOKEN_BUDGET
from models.encoder import PreparedTexts, TransformerEncoder
from models.priority import lower_priority
from models.row_pool import prepare_thread
from models.types import Encoder, ModelInfo, TextRole, TokenVectors
from scoring.maxsim import PackedUnits, align, pack_units
from serving.api.lane_types import AlignReply, AlignRequest, UnitVectors
from serving.inference.priorities import BACKGROUND_NICENESS, PriorityQueues
from serving.inference.rounds import Outcome
from serving.inference.vector_cache import VectorCache

_ROUND_CHARACTERS_PER_TOKEN = 3
"""Characters of a round for each token of the budget of one forward pass; a token has some four characters."""
_LONG_CHARACTERS = 8_000
_PART_TOKENS = 1_024
_QUERY_WINDOW = 0
_Key = tuple[str, int | None, str]
"""(tenant, window, text); window None for units, 0 for queries, the window's tokens for responses."""


@dataclass(frozen=True)
class _Part:
    """One batch of a long text's windows; ``number`` counts within ``prepared``."""

    prepared: PreparedTexts
    number: int


_Piece = _Key | _Part


@dataclass(frozen=True)
class _Plan:
    """What one request has encoded: vectors held from before, pieces still to encode, and which of those are long texts."""

    known: dict[_Key, TokenVectors]
    pieces: list[_Piece]
    sizes: list[int]
    long_texts: Mapping[_Key, PreparedTexts]


class AlignmentService:
    """Encoder and reverse MaxSim behind one queue; a plain class, so that it runs with and without Ray.

    ``null_texts``: unrelated texts, encoded once, that similarities are calibrated against. Units and queries are encoded
    in the encoder's own windows, responses in the window that the request asks for. ``cache``: vectors of units, so that the
    next turn on the same context encodes only its response. ``token_budget``: a round holds about as many tokens.
    """

    def __init__(
        self,
        encoder: Encoder,
        null_texts: Sequence[str],
        cache: VectorCache | None = None,
        token_budget: int = DEFAULT_TOKEN_BUDGET,
    ) -> None:
        self._encoder = encoder
        self._null_bank: PackedUnits = pack_units(encoder.encode(list(null_texts)))
        self._cache = cache or VectorCache(0)
        round_size = token_budget * _ROUND_CHARACTERS_PER_TOKEN
        self._queue: PriorityQueues[_Piece, TokenVectors | Tensor] = PriorityQueues(
            self._run, round_size, "encoder", shared=not self.info.device.startswith("cpu")
        )
        self._queue.in_each_thread(prepare_thread)
        self._side = ThreadPoolExecutor(1, "align")
        self._background_side = ThreadPoolExecutor(1, "align-background", lower_priority, (BACKGROUND_NICENESS,))

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
        """The alignment of one request. What is encoded waits for its turn; planning and aligning go on beside it."""
        loop = asyncio.get_running_loop()
        side = self._background_side if request.background else self._side
        plan = await loop.run_in_executor(side, self._plan, request)
        outcome = await self._queue.submit(plan.pieces, plan.sizes, request.background)
        return await loop.run_in_executor(side, self._reply, request, plan, outcome)

    def _plan(self, request: AlignRequest) -> _Plan:
        known: dict[_Key, TokenVectors] = {}
        wanted: dict[_Key, None] = {}
        for unit in _own_units(request):
            key: _Key = (request.tenant, None, unit)
            vectors = known.get(key) or self._cache.get(request.tenant, unit)
            if vectors is None:
                wanted[key] = None
            else:
                known[key] = vectors
        wanted[request.tenant, request.response_window_tokens, request.response] = None
        if request.query is not None:
            wanted[request.tenant, _QUERY_WINDOW, request.query] = None
        plan = _Plan(known, [], [], {key: self._prepared(key) for key in wanted if self._is_long(key)})
        for key in wanted:
            prepared = plan.long_texts.get(key)
            parts: list[_Piece] = [key]
            if prepared is not None:
                parts = [_Part(prepared, number) for number in range(len(prepared.batches))]
            plan.pieces.extend(parts)
            plan.sizes.extend([max(1, len(key[2]) // max(1, len(parts)))] * len(parts))
        return plan

    def _is_long(self, key: _Key) -> bool:
        return len(key[2]) > _LONG_CHARACTERS and isinstance(self._encoder, TransformerEncoder)

    def _prepared(self, key: _Key) -> PreparedTexts:
        """A long text's windows in small batches, so that others can come between them."""
        assert isinstance(self._encoder, TransformerEncoder)
        return self._encoder.prepare([key[2]], _role(key), [key[1] or None], token_budget=_PART_TOKENS)

    def _run(self, pieces: Sequence[_Piece]) -> list[TokenVectors | Tensor]:
        """One round: the texts of all its requests together, each once, then the parts of long texts."""
        keys = list(dict.fromkeys(piece for piece in pieces if not isinstance(piece, _Part)))
        encoded = self._encode(keys)
        return [self._forward(piece) if isinstance(piece, _Part) else encoded[piece] for piece in pieces]

    def _encode(self, keys: Sequence[_Key]) -> dict[_Key, TokenVectors]:
        """Vectors of whole texts; new units go into the cache.

        Where the roles do not differ, everything shares the batches: a forward pass more costs more than its tokens.
        """
        queries = [] if self._encoder.symmetric else [key for key in keys if _role(key) == "query"]
        others = [key for key in keys if key not in queries]
        found: dict[_Key, TokenVectors] = {}
        roles: tuple[tuple[TextRole, list[_Key]], ...] = (("document", others), ("query", queries))
        for role, chosen in roles:
            if chosen:
                windows = [window or None for _, window, _ in chosen]
                vectors = self._encoder.encode([text for _, _, text in chosen], role, windows)
                found.update(zip(chosen, vectors, strict=True))
        for key in keys:
            self._keep(key, found[key])
        return found

    def _forward(self, part: _Part) -> Tensor:
        assert isinstance(self._encoder, TransformerEncoder)
        batch = part.prepared.batches[part.number]
        return self._encoder.forward(replace(part.prepared, batches=(batch,)))[0]

    def _keep(self, key: _Key, vectors: TokenVectors) -> None:
        tenant, window, text = key
        if window is None:
            self._cache.put(tenant, text, vectors)

    def _reply(self, request: AlignRequest, plan: _Plan, outcome: Outcome[TokenVectors | Tensor]) -> AlignReply:
        started_s = time.perf_counter()
        vectors = plan.known | self._gathered(plan, outcome.results)
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
                if key in plan.known or index in request.stored
            ),
            batch_requests=outcome.shared,
            phases_ms={"encoder_queue": outcome.queue_ms, "encode": outcome.work_ms, "align": align_ms},
        )

    def _gathered(self, plan: _Plan, results: Sequence[TokenVectors | Tensor]) -> dict[_Key, TokenVectors]:
        """The new vectors by text: those of whole texts as they came, those of long texts put together."""
        found: dict[_Key, TokenVectors] = {}
        parts: dict[int, list[Tensor]] = {}
        for piece, result in zip(plan.pieces, results, strict=True):
            if isinstance(piece, _Part) and isinstance(result, Tensor):
                parts.setdefault(id(piece.prepared), []).append(result)
            elif not isinstance(piece, _Part) and isinstance(result, TokenVectors):
                found[piece] = result
        for key, prepared in plan.long_texts.items():
            assert isinstance(self._encoder, TransformerEncoder)
            (found[key],) = self._encoder.finish(prepared, parts.get(id(prepared), []))
            self._keep(key, found[key])
        return found

    def close(self) -> None:
        """End the worker threads."""
        self._queue.close()
        self._side.shutdown(wait=True, cancel_futures=True)
        self._background_side.shutdown(wait=True, cancel_futures=True)


def _role(key: _Key) -> TextRole:
    return "query" if key[1] == _QUERY_WINDOW else "document"


def _own_units(request: AlignRequest) -> list[str]:
    """The units that came without vectors."""
    return [unit for index, unit in enumerate(request.units) if index not in request.stored]
