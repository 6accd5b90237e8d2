"""Twenty fragments of each language as an agent writes them, right and with an invented name."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.parsers.placing import analyse, flagged

DATA: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "agent_fragments.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in DATA["rows"]])
def test_a_right_fragment_is_left_alone(row: dict[str, Any]) -> None:
    found = analyse(row["clean"], DATA["contexts"][row["context"]])
    assert flagged(found) == []
    assert found.unknown_paths == ()


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in DATA["rows"] if "phantom" in row])
def test_an_invented_name_is_found(row: dict[str, Any]) -> None:
    assert flagged(analyse(row["phantom"], DATA["contexts"][row["context"]])) == row["flagged"]
