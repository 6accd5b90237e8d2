"""The committed sample: each language finds its one wrong name and is silent on the clean twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "code_sample.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS])
def test_sample_row(row: dict[str, Any]) -> None:
    index = build_index(
        [parse_source(item["text"], language_of_path(item["path"]) or "", item["path"]) for item in row["files"]]
    )
    findings = resolve([ResponseBlock(parse_source(row["response"], row["language"]), row["response"])], index)
    flagged = [(item.name, *item.span) for item in findings if item.flagged]
    assert flagged == [(item["name"], item["start"], item["end"]) for item in row["phantoms"]]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS if row["phantoms"]])
def test_without_context_the_same_code_proves_nothing_about_the_project(row: dict[str, Any]) -> None:
    findings = resolve(
        [ResponseBlock(parse_source(row["response"], row["language"]), row["response"])], build_index([])
    )
    assert [item for item in findings if item.flagged] == []
