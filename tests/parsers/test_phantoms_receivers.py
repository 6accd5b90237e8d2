"""JavaScript: how a receiver without a declared type is known, and where it is not."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.symbols import parse_source


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
ADDED = {
    "lib/cast.js": "const cast = () => 1\nmodule.exports = cast\nmodule.exports.castArray = cast\n",
    "lib/point.js": "class Point { add() {} }\nObject.defineProperties(Point.prototype, { size: { get() { return 1 } } })\n"
    "Object.assign(Point.prototype, { load() {} })\nmodule.exports = Point\n",
}
STATE = {
    "lib/state.js": "class BlockState {\n  constructor(text) { this.text = text; this.lineMax = 1; this.blockIndent = 0 }\n"
    "  isEmptyLine(n) { return !n }\n}\nmodule.exports = BlockState\n"
}
LOOPS = (
    "function run(state, from) {\n  for (let n = from; n < state.lineMax; n += 1) {\n    if (state.isEmptyLine(n)) continue\n"
    "    use(state.BLOCK)\n  }\n}\nmodule.exports = { run }\n"
)
MIXED = {
    "lib/typed.js": "const events_1 = __importDefault(require('events'));\nclass Typed { open() {} }\nexports.Typed = Typed;\n"
    "(0, shared_1.applyMixin)(Typed, events_1.default);\n",
    "lib/base.js": "function Base() { this.a = 1 }\n_.extend(Base.prototype, { load() {} });\nmodule.exports = Base\n",
    "lib/factory.js": "const Real = require('./real')\nmodule.exports = Factory\nfunction Factory() { return new Real() }\n"
    "Factory.lifted = 1\n",
    "lib/fill.js": "const fill = () => 1\nmodule.exports = fill\nObject.assign(fill, require('./more'))\n",
    "lib/plugin.js": "/** @typedef {object} PluginParams */\nexport const name = 'plugin'\n",
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
            LOOPS.replace("BLOCK", "blockIndents"), STATE, {"blockIndents"}, id="class-that-has-all-else-that-is-used"
        ),
        pytest.param(
            "const Cache = class WeakCache {\n  load() {}\n}\nfunction f() { new Cache().load(); new Cache().loads() }\n",
            {},
            {"loads"},
            id="class-expression-of-two-names",
        ),
        pytest.param(
            "const { castArrays } = require('./cast')\nconst cast = require('./cast')\ncast.castArray()\ncast.call(1)\n",
            ADDED,
            {"castArrays"},
            id="exported-function-with-names",
        ),
        pytest.param(
            "const Point = require('./point')\nfunction f() {\n  const point = new Point()\n  point.load()\n"
            "  point.loads()\n  use(point.size, point.sizes, point.add)\n}\n",
            ADDED,
            {"loads", "sizes"},
            id="prototype-filled-from-literals",
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
            "const Factory = require('./factory')\nfunction f() { const app = new Factory(); app.lift() }\n",
            MIXED,
            id="constructor-that-returns-another",
        ),
        pytest.param("const { fills } = require('./fill')\n", MIXED, id="exported-function-filled-from-elsewhere"),
        pytest.param(LOOPS.replace("BLOCK", "unlike"), STATE, id="class-by-use-and-no-near-name"),
        pytest.param(
            LOOPS.replace("use(state.BLOCK)", "use(state.other, state.blockIndents)"), STATE, id="used-as-another-class"
        ),
        pytest.param(LOOPS.replace("BLOCK", "blockIndents || state.blockIndents"), STATE, id="name-used-twice"),
        pytest.param(
            "async function f() {\n  const x = await (0, _other.load)(1)\n  return x\n}\nimport { a } from './b'\n"
            "export { f }\n" + "// text\n" * 40,
            {},
            id="await-that-reads-as-a-call",
        ),
        pytest.param(
            "const buffer_1 = require('buffer')\nuse(buffer_1.Buffer.from('x'))\n", {}, id="global-of-a-module"
        ),
        pytest.param(
            "const { Readable } = require('stream')\nclass A extends Readable {\n"
            "  readable() {}\n  go() { return this._readable }\n}\n",
            {},
            id="private-name-of-the-library",
        ),
        pytest.param(
            "const { Typed } = require('./typed')\nfunction f() { const typed = new Typed(); typed.opens() }\n",
            MIXED,
            id="mixed-by-a-compiled-call",
        ),
        pytest.param(
            "const Base = require('./base')\nclass Mine extends Base { go() { new Mine().loads() } }\n",
            MIXED,
            id="prototype-handed-to-a-function",
        ),
        pytest.param(
            "class Table {\n  pushQuery(q) {}\n  go() {\n    this.pushQuery({\n      output(resp) {\n"
            "        const runner = this;\n        return runner.pushQuerys(resp);\n      },\n    });\n  }\n}\n",
            {},
            id="this-of-a-method-handed-on",
        ),
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


def test_typescript_may_import_from_plain_javascript_what_only_declarations_say() -> None:
    index = build_index([parse_source(MIXED["lib/plugin.js"], "javascript", "lib/plugin.js")])
    code = "import { name, PluginParams, Params } from './plugin.js'\nlet a: PluginParams\nlet b: Params = names\n"
    found = resolve([ResponseBlock(parse_source(code, "typescript", "lib/types.ts"), code)], index)
    assert {item.name for item in found if item.flagged} == {"names"}
