"""Reports on the verifier: pairs in order, per kind and source, against word overlap; held-out forms stay held out."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import contrast_forms
from benchmarks.contrast import entailment, in_order, made_pairs, measure
from benchmarks.contrast_forms import held_out_pairs
from benchmarks.nli import judge
from benchmarks.nli import measure as measure_sources
from benchmarks.overlap import overlap
from benchmarks.rows import read_json_lines
from models.fake import FakeVerifier
from models.training.contrast import KINDS
from models.training.contrast import tables as tables_module
from models.types import NliScores

_TABLES = Path(tables_module.__file__).parent / "tables"


def _runs(path: Path) -> set[str]:
    """Every run of six words that no slot interrupts."""
    words = re.findall(r"[a-z]+|[{:]", re.sub(r"\{\w+\}", "{", path.read_text(encoding="utf-8").lower()))
    runs = (words[i : i + 6] for i in range(len(words) - 5))
    return {" ".join(run) for run in runs if not {"{", ":"} & set(run)}


def test_held_out_forms_share_no_sentence_with_training() -> None:
    known = set().union(*map(_runs, _TABLES.glob("*.yaml")))
    held_out = _runs(Path(contrast_forms.__file__).parent / "forms.yaml")
    assert len(held_out) > 500
    assert not held_out & known


def test_every_pair_is_filled_and_differs() -> None:
    pairs = list(held_out_pairs(2))
    assert pairs == list(held_out_pairs(2))
    assert {pair["kind"] for pair in pairs} >= set(KINDS) - {"record"}
    for pair in pairs:
        assert pair["true"] != pair["false"]
        assert not set("{}[]") & set(pair["premise"] + pair["true"] + pair["false"])


def test_made_pairs_are_of_every_kind() -> None:
    assert {pair["kind"] for pair in made_pairs(4)} == set(KINDS)


def test_a_tie_counts_half() -> None:
    assert in_order(np.array([[0.9, 0.1], [0.2, 0.4], [0.5, 0.5]])).tolist() == [1.0, 0.0, 0.5]


def test_contrast_figures_name_kind_and_baseline() -> None:
    pairs = [
        {
            "kind": "role",
            "form": "role:0",
            "question": None,
            "premise": "Ann beat Bob",
            "true": "Ann beat Bob",
            "false": "Bob beat Ann",
        },
        {
            "kind": "list",
            "form": "list:0",
            "question": None,
            "premise": "a and b",
            "true": "a and b",
            "false": "a and c",
        },
    ]
    figures = measure(pairs, np.array([[0.9, 0.1], [0.3, 0.6]]))
    assert figures["role"]["in_order"]["value"] == 1.0
    assert figures["list"]["in_order"]["value"] == 0.0
    assert figures["all"]["pairs"] == 2
    assert figures["role"]["in_order_by_overlap"] == 0.5
    assert figures["list"]["in_order_by_overlap"] == 1.0


def test_a_short_answer_is_read_after_its_question() -> None:
    seen: list[tuple[str, str]] = []

    class Recorder(FakeVerifier):
        def verify(self, pairs):  # type: ignore[no-untyped-def]  # one list of pairs, as the base has it
            seen.extend(pairs)
            return super().verify(pairs)

    pair = {"kind": "k", "form": "f", "question": "Who?", "premise": "Ann won.", "true": "Ann", "false": "Bob"}
    assert entailment(Recorder(), [pair]).shape == (1, 2)
    assert sorted(seen) == [("Who?\nAnn won.", "Who? Ann"), ("Who?\nAnn won.", "Who? Bob")]


def test_verdicts_come_back_in_the_order_of_the_rows() -> None:
    rows = [{"premise": "word " * n, "hypothesis": text} for n, text in ((9, "word"), (1, "other"), (4, "word other"))]
    verifier = FakeVerifier()
    assert judge(verifier, rows) == [verifier.verify([(row["premise"], row["hypothesis"])])[0] for row in rows]


def test_a_source_has_its_auroc_and_its_baseline() -> None:
    rows = [
        {"premise": "a b", "hypothesis": "a b", "label": "entailment", "src": "s"},
        {"premise": "a b c", "hypothesis": "a x", "label": "not_entailment", "src": "s"},
        {"premise": "a d", "hypothesis": "d a", "label": "not_entailment", "src": "s"},
    ]
    figures = measure_sources(rows, [NliScores(value, 1.0 - value, 0.0) for value in (0.6, 0.2, 0.9)])["sources"]["s"]
    assert figures["auroc"]["value"] == 0.5
    assert figures["auroc_by_overlap"] == 0.75
    assert figures["entailed_share"] == pytest.approx(1 / 3, abs=1e-3)


@pytest.mark.parametrize(("claim", "share"), [("The cat", 0.5), ("dog", 0.0), ("", 0.0)])
def test_overlap(claim: str, share: float) -> None:
    assert overlap("A cat sat.", claim) == share


def test_benchmark_rows_are_read_from_xz(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.xz"
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"a": 1}) + "\n")
    assert list(read_json_lines(path)) == [{"a": 1}]
