"""Inputs that look like what a parser reads, broken in the ways that texts break: its own fragments, joined at random."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st

Text = st.SearchStrategy[str]

_ANY = st.text(st.characters(), max_size=8)
"""Any character, halves of pairs too."""
_WRITTEN = (
    "1,234.5 12.05.2024 2024-05-12T10:00Z 3 km² -5 °C $3.5bn 1/2 ½ 10–20 % 1e309 ١٢٣ 12:60 May 5, noon NaN 0x1F v1.2.3 "
    "§3(2) +49-30 IV 99999999999999999999 1.2.3.4 €1.000,50 kg/m³ quarter first dozen"
)
VALUES = [*_WRITTEN.split(), "\n", " ", ".", ",", "(", ")", "…"]
TABLES = [
    *(
        "|",
        "|-|",
        "|:-:|",
        "\n",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "<table>",
        "<tr>",
        "<td>",
        "</td>",
        "<th colspan=3>",
        "</table>",
    ),
    *(
        "<td rowspan=99999>",
        "<!--",
        "-->",
        "&amp;",
        "&#x110000;",
        "&#0;",
        "\\|",
        "`|`",
        "a",
        "1,5",
        "Name",
        " ",
        "\r\n",
        "=",
    ),
]
RECORDS = [
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        '"a"',
        '"b": 1',
        "null",
        "-1e999",
        "\n",
        "  ",
        "- ",
        "key: ",
        "'",
        "#",
        "&x ",
        "*x",
        "|",
        ">",
    ),
    *("!!map", "...", "---", "Name: x", "  nested:", "\\u0000", '"\\ud800"', "true", "0.1", "\t"),
]
CODE = [
    *(
        "```",
        "```python",
        "~~~",
        "````js title=a.js",
        "\n",
        "def f(a, *, b=1):",
        "    return a.b(",
        "class A(B):",
        "import os.path",
    ),
    *(
        "from . import x",
        "const {a: [b]} = await import('x')",
        "func (r *T) F() {",
        "impl<T> X for Y {",
        "use a::{b, c};",
        "f'{x!r:>{y}}'",
    ),
    *(
        "--- a/x.py",
        "+++ b/x.py",
        "@@ -1,2 +1,3 @@",
        "+",
        "-",
        " ",
        "diff --git a/x b/x",
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
    ),
    *(
        '<file path="a.py">',
        "</file>",
        "# file: b.ts",
        "*** Begin Patch",
        "*** Update File: a.go",
        "*** End Patch",
        "\t",
        "{",
        "}",
        "(",
        "[",
        '"""',
    ),
]
MANIFESTS = [
    *(
        "[project]",
        "dependencies = [",
        '"requests>=2"',
        "]",
        "\n",
        "{",
        "}",
        '"dependencies": ',
        '"lodash": "^4"',
        ",",
        "require (",
        ")",
    ),
    *(
        "module example.com/x",
        "github.com/a/b v1.2.3",
        "[dependencies]",
        'serde = { version = "1" }',
        "-r other.txt",
        "-e .",
        "name==1 ; python",
    ),
]
PROSE = [
    *(
        "The bridge opened in 1932.",
        "It did not.",
        "According to [1]",
        "[2, 3]",
        "(see 4)",
        "Dr. Who",
        "e.g.",
        "…",
        "?!",
        "\n\n",
        "- item",
        "1. ",
    ),
    *(
        "kein",
        "nur",
        "Yes.",
        "I cannot find it in the documents.",
        "more than",
        "twice",
        "“quoted”",
        "'",
        "therefore",
        "in 2019 and 2020",
        " ",
    ),
    *(
        "Paris",
        "is the capital of",
        "France",
        "not",
        "except",
        "before",
        "after",
        "was sold by",
        "to",
        "Mr. A: ",
        ";",
        ",",
        "—",
    ),
]
SECRETS = [
    *(
        "password=",
        "ghp_",
        "a" * 36,
        "AIza",
        "eyJ",
        ".",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END",
        "Bearer ",
        "://u:p@",
        "export KEY=",
    ),
    *(
        "sk-",
        "dapi",
        "0123456789abcdef",
        "4111 1111 1111 1111",
        "+49 30 123456",
        "a@b.de",
        "\n",
        '"',
        "'",
        " ",
        ":",
        "=",
        "{",
        "}",
        "DE89 3704",
    ),
]


def text_of(fragments: list[str], most: int = 40) -> Text:
    """Fragments and any characters between them, joined; at times one of them hundreds of times."""
    piece = st.one_of(st.sampled_from(fragments), _ANY)
    repeated = st.builds(lambda one, times: one * times, piece, st.integers(50, 400))
    return st.lists(st.one_of(piece, piece, piece, repeated), max_size=most).map("".join)


def json_like(names: list[str], values: list[Any]) -> st.SearchStrategy[Any]:
    """JSON documents whose names are often those that a decoder looks for."""
    leaf = st.one_of(
        st.sampled_from(values),
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    )
    name = st.one_of(st.sampled_from(names), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(name, inner, max_size=6), max_leaves=25
    )


def json_bytes_of(names: list[str], values: list[Any]) -> st.SearchStrategy[bytes]:
    """As :func:`json_like`, written out, and at times damaged in one place."""
    whole = json_like(names, values).map(orjson.dumps)

    def damaged(body: bytes, at: int, byte: int) -> bytes:
        place = at % (len(body) + 1)
        return body[:place] + bytes([byte]) + body[place + 1 :]

    return whole | st.builds(damaged, whole, st.integers(0, 10_000), st.integers(0, 255))
