"""Diffs and search/replace pairs as agents write them end in the file as it should be."""

import pytest

from parsers.blocks.fences import find_code
from parsers.project.amended import amend, as_block
from parsers.project.edits import find_search
from parsers.syntax.symbols import parse_source
from tests.parsers.placing import analyse, flagged

OLD = """import os


class Box:
    def put(self, item):
        if item:
            self.items = [
                item,
            ]
        return self

    def size(self):
        return 1


def make():
    return Box()
"""


def after(response: str, text: str = OLD) -> str:
    """The file with the response's edits in it."""
    code = find_code(response, "python")
    parse = parse_source(text, "python", "box.py")
    made = amend(text, parse, [(n, one, parse_source(one.text, one.language)) for n, one in enumerate(code)])
    assert not made.missing
    whole = as_block(made.chunks, code, "box.py", "python")
    for start in range(0, len(whole.text), 7):
        if whole.holds(start) and whole.text[start].isalnum():
            assert response[whole.response_span((start, start + 1))[0]] == whole.text[start]
    return whole.text.replace("\r\n", "\n")


HEAD = "--- a/box.py\n+++ b/box.py\n"


def diff(*hunks: str, head: str = HEAD, tail: str = "") -> str:
    return f"```diff\n{head}{''.join(hunks)}{tail}```\n"


def pair(search: str, replace: str) -> str:
    return f"box.py\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


DEEP = "             self.items = [\n-                item,\n+                item, item,\n             ]\n         return self\n"
DEEPER = OLD.replace("                item,\n", "                item, item,\n")
SIZE = "     def size(self):\n-        return 1\n+        return len(self.items)\n"
SIZED = OLD.replace("return 1", "return len(self.items)")
MADE = " def make():\n-    return Box()\n+    return Box().put(1)\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(diff("@@ -7,5 +7,5 @@\n", DEEP), DEEPER, id="hunk-begins-deeper-than-it-ends"),
        pytest.param(diff("@@ -1,9 +900,2 @@\n", SIZE), SIZED, id="wrong-counts-and-places"),
        pytest.param(diff("@@\n", SIZE), SIZED, id="no-line-numbers"),
        pytest.param(diff("@@ -12,2 +12,2 @@\n", SIZE.replace("\n", "\r\n")), SIZED, id="crlf"),
        pytest.param(
            diff("@@ -7,5 +7,5 @@\n", DEEP, "@@ -12,2 +12,2 @@\n", SIZE, "@@ -16,2 +16,2 @@\n", MADE),
            DEEPER.replace("return 1", "return len(self.items)").replace("Box()", "Box().put(1)"),
            id="three-hunks",
        ),
        pytest.param(
            diff(
                "@@ -12,2 +12,2 @@\n",
                SIZE,
                head="diff --git a/box.py b/box.py\nindex 12ab..34cd 100644\n" + HEAD,
            ),
            SIZED,
            id="git-headers",
        ),
        pytest.param(
            diff("@@ -12,2 +12,2 @@\n", SIZE, tail="\\ No newline at end of file\n"), SIZED, id="no-newline-note"
        ),
        pytest.param(
            diff("@@ -12,2 +12,2 @@\n", SIZE.replace("     def", "    def")), SIZED, id="context-lost-its-blank"
        ),
        pytest.param(
            diff("@@ -2,0 +3,1 @@\n", "+import sys\n"), OLD.replace("os\n\n", "os\n\nimport sys\n"), id="no-context"
        ),
        pytest.param(
            "*** Begin Patch\n*** Update File: box.py\n@@ class Box\n" + SIZE + "*** End Patch\n",
            SIZED,
            id="named-file-patch",
        ),
        pytest.param(
            pair("def size(self):\n    return 1", "def size(self):\n    return len(self.items)"),
            SIZED,
            id="search-without-indentation",
        ),
        pytest.param(
            pair("self.items = [", "self.things = [")
            + pair("    self.things = [\n        item,", "    self.things = [\n        item, item,"),
            DEEPER.replace("self.items = [", "self.things = ["),
            id="second-pair-searches-what-the-first-wrote",
        ),
        pytest.param(
            pair("return Box()", "return Box().put(2)"),
            OLD.replace("Box()", "Box().put(2)"),
            id="one-line-pair",
        ),
    ],
)
def test_an_edit_is_applied(response: str, expected: str) -> None:
    assert after(response) == expected


def test_of_several_places_the_one_that_the_hunk_names() -> None:
    twice = "def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return x\n"
    hunk = "@@ -7,2 +7,2 @@\n-    x = 1\n+    x = 2\n     return x\n"
    assert after(diff(hunk), twice) == twice[::-1].replace("1 = x", "2 = x", 1)[::-1]


def test_a_renamed_file_is_the_one_it_was() -> None:
    head = (
        "diff --git a/box.py b/crate.py\nsimilarity index 90%\nrename from box.py\nrename to crate.py\n"
        "--- a/box.py\n+++ b/crate.py\n"
    )
    response = diff("@@ -12,2 +12,2 @@\n", SIZE.replace("items", "sized"), head=head)
    found = analyse(response, {"box.py": OLD})
    assert found.placements[0].path == "box.py"


def test_new_and_deleted_files_amend_nothing() -> None:
    gone = "--- a/box.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-import os\n-\n"
    new = "--- /dev/null\n+++ b/crate.py\n@@ -0,0 +1,2 @@\n+def crate():\n+    return 1\n"
    found = analyse(diff(gone, new, head=""), {"box.py": OLD})
    assert [(placed.path, placed.applies) for placed in found.placements] == [(None, None)]
    assert flagged(found) == []


def test_a_search_text_that_is_not_there() -> None:
    assert find_search(OLD, "def weigh(self):\n    return 1") is None
