"""The same rows by Groundlane and by checkers that need no model: ``python -m benchmarks.model_free_peers ROWS --python PEERS``.

LettuceDetect and HHEM load their models from a hub, Vertex and Azure are services, Ragas' faithfulness asks a language model:
none of them runs on a machine without those. What runs everywhere are checkers without a model, and so these are what is
measured: Ragas' overlap metrics with the context as reference, and corroborate, which looks for numbers, dates and quotes that
the context lacks. ``PEERS`` is the interpreter of an environment of their own:

    python -m venv peers
    peers/bin/pip install ragas==0.4.3 "langchain-community<0.4" rouge-score rapidfuzz sacrebleu corroborate==0.1.0

Trivial baselines beside them: the share of the answer's words that stand in the context, and the answer's shortness. AUROC of
"hallucinated" with its 95% interval, sums over contexts. ROWS: labelled answers (see ``benchmarks.rows``); ``--sources`` takes
that many contexts, drawn by seed, with all their answers.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import Row, file_digest, read_rows
from groundlane.evaluate.statistics import auroc
from serving.batch.offline import score_lines
from serving.config.load import load_config

_PEER_SCRIPT = Path(__file__).parent / "peer_servers" / "model_free.py"
OURS = "groundlane"


def drawn(rows: Sequence[Row], sources: int, seed: int) -> list[Row]:
    """All answers of ``sources`` contexts."""
    names = sorted({row.source_id for row in rows})
    kept = set(random.Random(seed).sample(names, min(sources, len(names))))
    return [row for row in rows if row.source_id in kept]


def scored_by_us(rows: Sequence[Row]) -> list[float | None]:
    """The score of the bundled models; None where the answer has none."""
    requests = (
        json.dumps(
            {"response_text": row.response, "raw_context": row.context}
            | ({"query_text": row.question} if row.question else {})
        )
        for row in rows
    )
    return [json.loads(line).get("score") for line in score_lines(requests, load_config(environment={}))]


def scored_by_peers(rows: Sequence[Row], python: Path) -> list[dict[str, float]]:
    """The scores of every peer, by row."""
    lines = "".join(
        json.dumps({"context": row.context, "question": row.question, "response": row.response}) + "\n" for row in rows
    )
    done = subprocess.run([str(python), str(_PEER_SCRIPT)], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the peers failed: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def overlap(row: Row) -> float:
    """The share of the answer's words that stand in the context."""
    known = set(re.findall(r"\w+", row.context.lower()))
    words = re.findall(r"\w+", row.response.lower())
    return sum(word in known for word in words) / len(words) if words else 1.0


def figures_of(rows: Sequence[Row], columns: dict[str, Sequence[float]]) -> dict[str, Any]:
    """AUROC of "hallucinated" for every column of groundedness, higher is more grounded."""
    truth = [row.hallucinated for row in rows]
    contexts = [row.source_id for row in rows]
    found = {name: auroc([-value for value in values], truth, contexts) for name, values in columns.items()}
    return {name: None if value is None else asdict(value) for name, value in found.items()}


def columns_of(rows: Sequence[Row], peers: Sequence[dict[str, float]]) -> dict[str, Sequence[float]]:
    """What the peers and the trivial baselines say of every row."""
    return {name: [scores[name] for scores in peers] for name in peers[0]} | {
        "share of words in the context": [overlap(row) for row in rows],
        "shortness": [-len(row.response) for row in rows],
    }


def measured(rows: Sequence[Row], python: Path, with_ours: bool) -> dict[str, Any]:
    """The figures of one set of rows; those without a score of ours are left out and counted."""
    ours = scored_by_us(rows) if with_ours else [0.0] * len(rows)
    known = [place for place, score in enumerate(ours) if score is not None]
    kept = [rows[place] for place in known]
    columns = columns_of(kept, scored_by_peers(kept, python))
    if with_ours:
        columns = {OURS: [float(ours[place] or 0.0) for place in known], **columns}
    return {
        "answers": len(kept),
        "hallucinated": sum(row.hallucinated for row in kept),
        "contexts": len({row.source_id for row in kept}),
        "without_a_score_of_ours": len(rows) - len(kept),
        "auroc": figures_of(kept, columns),
    }


def main() -> None:
    """Score, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--python", type=Path, required=True, help="interpreter of the peers' environment")
    parser.add_argument("--split")
    parser.add_argument("--sources", type=int, help="contexts to draw; all without it")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--without-ours", action="store_true", help="peers and baselines alone; no model is loaded")
    parser.add_argument("--json", type=Path, help="write the figures here; those of other files that it holds are kept")
    options = parser.parse_args()
    rows = read_rows(options.rows, options.split)
    rows = rows if options.sources is None else drawn(rows, options.sources, options.seed)
    by_task = {
        task: measured([row for row in rows if row.task == task], options.python, not options.without_ours)
        for task in sorted({row.task for row in rows})
    }
    about = {"sha256": file_digest(options.rows), "split": options.split, "sources": options.sources}
    held = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    figures = {"provenance": provenance(), **about, "seed": options.seed, "by_task": by_task}
    save_figures({**held, options.rows.name: figures}, options.json)
    for task, found in by_task.items():
        print(f"{task}: {found['answers']} answers, {found['hallucinated']} hallucinated")
        for name, value in found["auroc"].items():
            print(f"  {name:32} {value['value']:.3f} ({value['low']:.3f}–{value['high']:.3f})" if value else name)


if __name__ == "__main__":
    main()
