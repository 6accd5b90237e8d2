"""The RAG lane in one process, or in several that share a card, on models given to it: no configuration, no HTTP, no Ray."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_models import build
from benchmarks.loops import closed_loop
from benchmarks.requests import lane_input, rag_request
from models.batching import BatchLimits
from models.encoder import TransformerEncoder
from models.registry import EncoderSpec, load_encoder, load_tokenizer
from models.shipped import load_shipped_verifier
from models.types import Encoder, ModelInfo, Verifier
from models.verifier import SequenceVerifier
from serving.config.artifacts import null_texts, rag_fits
from serving.inference.encoding import AlignmentService
from serving.inference.verification import VerificationService
from serving.lanes.rag import EncoderClient, RagLane

_NAME = "minilm"
_UNITS = 512
_DEADLINE_S = 600.0
SHIPPED = "shipped"


@dataclass(frozen=True)
class LaneModels:
    """What the lane runs on. ``architecture``: :data:`SHIPPED`, or a shape of :mod:`benchmarks.gpu_models` with random weights.

    ``folder``: where ``encoder`` and ``verifier`` lie (:mod:`benchmarks.gpu_kit`); None takes the packages' own.
    """

    architecture: str
    folder: str | None
    device: str
    budget: int
    tiny: bool


def models_of(asked: LaneModels) -> tuple[Encoder, Verifier]:
    """Encoder and verifier on their device."""
    spec = encoder_spec(asked.folder)
    place: dict[str, Any] = {"device": asked.device, "token_budget": asked.budget}
    if asked.architecture == SHIPPED:
        verifier = (
            load_shipped_verifier(**place)
            if asked.folder is None
            else load_shipped_verifier(Path(asked.folder) / "verifier", **place)
        )
        return load_encoder(EncoderSpec(**{**spec.__dict__, **place})), verifier
    device = torch.device(asked.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    tokenizer, limits = load_tokenizer(spec), BatchLimits(asked.budget, None)
    info = ModelInfo(asked.architecture, "random", str(dtype), str(device))
    encoder, classifier = (build(asked.architecture, classes, asked.tiny).to(device, dtype) for classes in (None, 3))
    classes = ("entail", "neutral", "contradict")
    return (
        TransformerEncoder(encoder, tokenizer, info, limits=limits),
        SequenceVerifier(classifier, tokenizer, info, classes, limits=limits),
    )


def encoder_spec(folder: str | None) -> EncoderSpec:
    """The bundled encoder, or the one in the kit's folder."""
    return EncoderSpec() if folder is None else EncoderSpec(source=str(Path(folder) / "encoder"))


def open_lane(asked: LaneModels) -> RagLane:
    """The lane on these models, without any cache."""
    encoder, verifier = models_of(asked)
    aligner = AlignmentService(encoder, null_texts(), token_budget=asked.budget)
    judge = VerificationService(verifier, token_budget=asked.budget)
    client = EncoderClient(aligner, load_tokenizer(encoder_spec(asked.folder)), asked.architecture)
    return RagLane({_NAME: client}, _NAME, rag_fits(), _UNITS, _json_bytes, judge)


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, default=_plain).encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value.tolist()


async def drive(lane: RagLane, concurrencies: Sequence[int], total: int, numbers: count[int]) -> dict[str, Any]:
    """Closed loops of the reference request on contexts never seen; ``total`` requests for each caller."""

    async def send(number: int) -> int:
        await lane.score(lane_input(rag_request(number, answer_sentences=6), str(number), _DEADLINE_S))
        return 200

    await closed_loop(send, 2, 4, numbers)
    return {f"c{callers}": await closed_loop(send, callers, total * callers, numbers) for callers in concurrencies}


def lane_figures(asked: LaneModels, concurrencies: Sequence[int], total: int) -> dict[str, Any]:
    """Requests/s and latency of the lane in this process."""
    lane = open_lane(asked)
    try:
        return asyncio.run(drive(lane, concurrencies, total, count(1)))
    finally:
        lane.close()


def processes_figures(asked: LaneModels, processes: int, callers: int, total: int) -> dict[str, Any]:
    """The lane in ``processes`` processes at once on one device, as replicas with a fraction of a card each.

    All start together; requests/s is all requests over the time until the last process is done.
    """
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        barrier = manager.Barrier(processes)
        with context.Pool(processes) as pool:
            jobs = [pool.apply_async(_process, (asked, barrier, number, callers, total)) for number in range(processes)]
            parts = [job.get() for job in jobs]
    elapsed_s = max(part["ended_s"] for part in parts) - min(part["began_s"] for part in parts)
    done = sum(part["n"] for part in parts)
    return {
        "processes": processes,
        "callers_each": callers,
        "n": done,
        "requests_per_s": round(done / elapsed_s, 2),
        "p50_ms": round(float(np.median([part["p50_ms"] for part in parts])), 2),
        "worst_p95_ms": max(part["p95_ms"] for part in parts),
    }


def _process(asked: LaneModels, barrier: Any, number: int, callers: int, total: int) -> dict[str, Any]:
    torch.set_num_threads(1)
    lane, numbers = open_lane(asked), count(1 + 1_000_000 * number)
    asyncio.run(drive(lane, [], 0, numbers))  # the first requests, which take longer
    barrier.wait()
    began_s = time.time()
    (figures,) = asyncio.run(drive(lane, [callers], total, numbers)).values()
    ended_s = time.time()
    lane.close()
    return {**figures, "began_s": began_s, "ended_s": ended_s}
