"""How imports find files, and how names are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.project.import_paths import FileTable
from parsers.project.suggestions import best_match, edit_distance, similarity
from parsers.syntax.expressions import read_expression
from parsers.syntax.type_text import read_type

NAMES = st.from_regex(r"[a-z][A-Za-z_0-9]{0,14}", fullmatch=True)


def table(family: str, *paths: str) -> FileTable:
    return FileTable(family, ((path, path) for path in paths))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(table("python", "src/pkg/a.py").importable(("pkg", "a")), ["src/pkg/a.py"], id="source-folder"),
        pytest.param(
            table("python", "pkg/websockets/__init__.py").importable(("websockets",)), [], id="not-a-top-package"
        ),
        pytest.param(
            table("typescript", "src/a/index.ts").relative(("src",), "./a"), ["src/a/index.ts"], id="index-file"
        ),
        pytest.param(table("typescript", "src/a.ts").relative(("src", "b"), "../a.js"), ["src/a.ts"], id="js-means-ts"),
        pytest.param(
            table("go", "hooks/test/t.go").package("github.com/o/r/hooks/test"), ["hooks/test/t.go"], id="go-folder"
        ),
        pytest.param(table("go", "errors/e.go").package("github.com/pkg/errors"), [], id="go-other-repository"),
        pytest.param(table("rust", "src/a/mod.rs").in_crate(("a",)), ["src/a/mod.rs"], id="rust-mod"),
    ],
)
def test_imports_find_files(found: list[str], expected: list[str]) -> None:
    assert found == expected


@given(NAMES, NAMES)
def test_edit_distance_is_symmetric_and_bounded(first: str, second: str) -> None:
    limit = max(len(first), len(second))
    distance = edit_distance(first, second, limit)
    assert distance == edit_distance(second, first, limit)
    assert (distance == 0) == (first == second)
    assert 0.0 <= similarity(first, second) <= 1.0


@given(NAMES, st.lists(NAMES, max_size=20))
def test_the_best_match_is_a_candidate_and_order_does_not_matter(name: str, candidates: list[str]) -> None:
    best, score = best_match(name, candidates)
    assert best is None or (best in candidates and best != name and score >= 0.4)
    assert best_match(name, reversed(candidates)) == (best, score)


@given(st.text(max_size=80), st.sampled_from(["python", "typescript", "go", "rust"]))
def test_any_text_can_be_read(text: str, family: str) -> None:
    read_type(text, family)
    read_expression(text, family)


@pytest.mark.parametrize(
    ("text", "family", "expected"),
    [
        pytest.param("await client.get(url)[0]", "python", ("client", "get", "()", "[]", "#await"), id="await"),
        pytest.param("new Map<string, A>().size", "typescript", ("Map", "()", "size"), id="new"),
        pytest.param("&pkg.Cart{Owner: 1}", "go", ("#type:pkg.Cart",), id="composite-literal"),
        pytest.param("Cart::open(x)?.lines", "rust", ("Cart", "open", "()", "#try", "lines"), id="try"),
        pytest.param("items[1:]", "python", ("items", "[:]"), id="slice"),
    ],
)
def test_expressions_become_chains(text: str, family: str, expected: tuple[str, ...]) -> None:
    assert read_expression(text, family) == (expected,)
