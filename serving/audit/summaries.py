"""The summary and the candidates of a log, as JSON and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import orjson

from scoring.audit.clusters import Clusters, Thresholds, cluster_json
from scoring.audit.summary import Groups, Summary
from serving.api.errors import ValidationFailedError
from serving.audit.line import FIELDS
from serving.audit.reading import Reader, normal, read_decisions, window_start
from serving.evals.reading import read_json_lines

_NOT_SHOWN: Final = frozenset({"schema", "tenant", "session", "phases_ms", "tokens"})
EXAMPLE_FIELDS: Final = tuple(name for name in FIELDS if name not in _NOT_SHOWN)
"""What a report shows of one decision."""
Labels = Mapping[str, str]
_PART_BYTES: Final = 32 * 1024 * 1024
"""Of a log that a process of its own is worth: some 30,000 lines."""


def summarise(
    files: Sequence[Path], window_minutes: float | None, near: float, processes: int | None = None
) -> dict[str, Any]:
    """The summary of the files, see :class:`scoring.audit.summary.Summary`. Large logs are read by several processes.

    ``processes``: at most so many; None for as many as there are cores. How many there are changes nothing in the result.
    """
    start = "" if window_minutes is None else window_start(files, window_minutes)
    parts = _parts(files, len(os.sched_getaffinity(0)) if processes is None else processes)
    if len(parts) == 1:
        summary = _summary(parts[0], start, near)
    else:
        with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
            summary, *others = pool.map(_summary, parts, repeat(start), repeat(near))
        for other in others:
            summary.merge(other)
    return {"files": len(files), "window_minutes": window_minutes, **summary.document()}


def _summary(files: Sequence[Path], start: str, near: float) -> Summary:
    reader = Reader(Groups())
    summary = Summary(reader.groups, near)
    add = summary.add
    for group, time, _, numbers, _ in read_decisions(files, reader, start):
        add(group, time, numbers)
    summary.skipped = reader.skipped
    return summary


def _parts(files: Sequence[Path], processes: int) -> list[list[Path]]:
    """The files in parts of about the same size, one for each process that is worth its start."""
    sizes = {path: path.stat().st_size for path in files}
    count = max(1, min(processes, len(files), sum(sizes.values()) // _PART_BYTES))
    parts: list[tuple[int, list[Path]]] = [(0, []) for _ in range(count)]
    for path in sorted(files, key=lambda one: (-sizes[one], one)):
        place = min(range(count), key=lambda at: parts[at][0])
        parts[place] = (parts[place][0] + sizes[path], [*parts[place][1], path])
    return [sorted(chosen) for _, chosen in parts]


def find_candidates(
    files: Sequence[Path],
    window_minutes: float | None,
    thresholds: Thresholds,
    labels: Labels,
    examples: int,
    review_texts: Sequence[Path] = (),
) -> dict[str, Any]:
    """What to look at, in clusters; of review texts only whether there is one, whether it was cut, and its length."""
    start = "" if window_minutes is None else window_start(files, window_minutes)
    reader, clusters = Reader(Groups()), Clusters(examples, thresholds, labels, normal)
    decisions = 0
    for decisions, one in enumerate(read_decisions(files, reader, start), 1):  # noqa: B007
        clusters.add(*one)
    ranked = clusters.ranked()
    wanted = {request for cluster in ranked for request, _, _ in cluster.examples}
    texts = {request: text["meta"] for request, text in read_review_texts(review_texts, wanted).items()}
    found = [cluster_json(cluster, EXAMPLE_FIELDS) for cluster in ranked]
    for cluster in found:
        for example in cluster["examples"]:
            example["review_text"] = texts.get(example["request"], {"exists": False})
            if example["request"] in labels:
                example["label"] = labels[example["request"]]
    return {
        "decisions": decisions,
        "skipped": reader.skipped,
        "candidates": clusters.decisions,
        "not_clustered": clusters.left_out,
        "thresholds": {"near": thresholds.near, "slow_ms": thresholds.slow_ms},
        "clusters": found,
    }


def read_labels(path: Path | None) -> Labels:
    """Labels by request, from lines ``{"request": pseudonym, "label": "up" or "down"}``. Raises ValidationFailedError."""
    found: dict[str, str] = {}
    for number, value in read_json_lines(path) if path is not None else ():
        label = value.get("label", value.get("thumb")) if isinstance(value, dict) else None
        request = value.get("request") if isinstance(value, dict) else None
        if label not in {"up", "down"} or not isinstance(request, str):
            raise ValidationFailedError(
                f"{path.name if path else ''} line {number}: needs a request (its pseudonym) and a label, up or down"
            )
        found[request] = label
    return found


def read_review_texts(files: Sequence[Path], wanted: set[str]) -> dict[str, dict[str, Any]]:
    """The review texts of the wanted requests: ``meta`` says that there is one and how long it is, ``line`` is all of it."""
    found: dict[str, dict[str, Any]] = {}
    for path in files:
        with path.open("rb") as file:
            for raw in file:
                try:
                    line = orjson.loads(raw)
                except orjson.JSONDecodeError:
                    continue
                if (
                    not isinstance(line, dict)
                    or line.get("request") not in wanted
                    or not isinstance(line.get("body"), dict)
                ):
                    continue
                meta = {
                    "exists": True,
                    "mode": "redacted" if line.get("mode") == "redacted" else "raw_local",
                    "cut": bool(line.get("cut")),
                    "characters": int(line.get("characters") or 0),
                }
                found[line["request"]] = {"meta": meta, "line": line}
    return found


def summary_markdown(summary: Mapping[str, Any]) -> str:
    """The summary for people."""
    lines = [
        "# Decisions",
        "",
        f"{summary['lines']} lines of {summary['files']} files, from {summary['from']} to {summary['to']};"
        f" {summary['skipped']} could not be read.",
        "",
        "| lane | decisions | bands | near a cut | p50 ms | p95 ms | p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for lane, one in summary["lanes"].items():
        times = one["latency_ms"] or {}
        row = (lane, one["decisions"], _counts(one["bands"]), sum(one["near_cut"].values()))
        lines.append(f"| {' | '.join(map(str, (*row, *(times.get(p) for p in ('p50', 'p95', 'p99')))))} |")
    lines += ["", f"Verifier: {_counts(summary['verifier'])}. Errors: {_counts(summary['errors'])}.", ""]
    lines += ["## Versions", "", "| kind | sha256 | decisions | first | last |", "| --- | --- | --- | --- | --- |"]
    for kind, values in summary["versions"].items():
        lines += [f"| {kind} | `{v['sha256'][:12]}` | {v['decisions']} | {v['first']} | {v['last']} |" for v in values]
    lines += ["", "## Reasons", "", "| band | codes | decisions |", "| --- | --- | --- |"]
    lines += [f"| {one['band']} | {' '.join(one['codes'])} | {one['decisions']} |" for one in summary["reasons"][:20]]
    for one in summary["shadow"]:
        lines += ["", f"## Candidate `{one['config_sha256'][:12]}`", ""]
        lines.append(
            f"{one['decisions']} decisions, {one['failed']} failed, mean difference {one['mean_score_difference']}."
        )
        lines += ["", "| server | candidate | decisions |", "| --- | --- | --- |"]
        lines += [f"| {move['from']} | {move['to']} | {move['decisions']} |" for move in one["moves"]]
    lines += ["", f"## Trend, by {summary['trend']['slot']}", "", "| from | bands |", "| --- | --- |"]
    lines += [f"| {slot['from']} | {_counts(slot['bands'])} |" for slot in summary["trend"]["slots"]]
    return "\n".join(lines) + "\n"


def candidates_markdown(found: Mapping[str, Any]) -> str:
    """The clusters for people."""
    lines = [
        "# What to look at",
        "",
        f"{found['candidates']} of {found['decisions']} decisions, in {len(found['clusters'])} clusters.",
        "",
        "| cluster | why | lane | band | codes | decisions | first | last | an example |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found["clusters"]:
        example = one["examples"][0]["request"] if one["examples"] else ""
        codes = " ".join(str(code) for code in one["reason_codes"])
        cells = (
            one["cluster"],
            one["why"],
            one["lane"],
            one["band"],
            codes,
            one["decisions"],
            one["first"],
            one["last"],
        )
        lines.append(f"| {' | '.join(map(str, (*cells, example)))} |")
    return "\n".join(lines) + "\n"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
