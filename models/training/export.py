"""From a training run to the folder that ships: ``python -m models.training.export --run FOLDER --out FOLDER``.

Writes the trained tensors in bfloat16 and ``card.json`` with digests, calibration and the run's manifest. ``--average 2`` ships
the mean of the last two stages' tensors (Wortsman and others 2022, "Model soups"). ``--before FOLDER`` names the exported
weights that the first run started from: their stages stand first in the card. ``--mix FOLDER=SHARE``, repeated, ships a weighted
mean of the weights in these folders instead.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from models.registry import SHIPPED_VERIFIER
from models.shipped import WEIGHTS_FILE
from models.training.examples import file_sha256

_SHARE_ERROR = 1e-6


def export(
    runs: Sequence[Path],
    out: Path,
    calibration: Mapping[str, float] | None = None,
    average: int = 1,
    before: Path | None = None,
    mix: Mapping[Path, float] | None = None,
) -> None:
    """``runs``: the stages in order; the mean of the last ``average`` ones' weights ships, all manifests are kept.

    ``before``: a folder of exported weights whose stages came first. ``mix``: folders of weights and their shares of what ships,
    instead of the last stages' mean.
    """
    if not 1 <= average <= len(runs):
        raise ValueError(f"average is {average}; there are {len(runs)} runs")
    out.mkdir(parents=True, exist_ok=True)
    shares = dict(mix or dict.fromkeys(runs[-average:], 1.0 / average))
    if abs(sum(shares.values()) - 1.0) > _SHARE_ERROR:
        raise ValueError(f"the shares add up to {sum(shares.values())}, not to 1")
    parts = [(share, load_file(folder / WEIGHTS_FILE)) for folder, share in shares.items()]
    tensors = {
        name: torch.stack([share * part[name].float() for share, part in parts]).sum(dim=0).to(torch.bfloat16)
        for name in parts[0][1]
    }
    save_file(tensors, out / WEIGHTS_FILE)
    (out / WEIGHTS_FILE).chmod(0o644)  # the writer leaves it to its owner alone
    earlier = json.loads((before / "card.json").read_text(encoding="utf-8"))["stages"] if before is not None else []
    manifests = [*earlier, *(_manifest(run) for run in runs)]
    card = {
        "name": SHIPPED_VERIFIER,
        "encoder": manifests[-1]["config"]["encoder"],
        "encoder_source": manifests[-1]["config"]["encoder_source"],
        "encoder_sha256": manifests[-1]["encoder_sha256"],
        "weights_sha256": file_sha256(out / WEIGHTS_FILE),
        "calibration": dict(calibration or {}),
        "averaged_stages": list(range(len(manifests) - average + 1, len(manifests) + 1)) if mix is None else [],
        "mix": {folder.name: share for folder, share in (mix or {}).items()},
        "stages": manifests,
    }
    write_card(out, card)


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``card.json``."""
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _manifest(run: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for source in manifest["config"]["data"]:
        source["path"] = Path(source["path"]).name
    manifest["config"]["start"] = Path(manifest["config"]["start"]).name
    return manifest


def _shares(given: Sequence[str]) -> dict[Path, float] | None:
    """``["runs/8=0.75", "runs/7=0.25"]`` as folders and numbers; None when nothing is given."""
    return {Path(folder): float(share) for folder, _, share in (text.rpartition("=") for text in given)} or None


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m models.training.export", description=__doc__)
    parser.add_argument("--run", type=Path, action="append", required=True, help="a stage's folder; repeat in order")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="exported weights that the first run started from")
    parser.add_argument("--mix", action="append", default=[], metavar="FOLDER=SHARE", help="repeat; shares add up to 1")
    parser.add_argument("--average", type=int, default=1, help="how many of the last stages to average")
    options = parser.parse_args(arguments)
    export(options.run, options.out, average=options.average, before=options.before, mix=_shares(options.mix))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
