"""What is read from Go."""

from __future__ import annotations

import pytest

from parsers.syntax.symbols import parse_source
from parsers.syntax.types import Parameter, ReferenceKind, SymbolKind

HEAD = "package p\n"


@pytest.mark.parametrize(
    ("source", "name", "kind", "owner", "exported"),
    [
        pytest.param("func F() {}", "F", SymbolKind.FUNCTION, "", True, id="function"),
        pytest.param("func (s *S[T]) m() {}", "m", SymbolKind.METHOD, "S", False, id="generic receiver"),
        pytest.param("type S struct { A, b int }", "b", SymbolKind.FIELD, "S", False, id="field"),
        pytest.param("type S struct { *pkg.Base }", "Base", SymbolKind.FIELD, "S", True, id="embedded"),
        pytest.param("type I interface { M(a int) error }", "M", SymbolKind.METHOD, "I", True, id="interface method"),
        pytest.param("type D time.Duration", "D", SymbolKind.TYPE_ALIAS, "", True, id="named type"),
        pytest.param("const (\n A = iota\n B\n)", "B", SymbolKind.CONSTANT, "", True, id="constant"),
        pytest.param("var x, y = 1, 2", "y", SymbolKind.VARIABLE, "", False, id="variable"),
    ],
)
def test_definitions(source: str, name: str, kind: SymbolKind, owner: str, exported: bool) -> None:
    result = parse_source(HEAD + source, "go")
    found = [item for item in result.definitions if item.name == name]
    assert [(item.kind, item.owner, item.exported) for item in found] == [(kind, owner, exported)]
    assert (HEAD + source)[slice(*found[0].span)] == name
    assert not result.errors


def test_parameters_and_result() -> None:
    found = next(
        item
        for item in parse_source(HEAD + "func f(a, b int, o ...Opt) (int, error) {}", "go").definitions
        if item.name == "f"
    )
    assert found.annotation == "(int, error)"
    assert found.parameters == (
        Parameter("a", annotation="int"),
        Parameter("b", annotation="int"),
        Parameter("o", variadic="*", annotation="Opt"),
    )


def test_embedded_types_are_bases() -> None:
    source = HEAD + "type S struct { Base; *pkg.Other }\ntype I interface { fmt.Stringer; M() }"
    found = {item.name: item.bases for item in parse_source(source, "go").definitions if item.name in "SI"}
    assert found == {"S": ("Base", "pkg.Other"), "I": ("fmt.Stringer",)}


def test_import_block() -> None:
    source = HEAD + 'import (\n"fmt"\nh "net/http"\n. "math"\n_ "embed"\n)'
    result = parse_source(source, "go")
    assert [(item.module, item.name, item.alias) for item in result.imports] == [
        ("fmt", None, None),
        ("net/http", None, "h"),
        ("math", "*", None),
        ("embed", None, "_"),
    ]
    assert result.dynamic == ("star_import:math",)


@pytest.mark.parametrize(
    ("body", "name", "value", "binding"),
    [
        pytest.param("x := Foo{A: 1}", "x", "Foo{A: 1}", "=", id="literal"),
        pytest.param("x, err := f()", "err", "f()", "=.1", id="two results"),
        pytest.param("a, b := 1, g()", "b", "g()", "=", id="pairs"),
        pytest.param("for _, v := range xs {}", "v", "xs", "for.1", id="range"),
        pytest.param("switch t := x.(type) {}", "t", "x", "case", id="type switch"),
        pytest.param("var r io.Reader", "r", None, "", id="declared"),
    ],
)
def test_local_bindings(body: str, name: str, value: str | None, binding: str) -> None:
    source = f"{HEAD}func f() {{ {body} }}"
    found = next(item for item in parse_source(source, "go").definitions if item.name == name)
    assert (found.value, found.binding, found.exported) == (value, binding, False)


@pytest.mark.parametrize(
    ("body", "kind", "chain", "positional", "keywords"),
    [
        pytest.param("fmt.Println(a, b)", ReferenceKind.CALL, ("fmt", "Println"), 2, [], id="call"),
        pytest.param("a.b().c()", ReferenceKind.CALL, ("a", "b", "()", "c"), 0, [], id="chain"),
        pytest.param("x := &pkg.S[int]{A: 1}", ReferenceKind.INSTANTIATION, ("pkg", "S"), 0, ["A"], id="literal"),
        pytest.param("var r io.Reader", ReferenceKind.TYPE, ("io", "Reader"), None, [], id="type"),
        pytest.param("_ = a.B", ReferenceKind.ATTRIBUTE, ("a", "B"), None, [], id="field"),
        pytest.param("Map[int](x)", ReferenceKind.CALL, ("Map",), 1, [], id="generic call"),
    ],
)
def test_references(
    body: str, kind: ReferenceKind, chain: tuple[str, ...], positional: int | None, keywords: list[str]
) -> None:
    source = f"{HEAD}func f() {{ {body} }}"
    found = [item for item in parse_source(source, "go").references if item.kind is kind and item.chain == chain]
    assert [(item.positional, [name for name, _ in item.keywords]) for item in found] == [(positional, keywords)]
    assert source[slice(*found[0].span)] == chain[-1]
