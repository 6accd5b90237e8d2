"""A GPU for minutes: smoke, train, benchmark, in one command: ``python -m benchmarks.gpu_session --kit gpu-kit --out OUT``.

Needs torch, transformers, numpy and what they bring, no network. Each stage is processes of its own within its share of
``--minutes``, what one leaves goes to the next, and its result is in ``OUT`` before the next begins. Called again it goes on
with the stage that is not done. ``OUT`` gets at most 8 files of 15 MiB or less, of which ``gpu_kit adopt OUT FOLDER`` makes
a verifier.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import gpu_kit
from benchmarks.provenance import save_figures
from models.shipped import WEIGHTS_FILE

SHARES: Mapping[str, float] = {"smoke": 0.12, "train": 0.55, "benchmark": 0.33}
"""Of the whole time: of nine minutes 65 s, 297 s and 178 s."""
_TRAINING_SHARE = 0.72
"""Of what the train stage has left: the budget of training itself. The rest exports and evaluates on two sets."""
_ENDING_S = 10.0
"""A process that does not end when asked to is killed after this long."""


@dataclass(frozen=True)
class Session:
    """Where everything lies. ``work``: what :mod:`benchmarks.gpu_kit` unpacked, and runs; it stays between calls."""

    out: Path
    work: Path
    recipe: Path
    device: str
    workers: int
    batch_tokens: int
    tiny: bool

    @property
    def small(self) -> list[str]:
        """Options of every benchmark."""
        return ["--device", self.device, "--folder", str(self.work), *(["--tiny"] if self.tiny else [])]

    def run(self, arguments: Sequence[str], ends_s: float) -> dict[str, Any]:
        """One Python process until it ends or the time does: exit status (None: it was ended), seconds, and its last lines."""
        began_s = time.monotonic()
        log = self.work / "last.log"
        environment = {
            **os.environ,
            "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment
            )
            status: int | None = None
            try:
                status = process.wait(max(1.0, ends_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                _end(process)
        return {
            "command": " ".join(arguments),
            "status": status,
            "took_s": round(time.monotonic() - began_s, 1),
            "last_lines": log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:],
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def smoke(session: Session, ends_s: float) -> dict[str, Any]:
    """Kernels and model paths against the CPU."""
    found = session.work / "smoke.json"
    step = session.run(["benchmarks.gpu_smoke", *session.small, "--json", str(found)], ends_s)
    return {"steps": [step], "result": _read(found)}


def train(session: Session, ends_s: float) -> dict[str, Any]:
    """Train from the shipped weights, export, evaluate on labelled pairs and annotated answers, and bring the weights out."""
    run, exported = session.work / "run", session.work / "exported"
    recipe = session.work / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(recipe_here(session)), encoding="utf-8")
    minutes = max(0.05, (ends_s - time.monotonic()) * _TRAINING_SHARE / 60.0)
    asked = ["--config", str(recipe), "--data", str(session.work / "data"), "--start", str(session.work / "verifier")]
    asked += ["--out", str(run), "--budget-minutes", f"{minutes:.2f}", "--device", session.device]
    steps = [session.run(["models.training.train", *asked, "--workers", str(session.workers)], ends_s)]
    if not (run / "weights.safetensors").is_file():
        return {"steps": steps, "result": None}
    steps.append(session.run(["models.training.export", "--run", str(run), "--out", str(exported)], ends_s))
    evaluations: dict[str, list[str]] = {}
    if (session.work / "data" / "ragtruth_dev.jsonl").is_file():
        answers = str(session.work / "data" / "ragtruth_dev.jsonl")
        evaluations["answers"] = ["benchmarks.verifier", answers, "--weights", str(exported), "--fit"]
    if (dev := _dev(session)) is not None:
        limit = ["--limit", "16"] if session.tiny else []
        evaluations["pairs"] = ["benchmarks.nli", str(dev), "--weights", str(exported), *limit]
    results: dict[str, Any] = {"metrics": _last_metrics(run), "manifest": _read(run / "manifest.json")}
    _bring_out(session, exported)  # before what is optional
    for name, command in evaluations.items():
        found = session.work / f"{name}.json"
        steps.append(session.run([*command, "--json", str(found)], ends_s))
        results[name] = _read(found)
    _bring_out(session, exported)  # with the calibration that --fit wrote into the card
    return {"steps": steps, "result": results}


def benchmark(session: Session, ends_s: float) -> dict[str, Any]:
    """Speed: the lane, the models, MaxSim, precision."""
    found = session.out / "figures.json"
    dev = _dev(session)
    asked = ["benchmarks.gpu", *session.small, "--json", str(found), "--seconds", "0.01" if session.tiny else "1.0"]
    asked += ["--budget-s", f"{max(1.0, (ends_s - time.monotonic()) * 0.8):.0f}", *(["--dev", str(dev)] if dev else [])]
    step = session.run(asked, ends_s)
    parts = (_read(found) or {}).get("parts", {})
    return {
        "steps": [step],
        "result": {"parts": sorted(parts), "failed": [n for n, p in parts.items() if "failed" in p["figures"]]},
    }


Stage = Callable[[Session, float], dict[str, Any]]
STAGES: Mapping[str, Stage] = {"smoke": smoke, "train": train, "benchmark": benchmark}


def recipe_here(session: Session) -> dict[str, Any]:
    """The recipe with this machine's encoder, data and batches, its learning rate falling to zero at the budget's end.

    Data that is not here is left out; ``pairs.jsonl.gz`` of the recipe is ``pairs.jsonl`` here.
    """
    values: dict[str, Any] = yaml.safe_load(session.recipe.read_text(encoding="utf-8"))
    names = [(entry, entry["path"].partition(".")[0] + ".jsonl") for entry in values["data"]]
    values["data"] = [{**entry, "path": name} for entry, name in names if (session.work / "data" / name).is_file()]
    for entry in values["data"]:
        if entry.get("kind") == "nli" and entry.get("sources"):
            entry["sources"] = dict.fromkeys(entry["sources"])  # a GPU has the time for all rows of each
    values.pop("max_steps", None)
    return values | {
        "encoder_source": str(session.work / "encoder"),
        "batch_tokens": session.batch_tokens,
        "accumulate": 1,
        "epochs": 2 if session.tiny else 8,
        "decay": "budget",
    }


def _bring_out(session: Session, exported: Path) -> None:
    if (exported / "card.json").is_file():
        gpu_kit.split(exported / WEIGHTS_FILE, session.out)
        (session.out / "card.json").write_bytes((exported / "card.json").read_bytes())


def _dev(session: Session) -> Path | None:
    path = session.work / "data" / "nli_dev.jsonl"
    return path if path.is_file() else None


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _last_metrics(run: Path) -> list[Any]:
    """Every tenth line of the losses, so that the curve comes back small."""
    path = run / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines[:: max(1, len(lines) // 40)]]


def run(session: Session, minutes: float, stages: Sequence[str]) -> dict[str, str]:
    """The asked stages in order; what each came to: done, failed, or kept from an earlier call."""
    whole_s = minutes * 60.0
    ends_s = time.monotonic()
    verdicts: dict[str, str] = {}
    for name in stages:
        ends_s += whole_s * SHARES[name]
        path = session.out / f"{name}.json"
        if (_read(path) or {}).get("done"):
            verdicts[name] = "kept"
            continue
        began_s = time.monotonic()
        found = STAGES[name](session, ends_s)
        done = all(step["status"] in (0, 3) for step in found["steps"])  # 3: training ended by its budget
        took_s = round(time.monotonic() - began_s, 1)
        save_figures({"stage": name, "done": done, "took_s": took_s, **found}, path)
        verdicts[name] = "done" if done else "failed"
        print(f"{name}: {verdicts[name]} in {took_s} s", flush=True)
    return verdicts


def prepare(kit: Path, work: Path, shared: Path | None) -> None:
    """Unpack the kit, and of the shared data what training and evaluation read; nothing where it is done."""
    if (work / "unpacked").is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    gpu_kit.unpack(kit, work)
    if shared is not None:
        gpu_kit.unpack_data(sorted(shared.glob("nli_*.jsonl.xz")), work / "data")
    (work / "unpacked").write_text("", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 1 when a stage failed, after the others had their turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_session", description=__doc__)
    parser.add_argument("--kit", type=Path, default=Path("gpu-kit"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("gpu-session"), help="kept between calls on one machine")
    parser.add_argument("--shared", type=Path, help="folder with nli_train.jsonl.xz and nli_dev.jsonl.xz")
    parser.add_argument("--recipe", type=Path, help="of training; the last of models/training/recipes unless given")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=12, help="processes that tokenise and collate for training")
    parser.add_argument("--batch-tokens", type=int, default=32_768)
    parser.add_argument("--tiny", action="store_true", help="toy sizes, to try it out")
    options = parser.parse_args(arguments)
    recipe = options.recipe or sorted(Path("models/training/recipes").glob("*.yaml"))[-1]
    options.out.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    work = options.work.resolve()
    prepare(options.kit, work, options.shared)
    minutes = options.minutes - (time.monotonic() - began_s) / 60.0
    session = Session(options.out, work, recipe, options.device, options.workers, options.batch_tokens, options.tiny)
    verdicts = run(session, minutes, options.stages)
    return int("failed" in verdicts.values())


if __name__ == "__main__":
    raise SystemExit(main())
