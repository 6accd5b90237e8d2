"""Everything that wants an accelerator, on one machine, without network: ``python -m benchmarks.gpu [--json OUT]``.

The lane in this process and in several that share the card; encoders and verifiers of three shapes with random weights (speed
does not depend on them) at three lengths, our forward pass with and without padding beside a plain transformers loop over the
same rows and the measured matrix product; reverse MaxSim; bfloat16 against float32 on labelled pairs; compiled passes of
static shape with CUDA graphs. The most valuable first, each written before the next begins, none begun after ``--budget-s``.
``--device cpu --tiny`` runs every part on toy sizes, as its test does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import nn

from benchmarks.gpu_lane import SHIPPED, LaneModels, encoder_spec, lane_figures, processes_figures
from benchmarks.gpu_models import ARCHITECTURES, TINY, build, positions
from benchmarks.nli import judge, read_pairs
from benchmarks.provenance import provenance, save_figures
from benchmarks.work import Shape, encoder_flops
from models.batching import BatchLimits
from models.encoder import TransformerEncoder
from models.packed import is_supported
from models.registry import load_tokenizer
from models.shipped import load_shipped_verifier
from models.types import ModelInfo, TokenVectors
from models.verifier import SequenceVerifier
from scoring.maxsim import match_units, pack_units

_LENGTHS = (512, 128, 2048)
_PLAIN_ROWS = 32
_CLAIM_TOKENS = 24
_CALLERS = (1, 8, 32, 128)
_CLASSES = ("entail", "neutral", "contradict")
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
        self.tokens = 1_024 if self.tiny else 131_072
        self.folder = arguments.folder
        self.dev = arguments.dev
        self.tokenizer = load_tokenizer(encoder_spec(self.folder))
        self.ceiling = self.product_tflop_per_s()

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


def encoder_figures(bench: Bench, architecture: str, length: int) -> dict[str, Any]:
    """Our encoder, packed and padded, and the plain loop, on texts of one length."""
    asked = texts(bench, length)

    def work(model: nn.Module, packed: bool) -> tuple[Callable[[], object], Any]:
        info, limits = _info(bench, architecture), BatchLimits(bench.budget, None)
        encoder = TransformerEncoder(model, bench.tokenizer, info, limits=limits, packed=packed)
        prepared = encoder.prepare(asked)
        return lambda: encoder.forward(prepared), prepared.batches

    return _compared(bench, architecture, None, work)


def verifier_figures(bench: Bench, architecture: str, length: int) -> dict[str, Any]:
    """Our verifier, packed and padded, and the plain loop, on pairs of one length."""
    parts = [text.split() for text in texts(bench, length)]
    pairs = [(" ".join(words[_CLAIM_TOKENS + 1 :]), " ".join(words[:_CLAIM_TOKENS])) for words in parts]

    def work(model: nn.Module, packed: bool) -> tuple[Callable[[], object], Any]:
        info, limits = _info(bench, architecture), BatchLimits(bench.budget, None)
        verifier = SequenceVerifier(model, bench.tokenizer, info, _CLASSES, limits=limits, packed=packed)
        prepared = verifier.prepare(pairs)
        return lambda: verifier.forward(prepared), prepared.batches

    return _compared(bench, architecture, len(_CLASSES), work)


def _info(bench: Bench, architecture: str) -> ModelInfo:
    return ModelInfo(architecture, "random", str(bench.dtype), str(bench.device))


def _compared(
    bench: Bench,
    architecture: str,
    classes: int | None,
    work: Callable[[nn.Module, bool], tuple[Callable[[], object], Any]],
) -> dict[str, Any]:
    """Each way on a model of its own, since a packed one runs in no other way; figures by way."""
    model = build(architecture, classes, bench.tiny).to(bench.device, bench.dtype)
    run, batches = work(model, False)
    rows = _rows(batches)
    times = {"ours_padded": bench.rate(run), "plain_transformers": bench.rate(lambda: _plain(bench, model, rows))}
    if is_supported(model.base_model):
        times["ours_packed"] = bench.rate(
            work(build(architecture, classes, bench.tiny).to(bench.device, bench.dtype), True)[0]
        )
    return _figures(bench, model, rows, times)


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
    bench: Bench, model: nn.Module, rows: list[np.ndarray[Any, Any]], times: dict[str, dict[str, float]]
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
            "share_of_product": round(reached / bench.ceiling, 3),
        }
    ours = times.get("ours_packed", times["ours_padded"])
    found["ratio"] = round(times["plain_transformers"]["p50_s"] / ours["p50_s"], 3)
    return found


@torch.inference_mode()
def compiled_figures(bench: Bench, architecture: str, length: int) -> dict[str, Any]:
    """A compiled pass over rows of one length, on CUDA with CUDA graphs: what static buckets would bring and cost to start."""
    model = build(architecture, None, bench.tiny).to(bench.device, bench.dtype)
    shape = Shape.of(model.config)
    size = max(1, min(64, bench.budget // length))
    ids = torch.randint(1000, 2000, (size, length), device=bench.device)
    mode = "reduce-overhead" if bench.cuda else "default"
    compiled: Any = torch.compile(model, mode=mode, dynamic=False, backend="inductor" if bench.cuda else "eager")
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
        "share_of_product": round(reached / bench.ceiling, 3),
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


def lane(bench: Bench, architecture: str) -> dict[str, Any]:
    """The lane in this process at growing concurrency, on contexts never seen."""
    return lane_figures(_lane_models(bench, architecture), (1, 2) if bench.tiny else _CALLERS, 2 if bench.tiny else 20)


def lane_in_processes(bench: Bench, architecture: str) -> dict[str, Any]:
    """The lane in as many processes as half of the cores, sharing the card."""
    processes = 2 if bench.tiny else max(2, (os.cpu_count() or 2) // 2)
    return processes_figures(
        _lane_models(bench, architecture), processes, 2 if bench.tiny else 16, 1 if bench.tiny else 20
    )


def _lane_models(bench: Bench, architecture: str) -> LaneModels:
    return LaneModels(architecture, bench.folder, str(bench.device), bench.budget, bench.tiny)


def precision(bench: Bench) -> dict[str, Any]:
    """The shipped verifier in bfloat16 and in float32 on labelled pairs: differences of p(entail), and accuracy of both."""
    rows = read_pairs(bench.dev)[: 8 if bench.tiny else 4000]
    folder = {} if bench.folder is None else {"folder": Path(bench.folder) / "verifier"}
    verdicts = {
        dtype: judge(
            load_shipped_verifier(**folder, device=str(bench.device), dtype=dtype, token_budget=bench.budget), rows
        )
        for dtype in ("float32", "bfloat16")
    }
    entail = {dtype: np.array([scores.entail or 0.0 for scores in found]) for dtype, found in verdicts.items()}
    truth = np.array([row["label"] == "entailment" for row in rows])
    difference = np.abs(entail["bfloat16"] - entail["float32"])
    return {
        "n": len(rows),
        "largest_difference": round(float(difference.max()), 4),
        "mean_difference": round(float(difference.mean()), 5),
        "answers_that_change": int(((entail["bfloat16"] >= 0.5) != (entail["float32"] >= 0.5)).sum()),
        **{f"accuracy_{dtype}": round(float(((found >= 0.5) == truth).mean()), 4) for dtype, found in entail.items()},
    }


Part = Callable[[], Any]


def parts_of(bench: Bench) -> Mapping[str, Part]:
    """Every part by name, the most valuable first."""
    lengths = TINY.lengths if bench.tiny else _LENGTHS
    found: dict[str, Part] = {}
    for architecture in (SHIPPED, "ModernBERT-base"):
        found[f"lane/{architecture}"] = lambda a=architecture: lane(bench, a)
        if architecture == SHIPPED or not bench.tiny:
            found[f"lane in processes/{architecture}"] = lambda a=architecture: lane_in_processes(bench, a)
    for length in lengths:
        for architecture in ARCHITECTURES:
            if not bench.tiny and length > positions(architecture):
                continue  # the same rows as at the model's full length
            for role, figures in (("encoder", encoder_figures), ("verifier", verifier_figures)):
                found[f"{architecture}/{role}/{length}"] = lambda f=figures, a=architecture, n=length: f(bench, a, n)
    found["maxsim"] = lambda: maxsim_figures(bench)
    if bench.dev is not None:
        found["precision"] = lambda: precision(bench)
    for architecture in list(ARCHITECTURES)[: 1 if bench.tiny else None]:
        found[f"compiled/{architecture}"] = lambda a=architecture: compiled_figures(
            bench, a, min(lengths[0], positions(a))
        )
    return found


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parts that fit the time, each written as soon as it is known; one that fails is named with its error."""
    ends_s = time.monotonic() + arguments.budget_s
    bench = Bench(arguments)
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name(bench.device) if bench.cuda else "cpu",
        "dtype": str(bench.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "tiny": bench.tiny,
        "product_tflop_per_s": bench.ceiling,
        "parts": {},
        "left_out": [],
        **provenance(),
    }
    for name, part in parts_of(bench).items():
        if time.monotonic() > ends_s:
            result["left_out"].append(name)
            continue
        began_s = time.perf_counter()
        try:
            figures = part()
        except (RuntimeError, ValueError, TypeError, ArithmeticError, OSError) as error:
            figures = {"failed": f"{type(error).__name__}: {error}"[:500]}
        result["parts"][name] = {"took_s": round(time.perf_counter() - began_s, 1), "figures": figures}
        if bench.cuda:
            torch.cuda.empty_cache()
        save_figures(result, arguments.json)
    save_figures(result, arguments.json)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--tiny", action="store_true", help="toy sizes")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one measurement")
    parser.add_argument("--folder", help="what gpu_kit unpacked; the installed packages' models unless given")
    parser.add_argument("--dev", type=Path, help="labelled pairs, for the part on precision")
    parser.add_argument("--budget-s", type=float, default=540.0, help="begin no part after this long")
    parser.add_argument("--json", type=Path, help="write the result here")
    print(json.dumps(run(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
