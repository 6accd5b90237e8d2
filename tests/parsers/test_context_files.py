"""Raw context split into files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.blocks.context_files import files_of_units, split_context

TWO = [("a/b.py", "x = 1\n"), ("c.ts", "let y = 2\n")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("# file: a/b.py\nx = 1\n# file: c.ts\nlet y = 2\n", TWO, id="hash file"),
        pytest.param(
            "// path: a/b.py\nx = 1\n// d/c.ts\nlet y = 2\n", [TWO[0], ("d/c.ts", "let y = 2\n")], id="slash path"
        ),
        pytest.param(
            "# a/b.py\nx = 1\n\n# c.ts\nlet y = 2\n",
            [("a/b.py", "x = 1\n\n"), ("c.ts", "let y = 2\n")],
            id="path comments",
        ),
        pytest.param("=== a/b.py ===\nx = 1\n=== c.ts ===\nlet y = 2\n", TWO, id="equals"),
        pytest.param("==> a/b.py <==\nx = 1\n==> c.ts <==\nlet y = 2\n", TWO, id="head"),
        pytest.param("--- a/b.py ---\nx = 1\n--- c.ts ---\nlet y = 2\n", TWO, id="dashes"),
        pytest.param("File: a/b.py\nx = 1\nFile: c.ts\nlet y = 2\n", TWO, id="file colon"),
        pytest.param(
            "## `a/b.py`\n```python\nx = 1\n```\n## c.ts\n```ts\nlet y = 2\n```\n", TWO, id="headings over fences"
        ),
        pytest.param("```python title=a/b.py\nx = 1\n```\nthen\n```c.ts\nlet y = 2\n```\n", TWO, id="fences"),
        pytest.param(
            '<file path="a/b.py">\nx = 1\n</file>\n<file path="c.ts">\nlet y = 2\n</file>', TWO, id="elements"
        ),
        pytest.param("def foo():\n    pass\n", [(None, "def foo():\n    pass\n")], id="plain"),
        pytest.param("  \n", [], id="blank"),
        pytest.param(
            "def f():\n    # utils.py\n    return 1\n",
            [(None, "def f():\n    # utils.py\n    return 1\n")],
            id="comment inside code",
        ),
    ],
)
def test_split(raw: str, expected: list[tuple[str | None, str]]) -> None:
    files = split_context(raw)
    assert [(file.path, file.text) for file in files] == expected
    assert all(raw[file.char_start : file.char_start + len(file.text)] == file.text for file in files)


def test_language_comes_from_the_path_or_the_text() -> None:
    files = split_context("# file: a.rs\nfn f() {}\n# file: notes.txt\nwords\n")
    assert [file.language for file in files] == ["rust", None]
    assert split_context("package main\n\nfunc main() {}\n")[0].language == "go"


def test_units_are_named_by_their_source() -> None:
    units = [("src/a.py", "x = 1"), ("ticket 12", "# file: b.go\npackage b\n"), (None, "Some prose about it.")]
    found = [(file.path, file.language, file.unit) for file in files_of_units(units)]
    assert found == [("src/a.py", "python", 0), ("b.go", "go", 1), (None, None, 2)]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["# file: a.py", "=== b.ts ===", '<file path="c.go">', "</file>", "```python", "```", "x = 1"]
            ),
            st.text(max_size=20),
        ),
        max_size=12,
    )
)
def test_offsets_are_exact(lines: list[str]) -> None:
    raw = "\n".join(lines)
    for file in split_context(raw):
        assert raw[file.char_start : file.char_start + len(file.text)] == file.text
