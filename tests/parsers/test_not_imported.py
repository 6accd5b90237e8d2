"""Names that another visible file has: not imported here, with the import to add; wrong only in a whole file."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.findings import Finding, FindingStatus
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source
from scoring.code.score import load_code_artifact, score_code

LIMITS = ParseLimits(facts=False)
PYTHON = {
    "src/shop/cart.py": "class Cart:\n    def add_item(self, name): ...\n\nRATE = 3\n",
    "src/shop/other.py": "from shop.cart import Cart\n",
}
SCRIPT = {
    "src/shop/cart.ts": "export class Cart { addItem(name: string) {} }\n",
    "src/shop/index.ts": "export function open() {}\n",
}
LONG = "\n".join(
    f"def total_{number}(prices):\n    return sum(prices) + {number} * len(prices)\n" for number in range(12)
)
WHOLE = f"import json\n\n{LONG}\ndef load(text):\n    cart = Cart()\n    return json.loads(text), cart\n"
SCRIPT_LINES = "\n".join(
    f"export function total{n}(prices: number[]) {{ return prices.length + {n}; }}" for n in range(8)
)
WHOLE_SCRIPT = (
    f'import {{ readFile }} from "node:fs";\n{SCRIPT_LINES}\n'
    "export function load() { readFile; return new Cart(); }\n"
)


def judged(
    code: str, name: str, language: str = "python", path: str | None = None
) -> tuple[Finding, tuple[Finding, ...]]:
    """The finding of a name, and all of them."""
    files = PYTHON if language == "python" else SCRIPT
    index = build_index([parse_source(text, language, where, LIMITS) for where, text in files.items()])
    found = resolve([ResponseBlock(parse_source(code, language, path), code)], index)
    return next(item for item in found if item.name == name), found


@pytest.mark.parametrize(
    ("code", "language", "path", "statement", "flagged"),
    [
        pytest.param(WHOLE, "python", None, "from shop.cart import Cart", True, id="whole-python-file"),
        pytest.param(WHOLE, "python", "src/shop/load.py", "from shop.cart import Cart", True, id="with-a-path"),
        pytest.param(
            "import json\ncart = Cart()\n", "python", None, "from shop.cart import Cart", False, id="python-fragment"
        ),
        pytest.param(
            f"from elsewhere import *\n{WHOLE}", "python", None, "from shop.cart import Cart", False, id="star"
        ),
        pytest.param(
            WHOLE_SCRIPT,
            "typescript",
            "src/web/load.ts",
            'import { Cart } from "../shop/cart";',
            True,
            id="whole-script",
        ),
        pytest.param(
            WHOLE_SCRIPT, "typescript", "src/shop/load.ts", 'import { Cart } from "./cart";', True, id="same-folder"
        ),
        pytest.param(
            'import x from "node:fs";\nnew Cart();\n',
            "typescript",
            "src/index.ts",
            'import { Cart } from "./shop/cart";',
            False,
            id="script-fragment",
        ),
    ],
)
def test_the_import_to_add(code: str, language: str, path: str | None, statement: str, flagged: bool) -> None:
    found, _ = judged(code, "Cart", language, path)
    assert (found.status, found.suggestion, found.flagged) == (FindingStatus.NOT_IMPORTED, statement, flagged)
    assert found.reason.startswith("not imported here: src/shop/cart.")


def test_an_ignored_line_is_not_wrong() -> None:
    found, _ = judged(WHOLE.replace("cart = Cart()", "cart = Cart()  # type: ignore"), "Cart")
    assert (found.status, found.flagged) == (FindingStatus.NOT_IMPORTED, False)


def test_an_imported_name_is_defined() -> None:
    found, _ = judged(WHOLE.replace("import json", "import json\nfrom shop.cart import Cart"), "Cart")
    assert found.status is FindingStatus.DEFINED


def test_the_score_counts_it_only_in_a_whole_file() -> None:
    artifact = load_code_artifact()
    _, whole = judged(WHOLE, "Cart")
    _, part = judged("import json\ncart = Cart()\n", "Cart")
    assert score_code(whole, artifact).verdict.value == "phantom"
    assert score_code(part, artifact).verdict.value != "phantom"
