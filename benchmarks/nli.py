"""A verifier on labelled pairs, per source: ``python -m benchmarks.nli FILE [--json OUT]``.

Rows: ``{premise, hypothesis, label, src}``, label entailment, neutral, contradiction or not_entailment. Per source the AUROC of
p(entail) against the rest, and the same for the share of the claim's words that the premise has, the trivial baseline. A source
whose labels are three-way gets three-way accuracy too, any other balanced accuracy of entailment, at p(entail) >= 0.5.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, auroc, balanced_accuracy, bootstrap
from benchmarks.overlap import overlap
from benchmarks.provenance import provenance
from models.registry import VerifierSpec, load_verifier
from models.shipped import load_shipped_verifier
from models.training.examples import LABELS, DataError, file_sha256, read_lines
from models.types import NliScores, Verifier

_CHUNK_PAIRS = 1024
_THREE_WAY = ("entailment", "neutral", "contradiction")


def read_pairs(path: Path) -> list[dict[str, Any]]:
    """Rows of the file; :class:`DataError` names the first that lacks a field or has another label."""
    rows = []
    for number, row in enumerate(read_lines(path), 1):
        missing = [name for name in ("premise", "hypothesis", "label", "src") if name not in row]
        if missing or row["label"] not in LABELS:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has label {row['label']!r}"
            raise DataError(f"{path}: row {number} {wrong}; labels are {', '.join(LABELS)}.")
        rows.append(row)
    if not rows:
        raise DataError(f"{path} holds no row.")
    return rows


def judge(verifier: Verifier, rows: Sequence[dict[str, Any]]) -> list[NliScores]:
    """A verdict per row, in order. Rows of like length are judged together, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["premise"]) + len(rows[i]["hypothesis"]))
    verdicts: dict[int, NliScores] = {}
    for begin in range(0, len(rows), _CHUNK_PAIRS):
        part = order[begin : begin + _CHUNK_PAIRS]
        judged = verifier.verify([(rows[i]["premise"], rows[i]["hypothesis"]) for i in part])
        verdicts.update(zip(part, judged, strict=True))
    return [verdicts[i] for i in range(len(rows))]


def measure(rows: Sequence[dict[str, Any]], verdicts: Sequence[NliScores]) -> dict[str, Any]:
    """Per source: n, AUROC of entailment and by word overlap, which accuracy, its figure, and that of the commonest label."""
    sources: dict[str, Any] = {}
    for name in sorted({row["src"] for row in rows}):
        members = [i for i, row in enumerate(rows) if row["src"] == name]
        own, judged = [rows[i] for i in members], [verdicts[i] for i in members]
        labels = [row["label"] for row in own]
        sources[name] = {**_measure_source(labels, judged), **_ranking(own, judged)}
    means = {
        kind: round(float(np.mean([s["figure"]["value"] for s in sources.values() if s["measure"] == kind])), 4)
        for kind in sorted({s["measure"] for s in sources.values()})
    }
    return {"sources": sources, "mean_over_sources": means, "n": len(rows)}


def _ranking(rows: Sequence[dict[str, Any]], verdicts: Sequence[NliScores]) -> dict[str, Any]:
    """AUROC of entailment; groups of the interval are the premises, since one often has several hypotheses."""
    rest = np.array([row["label"] != "entailment" for row in rows])
    risk = 1.0 - np.array([verdict.entail or 0.0 for verdict in verdicts])
    missing = 1.0 - np.array([overlap(row["premise"], row["hypothesis"]) for row in rows])
    premises = [row["premise"] for row in rows]
    return {
        "entailed_share": round(1.0 - float(rest.mean()), 4),
        "auroc": bootstrap(lambda chosen: auroc(rest[chosen], risk[chosen]), premises, rounds=400),
        "auroc_by_overlap": round(auroc(rest, missing), 4),
    }


def _measure_source(labels: Sequence[str], verdicts: Sequence[NliScores]) -> dict[str, Any]:
    counts = Counter(labels)
    if "not_entailment" not in counts and len(counts) > 1 and all(v.neutral is not None for v in verdicts):
        hits = np.array([_class(v) == label for v, label in zip(verdicts, labels, strict=True)])
        figure = _figure(lambda rows: float(hits[rows].mean()), len(hits))
        trivial = max(counts.values()) / len(labels)
        return {"measure": "accuracy_3way", "n": len(labels), "figure": figure, "trivial": round(trivial, 4)}
    truth = np.array([label == "entailment" for label in labels])
    flagged = np.array([(v.entail or 0.0) >= 0.5 for v in verdicts])
    figure = _figure(lambda rows: balanced_accuracy(truth[rows], flagged[rows]), len(truth))
    return {"measure": "balanced_accuracy", "n": len(labels), "figure": figure, "trivial": 0.5}


def _figure(statistic: Any, count: int) -> Figure:
    return bootstrap(statistic, [str(i) for i in range(count)], rounds=400)


def _class(verdict: NliScores) -> str:
    values = (verdict.entail or 0.0, verdict.neutral or 0.0, verdict.contradict or 0.0)
    return _THREE_WAY[int(np.argmax(values))]


def _print(result: dict[str, Any]) -> None:
    print(
        f"{'source':24}{'n':>6}{'AUROC':>8}  {'95% interval':13}{'overlap':>8}  {'measure':18}{'value':>7}{'trivial':>8}"
    )
    for name, source in result["sources"].items():
        figure, ranked = source["figure"], source["auroc"]
        interval = f"{ranked['low']:.3f}-{ranked['high']:.3f}"
        print(
            f"{name:24}{source['n']:>6}{ranked['value']:>8.3f}  {interval:13}{source['auroc_by_overlap']:>8.3f}"
            f"  {source['measure']:18}{figure['value']:>7.3f}{source['trivial']:>8.3f}"
        )
    print(f"mean over sources: {result['mean_over_sources']}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nli", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--verifier", help="folder or hub id of another verifier; the shipped one unless given")
    parser.add_argument("--weights", type=Path, help="folder of another training's exported weights")
    parser.add_argument("--limit", type=int, help="only the first N rows")
    options = parser.parse_args(arguments)
    try:
        rows = read_pairs(options.file)[: options.limit]
    except DataError as error:
        parser.exit(2, f"error: {error}\n")
    verifier = _load(options.verifier, options.weights)
    info = verifier.info
    result = {
        "file": options.file.name,
        "sha256": file_sha256(options.file),
        "verifier": {"name": info.name, "revision": info.revision, "dtype": info.dtype},
        **measure(rows, judge(verifier, rows)),
        "provenance": provenance(),
    }
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _load(name: str | None, weights: Path | None) -> Verifier:
    if name:
        return load_verifier(VerifierSpec(name=name, source=name))
    return load_shipped_verifier(weights) if weights else load_shipped_verifier()


if __name__ == "__main__":
    raise SystemExit(main())
