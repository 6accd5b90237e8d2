"""Turns as an agent writes them, with prose and fragments, against files as they stand in a checkout."""
# ruff: noqa: E501

from __future__ import annotations

import pytest

from tests.parsers.placing import analyse, flagged

PYTHON = {
    "src/shop/cart.py": (
        "from __future__ import annotations\n\nfrom dataclasses import dataclass, field\n\n\n@dataclass\nclass Line:\n"
        "    name: str\n    price: float\n    count: int = 1\n\n    def total(self) -> float:\n        return self.price * self.count\n\n\n"
        "class Cart:\n    def __init__(self, owner: str) -> None:\n        self.owner = owner\n        self.lines: list[Line] = []\n\n"
        "    def add(self, line: Line) -> None:\n        self.lines.append(line)\n\n"
        "    def total(self) -> float:\n        return sum(line.total() for line in self.lines)\n"
    ),
    "src/shop/store.py": (
        "import json\nfrom pathlib import Path\n\nfrom shop.cart import Cart, Line\n\n\nclass Store:\n"
        "    def __init__(self, path: Path) -> None:\n        self.path = path\n\n    def load(self, owner: str) -> Cart:\n"
        "        cart = Cart(owner)\n        for item in json.loads(self.path.read_text()):\n            cart.add(Line(**item))\n"
        "        return cart\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import Cart, Line\n\n\ndef test_total():\n    class Gift(Line):\n        def total(self):\n            return 0.0\n\n"
        '    cart = Cart("a")\n    cart.add(Gift("tea", 3.0))\n    assert cart.total() == 0.0\n'
    ),
}
SCRIPT = {
    "src/cart.ts": (
        "export interface Line { name: string; price: number; count: number }\n\nexport class Cart {\n"
        "  readonly lines: Line[] = [];\n\n  constructor(public owner: string) {}\n\n"
        "  add(line: Line): this {\n    this.lines.push(line);\n    return this;\n  }\n\n"
        "  total(): number {\n    return this.lines.reduce((sum, line) => sum + line.price * line.count, 0);\n  }\n}\n"
    ),
    "src/store.ts": (
        'import { readFile } from "node:fs/promises";\nimport { Cart, type Line } from "./cart";\n\nexport class Store {\n'
        "  constructor(private path: string) {}\n\n  async load(owner: string): Promise<Cart> {\n"
        '    const lines: Line[] = JSON.parse(await readFile(this.path, "utf8"));\n    const cart = new Cart(owner);\n'
        "    for (const line of lines) cart.add(line);\n    return cart;\n  }\n}\n"
    ),
}
GO = {
    "cart/cart.go": (
        'package cart\n\nimport "strings"\n\ntype Line struct {\n\tName  string\n\tPrice float64\n}\n\ntype Cart struct {\n\tOwner string\n'
        "\tLines []Line\n}\n\nfunc New(owner string) *Cart {\n\treturn &Cart{Owner: strings.TrimSpace(owner)}\n}\n\n"
        "func (c *Cart) Add(line Line) {\n\tc.Lines = append(c.Lines, line)\n}\n\n"
        "func (c *Cart) Total() float64 {\n\tsum := 0.0\n\tfor _, line := range c.Lines {\n\t\tsum += line.Price\n\t}\n\treturn sum\n}\n"
    ),
}
RUST = {
    "src/cart.rs": (
        "#[derive(Debug, Clone)]\npub struct Line {\n    pub name: String,\n    pub price: f64,\n}\n\npub struct Cart {\n    pub owner: String,\n"
        "    lines: Vec<Line>,\n}\n\nimpl Cart {\n    pub fn new(owner: &str) -> Self {\n        Cart { owner: owner.to_string(), lines: Vec::new() }\n"
        "    }\n\n    pub fn add(&mut self, line: Line) {\n        self.lines.push(line);\n    }\n\n    pub fn total(&self) -> f64 {\n"
        "        self.lines.iter().map(|line| line.price).sum()\n    }\n}\n"
    ),
}


def block(language: str, code: str, text: str) -> str:
    """A sentence or two, then the code."""
    return f"{text}\n\n```{language}\n{code}```\n"


TURNS = {
    # Python
    "py-method": (
        PYTHON,
        block(
            "python",
            "    def remove(self, name: str) -> None:\n        self.lines = [line for line in self.lines if line.name != name]\n",
            "Add this method to `Cart` in src/shop/cart.py:",
        ),
        [],
    ),
    "py-method-wrong": (
        PYTHON,
        block(
            "python",
            "    def cheapest(self) -> Line:\n        return min(self.items, key=lambda line: line.price)\n",
            "Add this method to `Cart` in src/shop/cart.py:",
        ),
        [],  # ``self.items`` is near no member: a subclass may bring it
    ),
    "py-near-member": (
        PYTHON,
        block(
            "python",
            "    def largest(self) -> Line:\n        return max(self.line, key=lambda line: line.total())\n",
            "Add this method to `Cart` in src/shop/cart.py:",
        ),
        ["line"],
    ),
    "py-script": (
        PYTHON,
        block(
            "python",
            'from pathlib import Path\n\nfrom shop.store import Store\n\ncart = Store(Path("a.json")).load("ann")\nprint(cart.total())\n',
            "Then use it like this:",
        ),
        [],
    ),
    "py-script-wrong": (
        PYTHON,
        block(
            "python",
            'from pathlib import Path\n\nfrom shop.store import Store\n\ncart = Store(Path("a.json")).load_cart("ann")\ncart.total()\n',
            "Then use it like this:",
        ),
        ["load_cart"],
    ),
    "py-local-class-rewritten": (
        PYTHON,
        block(
            "python",
            "def test_total():\n    class Gift(Line):\n        def total(self):\n            return 1.0\n\n"
            '    gift = Gift("tea", 3.0)\n    cart = Cart("a")\n    cart.add(gift)\n    assert cart.total() == gift.total()\n',
            "The test in tests/test_cart.py becomes:",
        ),
        [],
    ),
    "py-wrong-import": (
        PYTHON,
        block("python", 'from shop.cart import Basket\n\nBasket("ann").total()\n', "Use the basket:"),
        ["Basket"],
    ),
    # TypeScript
    "ts-method": (
        SCRIPT,
        block(
            "ts",
            "  remove(name: string): this {\n    const at = this.lines.findIndex((line) => line.name === name);\n"
            "    if (at >= 0) this.lines.splice(at, 1);\n    return this;\n  }\n",
            "Put this into the `Cart` class (src/cart.ts):",
        ),
        [],
    ),
    "ts-method-wrong-array": (
        SCRIPT,
        block(
            "ts",
            "  remove(index: number): this {\n    this.lines.removeAt(index);\n    return this;\n  }\n",
            "Put this into the `Cart` class (src/cart.ts):",
        ),
        ["removeAt"],
    ),
    "ts-date": (
        SCRIPT,
        block(
            "ts",
            'export function stamp(): string {\n  const now = new Date();\n  return now.toISOString().slice(0, 10) + String(now.getFullYear()).padStart(4, "0");\n}\n',
            "A helper in src/stamp.ts:",
        ),
        [],
    ),
    "ts-date-wrong": (
        SCRIPT,
        block(
            "ts",
            'export function stamp(): string {\n  return new Date().format("yyyy");\n}\n',
            "A helper in src/stamp.ts:",
        ),
        ["format"],
    ),
    "ts-use": (
        SCRIPT,
        block(
            "ts",
            'import { Store } from "./store";\n\nconst cart = await new Store("a.json").load("ann");\ncart.add({ name: "tea", price: 3, count: 1 }).total();\n',
            "In src/main.ts:",
        ),
        [],
    ),
    "ts-use-wrong": (
        SCRIPT,
        block(
            "ts",
            'import { Store } from "./store";\n\nconst cart = await new Store("a.json").load("ann");\ncart.addLine({ name: "tea", price: 3, count: 1 });\n',
            "In src/main.ts:",
        ),
        ["addLine"],
    ),
    # Go
    "go-method": (
        GO,
        block(
            "go",
            "func (c *Cart) Names() []string {\n\tnames := make([]string, 0, len(c.Lines))\n\tfor _, line := range c.Lines {\n"
            "\t\tnames = append(names, strings.ToLower(line.Name))\n\t}\n\treturn names\n}\n",
            "Add to cart/cart.go:",
        ),
        [],
    ),
    "go-field-wrong": (
        GO,
        block("go", "func (c *Cart) First() string {\n\treturn c.Lines[0].Title\n}\n", "Add to cart/cart.go:"),
        ["Title"],
    ),
    "go-std-wrong": (
        GO,
        block("go", "func (c *Cart) Flip() string {\n\treturn strings.Reverse(c.Owner)\n}\n", "Add to cart/cart.go:"),
        ["Reverse"],
    ),
    # Rust
    "rust-method": (
        RUST,
        block(
            "rust",
            "impl Cart {\n    pub fn names(&self) -> Vec<String> {\n        self.lines.iter().map(|line| line.name.to_uppercase()).collect()\n    }\n}\n",
            "In src/cart.rs:",
        ),
        [],
    ),
    "rust-field-wrong": (
        RUST,
        block(
            "rust",
            "impl Cart {\n    pub fn size(&self) -> usize {\n        self.items.len()\n    }\n}\n",
            "In src/cart.rs:",
        ),
        ["items"],
    ),
    "rust-std-wrong": (
        RUST,
        block(
            "rust",
            "impl Cart {\n    pub fn drop_first(&mut self) {\n        self.lines.remove_first();\n    }\n}\n",
            "In src/cart.rs:",
        ),
        ["remove_first"],
    ),
}


@pytest.mark.parametrize(("files", "response", "wrong"), TURNS.values(), ids=TURNS)
def test_a_turn(files: dict[str, str], response: str, wrong: list[str]) -> None:
    assert flagged(analyse(response, files)) == wrong
