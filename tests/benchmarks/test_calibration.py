"""The fits behind the calibration, on a handful of answers and the real bundled models."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ablation import ablate
from benchmarks.calibrate_verified import Judged, cross_fit, fitted_parts, without_verifier
from benchmarks.calibration_fits import Example, decision, gather
from benchmarks.errors import LabelledSpan, count_errors
from benchmarks.rows import Row
from benchmarks.verifier_data import edit_spans, in_part, with_edits
from scoring.bands import BandCuts
from scoring.calibration import parse_rag_artifact
from serving.config.load import parse_config
from serving.lanes.factory import local_rag_lane

TOWNS = "Arbon Bregenz Chur Davos Ebnat Frauenfeld Gossau Herisau Ilanz Jona Kloten Lindau Meran Nauders Olten".split()
TOWNS += "Pfyn Rorschach Sargans Thusis Uster Vaduz Wil".split()
ARTIFACTS = Path(__file__).parents[2] / "scoring" / "artifacts"


def rows() -> list[Row]:
    """One faithful and one wrong answer for each town."""
    made = []
    for number, town in enumerate(TOWNS):
        context = f"{town} has a harbour. Its mayor is Ms Keller. The old bridge was built of oak."
        wrong = f"The mayor of {town} is a famous opera singer. {town} has a harbour."
        task = "qa" if number % 2 else "summary"
        more = {
            "task": task,
            "source_id": town,
            "model": "m",
            "context": context,
            "question": "What of it?",
        }
        made.append(
            Row(**more, response=f"{town} has a harbour, and its mayor is Ms Keller.", hallucinated=False, spans=())
        )
        made.append(Row(**more, response=wrong, hallucinated=True, spans=((0, wrong.index(".") + 1),)))
    return made


@pytest.fixture(scope="module")
def lane():
    opened = local_rag_lane(parse_config({}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def examples(lane) -> list[Example]:
    return asyncio.run(gather(lane, rows()))


@pytest.fixture(scope="module")
def base():
    return parse_rag_artifact(json.loads((ARTIFACTS / "rag.json").read_text(encoding="utf-8")))


def test_the_fitted_parts_make_an_artefact(examples, base):
    document = json.loads((ARTIFACTS / "rag.json").read_text(encoding="utf-8"))
    parts = fitted_parts(examples, base, "test")
    artifact = parse_rag_artifact({**document, **parts, "version": "test"})
    assert artifact.verifier == "groundlane-minilm-verifier"
    assert artifact.verified is not None
    assert min(weight.weight for weight in artifact.fusion.values()) >= 0.0
    assert artifact.curves is not None
    assert artifact.curves.strata["qa"].size == 22
    assert artifact.bands["overall"] == BandCuts(None, None, None, None), "44 answers hold no band"
    assert parts["held"]["balanced"]["strata"]["overall"]["amber_share"] == 1.0
    assert parts["cross_fitted"]["overall"]["n"] == 44
    risk = [1.0 - (decision(example, artifact).score.headline or 0.5) for example in examples]
    assert np.mean(risk[1::2]) > np.mean(risk[::2])


def test_a_cross_fitted_score_does_not_know_its_own_label(examples, base):
    judged = [Judged(one, decision(without_verifier(one), base)) for one in examples]
    turned = replace(examples[0].row, hallucinated=True, spans=((0, 10),))
    others = [Judged(Example(turned, examples[0].gathered), judged[0].plain), *judged[1:]]
    assert cross_fit(others, base).score[0] == cross_fit(judged, base).score[0]


def test_ablation_leaves_out_one_thing_at_a_time(lane, examples):
    found = ablate(lane, examples, 0.5)
    assert {"whole", "literals", "cells", "verifier"} <= found.keys()
    assert found["cells"]["auroc_lost"]["value"] == 0.0, "these answers have no cells"
    assert found["verifier"] != found["whole"]


def test_an_edit_is_found_to_the_character():
    before, after = "The bridge was built in 1932 .", "The bridge was sold in 1990 ."
    assert [after[s["start"] : s["end"]] for s in edit_spans(before, after)] == ["sold", "1990"]
    assert [s["start"] for s in edit_spans("a b c", "a c")] == [2], "the word after what was taken out"
    assert edit_spans("a b", "a b") == edit_spans("a", "") == []


def test_pairs_that_differ_by_an_edit_get_spans_and_the_faithful_one_is_kept_once():
    def answer(response: str, hallucinated: int, context: str = "c") -> dict:
        return {"context": context, "response": response, "hallucinated": hallucinated}

    faithful, edited = "one two three four", "one two nine four"
    answers = [answer(faithful, 0), answer(edited, 1), answer(faithful, 0), answer("one ten three four", 1)]
    answers += [answer("lone and wrong", 1, "d"), answer("lone and right", 0, "e")]
    found = with_edits(answers)
    assert [row.get("spans") is None for row in found] == [False, False, False, True, True]
    assert [row["response"] for row in found].count(faithful) == 1
    assert found[1]["spans"] == [{"start": 8, "end": 12, "label_type": "Edit"}]


def test_parts_split_by_context():
    contexts = [{"context": f"context {n}"} for n in range(300)]
    train = [row for row in contexts if in_part(row, "train")]
    assert 150 < len(train) < 250
    assert not any(in_part(row, "dev") for row in train)


def test_errors_are_counted_by_kind(lane, examples):
    spans = [
        [LabelledSpan(*example.row.spans[0], "Evident Baseless Info")] if example.row.spans else []
        for example in examples
    ]
    found = count_errors(lane, examples, spans)
    assert sum(entry["of"] for entry in found["spans"]) == len(TOWNS)
    assert {entry["kind"] for entry in found["spans"]} == {"Evident Baseless Info"}
    assert sum(entry["count"] for entry in found["spans"]) > len(TOWNS) / 2
    assert all(0 <= entry["count"] <= entry["of"] for part in found.values() for entry in part)
