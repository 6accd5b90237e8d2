"""The shipped weights: they load without a network, and give the numbers that their card names on a committed sample.

``data/verifier_sample.jsonl``: claims of RAGTruth answers (MIT licence, https://github.com/ParticleMedia/RAGTruth) with packed
premises, from sources that neither training nor calibration saw.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.registry import SHIPPED_VERIFIER, VERIFIERS, VerifierSpec, load_verifier
from models.shipped import WEIGHTS_FOLDER
from models.trained_verifier import TrainedVerifier
from models.types import NliScores
from models.weights import BUNDLED_SOURCE, ModelLoadError

SAMPLE = Path(__file__).parent / "data" / "verifier_sample.jsonl"
CARD = json.loads((WEIGHTS_FOLDER / "card.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def verifier() -> TrainedVerifier:
    loaded = load_verifier(VerifierSpec(SHIPPED_VERIFIER, BUNDLED_SOURCE, dtype="float32", device="cpu"))
    assert isinstance(loaded, TrainedVerifier)
    return loaded


@pytest.fixture(scope="module")
def verdicts(verifier: TrainedVerifier, rows: list[dict[str, Any]]) -> list[NliScores]:
    return verifier.verify([(row["premise"], row["claim"]) for row in rows])


def test_the_card_number_is_reproduced(rows: list[dict[str, Any]], verdicts: list[NliScores]) -> None:
    entail = np.array([scores.entail for scores in verdicts])
    wrong = np.array([bool(row["unsupported"]) for row in rows])
    wins = (entail[wrong][:, None] < entail[~wrong][None, :]) + 0.5 * (
        entail[wrong][:, None] == entail[~wrong][None, :]
    )
    assert CARD["sample"]["n"] == len(rows)
    assert float(wins.mean()) == pytest.approx(CARD["sample"]["claim_auroc"], abs=0.01)
    assert float(entail.mean()) == pytest.approx(CARD["sample"]["mean_entail"], abs=0.01)


def test_a_batch_equals_its_singles(
    verifier: TrainedVerifier, rows: list[dict[str, Any]], verdicts: list[NliScores]
) -> None:
    for row, together in list(zip(rows, verdicts, strict=True))[:6]:
        alone = verifier.verify([(row["premise"], row["claim"])])[0]
        assert alone.entail == pytest.approx(together.entail, abs=1e-4)
        assert [entry[:2] for entry in alone.token_support] == [entry[:2] for entry in together.token_support]


def test_bfloat16_says_the_same(rows: list[dict[str, Any]], verdicts: list[NliScores]) -> None:
    low = load_verifier(VerifierSpec(SHIPPED_VERIFIER, BUNDLED_SOURCE, dtype="bfloat16", device="cpu"))
    others = low.verify([(row["premise"], row["claim"]) for row in rows])
    differences = [abs((a.entail or 0.0) - (b.entail or 0.0)) for a, b in zip(verdicts, others, strict=True)]
    assert max(differences) < 0.05
    assert float(np.mean(differences)) < 0.01


@pytest.mark.parametrize(
    ("premise", "good", "bad"),
    [
        pytest.param(
            "The museum opens at nine and closes at five. Entry is free on Sundays.",
            "Entry to the museum is free on Sundays.",
            "The museum was designed by a Danish architect in 1967.",
            id="invented",
        ),
        pytest.param(
            "attributes - Outdoor Seating: yes, Wi Fi: no, Restaurants Take Out: yes",
            "The restaurant offers outdoor seating.",
            "The restaurant hosts live jazz concerts every Friday night.",
            id="record",
        ),
    ],
)
def test_what_a_reader_sees_at_once(verifier: TrainedVerifier, premise: str, good: str, bad: str) -> None:
    supported, unsupported = verifier.verify([(premise, good), (premise, bad)])
    assert supported.entail is not None
    assert unsupported.entail is not None
    assert supported.entail > unsupported.entail + 0.1
    tokens = unsupported.token_support
    assert next(bad[start:end] for start, end, _ in tokens).lower() == "the"
    assert min(value for _, _, value in tokens) < min(value for _, _, value in supported.token_support)


def test_the_card_pins_weights_and_encoder() -> None:
    assert CARD["name"] == SHIPPED_VERIFIER
    assert len(CARD["weights_sha256"]) == len(CARD["encoder_sha256"]) == 64
    assert sum(path.stat().st_size for path in WEIGHTS_FOLDER.iterdir()) < 50_000_000
    assert VERIFIERS[SHIPPED_VERIFIER].source == BUNDLED_SOURCE


@pytest.mark.parametrize(
    "changes", [pytest.param({"temperature": 2.0}, id="temperature"), pytest.param({"name": "other"}, id="name")]
)
def test_what_the_shipped_verifier_cannot_do_is_refused(changes: dict[str, Any]) -> None:
    values = {"name": SHIPPED_VERIFIER, "source": BUNDLED_SOURCE} | changes
    with pytest.raises(ModelLoadError, match="bundled verifier"):
        load_verifier(VerifierSpec(**values))
