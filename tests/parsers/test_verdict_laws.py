"""Laws of every verdict: it depends on the context and on the response alone."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.project.index import ContextIndex, build_index
from parsers.rules.phantoms import Finding, FindingStatus, ResponseBlock, resolve
from parsers.syntax.languages import language_of_path
from parsers.syntax.symbols import parse_source

SHAPES = {
    "src/shape.ts": 'import { Base } from "./base";\nexport class Shape extends Base {\n  area(): number { return 1; }\n}\n',
    "src/round.ts": 'import { Shape } from "./shape";\nexport class Round extends Shape {}\n',
}
RUST = {
    "src/store.rs": "pub struct Store { pub size: usize }\nimpl Store { pub fn open() -> Store { Store { size: 0 } } }\n",
    "src/lib.rs": "pub mod store;\n",
}
GO = {
    "shop/store.go": "package shop\n\ntype Store struct{ Size int }\n\nfunc Open() *Store { return &Store{} }\n",
}
PYTHON = {
    "shop/base.py": "from .missing import Base\n\n\nclass Shape(Base):\n    def area(self): ...\n",
    "shop/__init__.py": "",
}
ANSWERS = {
    "typescript": (
        SHAPES,
        (
            'import { Shape } from "./shape";\nexport class Base {\n  width = 1;\n}\nnew Shape().width;\nnew Shape().height();\n',
            'import { Shape } from "./shape";\nnew Shape().height();\nnew Shape().area();\n',
            'import { Round } from "./round";\nnew Round().width;\nnew Round().depth();\n',
            'import { Shape } from "./shape";\nexport class Base {\n  height() {}\n}\nclass Shape {}\nnew Shape().area();\n',
        ),
    ),
    "rust": (
        RUST,
        (
            "use crate::store::Store;\nimpl Store { fn close(&self) {} }\nfn a() { Store::open().close(); }\n",
            "use crate::store::Store;\nfn b() { Store::open().close(); Store::open().flush_all(); }\n",
            "use crate::store::Store;\ntrait Flush { fn flush_all(&self); }\nimpl Flush for Store { fn flush_all(&self) {} }\n",
        ),
    ),
    "go": (
        GO,
        (
            "package shop\n\nfunc (s *Store) Close() {}\n\nfunc a() { Open().Close() }\n",
            "package shop\n\nfunc b() { Open().Close(); Open().Flush() }\n",
            "package shop\n\nfunc Flush() {}\n\nfunc c() { Flush(); Close() }\n",
        ),
    ),
    "python": (
        PYTHON,
        (
            "from .base import Shape\n\n\nclass Base:\n    width = 1\n\n\nShape().width\nShape().height()\n",
            "from .base import Shape\n\nShape().height()\nShape().area()\n",
            "from shop.base import Shape\n\n\nclass Square(Shape):\n    def height(self): ...\n\n\nSquare().depth()\n",
        ),
    ),
}


def index_of(files: dict[str, str]) -> ContextIndex:
    return build_index([parse_source(text, language_of_path(path) or "", path) for path, text in files.items()])


@cache
def alone(language: str, answer: str) -> tuple[Finding, ...]:
    """What is said of an answer that no other came before."""
    return judge(answer, language, index_of(ANSWERS[language][0]))


def judge(response: str, language: str, index: ContextIndex) -> tuple[Finding, ...]:
    return resolve([ResponseBlock(parse_source(response, language), response)], index)


def test_a_missing_base_that_one_answer_defines_stays_missing_for_the_next() -> None:
    index = index_of(SHAPES)
    defines, uses = ANSWERS["typescript"][1][:2]
    first = {finding.name: finding.status for finding in judge(defines, "typescript", index)}
    then = {finding.name: finding.status for finding in judge(uses, "typescript", index)}
    assert first["height"] is FindingStatus.PHANTOM  # the answer shows the whole of Base
    assert then["height"] is FindingStatus.UNVERIFIABLE
    assert then["area"] is FindingStatus.DEFINED


@pytest.mark.parametrize("language", ANSWERS)
@given(data=st.data())
def test_verdicts_do_not_depend_on_earlier_answers(language: str, data: st.DataObject) -> None:
    files, answers = ANSWERS[language]
    order = data.draw(st.lists(st.sampled_from(answers), min_size=2, max_size=6))
    index = index_of(files)
    for answer in order:
        assert judge(answer, language, index) == alone(language, answer)


PHANTOMS = {
    "python": (
        {"shop/cart.py": "class Cart:\n    def total(self) -> int: ...\n\n\ndef load() -> Cart: ...\n"},
        "import time\nfrom shop.cart import load\nfrom json import lods\n\ncart = load()\ncart.discount()\ntime.sleep_all(1)\n",
        {"discount", "lods", "sleep_all"},
    ),
    "javascript": (
        {"lib/queue.js": "export class Queue {\n  addItem(x) {}\n  size() {}\n}\n"},
        "import { Queue } from './queue.js';\n\nexport class Task {\n"
        "  run() { const queue = new Queue(); queue.discount(); }\n}\n",
        {"discount"},
    ),
    "typescript": (
        {"lib/queue.ts": "export class Queue {\n  size(): number { return 1; }\n}\n"},
        'import { Queue } from "./queue";\n\nexport class Task {\n  run() { const queue = new Queue(); queue.discount(); }\n'
        "  wait() { return this.runs(); }\n}\n",
        {"discount", "runs"},
    ),
    "go": (
        {"shop/cart.go": "package shop\n\ntype Cart struct{ Size int }\n\nfunc Load() *Cart { return &Cart{} }\n"},
        "package shop\n\nfunc run() int {\n\tcart := Load()\n\treturn cart.Discount()\n}\n",
        {"Discount"},
    ),
    "rust": (
        {
            "src/lib.rs": "pub mod store;\n",
            "src/store.rs": "pub struct Store { size: usize }\n"
            "impl Store { pub fn open() -> Store { Store { size: 0 } } }\n",
        },
        "use crate::store::Store;\nuse crate::store::Discount;\n\nfn run() {\n    let store = Store::open();\n"
        "    store.flush_all();\n}\n",
        {"flush_all", "Discount"},
    ),
}
MENTIONS = (
    "'{name}' is quick",
    "if (queue.{name}) queue.{name}()",
    "isinstance(cart, {name})",
    "setattr(cart, {name})",
    "{name}!",
    "function {name}() this",
    "queue = {name}",
    "queue instanceof {name}",
    "queue as {name}",
    "sys.version_info",
    "try:",
    "export",
    "using {name}",
    "cart.{name} || cart.{name}s",
)
NOTES = {
    "python": ("# {}\n", '_note = "{}"\n'),
    "go": ("// {}\n", 'var note = "{}"\n'),
    "rust": ("// {}\n", 'const NOTE: &str = "{}";\n'),
    "javascript": ("// {}\n", 'const note = "{}";\n'),
    "typescript": ("// {}\n", 'const note = "{}";\n'),
}


@pytest.mark.parametrize("language", PHANTOMS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_comment_or_a_text_changes_no_verdict(language: str, data: st.DataObject) -> None:
    files, code, phantoms = PHANTOMS[language]
    index = index_of(files)
    plain = [finding for finding in judge(code, language, index)]
    assert {finding.name for finding in plain if finding.flagged} == phantoms
    name = data.draw(st.sampled_from(sorted(phantoms)))
    mention = data.draw(st.sampled_from(MENTIONS)).format(name=name)
    comment, text = NOTES[language]
    note = (comment if data.draw(st.booleans()) else text).format(mention)
    noted = judge(code + note, language, index)
    assert [finding for finding in noted if finding.span[1] <= len(code)] == plain
    if note.startswith(comment[:2]):  # a comment may stand anywhere
        line = data.draw(st.integers(0, code.count("\n")))
        lines = code.splitlines(keepends=True)
        noted = judge("".join([*lines[:line], note, *lines[line:]]), language, index)
        assert [(item.name, item.status, item.rule) for item in noted] == [
            (item.name, item.status, item.rule) for item in plain
        ]
