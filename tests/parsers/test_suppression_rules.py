"""Each suppression rule: one case in which it leaves a name alone, beside it the same case without what it looks for."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from parsers.project.index import build_index
from parsers.project.libraries import LibrarySet
from parsers.rules.phantoms import Finding, ResponseBlock, resolve
from parsers.rules.suppressions import IMPORT_RULES, MEMBER_RULES
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source
from tests.parsers.packages import package

INSTALLED = "site-packages/"
CART = {"shop/cart.py": "class Cart:\n    def total(self) -> int: ...\n\n\ndef load() -> Cart: ...\n"}
PACKAGE = {
    "shop/__init__.py": "from .cart import Cart\n",
    "shop/cart.py": "class Cart:\n    def total(self) -> int: ...\n",
}
QUEUE = {"lib/queue.ts": "export class Queue {\n  size(): number { return 1; }\n}\n"}
PLAIN = {"lib/queue.js": "export class Queue {\n  addItem(x) {}\n}\n"}
STORE = {
    "src/lib.rs": "pub mod store;\n",
    "src/store.rs": "pub struct Store { size: usize }\nimpl Store { pub fn open() -> Store { Store { size: 0 } } }\n"
    "pub enum Kind { Small, Large }\n",
}
SHOP = {"shop/cart.go": "package shop\n\ntype Cart struct{ Size int }\n\nfunc Load() *Cart { return &Cart{} }\n"}


class Case(NamedTuple):
    """``code`` leaves ``name`` alone by the rule; ``without`` (None: not judged at all) gets it flagged."""

    name: str
    language: str
    files: dict[str, str]
    code: str
    without: str | None


PY = "from shop.cart import load\n\ncart = load()\n"
TS = 'import { Queue } from "./queue";\n\nconst queue = new Queue();\n'
RS = "use crate::store::Store;\n\nfn run() {\n    let store = Store::open();\n    store.flush_all();\n}\n"
GO = "package shop\n\nfunc run() int {\n\tcart := Load()\n\treturn cart.%s()\n}\n"

MEMBERS = {
    "assigned-here": Case("discount", "python", CART, PY + "cart.discount = 1\n", PY + "cart.discount()\n"),
    "assigned-elsewhere": Case(
        "discount", "python", CART, PY + "cart.discount = 1\nprint(cart.discount)\n", PY + "print(cart.discount)\n"
    ),
    "special-name": Case("__discount__", "python", CART, PY + "cart.__discount__()\n", PY + "cart.discount__()\n"),
    "named-by-text": Case(
        "discount",
        "python",
        CART,
        PY + 'setattr(cart, "discount", print)\ncart.discount()\n',
        PY + 'print("discount")\ncart.discount()  # "discount"\n',
    ),
    "may-be-submodule": Case(
        "discounts",
        "python",
        PACKAGE,
        "import shop\n\nprint(shop.discounts)\n",
        "import shop\n\nshop.discounts()\n",
    ),
    "library-private": Case(
        "_frobnicate", "python", {}, "import json\n\njson._frobnicate(1)\n", "import json\n\njson.frobnicate(1)\n"
    ),
    "library-global": Case("fetch", "typescript", {}, "import * as os from 'os';\n\nos.fetch('x');\n", None),
    "adapts-to-versions": Case(
        "sleep_all",
        "python",
        {},
        "import sys\nimport time\n\nif sys.version_info > (3, 15):\n    time.sleep_all(1)\n",
        'import time\n\nprint("version_info")  # version_info\ntime.sleep_all(1)\n',
    ),
    "abstract-type": Case(
        "append",
        "python",
        {},
        "from collections.abc import Sequence\n\n\ndef add(items: Sequence[int]) -> None:\n    items.append(1)\n",
        "def add(items: tuple[int, int]) -> None:\n    items.append(1)\n",
    ),
    "derived-has-it": Case(
        "discount",
        "python",
        {**CART, "shop/sale.py": "from shop.cart import Cart\n\n\nclass Sale(Cart):\n    def discount(self): ...\n"},
        PY + "cart.discount()\n",
        PY + "cart.discounts_of_all()\n",
    ),
    "library-private-inherited": Case(
        "_counted",
        "typescript",
        {},
        "class Bad extends Error {\n  size() { return this._counted; }\n}\n",
        "class Bad {\n  size() { return this._counted; }\n}\n",
    ),
    "own-this": Case(
        "sizes",
        "typescript",
        {},
        "export class Queue {\n  size() { return 1; }\n  run() { return [1].map(function () { return this.sizes(); }); }\n}\n",
        "export class Queue {\n  size() { return 1; }\n  run() { return [1].map(() => this.sizes()); } // function\n}\n",
    ),
    "alias-of-rebound-this": Case(
        "sizes",
        "typescript",
        {},
        "export class Queue {\n  size() { return 1; }\n"
        "  run() { return function () { const self = this; return self.sizes(); }; }\n}\n",
        "export class Queue {\n  size() { return 1; }\n  run() { const self = this; return self.sizes(); }\n}\n",
    ),
    "base-for-others": Case(
        "sends",
        "python",
        {},
        "class RetryMixin:\n    def send(self): ...\n\n    def run(self):\n        return self.sends()\n",
        "class Retry:\n    def send(self): ...\n\n    def run(self):\n        return self.sends()\n",
    ),
    "asked-whether-there": Case(
        "addItems",
        "javascript",
        PLAIN,
        "import { Queue } from './queue.js';\nconst queue = new Queue();\nif (queue.addItems) queue.addItems(1);\n",
        "import { Queue } from './queue.js';\nconst queue = new Queue();\nqueue.addItems(1); // if (queue.addItems)\n",
    ),
    "receiver-assigned-again": Case(
        "drainAll",
        "javascript",
        PLAIN,
        "import { Queue } from './queue.js';\nlet queue = new Queue();\nqueue = wrap(queue);\nqueue.drainAll(1);\n",
        "import { Queue } from './queue.js';\nlet queue = new Queue();\n// queue = wrap(queue)\nqueue.drainAll(1);\n",
    ),
    "checked-first": Case(
        "discount",
        "python",
        CART,
        PY + "if isinstance(cart, print):\n    cart.discount()\n",
        PY + "cart.discount()  # isinstance(cart, Sale)\n",
    ),
    "trait-known-elsewhere": Case("serialize", "rust", STORE, RS.replace("flush_all", "serialize"), RS),
    "open-module": Case(
        "flush_all",
        "rust",
        {**STORE, "src/store.rs": 'include!(concat!(env!("OUT_DIR"), "/more.rs"));\n' + STORE["src/store.rs"]},
        RS,
        RS,
    ),
    "associated-name": Case(
        "MAX_LINES",
        "rust",
        STORE,
        "use crate::store::Store;\n\nfn run() {\n    let _a = Store::MAX_LINES;\n}\n",
        None,
    ),
    "star-traits": Case("flush_all", "rust", STORE, "use rayon::prelude::*;\n" + RS, RS),
    "macro-may-add": Case(
        "flush_all",
        "rust",
        {**STORE, "src/store.rs": STORE["src/store.rs"].replace("pub struct", "#[derive(Builder)]\npub struct")},
        RS,
        RS,
    ),
    "unseen-trait": Case(
        "flush_all", "rust", {**STORE, "src/store.rs": STORE["src/store.rs"] + "impl Flush for Store {}\n"}, RS, RS
    ),
    "extension-trait": Case(
        "flush_all",
        "rust",
        STORE,
        "use other::FlushExt;\n" + RS,
        "use other::FlushExt;\n" + RS + "type T = dyn FlushExt;\n",
    ),
    "generated-method": Case("MarshalJSON", "go", SHOP, GO % "MarshalJSON", GO % "Discount"),
    "package-with-gaps": Case(
        "Discount",
        "go",
        {**SHOP, "shop/more.go": "package shop\n\nfunc more() int { return missing() }\n"},
        GO % "Discount",
        GO % "Discount",
    ),
}
IMPORTS = {
    "module-not-whole": Case(
        "Discount",
        "python",
        {"shop/cart.py": "from other import *\n\n\nclass Cart: ...\n"},
        "from shop.cart import Discount\n",
        "from shop.cart import Discount\n",
    ),
    "unlisted-std-path": Case("OsStrExts", "rust", {}, "use std::os::unix::ffi::OsStrExts;\n", None),
    "macro-by-use": Case(
        "priced",
        "rust",
        STORE,
        "use crate::store::priced;\n\nfn run() {\n    priced!(3);\n}\n",
        "use crate::store::priced;\n\nfn run() {\n    // priced!(3)\n    priced(3);\n}\n",
    ),
    "known-to-other-code": Case(
        "Discount",
        "rust",
        {**STORE, "src/other.rs": "pub struct Discount;\n"},
        "use crate::store::Discount;\n",
        "use crate::store::Discount;\n",
    ),
    "special-module-name": Case(
        "__version__", "python", CART, "from shop.cart import __version__\n", "from shop.cart import version__\n"
    ),
    "unknown-place": Case(
        "Discount",
        "python",
        CART,
        "from .cart import Discount\n",
        None,
    ),
    "submodule": Case(
        "discounts",
        "python",
        PACKAGE,
        "from shop import discounts\n",
        "from shop import discounts\n\ndiscounts()\n",
    ),
    "plain-script-module": Case(
        "Options",
        "typescript",
        PLAIN,
        'import { Options } from "./queue.js";\n',
        None,
    ),
    "global-script-name": Case("fetch", "typescript", {}, 'import { fetch } from "node:os";\n', None),
    "library-constant": Case("SIGFOO", "typescript", {}, 'import { SIGFOO } from "os";\n', None),
    "reads-version": Case(
        "Basket",
        "python",
        {"site-packages/shop/__init__.py": "class Cart: ...\n"},
        "import shop\n\nnew = shop.__version__ > '2'\nfrom shop import Basket\n",
        "from shop import Basket\n",
    ),
    "expected-to-be-missing": Case(
        "lods",
        "python",
        {},
        "try:\n    from json import lods\nexcept ImportError:\n    pass\n",
        "try:\n    pass\nexcept ImportError:\n    pass\nfrom json import lods  # try:\n",
    ),
}
CASES = {**MEMBERS, **IMPORTS}
CHANGED_FILES = {
    "open-module": STORE,
    "macro-may-add": STORE,
    "unseen-trait": STORE,
    "package-with-gaps": SHOP,
    "module-not-whole": CART,
    "known-to-other-code": STORE,
}


def find(case: Case, code: str, files: dict[str, str]) -> list[Finding]:
    installed = {path.removeprefix(INSTALLED): text for path, text in files.items() if path.startswith(INSTALLED)}
    libraries = {"python": LibrarySet("python", [package("shop", installed)] if installed else [])}
    visible = {path: text for path, text in files.items() if not path.startswith(INSTALLED)}
    parses = [parse_source(text, language_of_path(path) or "", path) for path, text in visible.items()]
    index = build_index(parses, libraries)
    return [
        finding
        for finding in resolve([ResponseBlock(parse_source(code, case.language), code)], index)
        if finding.name == case.name
    ]


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_leaves_a_name_alone(rule: str) -> None:
    case = CASES[rule]
    found = find(case, case.code, case.files)
    assert found
    assert found[-1].rule == rule, [(finding.rule, finding.reason) for finding in found]
    assert not found[-1].flagged


@pytest.mark.parametrize("rule", [rule for rule, case in CASES.items() if case.without is not None])
def test_without_what_the_rule_looks_for_the_name_is_flagged(rule: str) -> None:
    case = CASES[rule]
    assert case.without is not None
    names = {
        "special-name": "discount__",
        "special-module-name": "version__",
        "library-private": "frobnicate",
        "derived-has-it": "discounts_of_all",
        "trait-known-elsewhere": "flush_all",
        "generated-method": "Discount",
    }
    found = find(case._replace(name=names.get(rule, case.name)), case.without, CHANGED_FILES.get(rule, case.files))
    assert any(finding.flagged for finding in found), [(finding.rule, finding.reason) for finding in found]


def test_every_rule_has_a_case() -> None:
    codes = [rule.code for rule in (*MEMBER_RULES, *IMPORT_RULES)]
    assert len(codes) == len(set(codes))
    assert set(codes) == set(CASES)
