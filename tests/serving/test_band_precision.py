"""What an answer says of its band, with the bundled models and curves that this test makes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from scoring.band_curves import FOLDS
from scoring.band_fits import band_curves
from serving.api.lane_types import LaneInput
from serving.config.artifacts import rag_fits, read_artifact
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane
from serving.lanes.json_bytes import json_bytes
from serving.lanes.rag import RagLane

CONTEXT = "The Lindau Bridge opened on 4 May 1932 after six years of construction. It is 1,149 metres long."
COPIED = "The Lindau Bridge opened on 4 May 1932 after six years of construction."


def curves() -> dict[str, Any]:
    """A thousand made answers whose score is the probability that they are grounded; "qa" is half of them."""
    random = np.random.default_rng(4)
    score = random.beta(0.7, 0.7, 1000)
    wrong = random.random(1000) > score
    return band_curves(score, wrong, np.arange(1000) % FOLDS, {"qa": np.arange(1000) % 2 == 0}).to_json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("artifacts")
    for name in ("rag", "rag_verified"):
        document = read_artifact(name) | {"curves": curves()}
        (made / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def lane(folder: Path) -> Iterator[RagLane]:
    built = local_rag_lane(load_config(overrides={"artifacts.directory": str(folder)}, environment={}))
    yield built
    built.close()


async def scored(lane: RagLane, response: str, **fields: Any) -> dict[str, Any]:
    asked = LaneInput(**{"request_id": "r", "tenant": "t", "response_text": response, "raw_context": CONTEXT} | fields)
    document: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
    return document


@pytest.mark.parametrize(
    ("response", "fields", "band", "held"),
    [
        pytest.param(COPIED, {}, "green", {"target": 0.92}, id="green"),
        pytest.param("Its owner sings opera in Milan and breeds horses.", {}, "red", {"target": 0.85}, id="red"),
        pytest.param(COPIED, {"risk_band_stratum": "qa"}, "green", {"target": 0.92}, id="known-stratum"),
        pytest.param(
            "Its owner sings opera in Milan and breeds horses.",
            {"risk_band_stratum": "nonesuch"},
            "red",
            {"target": 0.8875, "borrowed_from": "overall"},
            id="unknown-stratum-borrows",
        ),
        pytest.param(COPIED, {"attribution_mode": "open_domain"}, "amber", None, id="open-domain-promises-nothing"),
    ],
)
async def test_a_band_says_what_it_was_held_to(
    lane: RagLane, response: str, fields: dict[str, str], band: str, held: dict[str, Any] | None
) -> None:
    answer = await scored(lane, response, **fields)
    assert answer["band"] == band, answer["reason"]
    if held is None:
        assert "band_precision" not in answer
        return
    found = answer["band_precision"]
    assert found["low"] <= found["value"] <= found["high"]
    assert found["n"] >= 25
    assert {key: found.get(key) for key in ("target", "borrowed_from")} == {"borrowed_from": None, **held}


async def test_strict_allows_half_the_error(lane: RagLane) -> None:
    balanced = await scored(lane, COPIED)
    strict = await scored(lane, COPIED, risk_band_policy="strict")
    gathered = await lane.gather(LaneInput("r", "t", COPIED, raw_context=CONTEXT))
    cuts = [lane.artifact(gathered, policy).bands["overall"] for policy in ("balanced", "strict")]
    assert cuts[0].green_at < cuts[1].green_at
    assert cuts[0].red_at > cuts[1].red_at
    assert balanced["band_precision"]["target"] == 0.92
    assert strict.get("band_precision", {"target": 0.96})["target"] == 0.96


async def test_a_stratum_that_no_label_named_is_said_so(lane: RagLane) -> None:
    warnings = (await scored(lane, COPIED, risk_band_stratum="nonesuch"))["warnings"]
    assert (
        "risk_band_stratum is not among overall, qa; the overall bands were used, held to a smaller error" in warnings
    )
    assert "warnings" not in await scored(lane, COPIED, risk_band_stratum="qa")


async def test_fixed_cuts_of_an_older_artefact_say_that_a_policy_changes_nothing(lane: RagLane, tmp_path: Path) -> None:
    held = {"value": 0.95, "low": 0.88, "high": 0.99, "n": 85}
    for name in ("rag", "rag_verified"):
        document = read_artifact(name) | {"curves": None}
        document["bands"] = {"overall": {"green_at": 0.5, "red_at": 0.1, "green": held, "red": held}}
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    older = RagLane(lane.encoders, "minilm", rag_fits(tmp_path), 64, json_bytes)
    answer = await scored(older, COPIED, risk_band_policy="strict")
    assert any("fixed cuts" in warning for warning in answer["warnings"])
    assert answer["band_precision"] == held


def test_the_configured_precision_moves_the_cuts(lane: RagLane, folder: Path) -> None:
    found = []
    for wanted in (0.8, 0.9):
        config = load_config(overrides={"bands.green_precision": wanted}, environment={})
        fits = rag_fits(folder, config.bands.targets)
        found.append(fits.artifacts[1].with_bands(fits.targets).bands["overall"].green_at)
    assert found[0] < found[1]
