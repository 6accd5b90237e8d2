"""One small case for each rule: what is flagged, and above all what is not."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import FindingStatus, ResponseBlock, resolve
from parsers.syntax.symbols import parse_source

BASE = """
class Base:
    limit: int = 3

    def __init__(self, url: str, *, retries: int = 1) -> None:
        self.url = url

    @property
    def size(self) -> int: ...

    def fetch(self, key: str) -> "Item": ...


class Item:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Dynamic:
    def __getattr__(self, name): ...


class Client(Base):
    def items(self) -> list[Item]: ...


def connect(url: str, timeout: float = 1.0) -> Client: ...
"""


def judge(response: str, context: dict[str, str] | None = None, language: str = "python") -> dict[str, str]:
    files = context if context is not None else {"pkg/base.py": BASE}
    index = build_index([parse_source(text, language, path) for path, text in files.items()])
    findings = resolve([ResponseBlock(parse_source(response, language), response)], index)
    for finding in findings:
        assert response[slice(*finding.span)] == finding.name or finding.status is not FindingStatus.PHANTOM
    return {finding.name: finding.status.value for finding in findings if finding.flagged}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("from pkg.base import Clients", {"Clients": "drift"}, id="import-near-miss"),
        pytest.param("from pkg.base import Warehouse", {"Warehouse": "phantom"}, id="import"),
        pytest.param(
            "from pkg.base import connect\nconnect('x').download('k')", {"download": "phantom"}, id="method-by-return"
        ),
        pytest.param(
            "from pkg.base import Client\nc = Client('x')\nc.fetch('k').title",
            {"title": "phantom"},
            id="inherited-then-attribute",
        ),
        pytest.param(
            "from pkg.base import Client\ndef f(c: Client):\n    for i in c.items():\n        i.label",
            {"label": "phantom"},
            id="loop",
        ),
        pytest.param("from pkg.base import connect\nconnect('x', deadline=2)", {"deadline": "drift"}, id="keyword"),
        pytest.param(
            "from pkg.base import Client\nClient('x', tries=2)", {"tries": "drift"}, id="inherited-constructor-keyword"
        ),
        pytest.param("from pkg.base import connect\nconnect_now('x')", {"connect_now": "phantom"}, id="bare-function"),
        pytest.param("import json\njson.loads('1', strict_mode=True)", {"strict_mode": "drift"}, id="library-keyword"),
        pytest.param("import json\njson.parse('1')", {"parse": "phantom"}, id="library-function"),
        pytest.param("'a'.titlecase()", {"titlecase": "phantom"}, id="literal-method"),
        pytest.param("from pkg.base import connect\nconnect()", {"connect": "drift"}, id="missing-argument"),
    ],
)
def test_what_does_not_exist_is_flagged(code: str, expected: dict[str, str]) -> None:
    assert judge(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("from pkg.base import Dynamic\nDynamic().anything()", id="getattr"),
        pytest.param("from other import Thing\nThing().anything(x=1)", id="third-party"),
        pytest.param("from pkg.base import *\nhelper()", id="snippet-with-a-visible-star-import"),
        pytest.param("from elsewhere import *\nhelper()", id="star-import"),
        pytest.param(
            "from pkg.base import Client\nclass Mine(Client, Other): pass\nMine('x').anything()", id="unknown-base"
        ),
        pytest.param("from pkg.base import Client\nc = Client('x')\nc.extra = 1\nc.extra", id="stored-attribute"),
        pytest.param(
            "from pkg.base import Base, Client\ndef f(b: Base):\n    if isinstance(b, Client):\n        b.items()",
            id="isinstance",
        ),
        pytest.param(
            "from pkg.base import Client\n@wrap\nclass Mine(Client): pass\nMine('x').anything()", id="decorated"
        ),
        pytest.param(
            "try:\n    from json import fastloads\nexcept ImportError:\n    fastloads = None", id="guarded-import"
        ),
        pytest.param("result = process(items)", id="snippet-without-imports"),
        pytest.param("from pkg.base import connect\nconnect('x', **options)\nconnect(*args)", id="spread"),
        pytest.param("import os\nos._exit_now()", id="private-library-name"),
        pytest.param("from pkg.base import Client\nClient('x').fetch('k').__wrapped__", id="special-name"),
        pytest.param("from pkg.base import Client\n(lambda c: c.anything())(1)", id="lambda-parameter"),
        pytest.param(
            "from pkg.base import Client\nclass Late:\n    def __get__(self, one, two): ...\n"
            "class Mine(Client):\n    engine = Late()\nMine('x').engine.start()",
            id="descriptor",
        ),
        pytest.param(
            "from pkg.base import Client\nfor name in ('push', 'pull'):\n    setattr(Client, name, print)\nClient('x').push()",
            id="name-as-text",
        ),
        pytest.param(
            "MESSAGE = (\n    'First {x}, '\n    'second, third'\n)\nMESSAGE.format(x=1)", id="text-in-brackets"
        ),
        pytest.param(
            "from inspect import iscoroutine\nfrom pkg.base import Client\n"
            "def f(c: Client):\n    if iscoroutine(c):\n        c.close()",
            id="asked-for-its-kind",
        ),
        pytest.param(
            "class Channel:\n    def consume(self): ...\n    def __exit__(self, *error):\n        self.close()\n",
            id="completed-by-others",
        ),
        pytest.param(
            "from collections.abc import MutableMapping\ndef f(m: MutableMapping[str, int]):\n    return m.copy()",
            id="abstract-type",
        ),
        pytest.param(
            "import enum\nclass Level(enum.Enum):\n    LOW = 1\n    def above(self):\n        return self.value > self.LOW.value",
            id="member-of-an-enumeration-by-self",
        ),
        pytest.param("", id="empty"),
        pytest.param("def broken(:\n  ((((", id="syntax-error"),
    ],
)
def test_silence_where_nothing_is_sure(code: str) -> None:
    assert judge(code) == {}


def test_a_suggestion_comes_from_the_same_owner_and_says_where() -> None:
    index = build_index([parse_source(BASE, "python", "pkg/base.py")])
    code = "from pkg.base import connect\nconnect('x').fetch_all('k')\n"
    (finding,) = [item for item in resolve([ResponseBlock(parse_source(code, "python"), code)], index) if item.flagged]
    assert (finding.suggestion, finding.line, code[slice(*finding.span)]) == ("fetch", 2, "fetch_all")
    assert finding.defined_in == "pkg/base.py:11"
    assert "Client" in finding.reason


def test_spans_and_lines_are_those_of_the_whole_response() -> None:
    code = "from pkg.base import Warehouse\n"
    response = "Here:\n```python\n" + code + "```\n"
    offset = response.index(code)
    index = build_index([parse_source(BASE, "python", "pkg/base.py")])
    found = resolve([ResponseBlock(parse_source(code, "python"), code, offset, 2)], index)
    assert [(response[slice(*item.span)], item.line) for item in found if item.flagged] == [("Warehouse", 3)]


LAZY = """
import abc
import asyncio

def __getattr__(name):
    if name == "old_name":
        return 1
    raise AttributeError(f"no {name}")

def late():
    exec("x = 1", {})
    for item in globals().values():
        print(item)

class Shape(metaclass=abc.ABCMeta):
    def area(self): ...

class Wire(asyncio.Protocol):
    def feed(self): ...
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("from pkg.lazy import lately", {"lately": "drift"}, id="getattr-that-lists-its-names"),
        pytest.param("from pkg.lazy import Shape\ndef f(s: Shape):\n    s.areas()", {"areas": "drift"}, id="abc"),
        pytest.param("from pkg.lazy import Wire\ndef f(w: Wire):\n    w.feeds()", {"feeds": "drift"}, id="asyncio"),
        pytest.param("from pkg.lazy import old_name", {}, id="a-listed-name"),
    ],
)
def test_code_that_looks_dynamic_but_is_not(code: str, expected: dict[str, str]) -> None:
    assert judge(code, {"pkg/lazy.py": LAZY}) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("def __getattr__(name):\n    return find(name)", id="getattr"),
        pytest.param(
            "def __getattr__(name):\n    if name in TABLE:\n        return TABLE[name]\n    raise AttributeError",
            id="by-table",
        ),
        pytest.param("globals().update(TABLE)", id="globals"),
        pytest.param("def f():\n    globals()['a'] = 1", id="globals-by-key"),
        pytest.param("exec(TABLE)", id="exec"),
    ],
)
def test_a_module_that_makes_names_stays_unverifiable(body: str) -> None:
    assert judge("from pkg.lazy import tables", {"pkg/lazy.py": f"TABLE = {{}}\n\n{body}\n"}) == {}


def test_a_relative_import_is_not_tied_to_the_one_file_of_that_name() -> None:
    files = {"pkg/text/base.py": "def plain(): ...\n", "pkg/other.py": "x = 1\n"}
    assert judge("from .base import Border\nfrom ..other import x\n", files) == {}


def test_a_lower_case_name_of_a_package_may_be_a_submodule() -> None:
    files = {"pkg/__init__.py": "def start(): ...\n", "pkg/base.py": "x = 1\n"}
    assert judge("import pkg\npkg.universal.Validate()\n", files) == {}
    assert judge("import pkg\npkg.started()\n", files) == {"started": "drift"}


def test_a_future_import_may_have_another_name() -> None:
    assert judge("from __future__ import annotations as _annotations\n") == {}
