"""Train the verifier: ``python -m models.training.train --config FILE --out FOLDER [--budget-minutes N]``.

Resumable: an interrupted run goes on from its checkpoint and ends with the weights of an uninterrupted one.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models import checkpoint
from models.device import choose_device
from models.training.batches import TrainingGroup, plan_epoch
from models.training.examples import DataError, Example, Source, file_sha256, read_source
from models.training.losses import Batch, LossWeights, total_loss
from models.training.negatives import make_negatives
from models.training.parallel import collated, tokenize_in_parallel
from models.verifier_input import PairBuilder
from models.verifier_network import VerifierNetwork, is_trained, widen_types
from models.weights import BUNDLED_SOURCE, ModelLoadError, digest, locate

_CHECKPOINT_STEPS = 100
_LOG_STEPS = 10


@dataclass(frozen=True)
class TrainConfig:
    """One stage. ``start``: ``bundled`` or a folder with the ``weights.safetensors`` of an earlier stage.

    ``batch_tokens``: padded tokens of a forward pass; ``accumulate``: passes per step. ``max_pair_tokens``: longer pairs are
    left out and counted. The learning rate rises over ``warmup_steps``, then falls linearly to zero at the last step of
    the last epoch, or with ``decay: budget`` at the end of ``--budget-minutes`` if that comes first (then the run
    depends on the machine's speed; ``metrics.jsonl`` holds the rates). ``max_steps`` ends the stage before that.
    ``negatives_per_claim``: see :mod:`models.training.negatives`.
    """

    data: tuple[Source, ...]
    start: str = BUNDLED_SOURCE
    encoder: str = "all-MiniLM-L6-v2"
    encoder_source: str = BUNDLED_SOURCE
    seed: int = 0
    epochs: int = 1
    learning_rate: float = 1.5e-4
    warmup_steps: int = 60
    weight_decay: float = 0.01
    batch_tokens: int = 4096
    accumulate: int = 2
    max_pair_tokens: int = 320
    hidden_dropout: float = 0.1
    decay: str = "steps"
    max_steps: int | None = None
    negatives_per_claim: float = 0.0
    autocast: bool = True
    loss: LossWeights = field(default_factory=LossWeights)


def read_config(path: Path, data: Path | None = None) -> TrainConfig:
    """The configuration in a YAML file; :class:`DataError` names an unknown key.

    Data paths are relative to ``data``, to the file's folder unless given.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError) as error:
        raise DataError(f"no usable configuration at {path}: {error}") from error
    if not isinstance(values, dict) or not values.get("data"):
        raise DataError(f"{path}: give at least one entry under 'data'.")
    values["data"] = tuple(_source(entry, path, data or path.parent) for entry in values["data"])
    values["loss"] = _checked(LossWeights, values.get("loss", {}), path)
    config: TrainConfig = _checked(TrainConfig, values, path)
    return config


def _source(entry: dict[str, Any], path: Path, data: Path) -> Source:
    source: Source = _checked(Source, {**entry, "path": data / entry.get("path", "")}, path)
    return source


def _checked(kind: Any, values: dict[str, Any], path: Path) -> Any:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise DataError(f"{path}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    return kind(**values)


@dataclass(frozen=True)
class Machine:
    """Where a run computes. ``workers``: processes that tokenise and collate beside it, for a GPU; 0 does both here."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    workers: int = 0


def build_network(config: TrainConfig, device: torch.device) -> VerifierNetwork:
    """The network with the bundled encoder's weights, or those of an earlier stage; embeddings frozen."""
    torch.manual_seed(config.seed)
    encoder: Any = checkpoint.load_module(locate(config.encoder, config.encoder_source), "encoder")
    # on a CPU the fused kernel's backward is three times slower
    encoder.set_attn_implementation("eager" if device.type == "cpu" else "sdpa")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.hidden_dropout
    for layer in encoder.encoder.layer:
        layer.attention.self.dropout.p = 0.0
    widen_types(encoder)
    network = VerifierNetwork(encoder, int(encoder.config.hidden_size))
    if config.start != BUNDLED_SOURCE:
        load_trained(network, load_file(Path(config.start) / "weights.safetensors"))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(is_trained(name))
    return network.to(device).train()


def load_trained(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Put trained tensors over the encoder's; :class:`DataError` when they are not exactly the trained ones."""
    wanted = {name for name in network.state_dict() if is_trained(name)}
    if wanted != set(tensors):
        raise DataError(f"the weights differ from the network: {sorted(wanted ^ set(tensors))[:5]}")
    network.load_state_dict(tensors, strict=False)


def trained_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What training changed, by name."""
    return {name: value.detach().contiguous() for name, value in network.state_dict().items() if is_trained(name)}


class Run:
    """One training run: position, optimiser, metrics; all of it in the checkpoint."""

    def __init__(self, config: TrainConfig, groups: Sequence[TrainingGroup], out: Path, machine: Machine) -> None:
        self._config, self._groups, self._out, self._machine = config, groups, out, machine
        self.network = build_network(config, machine.device)
        self._ahead: Iterator[Batch] | None = None
        self._batches = [
            batch
            for epoch in range(config.epochs)
            for batch in plan_epoch(groups, config.batch_tokens, f"{config.seed}:{epoch}")
        ]
        self._scale = len(self._batches) / (config.epochs * max(1, len(groups)))
        self.planned_steps = -(-len(self._batches) // config.accumulate)
        self.steps = min(self.planned_steps, config.max_steps or self.planned_steps)
        self.step = 0
        self.seconds_before = 0.0
        self._started_s = time.monotonic()
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(self.network, config), lr=config.learning_rate, betas=(0.9, 0.98), fused=True
        )
        self._base_rates = [group["lr"] for group in self._optimizer.param_groups]

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        path = self._out / "checkpoint.pt"
        if not path.is_file():
            torch.manual_seed(self._config.seed)
            return
        state = torch.load(path, weights_only=True, map_location="cpu")
        load_trained(self.network, state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.seconds_before = state["seconds"]
        torch.set_rng_state(state["random"])

    def seconds(self) -> float:
        """How long the run has trained, earlier sittings included."""
        return self.seconds_before + time.monotonic() - self._started_s

    def save(self) -> None:
        """Write the checkpoint in one move."""
        state = {
            "network": trained_tensors(self.network),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds(),
            "random": torch.get_rng_state(),
        }
        torch.save(state, self._out / "checkpoint.tmp")
        (self._out / "checkpoint.tmp").replace(self._out / "checkpoint.pt")

    def advance(self, budget_share: float = 0.0) -> dict[str, float]:
        """One optimiser step; the parts of its loss, the real tokens it saw, and the share of the learning rate.

        ``budget_share``: how much of the time is gone, in [0, 1]; 0 where the steps alone decide.
        """
        config = self._config
        share = _rate_share(self.step, config.warmup_steps, self.planned_steps, budget_share)
        for group, base in zip(self._optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = base * share
        batches = self._next_batches()
        totals: dict[str, float] = {"rate_share": share, "tokens": 0.0}
        for collated_batch in batches:
            batch = collated_batch.to(self._machine.device)
            with torch.autocast(self._machine.device.type, torch.bfloat16, enabled=config.autocast):
                verdict, support = self.network(batch.tensors)
            loss, parts = total_loss(verdict, support, batch, config.loss)
            torch.autograd.backward(loss * self._scale / config.accumulate)
            totals["tokens"] += float(batch.tensors.mask.sum())
            for name, value in parts.items():
                totals[name] = totals.get(name, 0.0) + value / len(batches)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return totals

    def _next_batches(self) -> list[Batch]:
        """The batches of the next step."""
        if self._ahead is None:
            left = self._batches[self.step * self._config.accumulate :]
            pinned = self._machine.device.type == "cuda"
            self._ahead = collated(self._groups, left, self._machine.workers, pinned)
        return list(islice(self._ahead, self._config.accumulate))


def _parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Biases and norms without weight decay."""
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for parameter in network.parameters():
        if parameter.requires_grad:
            (decayed if parameter.ndim > 1 else plain).append(parameter)
    return [
        {"params": decayed, "weight_decay": config.weight_decay, "lr": config.learning_rate},
        {"params": plain, "weight_decay": 0.0, "lr": config.learning_rate},
    ]


def _rate_share(step: int, warmup: int, steps: int, budget_share: float = 0.0) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, min((steps - step) / max(1, steps - warmup), 1.0 - budget_share))


def train(
    config: TrainConfig,
    out: Path,
    budget_minutes: float | None = None,
    stop_after: int | None = None,
    machine: Machine | None = None,
) -> bool:
    """Run a stage to its end, the budget's, or ``stop_after`` steps in all; True when it is complete.

    Writes ``manifest.json``, ``metrics.jsonl``, ``checkpoint.pt`` and ``weights.safetensors`` (as they stand) into ``out``.
    """
    started_s = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    folder = locate(config.encoder, config.encoder_source)
    examples: list[Example] = []
    for source in config.data:
        examples.extend(read_source(source, config.seed))
    if config.negatives_per_claim:
        examples.extend(make_negatives(examples, config.negatives_per_claim, config.seed))
    machine = machine or Machine()
    builder = PairBuilder.from_folder(folder)
    groups, left_out = tokenize_in_parallel(examples, builder, config.max_pair_tokens, machine.workers)
    if not groups:
        raise DataError("no example is left to train on; check 'sources' and 'max_pair_tokens'.")
    run = Run(config, groups, out, machine)
    run.resume()
    counts = {"examples": len(examples), "groups": len(groups), "groups_left_out": left_out, "steps": run.steps}
    _write_manifest(config, out, folder, counts)
    limit = min(run.steps, stop_after) if stop_after is not None else run.steps
    budget_s = None if budget_minutes is None else budget_minutes * 60.0 - (time.monotonic() - started_s)
    with (out / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        while run.step < limit and (budget_s is None or run.seconds() < budget_s):
            by_time = config.decay == "budget" and budget_s is not None
            parts = run.advance(run.seconds() / budget_s if by_time and budget_s else 0.0)
            if run.step % _LOG_STEPS == 0 or run.step == run.steps:
                metrics.write(json.dumps({"step": run.step, "seconds": round(run.seconds(), 1), **parts}) + "\n")
                metrics.flush()
                print(
                    f"step {run.step}/{run.steps}, {run.seconds():.0f} s, loss {parts['verdict']:.3f}", file=sys.stderr
                )
            if run.step % _CHECKPOINT_STEPS == 0:
                run.save()
    run.save()
    save_file(trained_tensors(run.network), out / "weights.safetensors")
    _write_manifest(config, out, folder, {**counts, "steps_done": run.step})
    return run.step >= run.steps


def _write_manifest(config: TrainConfig, out: Path, folder: Path, counts: dict[str, int]) -> None:
    manifest = {
        "config": asdict(config),
        "data": [{"path": source.path.name, "sha256": file_sha256(source.path)} for source in config.data],
        "encoder_sha256": digest(folder),
        **counts,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "threads": torch.get_num_threads(),
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, default=str) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 0 when complete, 3 when the budget ended it first."""
    parser = argparse.ArgumentParser(prog="python -m models.training.train", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file of one stage")
    parser.add_argument("--data", type=Path, help="folder that the configuration's data paths are relative to")
    parser.add_argument("--start", type=Path, help="folder of the stage before; instead of the configuration's 'start'")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, metrics and weights")
    parser.add_argument("--budget-minutes", type=float, help="stop cleanly after this long; run again to go on")
    parser.add_argument("--threads", type=int, help="threads to compute on; all cores unless given")
    parser.add_argument(
        "--device", default="cpu", help="cpu, cuda, cuda:N or auto; on CUDA a resumed run is not bit-exact"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that tokenise and collate ahead, for a GPU")
    options = parser.parse_args(arguments)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        config = read_config(options.config, options.data)
        if options.start is not None:
            config = replace(config, start=str(options.start))
        machine = Machine(choose_device(options.device), options.workers)
        complete = train(config, options.out, options.budget_minutes, machine=machine)
    except (DataError, ModelLoadError) as error:
        parser.exit(2, f"error: {error}\n")
    return 0 if complete else 3


if __name__ == "__main__":
    raise SystemExit(main())
