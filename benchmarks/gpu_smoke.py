"""Every kernel and model path on a device against float32 on the CPU: ``python -m benchmarks.gpu_smoke --json OUT``.

Each check states its difference and the largest that passes. Exit status 1 when one fails or cannot run.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu_lane import encoder_spec
from benchmarks.gpu_models import ARCHITECTURES, build
from benchmarks.provenance import save_figures
from benchmarks.requests import rag_request
from benchmarks.work import reference_pairs
from models.agreement import ENCODER_TOLERANCE, VERIFIER_TOLERANCE
from models.encoder import TransformerEncoder
from models.packed import attend, is_supported, kernel_error, pack_rows
from models.registry import load_tokenizer
from models.shipped import load_shipped_verifier
from models.training.batches import tokenize_examples
from models.training.examples import Example
from models.training.losses import LossWeights, make_batch, total_loss
from models.training.train import TrainConfig, build_network
from models.types import ModelInfo, TokenVectors
from models.verifier import SequenceVerifier
from models.verifier_input import PairBuilder
from scoring.maxsim import match_units, pack_units

_CPU = torch.device("cpu")
_ATTENTION_TOLERANCE = 0.03
"""Of attended values of about 1 (:mod:`models.packed`)."""
_COSINE_TOLERANCE = 0.02
"""Of a token vector: 1 - cosine, the worst of all tokens; random layers lose more than trained ones."""
_LOSS_TOLERANCE = 0.02
"""Of a batch's loss, relative."""
_CLASSES = ("entail", "neutral", "contradict")


class Smoke:
    """The device, its precision, and the folder of the kit."""

    def __init__(self, device: str, folder: str | None, tiny: bool) -> None:
        self.device, self.folder, self.tiny = torch.device(device), folder, tiny
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.tokenizer = load_tokenizer(encoder_spec(folder))
        request = rag_request(1)
        self.texts = [unit["text"] for unit in request["support_units"]] + [request["response_text"], "One."]
        self.pairs = reference_pairs(request)

    def attention(self, head: int, window: int | None) -> tuple[float, float]:
        """Rows end to end through the device's kernel, and one product a row on the CPU."""
        lengths = (1, 700, 64, 65, 300)
        generator = torch.Generator().manual_seed(head)
        parts = torch.randn(3, sum(lengths), 12, head, generator=generator)
        rows = [np.zeros(length) for length in lengths]
        expected = attend(*parts.unbind(), pack_rows(rows, None, _CPU), window)
        found = attend(*parts.to(self.device, self.dtype).unbind(), pack_rows(rows, None, self.device), window)
        return float((found.cpu().float() - expected).abs().max()), _ATTENTION_TOLERANCE

    def encoder(self, architecture: str) -> tuple[float, float]:
        """Token vectors of one request's texts."""
        model = build(architecture, None, self.tiny)
        found, expected = (
            self._encoder(copy.deepcopy(model), device, dtype, packed).encode(self.texts)
            for device, dtype, packed in self._sides(model)
        )
        cosines = [
            (one.vectors.cpu().float() * other.vectors).sum(dim=1).min()
            for one, other in zip(found, expected, strict=True)
        ]
        return 1.0 - float(min(cosines)), _COSINE_TOLERANCE

    def _encoder(self, model: nn.Module, device: torch.device, dtype: torch.dtype, packed: bool) -> TransformerEncoder:
        return TransformerEncoder(model.to(device, dtype), self.tokenizer, _info(device, dtype), packed=packed)

    def verifier(self, architecture: str) -> tuple[float, float]:
        """Probabilities of one request's pairs from a random classifier."""
        model = build(architecture, 3, self.tiny)
        found, expected = (
            SequenceVerifier(
                copy.deepcopy(model).to(device, dtype), self.tokenizer, _info(device, dtype), _CLASSES, packed=packed
            ).verify(self.pairs)
            for device, dtype, packed in self._sides(model)
        )
        return _largest([s.entail for s in found], [s.entail for s in expected]), VERIFIER_TOLERANCE

    def _sides(self, model: nn.Module) -> tuple[tuple[torch.device, torch.dtype, bool], ...]:
        """The device, packed where the model can; and the CPU in float32, padded."""
        packed = is_supported(model) and self._kernel()
        return (self.device, self.dtype, packed), (_CPU, torch.float32, False)

    def _kernel(self) -> bool:
        return self.device.type == "cpu" or kernel_error(self.device, self.dtype) is None

    def shipped(self) -> tuple[float, float]:
        """Probabilities of one request's pairs from the verifier that ships."""
        place = {} if self.folder is None else {"folder": Path(self.folder) / "verifier"}
        found = load_shipped_verifier(**place, device=str(self.device)).verify(self.pairs)
        expected = load_shipped_verifier(**place, device="cpu", dtype="float32").verify(self.pairs)
        return _largest([s.entail for s in found], [s.entail for s in expected]), VERIFIER_TOLERANCE

    def maxsim(self) -> tuple[float, float]:
        """Best matches of 300 tokens in 40 units of up to 700."""
        generator = torch.Generator().manual_seed(2)
        units = [_vectors(length, generator) for length in range(1, 701, 18)]
        response = _vectors(300, generator)
        expected = match_units(response.vectors, pack_units(units)).best
        placed = [TokenVectors(u.vectors.to(self.device, self.dtype), u.char_spans, u.content) for u in units]
        found = match_units(response.vectors.to(self.device, self.dtype), pack_units(placed)).best
        return float((found.cpu() - expected).abs().max()), ENCODER_TOLERANCE

    def training(self) -> tuple[float, float]:
        """The loss of a batch and its largest gradient, relative."""
        spec = encoder_spec(self.folder)
        config = TrainConfig(data=(), encoder=spec.name, encoder_source=spec.source, hidden_dropout=0.0)
        builder = PairBuilder(self.tokenizer, np.zeros(self.tokenizer.vocabulary_size, np.bool_))
        examples = [Example(p, c, number % 3, "", ((0, 4),)) for number, (p, c) in enumerate(self.pairs)]
        groups, _ = tokenize_examples(examples, builder, 512)
        values = []
        for device, autocast in ((self.device, self.device.type == "cuda"), (_CPU, False)):
            network = build_network(config, device).eval()
            batch = make_batch(groups).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                verdict, support = network(batch.tensors)
            loss, _ = total_loss(verdict, support, batch, LossWeights())
            torch.autograd.backward(loss)
            gradient = max(float(p.grad.abs().max()) for p in network.parameters() if p.grad is not None)
            values.append((float(loss.detach()), gradient))
        (loss, gradient), (loss_cpu, gradient_cpu) = values
        return max(abs(loss / loss_cpu - 1.0), 0.2 * abs(gradient / gradient_cpu - 1.0)), _LOSS_TOLERANCE

    def checks(self) -> Mapping[str, Callable[[], tuple[float, float]]]:
        """All checks by name, the cheapest first."""
        attention = {
            f"attention head {head} window {window}": lambda h=head, w=window: self.attention(h, w)
            for head in (32, 64)
            for window in (None, 64)
        }
        encoders = {f"encoder {name}": lambda n=name: self.encoder(n) for name in ARCHITECTURES}
        verifiers = {f"verifier {name}": lambda n=name: self.verifier(n) for name in ARCHITECTURES}
        rest = {"maxsim": self.maxsim, "shipped verifier": self.shipped, "training": self.training}
        return {**attention, **rest, **encoders, **verifiers}

    def run(self) -> dict[str, Any]:
        """The verdict of every check, and whether all passed."""
        found: dict[str, Any] = {
            "kernel": "cpu" if self.device.type == "cpu" else kernel_error(self.device, self.dtype)
        }
        for name, check in self.checks().items():
            try:
                difference, tolerance = check()
                found[name] = {
                    "difference": round(difference, 6),
                    "tolerance": tolerance,
                    "passed": difference <= tolerance,
                }
            except (RuntimeError, TypeError, ValueError, ArithmeticError, ImportError) as error:
                found[name] = {"failed": f"{type(error).__name__}: {error}"[:500], "passed": False}
        verdicts = [part["passed"] for part in found.values() if isinstance(part, dict)]
        return {"passed": all(verdicts), "checks": len(verdicts), "of_which_passed": sum(verdicts), **found}


def _info(device: torch.device, dtype: torch.dtype) -> ModelInfo:
    return ModelInfo("smoke", "random", str(dtype), str(device))


def _largest(found: Sequence[float | None], expected: Sequence[float | None]) -> float:
    return max(abs((one or 0.0) - (other or 0.0)) for one, other in zip(found, expected, strict=True))


def _vectors(tokens: int, generator: torch.Generator) -> TokenVectors:
    vectors: Tensor = nn.functional.normalize(torch.randn(tokens, 384, generator=generator), dim=-1)
    spans = np.stack([np.arange(tokens), np.arange(tokens) + 1], axis=1).astype(np.int32)
    return TokenVectors(vectors, spans, np.ones(tokens, dtype=np.bool_))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_smoke", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", help="what gpu_kit unpacked; the installed packages' models unless given")
    parser.add_argument("--tiny", action="store_true", help="toy models")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    result = Smoke(options.device, options.folder, options.tiny).run()
    save_figures(result, options.json)
    print(json.dumps(result, indent=1))
    return int(not result["passed"])


if __name__ == "__main__":
    raise SystemExit(main())
