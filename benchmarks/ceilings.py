"""The work of one request beside what the machine can do: ``python -m benchmarks.ceilings [--json OUT]``.

Counts floating-point operations and bytes of the reference request by phase (8 chunks of some 105 tokens, a question, an answer
of six claims, verifier on), measures matrix products in three precisions and the memory's bandwidth, then each phase alone
and the lane in this process, and says which share of the ceiling each phase reaches, both at their fastest run: on a shared
machine that is what tells of the code. The same texts go through transformers' own padded forward pass, turn about with ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from benchmarks.provenance import provenance
from benchmarks.requests import rag_request
from benchmarks.turns import summary, timed, turn_about
from benchmarks.work import Shape, encoder_flops, maxsim_flops, reference_pairs, unread_flops, weight_bytes
from models.checkpoint import load_module
from models.device import DTYPES, choose_threads, keep_freed_memory
from models.registry import SHIPPED_VERIFIER, EncoderSpec, VerifierSpec, load_encoder, load_verifier
from models.weights import BUNDLED_SOURCE, locate
from serving.api.schemas import RagRequest
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

_SIDE = 1536
_COPY_BYTES = 128 * 1024 * 1024
_CLAIMS = 6
_MODELS = ("encoder", "verifier")


def machine(repeats: int) -> dict[str, Any]:
    """Ceilings by number of threads, at the fastest of ``repeats`` runs."""
    found: dict[str, Any] = {}
    for threads in sorted({1, choose_threads(None)}):
        torch.set_num_threads(threads)
        found[f"threads_{threads}"] = ceilings(repeats)
    return found


def ceilings(repeats: int) -> dict[str, float]:
    """GFLOP/s (int8: GOP/s) of a square product in three precisions, GB/s of a copy (read and written)."""
    flops = 2.0 * _SIDE**3
    single = torch.randn(_SIDE, _SIDE)
    half, whole = single.bfloat16(), torch.randint(-127, 127, (_SIDE, _SIDE), dtype=torch.int8)
    source = torch.zeros(_COPY_BYTES, dtype=torch.uint8)
    target = torch.zeros_like(source)
    times = turn_about(
        {
            "float32": lambda: single @ single,
            "bfloat16": lambda: half @ half,
            "int8": lambda: torch._int_mm(whole, whole),
            "copy": lambda: target.copy_(source),
        },
        repeats,
    )
    copied_ms = times.pop("copy")["min_ms"]
    rates = {name: round(flops / summary["min_ms"] / 1e6, 1) for name, summary in times.items()}
    return rates | {"copy_gb_per_s": round(2 * _COPY_BYTES / copied_ms / 1e6, 1)}


def freed_memory(repeats: int) -> dict[str, Any]:
    """A softmax in float32 over the scores of one row of 256 tokens, before and after the process keeps freed memory."""
    scores = torch.randn(12, 256, 256).bfloat16()

    def work() -> object:
        return torch.softmax(scores, dim=-1, dtype=torch.float32).bfloat16()

    before = timed(work, repeats)
    kept = keep_freed_memory()
    return {"kept": kept, "returned": before, "kept_by_the_process": timed(work, repeats)}


def phases(dtype: str, repeats: int) -> dict[str, Any]:
    """Each model alone on the reference request: its work, its time, and transformers' padded pass on the same texts."""
    encoder = load_encoder(EncoderSpec(dtype=dtype, device="cpu"))
    verifier = load_verifier(VerifierSpec(SHIPPED_VERIFIER, BUNDLED_SOURCE, dtype=dtype, device="cpu"))
    request = rag_request(1, answer_sentences=_CLAIMS)
    texts = [*(unit["text"] for unit in request["support_units"]), request["response_text"], request["query_text"]]
    prepared = encoder.prepare(texts)
    pairs = verifier.prepare(reference_pairs(request))
    plain: Any = load_module(locate("all-MiniLM-L6-v2", BUNDLED_SOURCE), "encoder").to(DTYPES[encoder.info.dtype])

    @torch.inference_mode()
    def padded() -> None:
        for batch in prepared.batches:
            mask = torch.arange(batch.ids.shape[1]) < torch.from_numpy(batch.lengths)[:, None]
            plain(input_ids=torch.from_numpy(batch.ids), attention_mask=mask.long())

    lengths = [int(length) for batch in prepared.batches for length in batch.lengths]
    claim_lengths = [row.claim[1] - row.claim[0] for batch in pairs.batches for row in batch.windows]
    pair_lengths = [int(length) for batch in pairs.batches for length in batch.lengths]
    shape = Shape.of(plain.config)
    times = turn_about(
        {
            "encoder": lambda: encoder.forward(prepared),
            "encoder_transformers_padded": padded,
            "verifier": lambda: verifier.forward(pairs),
            "encoder_prepare": lambda: encoder.prepare(texts),
        },
        repeats,
    )
    work = {
        "encoder": encoder_flops(lengths, shape),
        "verifier": encoder_flops(pair_lengths, shape) - unread_flops(pair_lengths, claim_lengths, shape),
        "maxsim": maxsim_flops(lengths[-2], sum(lengths), shape),
    }
    return {
        "dtype": encoder.info.dtype,
        "threads": torch.get_num_threads(),
        "encoder_tokens": sum(lengths),
        "verifier_tokens": sum(pair_lengths),
        "gflop": {name: round(value / 1e9, 2) for name, value in work.items()},
        "weights_mb": round(weight_bytes(plain) / 1e6, 1),
        "times": times,
        "gflop_per_s_fastest": {name: round(work[name] / times[name]["min_ms"] / 1e6, 1) for name in _MODELS},
        "largest_difference_of_a_batch_from_its_singles": _batch_difference(encoder, texts),
    }


def _batch_difference(encoder: Any, texts: list[str]) -> float:
    together = encoder.encode(texts)
    return max(
        float((encoder.encode([text])[0].vectors.float() - vectors.vectors.float()).abs().max())
        for text, vectors in zip(texts, together, strict=True)
    )


async def lane(repeats: int) -> dict[str, Any]:
    """The whole lane in this process at concurrency one: contexts never seen, then the same context with a new answer."""
    overrides = {"verifier": {"source": SHIPPED_VERIFIER}}
    scoring = local_rag_lane(load_config(None, overrides, environment={}))
    cold: list[float] = []
    seen: list[float] = []
    phases_ms: dict[str, list[float]] = {}
    for number in range(repeats + 2):
        first, second = (rag_request(number, answer_sentences=_CLAIMS), rag_request(9_000 + number, answer_sentences=6))
        for request, times in ((first, cold), (first | {"response_text": second["response_text"]}, seen)):
            asked = RagRequest.model_validate(request).lane_input(str(number), "benchmark", 600.0)
            started = time.perf_counter()
            answer = await scoring.score(asked)
            times.append((time.perf_counter() - started) * 1000.0)
            if times is cold:
                for name, value in answer.phases_ms.items():
                    phases_ms.setdefault(name, []).append(value)
    scoring.close()
    return {
        "cold_context": summary(cold[2:]),
        "context_seen": summary(seen[2:]),
        "phases_p50_ms_cold": {name: round(statistics.median(values[2:]), 2) for name, values in phases_ms.items()},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceilings", description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="runs of each measurement")
    parser.add_argument("--dtype", default="auto", help="precision of the models")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"freed_memory": freed_memory(arguments.repeats), "machine": machine(arguments.repeats)}
    result["phases"] = phases(arguments.dtype, arguments.repeats)
    best = result["machine"][f"threads_{result['phases']['threads']}"][result["phases"]["dtype"]]
    result["share_of_product"] = {
        name: round(value / best, 3) for name, value in result["phases"]["gflop_per_s_fastest"].items()
    }
    result["lane_in_process"] = asyncio.run(lane(arguments.repeats))
    text = json.dumps(result | provenance(), indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
