"""What keeps a training run in bounds, and what it reads."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from models.device import OPERATION_CACHES
from models.training.__main__ import training_environment
from models.training.batches import tokenize_examples
from models.training.examples import Example, Source, grouped, read_source
from models.training.losses import LossWeights, lowest_loss, make_batch, total_loss
from models.training.negatives import make_negatives
from models.verifier_input import PairBuilder

PREMISE = "the bridge was opened in 1932"


def test_a_run_keeps_few_prepared_operations_and_what_was_set_stays() -> None:
    environment = training_environment({"OMP_NUM_THREADS": "7"})
    assert all(int(environment[name]) <= 64 for name in OPERATION_CACHES)
    assert environment["OMP_NUM_THREADS"] == "7"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"


def test_xz_is_read(tmp_path: Path) -> None:
    row = {"src": "own", "premise": PREMISE, "hypothesis": "it opened", "label": "entailment"}
    path = tmp_path / "pairs.jsonl.xz"
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    assert [example.claim for example in read_source(Source(path, "nli"), 0)] == ["it opened"]


def test_a_pair_is_one_group_without_a_label_of_its_own(make_checkpoint: Callable[..., Path]) -> None:
    examples = [
        Example(PREMISE, "the bridge opened", 0, "g", (), pair="p"),
        Example(PREMISE, "traffic", 1, "g", ((0, 7),)),
        Example(PREMISE, "the bridge closed", 2, "g", ((11, 17),), pair="p"),
    ]
    assert [[e.claim for e in group] for group in grouped(examples)] == [
        ["the bridge opened", "the bridge closed"],
        ["traffic"],
    ]
    groups, _ = tokenize_examples(examples, PairBuilder.from_folder(make_checkpoint("bert")), 60)
    batch = make_batch(groups)
    assert batch.group_of.tolist() == [-1, -1, -1]
    assert batch.labels.tolist() == [0, 2, 1]


def test_an_example_with_a_pair_gets_no_other_negative() -> None:
    claim = "Anna Berg paid 250 dollars on Monday."
    assert make_negatives([Example(claim, claim, 0, "g", (), pair="p")], 1, 0) == []
    assert len(make_negatives([Example(claim, claim, 0, "g", ())], 1, 0)) == 1


@pytest.mark.parametrize(("label", "better"), [pytest.param(0, 4.0, id="entailed"), pytest.param(1, -4.0, id="not")])
def test_lowest_tokens_follow_the_verdict_where_no_characters_are_marked(
    make_checkpoint: Callable[..., Path], label: int, better: float
) -> None:
    builder = PairBuilder.from_folder(make_checkpoint("bert"))
    groups, _ = tokenize_examples([Example(PREMISE, "the bridge", label, "")], builder, 60)
    batch = make_batch(groups)
    shape = batch.tensors.ids.shape
    good, bad = (float(lowest_loss(torch.full(shape, value), batch)) for value in (better, -better))
    assert good == pytest.approx(-np.log(1 / (1 + np.exp(-4.0))), rel=1e-4)
    assert bad > good + 3
    marked, _ = tokenize_examples([Example(PREMISE, "the bridge", label, "", ())], builder, 60)
    assert float(lowest_loss(torch.zeros(shape), make_batch(marked))) == 0.0


def test_the_lowest_part_is_off_unless_asked_for(make_checkpoint: Callable[..., Path]) -> None:
    builder = PairBuilder.from_folder(make_checkpoint("bert"))
    groups, _ = tokenize_examples([Example(PREMISE, "the bridge", 0, "")], builder, 60)
    batch = make_batch(groups)
    verdict, support = torch.zeros(1, 3), torch.zeros(batch.tensors.ids.shape)
    without, parts = total_loss(verdict, support, batch, LossWeights())
    with_it, _ = total_loss(verdict, support, batch, LossWeights(lowest=1.0))
    assert parts["lowest"] == 0.0
    assert float(with_it) == pytest.approx(float(without) + np.log(2), rel=1e-5)
