"""Installed packages of npm: real members are left alone, invented ones are found, versions decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from parsers.project.index import build_index
from parsers.project.libraries import LibrarySet
from parsers.project.libraries.script import index_script, kept_declarations, script_root
from parsers.rules.phantoms import Finding, ResponseBlock, resolve
from parsers.syntax.symbols import parse_source
from tests.parsers.packages import LIMITS, Contents, script_package

CART = {
    "dist/index.d.ts": (
        'export * from "./cart.js";\nexport { openStore as open } from "./store.js";\nexport * as money from "./money.js";\n'
        "export declare const createCart: (owner: string, options?: { currency?: string }) => Cart;\n"
        'import { Cart } from "./cart.js";\nexport default Cart;\n'
    ),
    "dist/cart.d.ts": (
        "export interface Line { price: number; count: number }\n"
        "export declare class Cart {\n  name(): string;\n  name(text: string): this;\n"
        "  static of: <T extends Line>(lines: T[]) => Cart;\n  addLine(line: Line): this;\n  lines(): Line[];\n}\n"
        "export interface Labels { [key: string]: string }\n"
        "export declare const labels: Labels;\n"
    ),
    "dist/store.d.ts": (
        'import type { Cart } from "./cart.js";\nexport declare class Store { load(id: string): Promise<Cart> }\n'
        "export declare function openStore(url: string): Store;\n"
    ),
    "dist/money.d.ts": "export declare function round(value: number): number;\n",
    "dist/testing.d.ts": "export declare function fakeStore(): void;\n",
    "dist/plugins/slow.d.ts": "export declare function slowDown(): void;\n",
}
MANIFEST = {
    "name": "@shop/cart",
    "exports": {
        ".": {"types": {"require": "./dist/index.d.cts", "default": "./dist/index.d.ts"}, "import": "./dist/index.js"},
        "./testing": {"import": {"types": "./dist/testing.d.ts", "default": "./dist/testing.js"}},
        "./plugins/*": "./dist/plugins/*.js",
    },
}
LODASH = {
    "index.d.ts": "export = _;\ndeclare const _: _.Static;\ndeclare namespace _ { interface Static {} }\n",
    "common/array.d.ts": (
        'import _ = require("../index");\ndeclare module "../index" { interface Static { chunk<T>(array: T[]): T[][] } }\n'
    ),
}


def judge(
    code: str, packages: Sequence[Contents], language: str = "typescript", context: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """Findings of a response against packages and visible files."""
    index = build_index(
        [parse_source(text, "typescript", path, LIMITS) for path, text in (context or {}).items()],
        {"typescript": LibrarySet("typescript", packages)},
    )
    return resolve([ResponseBlock(parse_source(code, language), code)], index)


def flagged(code: str, language: str = "typescript", context: Mapping[str, str] | None = None) -> list[str]:
    """The names that are flagged."""
    packages = [
        script_package("@shop/cart", CART, MANIFEST),
        script_package("@types/tools", LODASH, {"types": "index.d.ts"}),
    ]
    return [found.name for found in judge(code, packages, language, context) if found.flagged]


IMPORTED = 'import Cart, { createCart, open, money, labels } from "@shop/cart";\n'
INVENTED = {
    "import": ('import { makeCart } from "@shop/cart";\n', "makeCart"),
    "through-a-star": ('import { Basket } from "@shop/cart";\n', "Basket"),
    "of-a-namespace": (IMPORTED + "money.roundUp(1);\n", "roundUp"),
    "method": (IMPORTED + 'new Cart().addProduct("tea");\n', "addProduct"),
    "of-a-declared-function": (IMPORTED + 'createCart("a").addProduct("tea");\n', "addProduct"),
    "of-a-static-function": (IMPORTED + "Cart.of([]).removeAll();\n", "removeAll"),
    "after-an-overload": (IMPORTED + 'new Cart().name("x").addProduct("tea");\n', "addProduct"),
    "after-await": (
        IMPORTED + 'async function f() { const cart = await open("u").load("1"); cart.clearAll(); }\n',
        "clearAll",
    ),
    "of-an-array": (IMPORTED + "new Cart().lines().removeAt(0);\n", "removeAt"),
    "subpath": ('import { fakeShop } from "@shop/cart/testing";\n', "fakeShop"),
    "subpath-by-pattern": ('import { speedUp } from "@shop/cart/plugins/slow";\n', "speedUp"),
    "augmented-by-a-file": ('import _ from "tools";\n_.chunkBy([1]);\n', "chunkBy"),
    "require": ('const { makeCart } = require("@shop/cart");\n', "makeCart"),
}


@pytest.mark.parametrize(("code", "name"), INVENTED.values(), ids=INVENTED)
def test_invented_members_are_found(code: str, name: str) -> None:
    assert flagged(code) == [name]
    assert [found.name for found in judge(code, []) if found.flagged] == []


REAL = {
    "imports": 'import Cart, { createCart, open, money, type Line } from "@shop/cart";\n',
    "calls": IMPORTED
    + 'createCart("a").addLine({ price: 1, count: 2 }).lines().map((l) => l.price);\nmoney.round(1);\n',
    "overloads": IMPORTED + 'new Cart().name("x").addLine({ price: 1, count: 1 });\nnew Cart().name().toUpperCase();\n',
    "index-signature": IMPORTED + "labels.anythingAtAll;\n",
    "subpaths": 'import { fakeStore } from "@shop/cart/testing";\nimport { slowDown } from "@shop/cart/plugins/slow";\n',
    "unknown-subpath": 'import { anything } from "@shop/cart/unlisted";\n',
    "augmented": 'import _, { chunk } from "tools";\n_.chunk([1]);\n',
    "narrowed": IMPORTED + "function f(cart: Cart) { if (isSale(cart)) { cart.discount(); } }\n",
    "cast": IMPORTED
    + 'import { SaleCart } from "./sale";\n'
    + "class A { #c = new Cart(); get cart() { return this.#c as SaleCart } f() { this.cart.discount(); } }\n",
    "another-package": 'import { x } from "@shop/cards";\nx.y();\n',
    "augmented-by-the-code": IMPORTED
    + 'declare module "@shop/cart" { interface Cart { discount(): void } }\nnew Cart().discount();\n',
}


@pytest.mark.parametrize("code", REAL.values(), ids=REAL)
def test_real_uses_are_left_alone(code: str) -> None:
    assert flagged(code) == []


def test_a_suggestion_comes_from_what_a_star_hands_on() -> None:
    packages = [script_package("@shop/cart", CART, MANIFEST)]
    [found] = [item for item in judge('import { Carts } from "@shop/cart";\n', packages) if item.flagged]
    assert found.suggestion == "Cart"
    assert found.reason.startswith("@shop/cart 1.0.0 (dist/index.d.ts) has no 'Carts'")


def test_versions_decide() -> None:
    newer = {**CART, "dist/cart.d.ts": CART["dist/cart.d.ts"].replace("addLine", "putLine")}
    code = IMPORTED + "new Cart().addLine({ price: 1, count: 1 });\n"
    old, new = (script_package("@shop/cart", files, MANIFEST, v) for files, v in ((CART, "1.0.0"), (newer, "2.0.0")))
    assert [item.name for item in judge(code, [old]) if item.flagged] == []
    assert [item.name for item in judge(code, [new]) if item.flagged] == ["addLine"]


def test_a_visible_file_goes_before_a_package() -> None:
    context = {"tools/index.ts": "export function mine() {}\n"}
    assert flagged('import { anything } from "tools";\n', context=context) == []


def test_without_exports_every_file_is_a_subpath() -> None:
    files = {"lib/main.d.ts": "export const a: number;\n", "extra/index.d.ts": "export const b: string;\n"}
    parses = [parse_source(text, "typescript", path, LIMITS) for path, text in files.items()]
    index, _ = index_script("plain", "1.0.0", parses, {"main": "./lib/main.js"})
    assert index.entries == {
        ".": "lib/main",
        "./lib/main": "lib/main",
        "./extra/index": "extra/index",
        "./extra": "extra/index",
    }


def test_names_of_packages() -> None:
    assert script_root("zod/v4/core") == "zod"
    assert script_root("@shop/cart/testing") == "@shop/cart"
    parses = [parse_source("export const a: number;\n", "typescript", "index.d.ts", LIMITS)]
    assert index_script("@types/babel__core", "7.0.0", parses, {})[0].roots == ("@babel/core",)
    assert index_script("@types/node-fetch", "2.0.0", parses, {})[0].roots == ("node-fetch",)
    assert kept_declarations(["a.d.cts", "a.d.ts", "b.d.mts"]) == ["a.d.ts", "b.d.mts"]
