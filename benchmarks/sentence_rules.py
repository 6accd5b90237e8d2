"""How often the rules on sentences are right: ``python -m benchmarks.sentence_rules --ragtruth FILE --nli FILE``.

Every sentence of the answers of RAGTruth's training half, by whether an annotator marked an error in it, and a sample of general
inference pairs, by label. The rules were written looking at both, so these figures say what a rule costs, not how it generalises;
``benchmarks.everyday`` has pairs that they had not seen. The trivial baseline is the share of sentences without an error.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import clopper_pearson
from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import read_json_lines
from scoring.rag.sentences.reading import SentenceReading, SourceSentences, read_claim, source_sentences
from scoring.segmentation import sentence_spans

_RESULTS = Path(__file__).parent / "results" / "sentence_rules.json"
_SEED = 5


def ruling(found: SentenceReading) -> str | None:
    """The code of what was read; None where the rules are silent."""
    if found.contrast is not None:
        return found.contrast.code.value
    if found.restated:
        return "restated"
    return "absent_attribute" if found.absent else "absent_name" if found.unknown else None


def on_answers(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """By ruling: sentences with and without a marked error; and the processor's time a response, in ms."""
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    total: Counter[bool] = Counter()
    sources: dict[str, SourceSentences] = {}
    index_ms, claims_ms = [], []
    for row in rows:
        started_s = time.process_time()
        if row["source_id"] not in sources:
            sources[row["source_id"]] = source_sentences([row["context"]])
            index_ms.append((time.process_time() - started_s) * 1000.0)
        source, started_s = sources[row["source_id"]], time.process_time()
        for start, end in sentence_spans(row["response"]):
            marked = any(span["start"] < end and span["end"] > start for span in row["spans"])
            total[marked] += 1
            code = ruling(read_claim(row["response"][start:end], start, source))
            if code is not None:
                counts[code][marked] += 1
        claims_ms.append((time.process_time() - started_s) * 1000.0)
    return {
        "sentences": {"without_error": total[False], "with_error": total[True]},
        "rulings": {code: {"without_error": c[False], "with_error": c[True]} for code, c in sorted(counts.items())},
        "cpu_ms": {"context": quartiles(index_ms), "response": quartiles(claims_ms)},
    }


def quartiles(values: list[float]) -> dict[str, float]:
    """Quartiles and the 95th percentile."""
    low, middle, high, top = np.percentile(values, [25, 50, 75, 95])
    return {"q1": round(low, 2), "median": round(middle, 2), "q3": round(high, 2), "p95": round(top, 2)}


def on_pairs(rows: Iterable[Mapping[str, Any]], per_source: int) -> dict[str, Any]:
    """By ruling: labels of the pairs that it spoke about, and the share that its word is not against."""
    by_source: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["src"]].append(row)
    draw, counts, pairs = random.Random(_SEED), defaultdict[str, Counter[str]](Counter), 0
    for _, own in sorted(by_source.items()):
        for row in draw.sample(own, min(per_source, len(own))):
            pairs += 1
            code = ruling(read_claim(row["hypothesis"], 0, source_sentences([row["premise"]])))
            if code is not None:
                counts[code][row["label"]] += 1
    found: dict[str, Any] = {"pairs": pairs, "rulings": {}}
    for code, labels in sorted(counts.items()):
        entailed, n = labels["entailment"], labels.total()
        right = entailed if code == "restated" else n - entailed
        low, high = clopper_pearson(right, n)
        share = {"value": round(right / n, 4), "low": round(low, 4), "high": round(high, 4), "n": n}
        found["rulings"][code] = {"labels": dict(labels), "right": share}
    return found


def main() -> None:
    """Read what is given, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ragtruth", type=Path, help="ragtruth.jsonl, plain or packed")
    parser.add_argument("--nli", type=Path, help="nli_train.jsonl, plain or packed")
    parser.add_argument("--per-source", type=int, default=400, help="inference pairs of each source")
    parser.add_argument("--json", type=Path, default=_RESULTS)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    if arguments.ragtruth:
        figures["ragtruth_train"] = on_answers(
            row for row in read_json_lines(arguments.ragtruth) if row["split"] == "train"
        )
    if arguments.nli:
        figures["nli_sample"] = on_pairs(read_json_lines(arguments.nli), arguments.per_source)
    save_figures(figures | {"provenance": provenance()}, arguments.json)


if __name__ == "__main__":
    main()
