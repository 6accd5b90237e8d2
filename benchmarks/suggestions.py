"""Precision and recall of suggestions read off follow-up turns: ``python -m benchmarks.suggestions --json FILE``.

Four sets, all by one hand. ``tuned``: the half of ``data/follow_ups.jsonl`` that the rules were tuned on. ``held_back``: its
other half, by a hash of the text, written before the rules and in the same habits of speech. ``second``: 283 turns written after
the rules, on which they were tuned again. ``unseen``: 97 turns written after that and never tuned on; this one says what to
expect. Trivial baseline: the share of the thumb among all turns, which is the precision of suggesting it always.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import clopper_pearson
from benchmarks.provenance import provenance, save_figures
from scoring.feedback import Turn, suggest
from scoring.feedback.suggestions import RULE_VERSION

_DATA = Path(__file__).parent / "data"
_THUMBS = ("down", "up")


@dataclass(frozen=True)
class FollowUp:
    """One labelled follow-up; ``thumb`` None: the turn says nothing of the answer."""

    kind: str
    thumb: str | None
    language: str
    question: str
    answer: str
    follow_up: str

    @property
    def held_back(self) -> bool:
        """One bit of a hash of the text, so that nobody chooses the half."""
        return bool(hashlib.sha256(f"{self.question}\n{self.follow_up}".encode()).digest()[0] & 1)


def load(name: str) -> list[FollowUp]:
    """The rows of one file."""
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [FollowUp(**json.loads(line)) for line in lines if line]


def suggested(row: FollowUp) -> tuple[str | None, str | None]:
    """The thumb and kind that the rules read, without an encoder's similarity."""
    found = suggest([Turn(row.question, row.answer), Turn(row.follow_up, "")])
    return (found[0].thumb.value, found[0].kind.value) if found else (None, None)


def figures_of(rows: Sequence[FollowUp]) -> dict[str, Any]:
    """Precision and recall of each thumb, recall of each kind (as its thumb), each with n and an exact 95% interval."""
    outcomes = [(row, suggested(row)[0]) for row in rows]
    thumbs = {}
    for thumb in _THUMBS:
        hits = sum(row.thumb == got == thumb for row, got in outcomes)
        thumbs[thumb] = {
            "precision": _rate(hits, sum(got == thumb for _, got in outcomes)),
            "recall": _rate(hits, sum(row.thumb == thumb for row, _ in outcomes)),
            "baseline_precision": _rate(sum(row.thumb == thumb for row in rows), len(rows)),
        }
    kinds = {}
    for kind in sorted({row.kind for row in rows}):
        of_kind = [(row, got) for row, got in outcomes if row.kind == kind]
        kinds[kind] = _rate(sum(row.thumb == got for row, got in of_kind), len(of_kind))
    return {"n": len(rows), "thumbs": thumbs, "right_by_kind": kinds}


def _rate(hits: int, n: int) -> dict[str, Any]:
    if not n:
        return {"value": None, "n": 0}
    low, high = clopper_pearson(hits, n)
    return {"value": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4), "n": n}


def main() -> None:
    """Measure the sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--errors", action="store_true", help="list what is wrong in the tuned half")
    options = parser.parse_args()
    rows = load("follow_ups.jsonl")
    sets = {
        "tuned": [row for row in rows if not row.held_back],
        "held_back": [row for row in rows if row.held_back],
        "second": load("follow_ups_second.jsonl"),
        "unseen": load("follow_ups_unseen.jsonl"),
    }
    figures = {"rule_version": RULE_VERSION, "provenance": provenance()}
    figures |= {name: figures_of(members) for name, members in sets.items()}
    save_figures(figures, options.json)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    for row in sets["tuned"] if options.errors else ():
        if suggested(row)[0] != row.thumb:
            sys.stdout.write(f"{row.kind}: {row.question!r} {row.follow_up!r} read as {suggested(row)}\n")


if __name__ == "__main__":
    main()
