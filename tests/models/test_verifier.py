from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.labels import map_labels
from models.registry import VerifierSpec, load_verifier
from models.types import NliScores
from models.verifier import NOT_JUDGED, SequenceVerifier, TokenVerifier, _best, _weakest
from models.weights import ModelLoadError

NLI = ("ENTAILMENT", "neutral", "Contradiction")
GROUNDED = ("hallucinated", "grounded")
TOKENS = ("supported", "hallucinated")
ARCHITECTURES = ["bert", "modernbert", "deberta"]
PREMISE = "The bridge was opened in 1932 and carries eight lanes of traffic. "
CLAIM = "The bridge opened in 1932."
TEXTS = st.text(st.sampled_from("bridge 1932, März.\n"), max_size=60)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=5)


def spec(folder: Path, **changes: object) -> VerifierSpec:
    return VerifierSpec(**{"name": "tiny", "source": str(folder), "dtype": "float32", "device": "cpu"} | changes)


@pytest.fixture(scope="session")
def folders(make_checkpoint: Callable[..., Path]) -> dict[tuple[str, str], Path]:
    kinds = {"nli": ("sequence", NLI), "grounded": ("sequence", GROUNDED), "tokens": ("token", TOKENS)}
    return {
        (architecture, kind): make_checkpoint(architecture, head, labels)
        for architecture in ARCHITECTURES
        for kind, (head, labels) in kinds.items()
    }


@pytest.fixture(scope="session")
def verifiers(folders: dict[tuple[str, str], Path]) -> dict[tuple[str, str], SequenceVerifier | TokenVerifier]:
    return {key: load_verifier(spec(folder)) for key, folder in folders.items()}


def values(scores: NliScores) -> list[float]:
    numbers = [scores.entail, scores.neutral, scores.contradict, *(support for _, _, support in scores.token_support)]
    return [-1.0 if number is None else number for number in numbers]


@pytest.mark.parametrize("kind", ["nli", "grounded", "tokens"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@settings(max_examples=8, deadline=None)
@given(pairs=PAIRS)
def test_a_batch_equals_its_singles(verifiers, architecture: str, kind: str, pairs: list[tuple[str, str]]) -> None:
    verifier = verifiers[architecture, kind]
    batch = verifier.verify(pairs)
    assert len(batch) == len(pairs)
    for pair, scores in zip(pairs, batch, strict=True):
        assert values(scores) == pytest.approx(values(verifier.verify([pair])[0]), abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_three_classes_are_probabilities_in_the_labels_order(verifiers, architecture: str) -> None:
    verifier = verifiers[architecture, "nli"]
    scores = verifier.verify([(PREMISE, CLAIM)])[0]
    assert scores.entail + scores.neutral + scores.contradict == pytest.approx(1.0, abs=1e-5)
    prepared = verifier.prepare([(PREMISE, CLAIM)])
    outputs = np.concatenate(verifier.forward(prepared))
    assert values(scores)[:3] in [pytest.approx(row.tolist()) for row in outputs]
    assert verifier.info.name == "tiny"
    assert len(verifier.info.revision) == 64


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_classes_leave_the_others_none(verifiers, architecture: str) -> None:
    scores = verifiers[architecture, "grounded"].verify([(PREMISE, CLAIM)])[0]
    assert 0.0 <= scores.entail <= 1.0
    assert (scores.neutral, scores.contradict, scores.token_support) == (None, None, ())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_token_labels_cover_the_claim_and_nothing_else(verifiers, architecture: str) -> None:
    verifier = verifiers[architecture, "tokens"]
    scores = verifier.verify([(PREMISE, CLAIM)])[0]
    tokens = verifier._tokenizer.encode(CLAIM)
    assert [(start, end) for start, end, _ in scores.token_support] == [
        tuple(span) for span in tokens.char_spans.tolist()
    ]
    content = [support for (_, _, support), flag in zip(scores.token_support, tokens.content, strict=True) if flag]
    assert scores.entail == pytest.approx(min(content))
    assert len({round(support, 4) for _, _, support in scores.token_support}) > 1


@pytest.mark.parametrize("kind", ["nli", "tokens"])
def test_a_long_premise_is_split_and_its_best_part_counts(verifiers, kind: str) -> None:
    verifier = verifiers["bert", kind]
    premise = PREMISE * 5
    prepared = verifier.prepare([(premise, CLAIM)])
    windows = [window for batch in prepared.batches for window in batch.windows]
    assert len(windows) > 2
    covered = sorted(window.premise for window in windows)
    assert covered[0][0] == 0
    assert [end for _, end in covered[:-1]] == [start for start, _ in covered[1:]]
    assert covered[-1][1] == len(verifier._tokenizer.encode(premise))
    parts = [part for batch in verifier.forward(prepared) for part in batch]
    if kind == "nli":
        scores = verifier.verify([(premise, CLAIM)])[0]
        assert scores.entail in [pytest.approx(float(part[0])) for part in parts]


@pytest.mark.parametrize("kind", ["nli", "grounded", "tokens"])
def test_a_long_claim_is_judged_to_its_end(verifiers, kind: str) -> None:
    verifier = verifiers["bert", kind]
    claim = CLAIM * 12
    prepared = verifier.prepare([(PREMISE, claim)])
    parts = sorted({window.claim for batch in prepared.batches for window in batch.windows})
    assert parts[-1][1] == len(verifier._tokenizer.encode(claim))
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]
    assert max(int(batch.lengths.max()) for batch in prepared.batches) <= 40
    scores = verifier.verify([(PREMISE, claim)])[0]
    if kind == "tokens":
        assert scores.token_support[-1][1] == len(claim)


@pytest.mark.parametrize("kind", ["nli", "grounded", "tokens"])
def test_empty_sides(verifiers, kind: str) -> None:
    no_claim, no_premise = verifiers["bert", kind].verify([(PREMISE, ""), ("", CLAIM)])
    assert no_claim == NOT_JUDGED
    assert 0.0 <= no_premise.entail <= 1.0
    assert verifiers["bert", kind].verify([]) == []


def three(entail: float, contradict: float) -> NliScores:
    return NliScores(entail=entail, neutral=round(1 - entail - contradict, 3), contradict=contradict)


def test_which_window_and_which_part_count() -> None:
    entailing, neutral, contradicting = three(0.9, 0.05), three(0.2, 0.1), three(0.1, 0.8)
    assert _best([neutral, entailing, contradicting]) == entailing
    assert _best([three(0.05, 0.1), contradicting]) == contradicting
    assert _best([neutral, three(0.1, 0.15)]) == neutral
    assert _weakest([entailing, neutral]) == neutral
    assert _weakest([entailing, three(0.05, 0.02), contradicting]) == contradicting


def test_temperature_softens_without_changing_the_order(folders, verifiers) -> None:
    soft = load_verifier(spec(folders["bert", "nli"], temperature=4.0))
    pair = (PREMISE[:40], CLAIM)
    sharp_values, soft_values = values(verifiers["bert", "nli"].verify([pair])[0]), values(soft.verify([pair])[0])
    assert np.argmax(sharp_values) == np.argmax(soft_values)
    assert max(soft_values) < max(sharp_values)
    with pytest.raises(ValueError, match="temperature"):
        load_verifier(spec(folders["bert", "nli"], temperature=0.0))


def test_a_label_map_goes_before_the_default_table(folders, verifiers) -> None:
    swapped = load_verifier(
        spec(folders["bert", "nli"], label_map={"entailment": "contradict", "contradiction": "entail"})
    )
    pair = (PREMISE[:40], CLAIM)
    expected, found = verifiers["bert", "nli"].verify([pair])[0], swapped.verify([pair])[0]
    assert (found.entail, found.contradict) == pytest.approx((expected.contradict, expected.entail))


@pytest.mark.parametrize(
    ("labels", "label_map", "message"),
    [
        pytest.param(["LABEL_0", "LABEL_1"], {}, "'LABEL_0'.*label_map", id="unmapped"),
        pytest.param(["entailment", "maybe"], {}, "'maybe'.*Known labels: consistent", id="one unmapped"),
        pytest.param(["neutral", "contradiction"], {}, "no label of the verifier means entail", id="no entail"),
        pytest.param(["entailment"], {"x": "yes"}, "label_map names yes", id="unknown class"),
    ],
)
def test_labels_that_mean_nothing(labels: list[str], label_map: dict[str, str], message: str) -> None:
    with pytest.raises(ModelLoadError, match=message):
        map_labels(dict(enumerate(labels)), label_map)


def test_default_names_are_mapped_by_configuration(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint("bert", "token", ("LABEL_0", "LABEL_1"))
    with pytest.raises(ModelLoadError, match="LABEL_0"):
        load_verifier(spec(folder))
    verifier = load_verifier(spec(folder, label_map={"LABEL_0": "entail", "LABEL_1": "not_entail"}))
    assert isinstance(verifier, TokenVerifier)


def test_a_single_output_is_a_sigmoid(make_checkpoint: Callable[..., Path]) -> None:
    verifier = load_verifier(spec(make_checkpoint("bert", "sequence", ("grounded",))))
    scores = verifier.verify([(PREMISE, CLAIM), ("", CLAIM)])
    assert all(0.0 < score.entail < 1.0 for score in scores)
    assert scores[0].entail != scores[1].entail


def test_a_plain_encoder_is_no_verifier(encoder_folders: dict[str, Path]) -> None:
    with pytest.raises(ModelLoadError, match="is no verifier"):
        load_verifier(spec(encoder_folders["bert"]))


def test_a_head_without_weights_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint("bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(ModelLoadError, match=r"lack .*classifier"):
        load_verifier(spec(folder, label_map={"a": "entail", "b": "not_entail"}))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_auto_dtype_agrees_with_float32(folders, verifiers, architecture: str) -> None:
    automatic = load_verifier(spec(folders[architecture, "nli"], dtype="auto"))
    pair = (PREMISE, CLAIM)
    expected = verifiers[architecture, "nli"].verify([pair])[0]
    assert automatic.verify([pair])[0].entail == pytest.approx(expected.entail, abs=0.05)
