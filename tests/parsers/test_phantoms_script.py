"""JavaScript and TypeScript: what each rule finds, and where it stays silent because the owner is not wholly visible."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import FindingStatus, ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source


def judge(response: str, language: str, context: dict[str, str]) -> dict[str, str | None]:
    """Flagged names with their suggestions."""
    index = build_index([parse_source(text, language_of_path(path) or "", path) for path, text in context.items()])
    findings = resolve([ResponseBlock(parse_source(response, language), response)], index)
    return {finding.name: finding.suggestion for finding in findings if finding.flagged}


SHORTHAND = {
    "lib/a.js": "const LEVELS = { low: 1, high: 2 }\nfunction start() {}\nmodule.exports = { LEVELS, start }\n"
}
WHOLE_CLASS = {
    "lib/queue.js": "class Queue {\n  constructor() { this.items = [] }\n  addItem(x) {}\n}\nmodule.exports = Queue\n"
}
KEYS = {
    "lib/symbols.js": "const keys = { kState: Symbol('state'), kServer: Symbol('server') }\nmodule.exports = keys\n"
}
OLD_STYLE = {
    "lib/shape.js": "function Shape(n) { this.sides = n }\nShape.prototype.area = function () {}\n"
    "function Box() { Shape.call(this, 4) }\ninherits(Box, Shape)\nBox.prototype.openLid = function () {}\n"
    "module.exports = { Shape, Box }\n"
}
LISTED = {"lib/timer.js": "class Timer { getDelta() {} }\nexport { Timer };\n"}
BROKEN = {"lib/broken.ts": "export interface Good { a: number }\nexport type = = ;\nexport const other = 1\n"}
BARREL = {
    "src/index.ts": 'export * from "./one.js";\nexport * from "./two.js";\n',
    "src/two.ts": 'import { First } from "./one.js";\nexport class Second {}\n',
}
GETTERS = {
    "lib/errors.js": "__export(exports, {\n  BaseError: () => import_base.default,\n  Late: () => Late\n});\n"
    "var import_base = __toModule(require('./base'));\nclass Late {}\n",
    "lib/base.js": "class BaseError extends Error {}\nexports.default = BaseError\n",
}
LIGHT = {
    "lib/light.js": "class Light {\n  constructor() { this.color = 1; this.matrix = 2 }\n  setColor(c) {}\n}\n"
    "export default Light\n",
    "lib/make.js": "/**\n * @returns {Light} it\n */\nexport function make(a) { return build(a) }\n",
}
NODE = {"lib/node.js": "export function walk(node) { return node.children.map((child) => child.parentNode) }\n"}


@pytest.mark.parametrize(
    ("code", "language", "context", "expected"),
    [
        pytest.param(
            "const { LEVELS } = require('./a')\nuse(LEVELS.lowest())",
            "javascript",
            SHORTHAND,
            {"lowest"},
            id="shorthand",
        ),
        pytest.param("const { begin } = require('./a')", "javascript", SHORTHAND, {"begin"}, id="destructured-require"),
        pytest.param(
            "const Queue = require('./queue')\nnew Queue().pushItem(1)",
            "javascript",
            WHOLE_CLASS,
            {"pushItem"},
            id="whole",
        ),
        pytest.param(
            "const lib = require('./lib')\nlib.asyncFullIter()",
            "javascript",
            {
                "lib/lib.js": "var _exports = module.exports = {};\nfunction asyncIter() {}\n_exports.asyncIter = asyncIter;\n"
            },
            {"asyncFullIter"},
            id="exported-object-filled-later",
        ),
        pytest.param(
            "import Problem from './problem'\nexport const text = '"
            + "x" * 300  # a file by its code: a comment as long makes none
            + "'\nexport default function f() { throw new Failure() }",
            "javascript",
            {"lib/problem.js": "class Problem {}\nexport default Problem"},
            {"Failure"},
            id="bare-name-in-a-module-that-imports-and-exports",
        ),
        pytest.param(
            "import { Place } from './place'\nconst all = [Place.TOP, Place.LEFTMOST]",
            "typescript",
            {
                "src/place.ts": "export const Place = { TOP: 1, LEFT: 2 } as const\n"
                "export type Place = (typeof Place)[keyof typeof Place]"
            },
            {"LEFTMOST"},
            id="constant-and-type-of-one-name",
        ),
        pytest.param(
            "import { start } from './a'\nexport function one() { return start() }\nexport const two = [...starts(), one()]",
            "typescript",
            {"src/a.ts": "export function start() {}"},
            {"starts"},
            id="spread-of-a-call",
        ),
        pytest.param(
            "const Pool = require('./pool')\nnew Pool().openAll()",
            "javascript",
            {"lib/pool.js": "module.exports = class Pool {\n  openOne() {}\n  close() {}\n}"},
            {"openAll"},
            id="class-with-a-name-as-export",
        ),
        pytest.param(
            "const { mixin } = require('./mixin')\nclass A {}\nmixin(A)\nmodule.exports = A\nnew A().pump()",
            "javascript",
            {"lib/mixin.js": "exports.mixin = function (C) {}"},
            set(),
            id="class-handed-to-a-function",
        ),
        pytest.param(
            "const Queue = require('./queue')\nclass Mine extends Queue { go() { this.append_item() } }",
            "javascript",
            WHOLE_CLASS,
            {"append_item"},
            id="base-is-the-whole-export",
        ),
        pytest.param("const { kStates } = require('./symbols')", "javascript", KEYS, {"kStates"}, id="exported-object"),
        pytest.param(
            "const { Box } = require('./shape')\nnew Box().closeLid()",
            "javascript",
            OLD_STYLE,
            {"closeLid"},
            id="prototype",
        ),
        pytest.param(
            "import { Timer } from './timer.js'\nclass A { constructor() { this.t = new Timer() }\n"
            "  go() { return this.t.readDelta() } }",
            "javascript",
            LISTED,
            {"readDelta"},
            id="field-set-in-the-constructor",
        ),
        pytest.param(
            "const start = require('./a').start\nfunction goAll() {}\nmodule.exports = function run() { goAl(); start() }",
            "javascript",
            SHORTHAND,
            {"goAl"},
            id="bare-name-beside-an-export-made-of-a-function",
        ),
        pytest.param(
            "import { Better } from './broken'", "typescript", BROKEN, {"Better"}, id="word-not-in-a-broken-file"
        ),
        pytest.param(
            'import { Second, Third } from "./index.js";\nexport class First {}',
            "typescript",
            BARREL,
            {"Third"},
            id="star-of-the-response-itself",
        ),
        pytest.param(
            "import { make } from './make.js'\n/**\n * @param {Light} light - it\n */\n"
            "function f(light) { return light.setColour(1) + light.matrixs }\nmake().setColors()",
            "javascript",
            LIGHT,
            {"setColour", "matrixs", "setColors"},
            id="documented-parameter-and-result",
        ),
        pytest.param(
            "import { make } from './make.js'\nclass A {\n  /** @param {import('./light.js').default} light */\n"
            "  constructor(light) { this.light = light }\n  go() { this.light.setColors() }\n}",
            "javascript",
            LIGHT,
            {"setColors"},
            id="documented-import",
        ),
        pytest.param(
            "import { make } from './make.js'\nclass A {\n  constructor(light) {\n    /** @type {?Light} */\n"
            "    this.light = light\n  }\n  go() { this.light.setColors() }\n}",
            "javascript",
            LIGHT,
            {"setColors"},
            id="documented-field",
        ),
        pytest.param(
            "const errors = require('./errors')\nthrow new errors.BaseErrors()",
            "javascript",
            GETTERS,
            {"BaseErrors"},
            id="exported-by-getters",
        ),
        pytest.param(
            "import { start } from './a'\nconst counter = 1\nexport { counters }",
            "typescript",
            {"src/a.ts": "export function start() {}"},
            {"counters"},
            id="export-of-nothing",
        ),
        pytest.param(
            "import { Props } from '../types'\nimport { helper } from './util'",
            "typescript",
            {
                "src/types.ts": "export interface Propz {}",
                "src/menu/util.ts": "export const helper = 1",
                "src/bar/util.ts": "",
            },
            {"Props"},
            id="folder-found-from-a-parent-path",
        ),
    ],
)
def test_what_does_not_exist_is_flagged(code: str, language: str, context: dict[str, str], expected: set[str]) -> None:
    assert set(judge(code, language, context)) == expected


@pytest.mark.parametrize(
    ("code", "language", "context"),
    [
        pytest.param(
            "const api = require('./api')\napi.anything()",
            "javascript",
            {"lib/api.js": "module.exports = make(other)"},
            id="computed-export",
        ),
        pytest.param(
            "const { anything } = require('./api')",
            "javascript",
            {"lib/api.js": "module.exports = { ...require('x'), a: 1 }"},
            id="spread-of-an-unseen-module",
        ),
        pytest.param(
            "const { lazy } = require('./api')",
            "javascript",
            {"lib/api.js": "exports.a = 1\nfor (const k of names) Object.defineProperty(exports, k, {})"},
            id="names-defined-in-a-loop",
        ),
        pytest.param(
            "import options from './options'\nif (options.vnode) options.vnode(1)",
            "javascript",
            {"lib/options.js": "const options = { _catch() {} }\nexport default options"},
            id="hook-that-a-condition-asks-for",
        ),
        pytest.param(
            "const errors = require('./errors')\nthrow new errors.BaseError(errors.Late)",
            "javascript",
            GETTERS,
            id="exported-by-getters",
        ),
        pytest.param(
            "import { make } from './make.js'\n/** @param {Light} light */\n"
            "function f(light) { light.explode(); light.colour; light.colour }",
            "javascript",
            LIGHT,
            id="documented-type-unlike-or-repeated",
        ),
        pytest.param(
            "import { make } from './make.js'\n/** @param {Light} light */\nfunction f(light) { return light.isColor ? 1 : 2 }",
            "javascript",
            LIGHT,
            id="documented-type-asked-for-its-kind",
        ),
        pytest.param(
            "import { make } from './make.js'\n/** @param {Node|string} n */\nfunction f(n) { return n.childNodez }",
            "javascript",
            LIGHT,
            id="documented-built-in-may-be-another",
        ),
        pytest.param(
            "import { make } from './make.js'\n/** x */\nexport function f() { return make(GPUBufferUsageX.A) }\n"
            + "// text\n" * 40,
            "javascript",
            LIGHT,
            id="platform-name",
        ),
        pytest.param(
            "const { start } = require('./a')\nlet ms = 0\nif (x) { ms = start(3); ms = ms.substring(1) }",
            "javascript",
            SHORTHAND,
            id="variable-assigned-again",
        ),
        pytest.param(
            "import { start } from './a'\nexport function f() { return start() }\n"
            + "// text\n" * 40
            + "declare module 'other' {\n"
            "  interface Parts { style?: Omit<Theming, 'a'> }\n}\n",
            "typescript",
            {"src/a.ts": "export function start() {}\nexport interface Theme {}"},
            id="inside-another-module",
        ),
        pytest.param(
            "import { start } from './a'\nexport interface File {}\n"
            + "// text\n" * 40
            + "export declare namespace File {\n"
            "  export type Type = 'a'\n  export interface Info { type: Type }\n}\nstart()\n",
            "typescript",
            {"src/a.ts": "export function start() {}\nexport interface TypeId {}"},
            id="type-of-a-namespace-that-shares-its-name",
        ),
        pytest.param(
            "const api = require('./api')\napi.started()",
            "javascript",
            {"lib/api.js": "exports.start = function () {}\nfill(exports)\n"},
            id="exports-handed-to-a-function",
        ),
        pytest.param(
            "const impl = require('./impl')\nif (impl.init) {\n  impl.init(1)\n}",
            "javascript",
            {"lib/impl.js": "exports.start = function () {}\n"},
            id="module-asked-for-a-name",
        ),
        pytest.param(
            "import { walk } from './node.js'\nfunction f(n) { return n.parentNodes }",
            "javascript",
            NODE,
            id="plural-of-what-is-no-method",
        ),
        pytest.param(
            "const { Box } = require('./shape')\nnew Box().anything()",
            "javascript",
            {
                "lib/shape.js": "function Box() {}\nBox.prototype = mixin({})\n"
                "Box.prototype.a = function () {}\nmodule.exports = { Box }"
            },
            id="prototype-made-elsewhere",
        ),
        pytest.param(
            "const W = require('./warning')\nnew W({}).pluginName()",
            "javascript",
            {"lib/warning.js": "class W { constructor(o) { for (const k in o) this[k] = o[k] } }\nmodule.exports = W"},
            id="computed-members-of-this",
        ),
        pytest.param(
            "import { Maybe } from './broken'",
            "typescript",
            {"lib/broken.ts": "export interface Good {}\nexport typ Maybe = = ;\n"},
            id="word-of-a-broken-file",
        ),
        pytest.param(
            "import { ext } from 'pkg'\nimport { walk } from './node.js'\next.childrens()",
            "javascript",
            NODE,
            id="plural-on-another-package",
        ),
        pytest.param(
            "import { walk } from './node.js'\nfunction f(n) { return n.childrens || n.childrens() }",
            "javascript",
            NODE,
            id="plural-written-twice",
        ),
        pytest.param(
            "import { walk } from './node.js'\nexport function f(e: React.FormEvent) { return walk(e) }\n",
            "typescript",
            NODE,
            id="ambient-namespace",
        ),
        pytest.param(
            "import { Ctx } from './context'\nCtx.Provider()",
            "typescript",
            {
                "src/context.ts": "import { createContext } from 'react'\nexport const Ctx = createContext(1)\n"
                "Ctx.displayName = 'c'"
            },
            id="assigned-member-of-an-unknown-value",
        ),
        pytest.param(
            'import { Second, Third } from "./index.js";\nclass Other {}',
            "typescript",
            BARREL,
            id="star-of-a-missing-file-that-is-not-the-response",
        ),
    ],
)
def test_silence(code: str, language: str, context: dict[str, str]) -> None:
    assert judge(code, language, context) == {}


def test_a_plural_on_an_unknown_receiver_is_suspicious_but_not_flagged() -> None:
    code = "import { walk } from './node.js'\nfunction f(n) { return n.walkDeeps(1) }"
    context = parse_source("export function walk(node) { return node.walkDeep(2) }\n", "javascript", "lib/node.js")
    found = resolve([ResponseBlock(parse_source(code, "javascript"), code)], build_index([context]))
    (slip,) = [item for item in found if item.name == "walkDeeps"]
    assert (slip.status, slip.suggestion) == (FindingStatus.UNVERIFIABLE, "walkDeep")
    assert slip.severity > 0.8
