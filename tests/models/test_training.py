"""Training end to end on a tiny random encoder: it learns, repeats, resumes; negatives name their characters exactly."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from models.shipped import load_shipped_verifier
from models.tokenization import Tokenizer
from models.training.batches import TrainingGroup, plan_epoch, token_labels, tokenize_examples
from models.training.examples import DataError, Example, Source, grouped, read_source
from models.training.export import export
from models.training.losses import LossWeights, make_batch, total_loss
from models.training.negatives import RULES, Material, make_negatives
from models.training.train import Machine, TrainConfig, main, read_config, train
from models.verifier_input import PairBuilder, continuing_pieces
from models.weights import ModelLoadError

PREMISE = "the bridge was opened in 1932"
NLI_ROWS = [
    {"src": "own", "premise": PREMISE, "hypothesis": "the bridge was opened", "label": "entailment"},
    {"src": "own", "premise": PREMISE, "hypothesis": "the bridge was not", "label": "contradiction"},
    {"src": "own", "premise": PREMISE, "hypothesis": "people fell", "label": "neutral"},
    {"src": "other", "premise": PREMISE, "hypothesis": "traffic", "label": "not_entailment"},
]
PREPARED_ROWS = [
    {"src": "gold", "group": "g0", "premise": PREMISE, "claim": "opened in 1932", "label": "entailment", "unsupported": []},
    {"src": "gold", "group": "g0", "premise": PREMISE, "claim": "opened in water", "label": "neutral", "unsupported": [[10, 15]]},
    {"src": "silver", "group": "s0", "premise": PREMISE, "claim": "the bridge", "label": None, "group_label": 1},
    {"src": "silver", "group": "s0", "premise": PREMISE, "claim": "the water", "label": None, "group_label": 1},
    {"src": "silver", "group": "s1", "premise": PREMISE, "claim": "in 1932", "label": None, "group_label": 0},
]  # fmt: skip


def _write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def config(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> TrainConfig:
    nli = _write(tmp_path / "nli.jsonl", NLI_ROWS)
    prepared = _write(tmp_path / "prepared.jsonl", PREPARED_ROWS)
    return TrainConfig(
        data=(Source(nli, "nli"), Source(prepared, "prepared", weight=0.5)),
        encoder="tiny",
        encoder_source=str(make_checkpoint("bert")),
        epochs=6,
        warmup_steps=2,
        batch_tokens=64,
        accumulate=1,
        max_pair_tokens=40,
        learning_rate=2e-3,
        autocast=False,
    )


def test_training_repeats_and_an_interrupted_run_ends_with_the_same_weights(
    config: TrainConfig, tmp_path: Path
) -> None:
    assert train(config, tmp_path / "whole")
    assert not train(config, tmp_path / "parts", stop_after=5)
    assert not train(config, tmp_path / "parts", budget_minutes=0.0)
    assert train(config, tmp_path / "parts")
    whole, parts = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not any("word_embeddings" in name or "position_embeddings" in name for name in whole)


def test_other_processes_tokenise_and_collate_to_the_same_weights(config: TrainConfig, tmp_path: Path) -> None:
    assert train(config, tmp_path / "alone")
    assert train(config, tmp_path / "helped", machine=Machine(workers=2))
    alone, helped = (load_file(tmp_path / name / "weights.safetensors") for name in ("alone", "helped"))
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


def test_training_learns_what_it_is_shown(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, epochs=120, hidden_dropout=0.0)
    train(config, tmp_path / "run")
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    total = [sum(entry[name] for name in ("verdict", "token", "group")) for entry in metrics]
    fifth = len(total) // 5
    assert np.mean(total[-fifth:]) < 0.5 * np.mean(total[:fifth])
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [len(entry["sha256"]) for entry in manifest["data"]] == [64, 64]
    assert manifest["groups"] == 8


def test_what_was_trained_can_be_exported_and_loaded(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, epochs=1), tmp_path / "run")
    export([tmp_path / "run"], tmp_path / "out")
    verifier = load_shipped_verifier(tmp_path / "out", dtype="float32")
    pairs = [(PREMISE, "the bridge was opened"), ("", "people fell"), (PREMISE * 9, "traffic " * 30), (PREMISE, " ")]
    together = verifier.verify(pairs)
    for pair, scores in zip(pairs, together, strict=True):
        alone = verifier.verify([pair])[0]
        if scores.entail is None:
            assert alone.entail is None
            continue
        assert scores.entail == pytest.approx(alone.entail, abs=1e-5)
        assert scores.entail + scores.neutral + scores.contradict == pytest.approx(1.0, abs=1e-5)
        assert all(pair[1][a:b].strip() and 0.0 <= p <= 1.0 for a, b, p in scores.token_support)
    assert together[3].entail is None
    (tmp_path / "out" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelLoadError, match="SHA-256"):
        load_shipped_verifier(tmp_path / "out")


def test_a_stage_starts_from_the_weights_of_the_one_before(config: TrainConfig, tmp_path: Path) -> None:
    train(replace(config, epochs=1), tmp_path / "first")
    second = replace(config, start=str(tmp_path / "first"), epochs=1, learning_rate=0.0)
    train(second, tmp_path / "second")
    first, after = (load_file(tmp_path / name / "weights.safetensors") for name in ("first", "second"))
    assert all(torch.equal(first[name], after[name]) for name in first)


def test_the_last_stages_can_be_averaged(config: TrainConfig, tmp_path: Path) -> None:
    runs = [tmp_path / "first", tmp_path / "second"]
    train(replace(config, epochs=1), runs[0])
    train(replace(config, epochs=1, start=str(runs[0]), seed=5), runs[1])
    export(runs, tmp_path / "out", average=2)
    first, second, out = (load_file(folder / "weights.safetensors") for folder in (*runs, tmp_path / "out"))
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(out[name], ((first[name] + second[name]) / 2).to(torch.bfloat16)) for name in first)
    assert json.loads((tmp_path / "out" / "card.json").read_text())["averaged_stages"] == [1, 2]
    with pytest.raises(ValueError, match="average is 3"):
        export(runs, tmp_path / "out", average=3)
    export(runs[:1], tmp_path / "later", before=tmp_path / "out")
    later = json.loads((tmp_path / "later" / "card.json").read_text())
    assert (len(later["stages"]), later["averaged_stages"]) == (3, [3])
    export(runs, tmp_path / "mixed", mix={runs[0]: 0.75, tmp_path / "out": 0.25})
    mixed, whole = (load_file(tmp_path / name / "weights.safetensors") for name in ("mixed", "out"))
    assert all(
        torch.allclose(mixed[name].float(), 0.75 * first[name] + 0.25 * whole[name].float(), atol=1e-2)
        for name in first
    )
    with pytest.raises(ValueError, match="shares add up"):
        export(runs, tmp_path / "mixed", mix={runs[0]: 0.75})


def test_the_command_line_reads_a_stage_from_yaml(config: TrainConfig, tmp_path: Path) -> None:
    text = f"""
data:
  - {{path: nli.jsonl, kind: nli, sources: {{own: 2}}}}
encoder: tiny
encoder_source: {config.encoder_source}
max_pair_tokens: 40
batch_tokens: 64
negatives_per_claim: 1
loss: {{token: 0.25}}
"""
    (tmp_path / "stage.yaml").write_text(text)
    assert read_config(tmp_path / "stage.yaml").loss == LossWeights(token=0.25)
    assert main(["--config", str(tmp_path / "stage.yaml"), "--out", str(tmp_path / "run"), "--threads", "1"]) == 0
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["examples"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("data: []", "at least one entry", id="no data"),
        pytest.param("data: [{path: x, kind: nli}]\nspeed: 3", "unknown speed", id="unknown key"),
        pytest.param("data: [{path: x, kind: nli, colour: red}]", "unknown colour", id="unknown source key"),
        pytest.param("data: [{", "no usable configuration", id="not yaml"),
    ],
)
def test_a_bad_configuration_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "stage.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_config(tmp_path / "stage.yaml")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        pytest.param("{", "nli", "1: not JSON", id="not json"),
        pytest.param("[]", "nli", "object was expected", id="not an object"),
        pytest.param("{}", "nli", "lacks 'src'", id="missing field"),
        pytest.param("{}", "other", "kind 'other' is unknown", id="unknown kind"),
    ],
)
def test_bad_data_are_refused(content: str, kind: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(content + "\n")
    with pytest.raises(DataError, match=message):
        read_source(Source(tmp_path / "data.jsonl", kind), 0)


def test_a_limit_keeps_whole_groups_and_repeats(tmp_path: Path) -> None:
    path = _write(tmp_path / "prepared.jsonl", PREPARED_ROWS)
    source = Source(path, "prepared", {"silver": 2})
    chosen = read_source(source, 3)
    assert chosen == read_source(source, 3)
    assert len({example.group for example in chosen}) == 1
    assert [len(group) for group in grouped(read_source(Source(path, "prepared"), 0))] == [1, 1, 2, 1]


@given(st.lists(st.integers(4, 60), min_size=1, max_size=60), st.integers(60, 300), st.text(max_size=3))
def test_an_epoch_holds_each_group_once_within_the_budget(lengths: list[int], budget: int, seed: str) -> None:
    groups = [_Sized(length) for length in lengths]
    batches = plan_epoch(groups, budget, seed)  # type: ignore[arg-type]
    assert sorted(number for batch in batches for number in batch) == list(range(len(groups)))
    assert all(len(batch) * max(lengths[n] for n in batch) <= budget for batch in batches)
    assert batches == plan_epoch(groups, budget, seed)  # type: ignore[arg-type]


class _Sized:
    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.pairs = (None,)


def test_token_labels_follow_the_characters() -> None:
    spans = np.array([[0, 3], [4, 7], [8, 12]], dtype=np.int32)
    assert token_labels(spans, [(5, 8)]).tolist() == [1.0, 0.0, 1.0]
    assert token_labels(spans, []).tolist() == [1.0, 1.0, 1.0]


def test_losses_read_labels_groups_and_tokens(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    builder = PairBuilder.from_folder(make_checkpoint("bert"))
    examples = read_source(Source(_write(tmp_path / "p.jsonl", PREPARED_ROWS), "prepared"), 0)
    groups, left_out = tokenize_examples(examples, builder, 40)
    assert left_out == 0
    batch = make_batch(groups)
    p_entail = torch.tensor([0.9, 0.2, 0.5, 0.8, 0.7])
    verdict = torch.log(torch.stack([p_entail, (1 - p_entail) * 0.25, (1 - p_entail) * 0.75], dim=1))
    support = torch.zeros(batch.tensors.ids.shape)
    _, parts = total_loss(verdict, support, batch, LossWeights(unsupported_token=1.0))
    assert parts["verdict"] * 4 == pytest.approx(-np.log(0.9) - np.log(0.8 * 0.25), rel=1e-5)
    assert parts["group"] * 4 == pytest.approx(-np.log(1 - 0.5 * 0.8) - np.log(0.7), rel=1e-5)
    assert parts["token"] * 4 == pytest.approx(2 * np.log(2), rel=1e-5)


def test_either_of_two_classes_satisfies_not_entailment(make_checkpoint: Callable[..., Path]) -> None:
    builder = PairBuilder.from_folder(make_checkpoint("bert"))
    groups, _ = tokenize_examples([Example(PREMISE, "traffic", 3, "")], builder, 40)
    verdict = torch.log(torch.tensor([[0.4, 0.1, 0.5]]))
    batch = make_batch(groups)
    assert total_loss(verdict, torch.zeros(batch.tensors.ids.shape), batch, LossWeights())[1][
        "verdict"
    ] == pytest.approx(-np.log(0.6), rel=1e-5)


def test_a_pair_too_long_takes_its_group_along(make_checkpoint: Callable[..., Path]) -> None:
    builder = PairBuilder.from_folder(make_checkpoint("bert"))
    examples = [Example(PREMISE, claim, -1, "g", group_label=1) for claim in ("short", "long " * 40)]
    groups: list[TrainingGroup]
    groups, left_out = tokenize_examples(examples, builder, 40)
    assert (groups, left_out) == ([], 1)


def test_types_mark_the_words_that_both_sides_have(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint("bert")
    builder = PairBuilder.from_folder(folder)
    continuing = continuing_pieces(folder, Tokenizer.from_folder(folder).vocabulary_size)
    premise, claim = builder.tokenize("the bridge was opened"), builder.tokenize("a bridge opened late")
    pair = builder.build(premise, claim)
    words = {
        word: pair.types[pair.claim_start + i]
        for i, word in enumerate(_surface(claim.char_spans, "a bridge opened late"))
    }
    assert pair.types[0] == pair.types[len(premise) + 1] == 0
    assert pair.types[-1] == 1
    assert {words["bridge"[:1]] if "bridge" not in words else words["bridge"]} <= {3}
    assert pair.types[pair.claim_start] == 1
    assert not continuing[claim.ids[0]]


def _surface(spans: np.ndarray, text: str) -> list[str]:
    return [text[a:b] for a, b in spans]


CLAIM = "Anna Berg did not pay Carl Ohm 250 dollars on Monday because the first offer was higher."
RECORD = "attributes - Outdoor Seating: yes, Wi Fi: no\nBusiness Parking - valet: no"
CASES = {
    "number": CLAIM,
    "name": "In May Anna Berg paid Carl Ohm in Oslo.",
    "role": "In May Anna Berg paid Carl Ohm in Oslo.",
    "kind": CLAIM,
    "attribute": CLAIM,
    "negation": "The offer was accepted.",
    "clause": CLAIM,
    "sentence": CLAIM,
    "record": "Guests enjoy outdoor seating.",
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_changes_what_it_names(name: str) -> None:
    premise = RECORD if name == "record" else CASES[name] + " Dora Lind saw it in Rome."
    donors = ["Whales migrate twice every year along the coast of Norway."]
    negative = RULES[name](Material(premise, CASES[name], donors), random.Random(4))
    assert negative is not None
    assert (negative.premise, negative.claim) != (premise, CASES[name])
    assert negative.spans
    for start, end in negative.spans:
        assert 0 <= start < end <= len(negative.claim)
    if name not in ("record", "role", "clause", "sentence"):
        ((start, end),) = negative.spans
        kept = len(negative.claim) - end
        assert negative.claim[:start] == CASES[name][:start]
        assert negative.claim[end:] == CASES[name][len(CASES[name]) - kept :]
    if name == "record":
        assert negative.premise == RECORD.replace("Seating: yes", "Seating: no")
        assert [negative.claim[a:b] for a, b in negative.spans] == ["outdoor seating"]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_finds_nothing_answers_none(name: str) -> None:
    assert RULES[name](Material("it rains", "it rains", []), random.Random(0)) is None


def test_negatives_repeat_and_stand_on_supported_claims_only() -> None:
    supported = [Example(CLAIM, CLAIM, 0, str(i), ()) for i in range(3)]
    others = [Example(CLAIM, CLAIM, 1, "x", ((0, 4),)), Example(CLAIM, CLAIM, 0, "y", None)]
    made = make_negatives([*supported, *others], 2, seed=1)
    assert made == make_negatives([*supported, *others], 2, seed=1)
    assert 3 <= len(made) <= 6
    assert {example.group for example in made} <= {"0", "1", "2"}
    assert all(example.label in (1, 2) and example.unsupported for example in made)
