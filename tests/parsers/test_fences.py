"""Code found in responses, and the way back to response offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.blocks.fences import find_code
from parsers.syntax.symbols import parse_source

PYTHON = "import os\n\ndef join(a):\n    return os.path.join(a)\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(f"Here:\n```python\n{PYTHON}```\nDone.", [("python", None, PYTHON)], id="fence"),
        pytest.param(f"~~~py\n{PYTHON}~~~", [("python", None, PYTHON)], id="tildes"),
        pytest.param(f"```\n{PYTHON}```", [("python", None, PYTHON)], id="no tag"),
        pytest.param(f"```python\n{PYTHON}", [("python", None, PYTHON)], id="unterminated"),
        pytest.param(
            "```js\nlet a = 1\n```py\nx = f(1)\n```",
            [("javascript", None, "let a = 1\n"), ("python", None, "x = f(1)\n")],
            id="unterminated, then another",
        ),
        pytest.param(
            "1. Do\n   ```ts\n   const a = 1\n     b()\n   ```",
            [("typescript", None, "const a = 1\n  b()\n")],
            id="in a list",
        ),
        pytest.param("> ```go\n> package p\n> ```", [("go", None, "package p\n")], id="quoted"),
        pytest.param(
            "````markdown\n```rust\nfn f() {}\n```\n````", [("rust", None, "fn f() {}\n")], id="inside markdown"
        ),
        pytest.param(
            '```python\ndef f():\n    """\n    ```js\n    x\n    ```\n    """\n```',
            [("python", None, 'def f():\n    """\n    ```js\n    x\n    ```\n    """\n')],
            id="fence in a docstring",
        ),
        pytest.param('```python title="a/b.py"\nx = 1\n```', [("python", "a/b.py", "x = 1\n")], id="titled"),
        pytest.param("```python:a/b.py\nx = 1\n```", [("python", "a/b.py", "x = 1\n")], id="tag and path"),
        pytest.param("```src/m.go\npackage m\n```", [("go", "src/m.go", "package m\n")], id="path alone"),
        pytest.param("**src/a.py**\n```\nx = 1\n```", [("python", "src/a.py", "x = 1\n")], id="path above"),
        pytest.param(
            "```ts\n// src/a.ts\nlet a = 1\n```",
            [("typescript", "src/a.ts", "// src/a.ts\nlet a = 1\n")],
            id="path comment",
        ),
        pytest.param(
            "```ts\nconst v = <Card title={t}/>\n```",
            [("tsx", None, "const v = <Card title={t}/>\n")],
            id="markup in ts",
        ),
        pytest.param("```bash\npip install x\n```\n```json\n{}\n```", [], id="not ours"),
        pytest.param(PYTHON, [("python", None, PYTHON)], id="bare"),
        pytest.param("There is only prose here: nothing (at all) to read.", [], id="prose"),
        pytest.param("", [], id="empty"),
    ],
)
def test_blocks(response: str, expected: list[tuple[str, str | None, str]]) -> None:
    found = find_code(response)
    assert [(block.language, block.path, block.text) for block in found] == expected


@pytest.mark.parametrize(
    ("response", "hint", "expected"),
    [
        pytest.param("x = 1\n", "py", ["python"], id="bare with hint"),
        pytest.param(
            "There is only prose here, nothing to read. Sorry about that!", "python", [], id="prose with hint"
        ),
        pytest.param("```rust\nfn f() {}\n```", "python", ["rust"], id="tag wins"),
        pytest.param("```\ndef f(a):\n    return a\n```", "golang", ["python"], id="what reads without errors wins"),
    ],
)
def test_hint(response: str, hint: str, expected: list[str]) -> None:
    assert [block.language for block in find_code(response, hint)] == expected


def test_elided_code_is_partial() -> None:
    response = "```python\nclass A:\n    # ... existing code ...\n    def m(self): pass\n```"
    assert [block.partial for block in find_code(response)] == [True]


def test_symbol_spans_are_exact_in_the_response() -> None:
    response = "Größe:\n\n- so:\n  ```python\n  from a import b\n  ä = b.größe(1)\n  ```\n"
    (block,) = find_code(response)
    result = parse_source(block.text, block.language)
    assert [item.name for item in result.definitions] == ["ä"]
    for item in (*result.definitions, *result.references):
        start, end = block.response_span(item.span)
        assert response[start:end] == block.text[slice(*item.span)]


MARKS = ["```python", "```", "~~~", "  ```ts", "````md", "@@ -1 +1 @@", "--- a/x.py", "+++ b/x.py", "+x = f(ö)", "-y"]
MARKS += ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "def f(a):", "    return a.b", "// x.ts"]
LINES = st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=12)), max_size=14)


@given(LINES)
def test_every_block_maps_back_to_the_response(lines: list[str]) -> None:
    response = "\n".join(lines)
    for block in find_code(response, "python"):
        assert sum(segment.length for segment in block.segments) == len(block.text)
        for segment in block.segments:
            piece = block.text[segment.block : segment.block + segment.length]
            assert response[segment.response : segment.response + segment.length] == piece
        for index in range(len(block.text)):
            start, end = block.response_span((index, index + 1))
            assert response[start:end] == block.text[index]
