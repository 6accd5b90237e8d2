"""What is read from Python code."""

from __future__ import annotations

import pytest

from parsers.syntax.symbols import ParseLimits, parse_source
from parsers.syntax.types import Definition, Parameter, Reference, ReferenceKind, SymbolKind


def definition(source: str, name: str, **wanted: object) -> Definition:
    found = [
        item
        for item in parse_source(source, "python").definitions
        if item.name == name and all(getattr(item, key) == value for key, value in wanted.items())
    ]
    assert len(found) == 1, found
    assert source[slice(*found[0].span)] == name
    return found[0]


def references(source: str, kind: ReferenceKind) -> list[Reference]:
    return [item for item in parse_source(source, "python").references if item.kind is kind]


@pytest.mark.parametrize(
    ("source", "name", "kind", "owner"),
    [
        pytest.param("def f(): pass", "f", SymbolKind.FUNCTION, "", id="function"),
        pytest.param("async def f(): pass", "f", SymbolKind.FUNCTION, "", id="async function"),
        pytest.param("class A:\n def m(self): pass", "m", SymbolKind.METHOD, "A", id="method"),
        pytest.param("class A:\n class B:\n  def m(self): pass", "m", SymbolKind.METHOD, "A.B", id="nested class"),
        pytest.param("class A:\n x: int = 1", "x", SymbolKind.FIELD, "A", id="class field"),
        pytest.param("class A:\n def m(self):\n  self.x = 1", "x", SymbolKind.FIELD, "A", id="instance field"),
        pytest.param(
            "class A:\n def m(self):\n  def inner(): pass", "inner", SymbolKind.FUNCTION, "", id="local function"
        ),
        pytest.param("class C(Enum):\n RED = 1", "RED", SymbolKind.CONSTANT, "C", id="enum member"),
        pytest.param("LIMIT = 3", "LIMIT", SymbolKind.CONSTANT, "", id="constant"),
        pytest.param("limit = 3", "limit", SymbolKind.VARIABLE, "", id="variable"),
        pytest.param("type Row = dict[str, int]", "Row", SymbolKind.TYPE_ALIAS, "", id="type alias"),
        pytest.param("def f():\n global cache\n cache = {}", "cache", SymbolKind.VARIABLE, "", id="global"),
    ],
)
def test_definition_kinds(source: str, name: str, kind: SymbolKind, owner: str) -> None:
    found = definition(source, name)
    assert (found.kind, found.owner) == (kind, owner)


def test_parameters_carry_their_marks() -> None:
    found = definition("def f(a, /, b: int, *args: T, c, d: str = 'x', **kw) -> Foo: ...", "f")
    assert found.annotation == "Foo"
    assert found.parameters == (
        Parameter("a", positional_only=True),
        Parameter("b", annotation="int"),
        Parameter("args", variadic="*", annotation="T"),
        Parameter("c", keyword_only=True),
        Parameter("d", has_default=True, keyword_only=True, annotation="str"),
        Parameter("kw", variadic="**"),
    )


def test_class_has_bases_decorators_and_metaclass() -> None:
    source = "@dataclass(frozen=True)\nclass A(Base[T], m.Other, metaclass=Meta): pass"
    found = definition(source, "A")
    assert found.bases == ("Base", "m.Other")
    assert found.decorators == ("dataclass(frozen=True)",)
    assert parse_source(source, "python").dynamic == ("metaclass:A",)


@pytest.mark.parametrize(
    ("source", "name", "value", "binding"),
    [
        pytest.param("x = Foo(1)", "x", "Foo(1)", "=", id="assignment"),
        pytest.param("x: Foo = make()", "x", "make()", "=", id="annotated"),
        pytest.param("a, (b, c) = f()", "c", "f()", "=.1.1", id="nested unpacking"),
        pytest.param("a, *b = f()", "b", "f()", "=.*", id="starred"),
        pytest.param("with open(p) as x: pass", "x", "open(p)", "with", id="with"),
        pytest.param("with a() as x, b() as y: pass", "y", "b()", "with", id="second with"),
        pytest.param("for i, x in pairs: pass", "x", "pairs", "for.1", id="for"),
        pytest.param("y = [x for x in xs]", "x", "xs", "for", id="comprehension"),
        pytest.param("try: pass\nexcept Bad as x: pass", "x", "Bad", "except", id="except"),
        pytest.param("if (x := f()): pass", "x", "f()", "=", id="walrus"),
        pytest.param("def f(x=1): pass", "x", "1", "parameter", id="default"),
        pytest.param("match v:\n case Point(a=x): pass", "x", None, "case", id="pattern"),
        pytest.param("a = x = f()", "x", "f()", "=", id="chained"),
    ],
)
def test_bindings(source: str, name: str, value: str | None, binding: str) -> None:
    found = definition(source, name)
    assert (found.value, found.binding) == (value, binding)


def test_scope_is_the_enclosing_function() -> None:
    source = "def outer():\n    inner_value = 1\n"
    outer = definition(source, "outer")
    assert definition(source, "inner_value").scope == outer.extent
    assert outer.scope == (0, len(source))


def test_returns_are_kept_without_annotation() -> None:
    assert definition("def f():\n return Foo()", "f").returns == ("Foo()",)
    assert definition("def f() -> Bar:\n return Foo()", "f").returns == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("import a.b", ("a.b", None, None, 0), id="module"),
        pytest.param("import a.b as c", ("a.b", None, "c", 0), id="alias"),
        pytest.param("from a import b", ("a", "b", None, 0), id="from"),
        pytest.param("from ..a import b as c", ("a", "b", "c", 2), id="relative"),
        pytest.param("from . import b", ("", "b", None, 1), id="package"),
        pytest.param("from a import *", ("a", "*", None, 0), id="star"),
        pytest.param("from __future__ import annotations", ("__future__", "annotations", None, 0), id="future"),
    ],
)
def test_imports(source: str, expected: tuple[str, str | None, str | None, int]) -> None:
    (found,) = parse_source(source, "python").imports
    assert (found.module, found.name, found.alias, found.level) == expected


@pytest.mark.parametrize(
    ("source", "chain", "positional", "keywords", "spread"),
    [
        pytest.param("f(1, k=2)", ("f",), 1, ["k"], False, id="plain"),
        pytest.param("a.b.c(x)", ("a", "b", "c"), 1, [], False, id="attributes"),
        pytest.param("a().b()", ("a", "()", "b"), 0, [], False, id="call result"),
        pytest.param("a[0].b()", ("a", "[]", "b"), 0, [], False, id="subscript"),
        pytest.param("''.join(x)", ("?", "join"), 1, [], False, id="literal"),
        pytest.param("f(*a, **k)", ("f",), 0, [], True, id="spread"),
        pytest.param("f(x for x in y)", ("f",), 1, [], False, id="generator"),
        pytest.param("(await a.b()).c()", ("a", "b", "()", "?", "c"), 0, [], False, id="await"),
    ],
)
def test_calls(source: str, chain: tuple[str, ...], positional: int, keywords: list[str], spread: bool) -> None:
    found = max(references(source, ReferenceKind.CALL), key=lambda item: len(item.chain))
    assert (found.chain, found.positional, [name for name, _ in found.keywords]) == (chain, positional, keywords)
    assert found.spread is spread
    assert source[slice(*found.span)] == chain[-1]
    assert len(found.spans) == len(chain)
    assert all(source[slice(*span)] == name for name, span in found.keywords)


def test_every_call_of_a_chain_is_its_own_reference() -> None:
    chains = {item.chain for item in references("db.query(x).first()", ReferenceKind.CALL)}
    assert chains == {("db", "query"), ("db", "query", "()", "first")}


def test_prefixes_of_a_chain_are_not_listed_again() -> None:
    found = parse_source("a.b.c()", "python").references
    assert [item.chain for item in found] == [("a", "b", "c")]


@pytest.mark.parametrize(
    ("source", "kind", "chain"),
    [
        pytest.param("x.y", ReferenceKind.ATTRIBUTE, ("x", "y"), id="attribute"),
        pytest.param("def f(a: m.T): pass", ReferenceKind.TYPE, ("m", "T"), id="annotation"),
        pytest.param("@app.route('/')\ndef f(): pass", ReferenceKind.DECORATOR, ("app", "route"), id="decorator"),
        pytest.param("print(value)", ReferenceKind.NAME, ("value",), id="name"),
        pytest.param("f'{a.b!r}'", ReferenceKind.ATTRIBUTE, ("a", "b"), id="f-string"),
    ],
)
def test_other_references(source: str, kind: ReferenceKind, chain: tuple[str, ...]) -> None:
    assert chain in [item.chain for item in references(source, kind)]


def test_store_to_a_foreign_attribute_is_marked() -> None:
    (found,) = references("a.b = 1", ReferenceKind.ATTRIBUTE)
    assert found.store


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("from m import *", "star_import:m", id="star"),
        pytest.param("class A:\n def __getattr__(self, n): pass", "getattr:A", id="getattr"),
        pytest.param("def __getattr__(n): pass", "getattr", id="module getattr"),
        pytest.param("setattr(a, 'b', 1)", "stored:b", id="setattr by text"),
        pytest.param("setattr(a, b, 1)", "setattr:a", id="setattr by computed name"),
        pytest.param("class A:\n def f(self, n): setattr(self, n, 1)", "setattr:A", id="setattr of its own"),
        pytest.param("def f(a, n): setattr(a, n, 1)", "setattr:13", id="setattr of an argument"),
        pytest.param("exec(code)", "exec", id="exec"),
    ],
)
def test_dynamic_reasons(source: str, reason: str) -> None:
    assert reason in parse_source(source, "python").dynamic


def test_without_references_locals_are_left_out() -> None:
    source = "def f(a):\n    b = a\n    return b\nX = 1\n"
    found = parse_source(source, "python", limits=ParseLimits(references=False))
    assert found.references == ()
    assert [item.name for item in found.definitions] == ["f", "X"]


def test_broken_code_gives_what_could_be_read() -> None:
    found = parse_source("def f(a):\n    return g(\n\nclass B:\n    def m(self): pass\n", "python")
    assert found.errors
    assert "B" in [item.name for item in found.definitions] or "f" in [item.name for item in found.definitions]


def test_names_outside_ascii_keep_their_offsets() -> None:
    source = "größe = 1  # 😀\nprint('𝒳', größe.länge)\n"
    assert definition(source, "größe").span == (0, 5)
    (found,) = references(source, ReferenceKind.ATTRIBUTE)
    assert source[slice(*found.span)] == "länge"
