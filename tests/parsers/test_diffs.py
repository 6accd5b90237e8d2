"""Diffs and search/replace blocks."""

from __future__ import annotations

import pytest

from parsers.blocks.fences import find_code
from parsers.syntax.symbols import parse_source

UNIFIED = """\
diff --git a/lib/x.py b/lib/x.py
index 1..2 100644
--- a/lib/x.py
+++ b/lib/x.py
@@ -1,3 +1,3 @@ class A:
     def a(self):
-        old()
+        new(größe)
         return 1
@@ -9 +9 @@
-gone = 1
+kept = z()
--- a/notes.md
+++ b/notes.md
@@ -1 +1 @@
-a
+b
--- /dev/null
+++ b/src/main.rs
@@ -0,0 +1 @@
+fn main() {}
\\ No newline at end of file
"""

EXPECTED = [
    ("python", "lib/x.py", "def a(self):\n    new(größe)\n    return 1\nkept = z()\n"),
    ("rust", "src/main.rs", "fn main() {}\n"),
]


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(UNIFIED, id="bare"),
        pytest.param(f"Apply this:\n```diff\n{UNIFIED}```\n", id="diff fence"),
        pytest.param(f"```\n{UNIFIED}```\n", id="fence without tag"),
        pytest.param(f"```patch\n{UNIFIED}", id="unterminated"),
    ],
)
def test_unified_diff(response: str) -> None:
    found = find_code(response)
    assert [(block.language, block.path, block.text) for block in found] == EXPECTED
    assert all(block.partial and block.form == "diff" for block in found)
    for block in found:
        for item in parse_source(block.text, block.language).references:
            start, end = block.response_span(item.span)
            assert response[start:end] == block.text[slice(*item.span)]


def test_fence_of_signs_without_headers() -> None:
    (block,) = find_code("```diff\n-x = old()\n+x = neu()\n y = 1\n```", "python")
    assert block.text == "x = neu()\ny = 1\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            "src/a.ts\n<<<<<<< SEARCH\n  old();\n=======\n  neu(1);\n    more();\n>>>>>>> REPLACE\n",
            [("typescript", "src/a.ts", "neu(1);\n  more();\n")],
            id="one",
        ),
        pytest.param(
            "a.py\n```python\n<<<<<<< SEARCH\nx\n=======\ny = 1\n>>>>>>> REPLACE\n"
            "<<<<<<< SEARCH\n=======\nz = 2\n>>>>>>> REPLACE\n```\n",
            [("python", "a.py", "y = 1\n"), ("python", "a.py", "z = 2\n")],
            id="two in one fence",
        ),
        pytest.param(
            "b.go\n<<<<<<< SEARCH\n=======\nfunc f() {}\n", [("go", "b.go", "func f() {}\n")], id="unterminated"
        ),
        pytest.param("a.txt\n<<<<<<< SEARCH\n=======\nwords\n>>>>>>> REPLACE\n", [], id="not code"),
    ],
)
def test_search_and_replace(response: str, expected: list[tuple[str, str, str]]) -> None:
    found = find_code(response)
    assert [(block.language, block.path, block.text) for block in found] == expected
    for block in found:
        for segment in block.segments:
            piece = block.text[segment.block : segment.block + segment.length]
            assert response[segment.response : segment.response + segment.length] == piece
