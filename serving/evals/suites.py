"""Suites: immutable sets of case revisions in tracks, named by their hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.api.errors import ValidationFailedError
from serving.evals.cases import TRACKS, Case, read_case
from serving.evals.reading import read_json_lines, sha256_of


@dataclass(frozen=True)
class Suite:
    """``suite_hash``: over the name-free set of (task, revision, track), so equal suites are one, whatever their order."""

    name: str
    cases: tuple[Case, ...]
    suite_hash: str

    def track(self, name: str) -> tuple[Case, ...]:
        """The cases of one track."""
        return tuple(case for case in self.cases if case.track == name)

    def view(self) -> dict[str, Any]:
        """Name, hash and sizes."""
        tracks = {track: len(self.track(track)) for track in TRACKS if self.track(track)}
        return {"name": self.name, "suite_hash": self.suite_hash, "cases": len(self.cases), "tracks": tracks}


def make_suite(name: str, cases: Sequence[Case]) -> Suite:
    """A suite of these cases. Raises ValidationFailedError without cases or when two have one task_id."""
    if not cases:
        raise ValidationFailedError(f"suite {name}: has no case")
    seen: set[str] = set()
    for case in cases:
        if case.task_id in seen:
            raise ValidationFailedError(f"suite {name}: task_id {case.task_id!r} occurs twice")
        seen.add(case.task_id)
    ordered = tuple(sorted(cases, key=lambda case: case.task_id))
    return Suite(name, ordered, sha256_of([[case.task_id, case.revision, case.track] for case in ordered]))


def read_suite(path: Path) -> Suite:
    """A suite from JSON lines, one case each, or from a folder of such files. Every case must be able to fail.

    Raises ValidationFailedError naming file and line.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    cases = [
        read_case(value, f"{file.name} line {number}") for file in files for number, value in read_json_lines(file)
    ]
    for case in cases:
        if not any(not grader.advisory for grader in case.all_graders):
            raise ValidationFailedError(f"case {case.task_id}: has no grader that can fail")
    return make_suite(path.stem, cases)


def sample(cases: Sequence[Case], share: float, seed: str) -> tuple[Case, ...]:
    """About ``share`` of the cases, chosen by a hash of seed and task, so that a repeated run draws the same ones."""
    if not 0.0 < share <= 1.0:
        raise ValidationFailedError("sample: is above 0 and at most 1")
    bound = int(share * 2**32)
    chosen = tuple(case for case in cases if int(sha256_of([seed, case.task_id])[:8], 16) < bound)
    return chosen or tuple(cases[:1])


def as_mapping(cases: Sequence[Case]) -> Mapping[str, Case]:
    """Cases by task_id."""
    return {case.task_id: case for case in cases}
