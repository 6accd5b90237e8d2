"""JavaScript: how a receiver without a declared type is known, and where it is not."""

from __future__ import annotations

import pytest

from parsers.index import build_index
from parsers.phantoms import ResponseBlock, resolve
from parsers.symbols import parse_source


def flagged(code: str, context: dict[str, str], language: str = "javascript") -> set[str]:
    """Names that end as phantom or drift."""
    index = build_index([parse_source(text, language, path) for path, text in context.items()])
    return {item.name for item in resolve([ResponseBlock(parse_source(code, language), code)], index) if item.flagged}


COMPILED = {
    "lib/box.js": "'use strict';\nObject.defineProperty(exports, '__esModule', { value: true });\nexports.default = void 0;\n"
    "class Box { open() {} close() {} }\nvar _default = exports.default = Box;\nmodule.exports = Box;\n",
    "lib/cup.js": "Object.defineProperty(exports, '__esModule', { value: true });\nclass Cup { fill() {} }\n"
    "exports.default = Cup;\nexports.SIZE = 3;\n",
}


@pytest.mark.parametrize(
    ("code", "context", "expected"),
    [
        pytest.param(
            "const EventEmitter = require('events')\nclass A extends EventEmitter {\n  known() {}\n"
            "  go() { this.knowns(); this.emit('x') }\n}\n",
            {},
            {"knowns"},
            id="base-is-a-whole-module",
        ),
        pytest.param(
            "import EventEmitter from 'node:events'\nclass A extends EventEmitter {\n  known() {}\n"
            "  go() { this.knowns(); this.once('x') }\n}\n",
            {},
            {"knowns"},
            id="base-is-a-default-import",
        ),
        pytest.param(
            "const { Transform } = require('stream')\nclass A extends Transform {\n  known() {}\n"
            "  go() { this.knowns(); this.push('x'); this.emit('y') }\n}\n",
            {},
            {"knowns"},
            id="base-in-a-namespace-of-the-library",
        ),
        pytest.param(
            "const Stream = require('stream').Transform\nclass A extends Stream {\n  known() {}\n"
            "  go() { this.knowns(); this.push('x') }\n}\n",
            {},
            {"knowns"},
            id="member-of-a-required-module",
        ),
        pytest.param("const Mug = require('./cup').SIZES\nuse(Mug)\n", COMPILED, {"SIZES"}, id="required-member"),
        pytest.param(
            "var _box = _interopRequireDefault(require('./box'));\nvar _cup = _interopRequireDefault(require('./cup'));\n"
            "function f() {\n  const box = new _box.default();\n  box.opens();\n  box.close();\n"
            "  const cup = new _cup.default();\n  cup.fills();\n}\n",
            COMPILED,
            {"opens", "fills"},
            id="compiled-default-imports",
        ),
        pytest.param(
            "class A {\n  static known() {}\n  static get Size() { return 1 }\n"
            "  static go() { this.knowns(); this.known(); return new this.Size() }\n}\n",
            {},
            {"knowns"},
            id="this-of-a-static-method",
        ),
    ],
)
def test_a_known_receiver_lacks_the_name(code: str, context: dict[str, str], expected: set[str]) -> None:
    assert flagged(code, context) == expected


@pytest.mark.parametrize(
    ("code", "context"),
    [
        pytest.param(
            "class Tree {\n  constructor(children) { this.children = children }\n"
            "  get weight() { this.calculateWeights(); return 1 }\n}\nexport { Tree }\n",
            {},
            id="method-that-a-derived-class-has",
        ),
        pytest.param(
            "class A {\n  static get UserContext() { return 1 }\n  static get Context() { return 2 }\n"
            "  static init(self) { self.context = new this.Context(self) }\n}\n",
            {},
            id="static-accessor",
        ),
        pytest.param(
            "const { Readable } = require('stream')\nclass A extends Readable {\n"
            "  go() { this.pipe(x); this.unlike() }\n}\nmodule.exports = A\n",
            {},
            id="derived-from-the-library",
        ),
    ],
)
def test_what_stays_silent(code: str, context: dict[str, str]) -> None:
    assert flagged(code, context) == set()


def test_special_names_of_a_python_module() -> None:
    context = {"pkg/real.py": '"""Text."""\n\ndef known(): ...\n', "pkg/__init__.py": ""}
    code = "from pkg.real import __doc__ as text, known, knowns\n"
    assert flagged(code, context, "python") == {"knowns"}
