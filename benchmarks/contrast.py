"""A verifier on pairs of a faithful and an altered claim, by kind: ``python -m benchmarks.contrast --weights FOLDER``.

The pairs come from :mod:`benchmarks.contrast_forms`: other passages, wordings and names than training makes. Per kind: how
often the faithful claim is entailed more (ties count half), AUROC of entailment over all claims of the kind, and the same by
word overlap, the trivial baseline. Intervals resample forms, since pairs of one form differ in names alone.
``--made N`` adds pairs that the training generators make with another seed: what was learned of their form, an upper figure.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contrast_forms import held_out_pairs
from benchmarks.figures import auroc, bootstrap
from benchmarks.nli import judge
from benchmarks.overlap import overlap
from benchmarks.provenance import provenance, save_figures
from models.shipped import load_shipped_verifier
from models.training.contrast import KINDS, unmarked
from models.training.contrast.words import VOCABULARY, Cast
from models.types import Verifier

_FILLS = 12
_MADE_SEED = "made"
Pair = dict[str, Any]


def made_pairs(count: int) -> list[Pair]:
    """``count`` pairs of each kind by the generators that training uses, alone in their passage, from a seed of their own."""
    pairs = []
    for kind, make in KINDS.items():
        for number in range(count):
            draw = random.Random(f"{_MADE_SEED}:{kind}:{number}")
            contrast = make(Cast(VOCABULARY, draw))
            if contrast.false:
                true, false = draw.choice(contrast.true), unmarked(draw.choice(contrast.false))[0]
                pairs.append(
                    {
                        "kind": kind,
                        "form": f"{kind}:{number}",
                        "question": None,
                        "premise": " ".join(contrast.facts),
                        "true": true,
                        "false": false,
                    }
                )
    return pairs


def entailment(verifier: Verifier, pairs: Sequence[Pair]) -> np.ndarray:
    """(pairs, 2) p(entail) of the true and the false claim, read as the server reads them: a short answer after its question."""
    rows: list[dict[str, str]] = []
    for pair in pairs:
        asked = f"{pair['question']} " if pair["question"] else ""
        premise = f"{pair['question']}\n{pair['premise']}" if asked else pair["premise"]
        rows.extend({"premise": premise, "hypothesis": asked + pair[side]} for side in ("true", "false"))
    return np.array([verdict.entail or 0.0 for verdict in judge(verifier, rows)]).reshape(-1, 2)


def overlaps(pairs: Sequence[Pair]) -> np.ndarray:
    """(pairs, 2) share of the claim's words that the passage has."""
    return np.array([[overlap(pair["premise"], pair[side]) for side in ("true", "false")] for pair in pairs])


def in_order(scores: np.ndarray) -> np.ndarray:
    """(pairs,) 1 where the true claim is above the false one, one half for a tie."""
    order: np.ndarray = (scores[:, 0] > scores[:, 1]) + 0.5 * (scores[:, 0] == scores[:, 1])
    return order


def measure(pairs: Sequence[Pair], entail: np.ndarray) -> dict[str, Any]:
    """Per kind and over all: n, forms, share in order with its interval, AUROC, and both by word overlap."""
    trivial = overlaps(pairs)
    kinds = np.array([pair["kind"] for pair in pairs])
    forms = [str(pair["form"]) for pair in pairs]
    chosen: dict[str, np.ndarray] = {kind: kinds == kind for kind in sorted(set(kinds.tolist()))}
    chosen["all"] = np.ones(len(pairs), dtype=np.bool_)
    return {
        name: _figures(entail[rows], trivial[rows], [f for f, keep in zip(forms, rows, strict=True) if keep])
        for name, rows in chosen.items()
    }


def _figures(entail: np.ndarray, trivial: np.ndarray, forms: Sequence[str]) -> dict[str, Any]:
    order = in_order(entail)
    truth = np.tile([False, True], len(entail))
    statistic: Callable[[np.ndarray], float] = lambda rows: float(order[rows].mean())  # noqa: E731 - one expression
    return {
        "pairs": len(entail),
        "forms": len(set(forms)),
        "in_order": bootstrap(statistic, list(forms), rounds=400),
        "auroc": round(auroc(truth, 1.0 - entail.reshape(-1)), 4),
        "in_order_by_overlap": round(float(in_order(trivial).mean()), 4),
        "auroc_by_overlap": round(auroc(truth, 1.0 - trivial.reshape(-1)), 4),
    }


def _print(title: str, figures: Mapping[str, Any]) -> None:
    print(f"{title:24}{'pairs':>6}{'forms':>6}{'in order':>9}  {'95% interval':12}{'AUROC':>6}{'by overlap':>11}")
    for kind, row in figures.items():
        order = row["in_order"]
        interval = f"{order['low']:.2f}-{order['high']:.2f}"
        print(
            f"{kind:24}{row['pairs']:>6}{row['forms']:>6}{order['value']:>9.3f}  {interval:12}{row['auroc']:>6.3f}"
            f"{row['in_order_by_overlap']:>11.3f}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contrast", description=__doc__)
    parser.add_argument(
        "--weights", type=Path, help="folder of another training's exported weights; the shipped ones unless given"
    )
    parser.add_argument("--fills", type=int, default=_FILLS, help="draws of names for each form")
    parser.add_argument("--made", type=int, default=0, help="pairs of each kind by the training generators")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    verifier = load_shipped_verifier(options.weights) if options.weights else load_shipped_verifier()
    sets = {"held_out_forms": list(held_out_pairs(options.fills))}
    if options.made:
        sets["training_forms"] = made_pairs(options.made)
    result: dict[str, Any] = {"verifier": {"name": verifier.info.name, "revision": verifier.info.revision}}
    for name, pairs in sets.items():
        result[name] = measure(pairs, entailment(verifier, pairs))
        _print(name, result[name])
    result["provenance"] = provenance()
    save_figures(json.loads(json.dumps(result)), options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
