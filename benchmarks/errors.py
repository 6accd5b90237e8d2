"""What the RAG lane misses and what it flags wrongly, by kind: ``python -m benchmarks.errors FILE --split dev``.

Rows with annotated spans and their ``label_type``, such as ``ragtruth.jsonl.gz``. A labelled span counts as found when a claim
that it touches is not called supported. A false alarm is a claim called unsupported or contradicted that no span touches.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.calibration_fits import Example, decision, gather
from benchmarks.figures import clopper_pearson
from benchmarks.provenance import provenance
from benchmarks.rows import file_digest, read_json_lines, read_rows
from scoring.rag.score import RagDecision
from scoring.types import Span, Verdict
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane
from serving.lanes.rag import RagLane

_REASONS = {
    "not in the premises": "a literal is missing",
    "the premises give another value": "a literal differs",
    "the verifier reads": "the verifier reads a contradiction",
    "support": "low support",
}


@dataclass(frozen=True)
class LabelledSpan:
    """An annotated span of one answer, and what kind of hallucination it is."""

    start: int
    end: int
    kind: str


def labelled_spans(path: Path, split: str | None) -> list[list[LabelledSpan]]:
    """The annotated spans of every row, in the order of :func:`benchmarks.rows.read_rows`."""
    rows = [row for row in read_json_lines(path) if split is None or row.get("split") == split]
    return [
        [
            LabelledSpan(span["start"], span["end"], span.get("label_type") or "unknown")
            for span in row.get("spans") or ()
        ]
        for row in rows
    ]


def flagged_claims(decided: RagDecision) -> list[tuple[Span, str]]:
    """Characters of every claim that is not called supported, and the kind of reason."""
    return [
        ((judged.claim.char_start, judged.claim.char_end), _reason_kind(judged.reasons))
        for judged in decided.claims
        if judged.verdict is not Verdict.SUPPORTED
    ]


def _reason_kind(reasons: Sequence[str]) -> str:
    first = reasons[0] if reasons else ""
    return next((kind for start, kind in _REASONS.items() if first.startswith(start)), "a cell says otherwise")


def count_errors(lane: RagLane, examples: Sequence[Example], spans: Sequence[Sequence[LabelledSpan]]) -> dict[str, Any]:
    """Spans found by task and kind, and false alarms by task and reason."""
    found: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    alarms: Counter[tuple[str, str]] = Counter()
    clean: Counter[str] = Counter()
    for example, labelled in zip(examples, spans, strict=True):
        decided = decision(example, lane.artifact(example.gathered))
        flagged = flagged_claims(decided)
        task = example.row.task
        for span in labelled:
            total[task, span.kind] += 1
            found[task, span.kind] += any(_touch(area, span) for area, _ in flagged)
        clean[task] += sum(
            not any(_touch((j.claim.char_start, j.claim.char_end), span) for span in labelled) for j in decided.claims
        )
        for area, reason in flagged:
            if not any(_touch(area, span) for span in labelled):
                alarms[task, reason] += 1
    return {
        "spans": [_share(task, kind, found[task, kind], count) for (task, kind), count in sorted(total.items())],
        "false_alarms": [_share(task, reason, count, clean[task]) for (task, reason), count in sorted(alarms.items())],
    }


def _touch(area: Span, span: LabelledSpan) -> bool:
    return area[0] < span.end and span.start < area[1]


def _share(task: str, kind: str, count: int, of: int) -> dict[str, Any]:
    low, high = clopper_pearson(count, of)
    return {"task": task, "kind": kind, "count": count, "of": of, "low": round(low, 3), "high": round(high, 3)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.errors", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--split", help="only rows of this split")
    parser.add_argument("--config", type=Path, help="configuration of the models; the bundled ones by default")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    lane = local_rag_lane(load_config(arguments.config))
    examples = asyncio.run(gather(lane, read_rows(arguments.file, arguments.split)))
    result = count_errors(lane, examples, labelled_spans(arguments.file, arguments.split))
    lane.close()
    result = {"file": arguments.file.name, "sha256": file_digest(arguments.file), **result, **provenance()}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name in ("spans", "false_alarms"):
        for entry in result[name]:
            print(f"{name:14} {entry['task']:10} {entry['kind']:36} {entry['count']:5} of {entry['of']}")


if __name__ == "__main__":
    main()
