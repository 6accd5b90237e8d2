"""Rows of the code benchmark in each mode: the wrong name is where the row says, and the edit applies to the file shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.code import evaluate, report
from benchmarks.code_modes import MODES, make_mode_rows
from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from serving.lanes.code_analysis import CodeAnalyser

STORE = """class Store:
    def fetch_rows(self, table):
        return [table]

    def close_files(self):
        return None


def open_store(path):
    return Store()
"""
USES = """from shop.store import Store, open_store


class Till:
    def __init__(self, path):
        self.store = open_store(path)

    def total(self, table):
        store = Store()
        rows = store.fetch_rows(table)
        store.close_files()
        return len(rows)


def main(path):
    till = Till(path)
    store = open_store(path)
    store.close_files()
    return till.total("sales")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in {"__init__.py": "", "store.py": STORE, "till.py": USES}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_a_mode(tree: Path, mode: str) -> None:
    rows = list(make_mode_rows([tree], mode, "python", 3, 4))
    assert rows
    assert len(rows) % 2 == 0
    for clean, altered in zip(rows[::2], rows[1::2], strict=True):
        [wrong] = altered["phantoms"]
        start, end = wrong["start"], wrong["end"]
        assert altered["response"][start:end] == wrong["name"]
        assert clean["response"] == altered["response"][:start] + wrong["expected"] + altered["response"][end:]
        files = [ContextFile(item["path"], item["text"], 0, "python") for item in clean["files"]]
        code = find_code(clean["response"], None)
        found = CodeAnalyser().analyse("test", clean["response"], code, files)
        if mode == "prose":
            assert (found.placements, found.unknown_paths) == ((), ())
            continue
        [placed] = found.placements
        assert placed.path == "shop/till.py"
        assert placed.applies is (True if mode in {"search_replace", "diff"} else None)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_is_reported_by_language(tree: Path, mode: str) -> None:
    found = report(evaluate(list(make_mode_rows([tree], mode, "python", 3, 4))))["by_mode"][mode]["python"]
    assert found["recall"]["value"] == 1.0
    assert found["clean_flagged"]["value"] == 0.0
