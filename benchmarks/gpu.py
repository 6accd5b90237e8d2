"""Everything that wants an accelerator, on one machine, without network: ``python -m benchmarks.gpu [--json OUT]``.

Encoders and verifiers of three shapes with random weights (speed does not depend on them) at three lengths: our forward
pass, a plain transformers loop over the same rows, and on CUDA a compiled one of static shape with CUDA graphs, each
beside the measured matrix product. Then reverse MaxSim, the whole lane in this process, and a server where Ray is installed.
Under ten minutes on one GPU; ``--device cpu --tiny`` runs every part on toy sizes in a minute, as its test does.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import random
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import nn

from benchmarks.gpu_models import ARCHITECTURES, TINY, build, positions
from benchmarks.latency import closed_loop, measure
from benchmarks.provenance import provenance
from benchmarks.requests import rag_request
from benchmarks.server import running_server
from benchmarks.work import Shape, encoder_flops
from models.batching import BatchLimits
from models.encoder import TransformerEncoder
from models.registry import SHIPPED_VERIFIER, EncoderSpec, load_tokenizer
from models.types import ModelInfo, TokenVectors
from models.verifier import SequenceVerifier
from scoring.maxsim import match_units, pack_units
from serving.api.schemas import RagRequest
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

_LENGTHS = (128, 512, 2048)
_PLAIN_ROWS = 32
_CLAIM_TOKENS = 24
_WORDS = "harbour museum water research house contract public winter tides terminal bridge valley coast price".split()


class Bench:
    """One device, one precision, and how long a measurement may take."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.device = torch.device(arguments.device)
        self.cuda = self.device.type == "cuda"
        self.tiny = bool(arguments.tiny)
        self.dtype = torch.bfloat16 if self.cuda else torch.float32
        self.seconds = arguments.seconds
        self.budget = 65_536 if self.cuda else 4_096
        self.tokens = 4_096 if self.tiny else 131_072
        self.tokenizer = load_tokenizer(EncoderSpec())

    def finish(self) -> None:
        """Wait for the device."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def rate(self, work: Callable[[], object]) -> dict[str, float]:
        """Seconds of one run: median and fastest of as many as the time allows, at least two after the first."""
        work()
        self.finish()
        seen: list[float] = []
        began = time.perf_counter()
        while len(seen) < 2 or time.perf_counter() - began < self.seconds:
            started = time.perf_counter()
            work()
            self.finish()
            seen.append(time.perf_counter() - started)
        return {"p50_s": float(np.median(seen)), "min_s": min(seen), "n": len(seen)}

    def product_tflop_per_s(self) -> float:
        """The ceiling: a square product in the precision of the models."""
        side = 512 if self.tiny else 8192 if self.cuda else 2048
        square = torch.randn(side, side, device=self.device, dtype=self.dtype)
        return round(2 * side**3 / self.rate(lambda: square @ square)["min_s"] / 1e12, 3)


def texts(bench: Bench, length: int) -> list[str]:
    """Texts of half to all of ``length`` tokens, one word a token, new ones for each length."""
    generator = random.Random(length)
    found, tokens = [], 0
    while tokens < bench.tokens or len(found) < 4:
        words = generator.randint(length // 2, length - 2)
        found.append(" ".join(generator.choice(_WORDS) for _ in range(words)))
        tokens += words
    return found


def encoder_figures(bench: Bench, architecture: str, length: int, ceiling: float) -> dict[str, Any]:
    """Our encoder, the plain loop, and the compiled pass, on texts of one length."""
    model = build(architecture, None, bench.tiny).to(bench.device, bench.dtype)
    info = ModelInfo(architecture, "random", str(bench.dtype), str(bench.device))
    encoder = TransformerEncoder(model, bench.tokenizer, info, limits=BatchLimits(bench.budget, None))
    prepared = encoder.prepare(texts(bench, length))
    rows = _rows(prepared.batches)
    times = {
        "ours": bench.rate(lambda: encoder.forward(prepared)),
        "plain_transformers": bench.rate(lambda: _plain(bench, model, rows)),
    }
    return _figures(bench, model, rows, times, ceiling)


def verifier_figures(bench: Bench, architecture: str, length: int, ceiling: float) -> dict[str, Any]:
    """Our verifier, the plain loop, and the compiled pass, on pairs of one length."""
    model = build(architecture, 3, bench.tiny).to(bench.device, bench.dtype)
    info = ModelInfo(architecture, "random", str(bench.dtype), str(bench.device))
    limits = BatchLimits(bench.budget, None)
    classes = ("entail", "neutral", "contradict")
    verifier = SequenceVerifier(model, bench.tokenizer, info, classes, limits=limits)
    claims = [" ".join(text.split()[:_CLAIM_TOKENS]) for text in texts(bench, length)]
    premises = [" ".join(text.split()[_CLAIM_TOKENS + 1 :]) for text in texts(bench, length)]
    prepared = verifier.prepare(list(zip(premises, claims, strict=True)))
    rows = _rows(prepared.batches)
    times = {
        "ours": bench.rate(lambda: verifier.forward(prepared)),
        "plain_transformers": bench.rate(lambda: _plain(bench, model, rows)),
    }
    return _figures(bench, model, rows, times, ceiling)


def _rows(batches: Any) -> list[np.ndarray[Any, Any]]:
    """The rows of all batches without padding, in an order that says nothing of their length."""
    found = [batch.ids[row, : batch.lengths[row]] for batch in batches for row in range(len(batch.windows))]
    random.Random(1).shuffle(found)
    return found


@torch.inference_mode()
def _plain(bench: Bench, model: nn.Module, rows: list[np.ndarray[Any, Any]]) -> None:
    """What one writes first: batches of 32 in the order of arrival, padded to the longest."""
    for begin in range(0, len(rows), _PLAIN_ROWS):
        part = rows[begin : begin + _PLAIN_ROWS]
        ids = np.zeros((len(part), max(map(len, part))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for number, row in enumerate(part):
            ids[number, : len(row)], mask[number, : len(row)] = row, 1
        asked = torch.from_numpy(ids).to(bench.device), torch.from_numpy(mask).to(bench.device)
        output = model(input_ids=asked[0], attention_mask=asked[1])
        output[0].float().sum().item()


def _figures(
    bench: Bench,
    model: nn.Module,
    rows: list[np.ndarray[Any, Any]],
    times: dict[str, dict[str, float]],
    ceiling: float,
) -> dict[str, Any]:
    shape = Shape.of(model.config)
    lengths = [len(row) for row in rows]
    flops = encoder_flops(lengths, shape)
    found: dict[str, Any] = {"rows": len(rows), "tokens": sum(lengths), "gflop": round(flops / 1e9, 2)}
    for name, seconds in times.items():
        reached = flops / seconds["p50_s"] / 1e12
        found[name] = {key: round(value, 5) for key, value in seconds.items()} | {
            "rows_per_s": round(len(rows) / seconds["p50_s"], 1),
            "tflop_per_s": round(reached, 4),
            "share_of_product": round(reached / ceiling, 3),
        }
    found["ratio"] = round(times["plain_transformers"]["p50_s"] / times["ours"]["p50_s"], 3)
    if bench.cuda:
        found["compiled_static"] = compiled_figures(bench, model, max(lengths), shape, ceiling)
    return found


@torch.inference_mode()
def compiled_figures(bench: Bench, model: nn.Module, length: int, shape: Shape, ceiling: float) -> dict[str, Any]:
    """A compiled pass with CUDA graphs over rows of one length: what static buckets would bring, and what starting them costs."""
    size = max(1, min(64, bench.budget // length))
    ids = torch.randint(1000, 2000, (size, length), device=bench.device)
    compiled: Any = torch.compile(model, mode="reduce-overhead", dynamic=False)
    started = time.perf_counter()
    try:
        for _ in range(3):
            compiled(input_ids=ids)
        bench.finish()
    except RuntimeError as error:
        return {"failed": type(error).__name__}
    start_s = time.perf_counter() - started
    seconds, eager = bench.rate(lambda: compiled(input_ids=ids)), bench.rate(lambda: model(input_ids=ids))
    reached = encoder_flops([length] * size, shape) / seconds["p50_s"] / 1e12
    return {
        "rows": size,
        "length": length,
        "start_s": round(start_s, 2),
        "p50_s": round(seconds["p50_s"], 5),
        "eager_p50_s": round(eager["p50_s"], 5),
        "share_of_product": round(reached / ceiling, 3),
    }


def maxsim_figures(bench: Bench) -> list[dict[str, Any]]:
    """Reverse MaxSim of one response against contexts of growing size, and the most memory that it takes at a time."""
    found = []
    for context in (1_024, 8_192) if bench.tiny else (2_048, 32_768, 262_144):
        units = [_vectors(bench, 256) for _ in range(context // 256)]
        response, packed = _vectors(bench, 256), pack_units(units)
        if bench.cuda:
            torch.cuda.reset_peak_memory_stats(bench.device)
            before = torch.cuda.memory_allocated(bench.device)
        seconds = bench.rate(lambda r=response, p=packed: match_units(r.vectors, p))
        peak = torch.cuda.max_memory_allocated(bench.device) - before if bench.cuda else None
        found.append({"context_tokens": context, "p50_ms": round(seconds["p50_s"] * 1e3, 3), "peak_bytes": peak})
    return found


def _vectors(bench: Bench, tokens: int) -> TokenVectors:
    vectors = nn.functional.normalize(torch.randn(tokens, 384, device=bench.device), dim=-1).to(bench.dtype)
    spans = np.stack([np.arange(tokens), np.arange(tokens) + 1], axis=1).astype(np.int32)
    return TokenVectors(vectors, spans, np.ones(tokens, dtype=np.bool_))


def settings(bench: Bench) -> dict[str, Any]:
    """The configuration of the lane on this device: the bundled models, both on it."""
    common = {"device": bench.device.type, "token_budget": bench.budget}
    return {"encoders": [{**common, "cache_bytes": 0}], "verifier": {**common, "source": SHIPPED_VERIFIER}}


async def lane_figures(bench: Bench) -> dict[str, Any]:
    """The lane in this process on contexts never seen, at growing concurrency."""
    lane, numbers = local_rag_lane(load_config(None, settings(bench), environment={})), count(1)

    async def send(number: int) -> int:
        asked = RagRequest.model_validate(rag_request(number, answer_sentences=6))
        await lane.score(asked.lane_input(str(number), "benchmark", 600.0))
        return 200

    await closed_loop(send, 2, 4, numbers)
    found = {}
    for concurrency in (1, 2) if bench.tiny else (1, 8, 32, 128):
        total = 4 if bench.tiny else 20 * concurrency if bench.cuda else 3 * concurrency
        found[f"c{concurrency}"] = await closed_loop(send, concurrency, total, numbers)
    lane.close()
    return found


def serve_figures(bench: Bench, folder: Path) -> dict[str, Any]:
    """The same over HTTP through Ray Serve."""
    config = folder / "gpu-benchmark.json"
    config.write_text(json.dumps(settings(bench)), encoding="utf-8")
    try:
        with running_server(config) as (url, start_s):
            arguments = argparse.Namespace(requests=40, open_s=5.0)
            return {"start_to_ready_s": round(start_s, 1)} | asyncio.run(measure(url, arguments, count(1_000_000)))
    finally:
        config.unlink()


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All parts, each named in the result."""
    bench = Bench(arguments)
    ceiling = bench.product_tflop_per_s()
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name(bench.device) if bench.cuda else "cpu",
        "dtype": str(bench.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "tiny": bench.tiny,
        "product_tflop_per_s": ceiling,
        "models": {},
    }
    for architecture in ARCHITECTURES:
        for length in TINY.lengths if bench.tiny else _LENGTHS:
            if not bench.cuda and not bench.tiny and length > positions(architecture):
                continue  # the same rows as at the model's full length, and slow
            for role, figures in (("encoder", encoder_figures), ("verifier", verifier_figures)):
                name = f"{architecture}/{role}/{length}"
                result["models"][name] = figures(bench, architecture, length, ceiling)
    result["maxsim"] = maxsim_figures(bench)
    result["lane_in_process"] = asyncio.run(lane_figures(bench))
    if arguments.serve and importlib.util.find_spec("ray"):
        result["ray_serve"] = serve_figures(bench, Path.cwd())
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--tiny", action="store_true", help="toy sizes")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one measurement")
    parser.add_argument("--serve", action=argparse.BooleanOptionalAction, default=True, help="measure a server too")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    text = json.dumps(run(arguments) | provenance(), indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
