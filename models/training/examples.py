"""What the verifier learns from: examples, the readers that make them from JSON lines, and their hashes."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.packed_text import OPENERS as OPENERS

LABELS: Mapping[str, int] = {"entailment": 0, "neutral": 1, "contradiction": 2, "not_entailment": 3}
"""Verdict classes in the network's order; 3 is "neutral or contradiction, not told which"."""

NO_LABEL = -1


class DataError(ValueError):
    """Training data are not as described; the message names file, line and what to change."""


@dataclass(frozen=True)
class Example:
    """One pair to learn.

    ``label``: a value of :data:`LABELS`, or :data:`NO_LABEL` where only the group's is known. ``unsupported``: character
    spans of the claim that nothing supports, None where tokens are not labelled. ``group``: pairs of one answer share it;
    ``group_label``: 1 if the answer holds something unsupported, 0 if nothing, None where each pair has its own label.
    ``pair``: examples with the same one are learned side by side, in one batch.
    """

    premise: str
    claim: str
    label: int
    group: str
    unsupported: tuple[tuple[int, int], ...] | None = None
    group_label: int | None = None
    weight: float = 1.0
    pair: str | None = None


@dataclass(frozen=True)
class Source:
    """One set to read: ``path``; ``sources``: names to keep with the most rows of each; ``weight`` of its examples."""

    path: Path
    kind: str
    sources: Mapping[str, int | None] | None = None
    weight: float = 1.0


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON-lines file, plain, gzip or xz; :class:`DataError` names the first bad line."""
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise DataError(f"{path}:{number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise DataError(f"{path}:{number}: a JSON object was expected, not {type(row).__name__}.")
                yield row
    except FileNotFoundError as error:
        raise DataError(f"no training data at {path}; give the path of a JSON-lines file.") from error


def read_source(source: Source, seed: int) -> list[Example]:
    """All examples of a set, in a fixed order; :class:`DataError` for an unknown kind or missing fields."""
    readers = {"nli": _read_nli, "prepared": _read_prepared}
    if source.kind not in readers:
        raise DataError(f"kind {source.kind!r} is unknown; use {' or '.join(sorted(readers))}.")
    try:
        return readers[source.kind](source, seed)
    except KeyError as error:
        raise DataError(f"{source.path}: a row lacks {error}; see docs/training.md for the fields.") from error


def _read_nli(source: Source, seed: int) -> list[Example]:
    by_name: dict[str, list[Example]] = defaultdict(list)
    for row in read_lines(source.path):
        name = row["src"]
        if source.sources is not None and name not in source.sources:
            continue
        by_name[name].append(Example(row["premise"], row["hypothesis"], LABELS[row["label"]], "", weight=source.weight))
    return _sampled(by_name, source, seed)


def _read_prepared(source: Source, seed: int) -> list[Example]:
    by_name: dict[str, list[Example]] = defaultdict(list)
    for row in read_lines(source.path):
        name = row["src"]
        if source.sources is not None and name not in source.sources:
            continue
        spans = row.get("unsupported")
        by_name[name].append(
            Example(
                premise=row["premise"],
                claim=row["claim"],
                label=NO_LABEL if row["label"] is None else LABELS[row["label"]],
                group=row["group"],
                unsupported=None if spans is None else tuple((int(a), int(b)) for a, b in spans),
                group_label=row.get("group_label"),
                weight=source.weight,
                pair=row.get("pair"),
            )
        )
    return _sampled(by_name, source, seed)


def _sampled(by_name: Mapping[str, list[Example]], source: Source, seed: int) -> list[Example]:
    """At most the wanted number of each name; whole groups only, drawn with the seed."""
    chosen: list[Example] = []
    for name in sorted(by_name):
        limit = source.sources[name] if source.sources is not None else None
        chosen.extend(_first_groups(by_name[name], limit, f"{seed}:{name}"))
    return chosen


def _first_groups(examples: list[Example], limit: int | None, seed: str) -> list[Example]:
    if limit is None or len(examples) <= limit:
        return examples
    kept: list[Example] = []
    groups = grouped(examples)
    random.Random(seed).shuffle(groups)  # noqa: S311
    for group in groups:
        if len(kept) + len(group) > limit:
            break
        kept.extend(group)
    return kept


def grouped(examples: Sequence[Example]) -> list[list[Example]]:
    """Examples whose answer has one label for all together, and those of one pair; any other example stands alone."""
    groups: list[list[Example]] = []
    place: dict[tuple[str, str], int] = {}
    for example in examples:
        if example.group_label is not None:
            key = ("answer", example.group)
        elif example.pair is not None:
            key = ("pair", example.pair)
        else:
            groups.append([example])
            continue
        if key not in place:
            place[key] = len(groups)
            groups.append([])
        groups[place[key]].append(example)
    return groups


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
