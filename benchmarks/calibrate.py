"""Fits the RAG lane's calibration: ``python -m benchmarks.calibrate ragtruth.jsonl.gz [--config FILE] [--out FILE]``.

Without a verifier: token model, claim cut and fusion are fitted on rows of split ``train``, and the curves that bands are picked
from are counted on split ``dev``. With one: see :mod:`benchmarks.calibrate_verified`. How a cut and its precision come from the
curves: :mod:`scoring.band_curves`. Everything the fit saw is written into the artefact: file digest, rows, models, commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibrate_verified import fit_verified
from benchmarks.calibration_fits import (
    TOKEN_FEATURES,
    Example,
    band_parts,
    fit_claim_cut,
    fit_contradiction_cap,
    fit_fusion,
    fit_token_cut,
    fit_tokens,
    fit_units,
    gather,
    scores_of,
)
from benchmarks.figures import auroc, precision_recall_f1
from benchmarks.provenance import provenance
from benchmarks.rows import file_digest, read_rows
from scoring.band_fits import artifact_text
from scoring.bands import OVERALL
from scoring.calibration import RagArtifact, parse_rag_artifact
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane
from serving.lanes.rag import RagLane

ARTIFACTS = Path("scoring/artifacts")


async def fit(lane: RagLane, path: Path, encoder: str, version: str) -> dict[str, Any]:
    """The whole artefact without a verifier."""
    train = await gather(lane, read_rows(path, "train"))
    dev = await gather(lane, read_rows(path, "dev"))
    token = fit_tokens(train)
    unit_bias, unit_z = await fit_units(lane, train)
    artifact = RagArtifact(version, encoder, None, token, unit_bias, unit_z, 0.5, 0.3, 1.0, 0.0, {}, {}, 0.5)
    cut = fit_claim_cut(train, artifact)
    artifact = replace(artifact, claim_cut=cut, dense_cut=cut)
    artifact = replace(artifact, token_cut=fit_token_cut(train, artifact))
    cap, capped = fit_contradiction_cap(train, artifact)
    weights, bias = fit_fusion(train, artifact)
    artifact = replace(artifact, fusion=weights, fusion_bias=bias, contradiction_cap=cap)
    score = scores_of(dev, artifact)
    truth = np.array([example.row.hallucinated for example in dev])
    return {
        "version": version,
        "encoder": encoder,
        "verifier": None,
        "token": {**{name: getattr(token, name) for name in TOKEN_FEATURES}, "bias": token.bias},
        "unit": {"bias": unit_bias, "z": unit_z},
        "claim_cut": artifact.claim_cut,
        "token_cut": artifact.token_cut,
        "contradiction_cap": cap,
        "fusion": {
            "bias": bias,
            "signals": {name: {"weight": w.weight, "center": w.center} for name, w in weights.items()},
        },
        **band_parts(score, [example.row for example in dev]),
        "provenance": {
            "command": "python -m benchmarks.calibrate",
            "data": path.name,
            "sha256": file_digest(path),
            "train_rows": len(train),
            "dev_rows": len(dev),
            "contradicted_train_rows": capped,
            "dev_auroc": round(auroc(truth, 1.0 - score), 4),
            "dev_f1_at_even_odds": round(precision_recall_f1(truth, score <= 0.5)[2], 4),
            "model": lane_model(dev[0]),
            **provenance(),
        },
    }


def lane_model(example: Example) -> dict[str, str]:
    """Which encoder, and which verifier if any, made the facts."""
    info = example.gathered.reply.model
    verifier = example.gathered.verifier
    return {
        "encoder": f"{info.name}@{info.revision[:12]}/{info.dtype}",
        "verifier": "none" if verifier is None else f"{verifier.name}@{verifier.revision[:12]}/{verifier.dtype}",
    }


async def fit_over(lane: RagLane, path: Path, base: Path, version: str) -> dict[str, Any]:
    """The whole artefact with the verifier of ``lane``, over one that was fitted without."""
    document = json.loads(base.read_text(encoding="utf-8"))
    parts, example = await fit_verified(lane, path, parse_rag_artifact(document), version)
    source = {
        "command": "python -m benchmarks.calibrate",
        "data": path.name,
        "sha256": file_digest(path),
        "dev_rows": parts["cross_fitted"][OVERALL]["n"],
        "base": document["version"],
        "model": lane_model(example),
        **provenance(),
    }
    kept = {name: value for name, value in document.items() if name != "bands"}  # cuts of before there were curves
    return {**kept, **parts, "version": version, "provenance": source}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate", description=__doc__)
    parser.add_argument("file", type=Path, help="rows with split, spans and hallucinated, such as ragtruth.jsonl.gz")
    parser.add_argument("--out", type=Path, help="the artefact; rag.json or rag_verified.json among the packaged ones")
    parser.add_argument("--config", type=Path, help="configuration of the models; the bundled ones by default")
    parser.add_argument("--no-verifier", action="store_true", help="fit what the lane does without one")
    parser.add_argument("--base", type=Path, default=ARTIFACTS / "rag.json", help="what the verifier's layers go over")
    parser.add_argument("--version", required=True, help="version that responses will name")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    if arguments.no_verifier:
        config = config.model_copy(update={"verifier": None})
    lane = local_rag_lane(config)
    if config.verifier is None:
        fitted = fit(lane, arguments.file, config.encoder().source, arguments.version)
    else:
        fitted = fit_over(lane, arguments.file, arguments.base, arguments.version)
    artifact = asyncio.run(fitted)
    lane.close()
    out = arguments.out or ARTIFACTS / ("rag.json" if config.verifier is None else "rag_verified.json")
    out.write_text(artifact_text(artifact), encoding="utf-8")
    shown = ("claim_cut", "token_cut", "verified", "fusion", "held", "cross_fitted", "provenance")
    print(json.dumps({key: artifact[key] for key in shown if key in artifact}, indent=1))


if __name__ == "__main__":
    main()
