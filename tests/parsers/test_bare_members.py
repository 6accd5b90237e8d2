"""Methods without the header of their class are judged in the class that they fit."""

import pytest

from tests.parsers.placing import analyse, fenced, flagged

PYTHON = {
    "shop/cart.py": """from shop.prices import Prices


class Cart:
    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.lines: list[str] = []

    def total(self) -> int:
        return sum(self.prices.price_of(line) for line in self.lines)

    def clear(self) -> None:
        self.lines = []


class Wishlist:
    def __init__(self) -> None:
        self.wishes: list[str] = []

    def clear(self) -> None:
        self.wishes.clear()
""",
    "shop/prices.py": """class Prices:
    def price_of(self, line: str) -> int:
        return len(line)
""",
}
TYPESCRIPT = {
    "src/session.ts": """import { Store } from "./store";

export class Session {
  private store = new Store();
  private user = "";

  async load(key: string): Promise<string> {
    return this.store.read(key);
  }

  close(): void {
    this.user = "";
  }
}
""",
    "src/store.ts": """export class Store {
  read(key: string): string { return key; }
  close(): void {}
}
""",
}
RUST = {
    "src/pool.rs": """use std::collections::HashMap;

pub struct Pool<T> {
    slots: HashMap<u32, T>,
    limit: usize,
}

impl<T: Clone> Pool<T> {
    pub fn size(&self) -> usize {
        self.slots.len()
    }

    pub fn is_full(&self) -> bool {
        self.size() >= self.limit
    }
}
""",
}
TOTAL = "def total(self) -> int:\n    return sum(self.prices.{name}(line) for line in self.lines)\n"
INDENTED = "    " + TOTAL.replace("\n    ", "\n        ")
NEW = "    @property\n    def dear(self) -> bool:\n        return self.total() > 9 and self.prices and self.{name} != []\n"
WITH_IMPORT = "import logging\n\n" + TOTAL
LOAD = (
    "  async load(key: string): Promise<string> {{\n    const found = this.store.{name}(key);\n    return found;\n  }}"
)
GETTER = "get empty(): boolean {{\n  return this.user === '' && this.store.{name}('x') === '';\n}}"
FULL = "pub fn is_full(&self) -> bool {{\n    self.{name}() >= self.limit\n}}"


@pytest.mark.parametrize(
    ("template", "language", "files", "right", "wrong", "owner"),
    [
        pytest.param(TOTAL, "python", PYTHON, "price_of", "price_for_line", "Cart", id="python-dedented"),
        pytest.param(INDENTED, "python", PYTHON, "price_of", "price_for_line", "Cart", id="python-indented"),
        pytest.param(NEW, "python", PYTHON, "lines", "liness", "Cart", id="python-new-property"),
        pytest.param(WITH_IMPORT, "python", PYTHON, "price_of", "price_for_line", "Cart", id="python-below-an-import"),
        pytest.param(LOAD, "typescript", TYPESCRIPT, "read", "readItem", "Session", id="typescript-async"),
        pytest.param(GETTER, "typescript", TYPESCRIPT, "read", "readItem", "Session", id="typescript-new-getter"),
        pytest.param(FULL, "rust", RUST, "size", "size_of_pool", "Pool", id="rust-self"),
    ],
)
def test_a_bare_method_is_judged_in_its_class(
    template: str, language: str, files: dict[str, str], right: str, wrong: str, owner: str
) -> None:
    for name, expected in ((right, []), (wrong, [wrong])):
        response = fenced(language, template.replace("{{", "{").replace("}}", "}").replace("{name}", name))
        found = analyse(response, files)
        assert flagged(found) == expected
        assert (found.placements[0].path, found.placements[0].owner) == (next(iter(files)), owner)
        for finding in found.findings:
            assert response[slice(*finding.span)] == finding.name


CLEAR = "def clear(self) -> None:\n    log('cleared')\n"


@pytest.mark.parametrize(
    ("code", "above", "owner", "why"),
    [
        pytest.param(CLEAR, "Here:", None, "none", id="two-classes-have-it"),
        pytest.param(CLEAR, "In `Wishlist.clear`, log it:", "Wishlist", "named_in_text", id="prose-names-the-method"),
        pytest.param(CLEAR, "Change the Cart class:", "Cart", "named_in_text", id="prose-names-the-class"),
        pytest.param("def run(self):\n    self.a()\n    self.b()\n", "Here:", None, "none", id="no-class-has-it"),
        pytest.param(
            "def first(self):\n    return self.wishes[0]\n", "Here:", None, "none", id="one-member-says-little"
        ),
        pytest.param(
            "def clear(self) -> None:\n    self.wishes.clear()\n",
            "Here:",
            "Wishlist",
            "redefines",
            id="by-what-it-uses",
        ),
    ],
)
def test_which_class(code: str, above: str, owner: str | None, why: str) -> None:
    placed = analyse(fenced("python", code, above), PYTHON).placements[0]
    assert (placed.owner, placed.why) == (owner, why)


def test_a_method_of_a_class_that_the_answer_itself_shows_stays_beside_it() -> None:
    shown = "class Basket:\n    def total(self) -> int:\n        return self.fees + self.rebate\n"
    more = "def total(self) -> int:\n    return self.fees + self.rebate + self.tip\n"
    found = analyse(fenced("python", shown) + fenced("python", more, "Then, in `Basket.total`:"), PYTHON)
    assert found.placements[1].owner is None
    assert flagged(found) == []


def test_a_setter_leaves_the_getter_in_place() -> None:
    getter = "class A:\n    @property\n    def x(self) -> int:\n        return 1\n\n"
    files = {"a.py": getter + "    def use(self) -> int:\n        return self.x\n"}
    code = "@x.setter\ndef x(self, value: int) -> None:\n    self.use()\n"
    found = analyse(fenced("python", code), files)
    assert found.placements[0].owner == "A"
    assert flagged(found) == []


def test_a_spread_at_the_start_of_a_line_is_no_elision() -> None:
    head = "export class Glue { text = ''; }\n\n"
    join = (
        "export function join(\n  glue: Glue,\n  ...parts: string[]\n): string {\n  return parts.join(glue.text);\n}\n"
    )
    files, code = {"a.ts": head + join}, join.replace(".text", ".txet")
    assert flagged(analyse(fenced("typescript", code), files)) == ["txet"]


@pytest.mark.parametrize(
    ("code", "path", "expected"),
    [
        pytest.param(
            "        return sum(self.prices.price_of(line) for line in self.lines if line)\n",
            "shop/cart.py",
            [],
            id="a-line",
        ),
        pytest.param(
            "        return sum(self.prices.price_fro(line) for line in self.lines)\n",
            "shop/cart.py",
            ["price_fro"],
            id="wrong",
        ),
        pytest.param("        record(self, total, currency)\n", None, [], id="like-no-line"),
    ],
)
def test_lines_of_a_function_stand_where_the_file_has_their_like(
    code: str, path: str | None, expected: list[str]
) -> None:
    found = analyse(fenced("python", f"# shop/cart.py\n{code}"), PYTHON)
    assert (found.placements[0].path, flagged(found)) == (path, expected)


def test_dots_in_a_docstring_are_no_elision() -> None:
    total = (
        '    def total(self) -> int:\n        """Adds up.\n\n            cart.total()\n            ...\n        """\n'
    )
    files = {"cart.py": f"class Cart:\n{total}        return self.sum_of([])\n\n    def sum_of(self, all): return 0\n"}
    assert flagged(analyse(fenced("python", f"{total}        return self.sum_off([])\n"), files)) == ["sum_off"]
