"""Rows about libraries from a real wheel and a real project that uses it, judged by the lane."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.code_libraries import evaluate, make_rows
from serving.libraries.indexing import index_path
from serving.libraries.store import LibraryStore
from tests.serving.libraries.builders import SHOP, wheel

USER = '''"""Orders of a shop."""

from shop import Cart, open_client


def order(owner: str) -> int:
    """Order tea, and say what it costs."""
    cart = Cart(owner, currency="EUR")
    line = cart.add_item("tea", count=2)
    return line.total_price()


def stored(owner: str) -> Cart:
    """The cart as the shop has it."""
    with open_client("https://shop", timeout_s=2.0) as client:
        return client.fetch_cart(owner)


def described(names: list[str], most: int) -> dict[str, str]:
    """A line for each name, as long as there is room."""
    lines: dict[str, str] = {}
    for number, name in enumerate(sorted(names), 1):
        if number > most:
            lines["more"] = f"and {len(names) - most} more names"
            break
        lines[name] = f"{number}. {name.title()} ({len(name)} letters)"
    return {key: value.strip() for key, value in lines.items() if value.strip()}
'''


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LibraryStore:
    """A store with one package."""
    folder = tmp_path_factory.mktemp("store")
    made = LibraryStore(folder / "libraries")
    assert len(list(index_path(wheel(folder, "shop", "1.0", SHOP), made))) == 1
    return made


@pytest.fixture(scope="module")
def rows(store: LibraryStore, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Pairs of four files; the project has another file that it imports."""
    folder = tmp_path_factory.mktemp("site") / "orders"
    folder.mkdir()
    for number in range(4):  # one file for each kind of use
        (folder / f"tea{number}.py").write_text("from orders.names import OWNER\n" + USER)
    (folder / "names.py").write_text("OWNER = 'ann'\n")
    return list(make_rows(store, [("shop", folder)], 5, 4))


def test_a_pair_differs_in_one_name_of_the_library(rows: list[dict[str, Any]]) -> None:
    assert rows
    for clean, altered in zip(rows[::2], rows[1::2], strict=True):
        [phantom] = altered["phantoms"]
        wrong = phantom["name"]
        assert altered["response"][phantom["start"] : phantom["end"]] == wrong
        assert re.sub(rf"\b{wrong}\b", phantom["expected"], altered["response"]) == clean["response"]
        assert not any("shop/" in item["path"] for item in altered["files"])


def test_the_library_finds_what_nothing_else_can(rows: list[dict[str, Any]], store: LibraryStore) -> None:
    with_store, without = evaluate(rows, store), evaluate(rows, None)
    assert not any(item.flagged for item in with_store if not item.row["phantoms"])
    missed = [item.row["phantoms"] for item in with_store if not all(item.hits)]
    assert not missed, missed
    assert sum(map(sum, (item.hits for item in without))) < sum(map(sum, (item.hits for item in with_store)))
