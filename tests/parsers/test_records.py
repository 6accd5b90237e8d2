"""JSON, Python dicts and key-value lines: every leaf with its path and its exact characters."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.values.records import MAX_DEPTH, cells_of_trees, find_key_values, find_trees, read_tree


def leaves(text: str) -> list[tuple[tuple[str | int, ...], str]]:
    trees, _ = find_trees(text)
    values = [value for tree in trees for value in tree.values]
    assert all(text[slice(*value.span)] == value.text for value in values)
    return [(value.path, value.text) for value in values]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": 1, "b": {"c": "x"}}', [(("a",), "1"), (("b", "c"), "x")], id="json"),
        pytest.param(
            "{'a': 'it', 'b': None, 'c': True,}", [(("a",), "it"), (("b",), "None"), (("c",), "True")], id="python"
        ),
        pytest.param("{'a': \"it's\"}", [(("a",), "it's")], id="mixed-quotes"),
        pytest.param('{"a": 1}\n{"a": 2}', [(("a",), "1"), (("a",), "2")], id="lines"),
        pytest.param(
            'See [1] and {this}: {"a": [1, {"b": 2}]} ok?', [(("a", 0), "1"), (("a", 1, "b"), "2")], id="prose"
        ),
        pytest.param('{"a": "say \\"hi\\" \\\\"}', [(("a",), 'say \\"hi\\" \\\\')], id="escapes"),
        pytest.param('{"a": -1.5e3, "b": []}', [(("a",), "-1.5e3")], id="numbers"),
        pytest.param("plain prose (with brackets) [1, 2]", [], id="no-keys"),
    ],
)
def test_reads(text: str, expected: list[tuple[tuple[str | int, ...], str]]) -> None:
    assert leaves(text) == expected


def test_cells_carry_labels() -> None:
    text = '{"name": "Inn", "stars": 4, "rooms": [{"id": "r1", "beds": 2}, {"beds": 3}], "tags": ["a"],'
    text += ' "attributes": {"WiFi": "no"}}'
    cells = cells_of_trees(find_trees(text)[0])
    assert [(cell.row, cell.attribute, cell.text) for cell in cells] == [
        (("Inn",), "name", "Inn"),
        (("Inn",), "stars", "4"),
        (("Inn", "rooms", "r1"), "id", "r1"),
        (("Inn", "rooms", "r1"), "beds", "2"),
        (("Inn", "rooms", "#1"), "beds", "3"),
        (("Inn",), "tags", "a"),
        (("Inn", "attributes"), "WiFi", "no"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a":' * 10_000 + "1" + "}" * 10_000, id="deep-objects"),
        pytest.param("[" * 10_000 + "]" * 10_000, id="deep-arrays"),
        pytest.param("[" * 400_000, id="openers"),
        pytest.param("{" * 100_000, id="braces"),
        pytest.param('{"' * 50_000, id="unclosed-keys"),
        pytest.param("{'" + "\\" * 100_000, id="backslashes"),
        pytest.param('{"a":"' + "x" * 200_000, id="unclosed-string"),
        pytest.param('{"a":1,' * 20_000, id="restarts"),
    ],
)
def test_hostile_text_gives_a_typed_result(text: str) -> None:
    trees, warnings = find_trees(text)
    assert all(len(value.path) <= MAX_DEPTH for tree in trees for value in tree.values)
    assert isinstance(warnings, tuple)


def test_deep_nesting_is_said() -> None:
    tree = read_tree('{"a":' * 10_000, 0)
    assert tree.error is not None
    assert "nested deeper" in tree.error
    assert any("nested deeper" in warning for warning in find_trees('{"a":' * 10_000)[1])


def test_too_many_values_are_said() -> None:
    trees, warnings = find_trees(json.dumps({str(index): index for index in range(50)}), limit=10)
    assert sum(len(tree.values) for tree in trees) == 10
    assert "more than 10 values" in warnings[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Name: Inn\nPrice: 5 €\n", [(("Inn",), "Name", "Inn"), (("Inn",), "Price", "5 €")], id="colon"),
        pytest.param("host = a.b\nport = 80", [((), "host", "a.b"), ((), "port", "80")], id="equals"),
        pytest.param(
            "- **Größe**: 3 m\n- **Farbe**: rot", [((), "Größe", "3 m"), ((), "Farbe", "rot")], id="markdown-list"
        ),
        pytest.param(
            "name: A\nx: 1\n\nname: B\nx: 2",
            [(("A",), "name", "A"), (("A",), "x", "1"), (("B",), "name", "B"), (("B",), "x", "2")],
            id="blocks",
        ),
        pytest.param("We met.\nNote: it rained.\nThen we left.\nAll was well.", [], id="prose"),
    ],
)
def test_key_values(text: str, expected: list[tuple[tuple[str, ...], str, str]]) -> None:
    cells, _ = find_key_values(text)
    assert [(cell.row, cell.attribute, cell.text) for cell in cells] == expected
    assert all(text[slice(*cell.span)] == cell.text for cell in cells)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4), st.sampled_from([json.dumps, repr]))
def test_every_leaf_of_json_and_python_is_read(value: dict[str, object], write: object) -> None:
    assert callable(write)
    text = write(value)
    tree = read_tree(text, 0)
    assert tree.error is None
    assert tree.end == len(text)
    assert len(tree.values) == _count(value)
    assert all(text[slice(*leaf.span)] == leaf.text for leaf in tree.values)


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 1


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="{}[]\"':,\\ atrue1\n=", max_size=120))
def test_any_text(text: str) -> None:
    leaves(text)
    assert all(text[slice(*cell.span)] == cell.text for cell in find_key_values(text)[0])
