"""Our forward pass beside torch.compile and ONNX Runtime on this CPU: ``python -m benchmarks.runtimes [--json OUT]``.

Encoder and verifier with the bundled weights, eight rows of 32, 128 and 512 tokens of text, no padding, in turns; sequences a
second, and how far each is from transformers in float32: of the encoder the cosine to the same token's vector and the move of a
response token's best match, of the verifier the move of a probability. ONNX Runtime and its exporter are no dependencies of
the project; in an environment without them those rows are left out, which is said:

    python -m venv DIR && DIR/bin/pip install -c constraints.txt torch==2.13.0 -e ".[server]"
    DIR/bin/pip install onnx onnxscript onnxruntime
    DIR/bin/python -m benchmarks.runtimes

torch.compile needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import importlib.util
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn

from benchmarks.provenance import provenance
from benchmarks.requests import sentence
from benchmarks.turns import turn_about
from models.bert_rows import BertRows, Row
from models.checkpoint import load_module
from models.device import choose_threads, prepare_cpu
from models.row_pool import shared_pool
from models.shipped import load_network
from models.tokenization import Tokenizer
from models.verifier_input import continuing_pieces, pair_types
from models.verifier_network import PairTensors
from models.weights import BUNDLED_SOURCE, locate

LENGTHS = (32, 128, 512)
ROWS = 8
REFERENCE = "transformers float32"
_ENCODER, _VERIFIER = "encoder", "verifier"
_TENSORS = ("ids", "types", "claim_mask")
Outputs = tuple[Tensor, ...]
Runtime = Callable[[], Outputs]


@dataclass(frozen=True)
class Batch:
    """Equal rows. ``ids``, ``types``: (rows, tokens) int64; ``claim_mask``: (rows, tokens) bool; claims end the rows."""

    ids: Tensor
    types: Tensor
    claim_mask: Tensor

    def tensors(self) -> Outputs:
        """As the graphs take them."""
        return self.ids, self.types, self.claim_mask


class EncoderGraph(nn.Module):
    """(rows, tokens, dim) float32, L2-normalised."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, types: Tensor, claim_mask: Tensor) -> Outputs:
        """What transformers computes for rows without padding."""
        hidden = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return (nn.functional.normalize(hidden.float(), dim=-1),)


class VerifierGraph(nn.Module):
    """((rows, 3), (rows, tokens)) probabilities, float32."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, types: Tensor, claim_mask: Tensor) -> Outputs:
        """The padded forward pass of training, without padding."""
        verdict, support = self.network(PairTensors(ids, types, torch.ones_like(claim_mask), claim_mask))
        return verdict.float().softmax(dim=-1), support.float().sigmoid() * claim_mask


def text_batch(tokens: int, tokenizer: Tokenizer, continuing: Any) -> Batch:
    """``ROWS`` rows of generated sentences, ``[CLS] premise [SEP] claim [SEP]``; the claim is an eighth of the row."""
    generator = random.Random(tokens)
    before, after = tokenizer.single_template
    claim = max(8, tokens // 8)
    premise = tokens - claim - 3
    ids, types = [], []
    for _ in range(ROWS):
        read = tokenizer.encode(" ".join(sentence(generator) for _ in range(tokens // 10))).ids
        parts = read[:premise], read[premise : premise + claim]
        ids.append([*before, *parts[0], *after, *parts[1], *after])
        types.append(pair_types(*parts, continuing).tolist())
    mask = torch.zeros(ROWS, tokens, dtype=torch.bool)
    mask[:, premise + 2 : tokens - 1] = True
    return Batch(torch.tensor(ids), torch.tensor(types), mask)


def ours(module: Any, batch: Batch, kind: str) -> Runtime:
    """Packs of rows, each on a thread of its own, as the server computes them."""
    network = module.network if kind == _VERIFIER else None
    rows = BertRows(network.encoder if network else module.model)
    pool = shared_pool(torch.get_num_threads())
    lengths = [batch.ids.shape[1]] * ROWS
    types = batch.types if network else torch.zeros_like(batch.types)
    every = torch.arange(batch.ids.shape[1])

    def run() -> Outputs:
        wanted = [torch.cat([every[:1], every[mask]]) if network else every for mask in batch.claim_mask]
        asked = [Row(one, kinds, places) for one, kinds, places in zip(batch.ids, types, wanted, strict=True)]
        states = pool.map(rows.hidden, asked, lengths)
        if network is None:
            return (nn.functional.normalize(torch.stack(states).float(), dim=-1),)
        verdicts, supports = zip(*(network.judge(one) for one in states), strict=True)
        support = torch.zeros(batch.ids.shape)
        support[batch.claim_mask] = torch.cat(supports).float().sigmoid()
        return torch.stack(verdicts).float().softmax(dim=-1), support

    return torch.inference_mode()(run)


def eager(module: nn.Module, batch: Batch) -> Runtime:
    """Transformers' own forward pass."""
    return torch.inference_mode()(lambda: module(*batch.tensors()))


def compiled(module: nn.Module, batch: Batch) -> Runtime:
    """torch.compile with inductor for this one shape."""
    graph: Any = torch.compile(module, dynamic=False)
    return torch.inference_mode()(lambda: graph(*batch.tensors()))


def exported(module: nn.Module, batch: Batch, path: Path) -> Path:
    """The module as an ONNX file of this one shape."""
    torch.onnx.export(module, batch.tensors(), path, input_names=list(_TENSORS), dynamo=True, verbose=False)
    return path


def quantised(path: Path) -> Path:
    """The file with weights in int8 by channel and activations quantised at run time."""
    quantization, files = importlib.import_module("onnxruntime.quantization"), importlib.import_module("onnx")
    target = path.with_suffix(".int8.onnx")
    model = files.load(path)
    del model.graph.value_info[:]  # the exporter's shapes; the quantiser turns matrices round and then finds them wrong
    files.save(model, path)
    quantization.quantize_dynamic(path, target, per_channel=True, weight_type=quantization.QuantType.QInt8)
    return target


def onnx(path: Path, batch: Batch, threads: int) -> Runtime:
    """ONNX Runtime's CPU provider on ``threads`` threads."""
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}  # the exporter drops what the graph does not read
    feed = {name: one.numpy() for name, one in zip(_TENSORS, batch.tensors(), strict=True) if name in taken}
    return lambda: tuple(torch.from_numpy(one) for one in session.run(None, feed))


def encoder_difference(reference: Outputs, found: Outputs) -> dict[str, float]:
    """Cosines to the reference's vectors; how far the best match of a token of the first row in the other rows moves."""
    cosines = (reference[0] * found[0]).sum(dim=-1)

    def best(vectors: Tensor) -> Tensor:
        return (vectors[0] @ vectors[1:].flatten(0, 1).T).amax(dim=-1)

    moved = (best(reference[0]) - best(found[0])).abs().max()
    values = {"cosine_mean": cosines.mean(), "cosine_worst": cosines.min(), "best_match_moved": moved}
    return {name: round(float(value), 5) for name, value in values.items()}


def verifier_difference(reference: Outputs, found: Outputs) -> dict[str, float]:
    """The largest move of a verdict's and of a claim token's probability."""
    names = ("verdict_moved", "support_moved")
    return {
        name: round(float((one - other).abs().max()), 5)
        for name, one, other in zip(names, reference, found, strict=True)
    }


DIFFERENCES = {_ENCODER: encoder_difference, _VERIFIER: verifier_difference}


def runtimes(kind: str, single: nn.Module, batch: Batch, folder: Path) -> tuple[dict[str, Runtime], dict[str, float]]:
    """(every runtime there is, seconds until its first answer where something is built first)."""
    half = copy.deepcopy(single).bfloat16()
    made: dict[str, Callable[[], Runtime]] = {
        REFERENCE: lambda: eager(single, batch),
        "transformers bfloat16": lambda: eager(half, batch),
        "groundlane float32": lambda: ours(single, batch, kind),
        "groundlane bfloat16": lambda: ours(half, batch, kind),
    }
    if shutil.which("c++") or shutil.which("g++"):
        made["torch.compile float32"] = lambda: compiled(single, batch)
        made["torch.compile bfloat16"] = lambda: compiled(half, batch)
    if has_onnx():
        path = folder / f"{kind}-{batch.ids.shape[1]}.onnx"
        threads = torch.get_num_threads()
        made["ONNX Runtime float32"] = lambda: onnx(exported(single, batch, path), batch, threads)
        made["ONNX Runtime int8"] = lambda: onnx(quantised(path), batch, threads)
    built: dict[str, Runtime] = {}
    seconds: dict[str, float] = {}
    for name, make in made.items():
        started = time.perf_counter()
        built[name] = make()
        built[name]()
        seconds[name] = round(time.perf_counter() - started, 1)
    return built, seconds


def has_onnx() -> bool:
    """Whether ONNX Runtime, ONNX and the exporter are installed."""
    return all(importlib.util.find_spec(name) for name in ("onnxruntime", "onnx", "onnxscript"))


def compare(kind: str, module: nn.Module, batch: Batch, repeats: int) -> dict[str, Any]:
    """Speed and difference of every runtime on one shape."""
    with tempfile.TemporaryDirectory() as folder:
        built, seconds = runtimes(kind, module, batch, Path(folder))
        times = turn_about(built, repeats)
        reference = built[REFERENCE]()
        return {
            name: {
                **times[name],
                "sequences_per_s": round(ROWS / times[name]["p50_ms"] * 1000.0, 1),
                "sequences_per_s_fastest": round(ROWS / times[name]["min_ms"] * 1000.0, 1),
                "first_answer_s": seconds[name],
                **DIFFERENCES[kind](reference, run()),
            }
            for name, run in built.items()
        }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--repeats", type=int, default=15, help="runs of each runtime and length")
    parser.add_argument("--lengths", type=int, nargs="*", default=list(LENGTHS), help="tokens of a row, 16 to 512")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    prepare_cpu(choose_threads(None))
    if not has_onnx():
        print("left out: ONNX Runtime (not all of onnx, onnxscript and onnxruntime are installed)")
    folder = locate("all-MiniLM-L6-v2", BUNDLED_SOURCE)
    tokenizer = Tokenizer.from_folder(folder)
    continuing = continuing_pieces(folder, tokenizer.vocabulary_size)
    modules = {
        _ENCODER: EncoderGraph(load_module(folder, "encoder")).eval(),
        _VERIFIER: VerifierGraph(load_network(folder)).eval(),
    }
    result: dict[str, Any] = {"rows": ROWS, "threads": torch.get_num_threads(), "models": {}}
    for kind, module in modules.items():
        found = result["models"][kind] = {}
        for tokens in arguments.lengths:
            batch = text_batch(tokens, tokenizer, continuing)
            found[tokens] = compare(kind, module, batch, arguments.repeats)
            if arguments.json:
                text = json.dumps(result | provenance(), indent=1)
                arguments.json.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(result | provenance(), indent=1))


if __name__ == "__main__":
    main()
