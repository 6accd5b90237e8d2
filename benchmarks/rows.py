"""Rows of JSON lines, plain, gzip or xz, with the fault named when one does not fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.training.examples import OPENERS


@dataclass(frozen=True)
class Row:
    """One labelled answer. ``spans``: hallucinated (start, end) characters of ``response``; None: unknown."""

    context: str
    response: str
    hallucinated: bool
    question: str | None
    spans: tuple[tuple[int, int], ...] | None
    task: str
    model: str
    source_id: str


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON lines file."""
    with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise SystemExit(f"{path}:{number}: not JSON: {error}") from None


def read_rows(path: Path, split: str | None = None) -> list[Row]:
    """The labelled answers of a file; ``split`` keeps only rows of that split."""
    rows = []
    for number, item in enumerate(read_json_lines(path), 1):
        if split is not None and item.get("split") != split:
            continue
        missing = [key for key in ("context", "response", "hallucinated") if key not in item]
        if missing:
            raise SystemExit(f"{path}: row {number} lacks {', '.join(missing)}")
        spans = item.get("spans")
        rows.append(
            Row(
                item["context"],
                item["response"],
                bool(item["hallucinated"]),
                item.get("question") or None,
                None if spans is None else tuple((span["start"], span["end"]) for span in spans),
                item.get("task", "all"),
                item.get("model", "unknown"),
                str(item.get("source_id") or hashlib.sha256(item["context"].encode()).hexdigest()[:16]),
            )
        )
    if not rows:
        raise SystemExit(f"{path}: no rows" + (f" of split {split}" if split else ""))
    return rows


def file_digest(path: Path) -> str:
    """SHA-256 of a data file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
