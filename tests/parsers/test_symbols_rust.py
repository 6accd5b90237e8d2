"""What is read from Rust."""

from __future__ import annotations

import pytest

from parsers.syntax.symbols import parse_source
from parsers.syntax.types import Parameter, ReferenceKind, SymbolKind


@pytest.mark.parametrize(
    ("source", "name", "kind", "owner", "exported"),
    [
        pytest.param("pub fn f() {}", "f", SymbolKind.FUNCTION, "", True, id="function"),
        pytest.param("struct S { pub a: u8 }", "a", SymbolKind.FIELD, "S", True, id="field"),
        pytest.param("impl<'a, T> S<'a, T> { fn m(&self) {} }", "m", SymbolKind.METHOD, "S", False, id="method"),
        pytest.param("impl Tr for a::S { fn m(&self) {} }", "m", SymbolKind.METHOD, "a.S", True, id="trait impl"),
        pytest.param("trait Tr { fn m(&self); }", "m", SymbolKind.METHOD, "Tr", True, id="trait method"),
        pytest.param("enum E { A, B(u8) }", "B", SymbolKind.CONSTANT, "E", True, id="variant"),
        pytest.param("enum E { C { d: u8 } }", "d", SymbolKind.FIELD, "E.C", False, id="variant field"),
        pytest.param("mod m { pub fn f() {} }", "f", SymbolKind.FUNCTION, "m", True, id="module"),
        pytest.param("pub const N: usize = 3;", "N", SymbolKind.CONSTANT, "", True, id="constant"),
        pytest.param("impl S { const Z: u8 = 1; }", "Z", SymbolKind.CONSTANT, "S", False, id="associated constant"),
        pytest.param("pub type A<T> = Vec<T>;", "A", SymbolKind.TYPE_ALIAS, "", True, id="alias"),
        pytest.param("union U { a: u8 }", "U", SymbolKind.STRUCT, "", False, id="union"),
    ],
)
def test_definitions(source: str, name: str, kind: SymbolKind, owner: str, exported: bool) -> None:
    result = parse_source(source, "rust")
    found = [item for item in result.definitions if item.name == name]
    assert [(item.kind, item.owner, item.exported) for item in found] == [(kind, owner, exported)]
    assert source[slice(*found[0].span)] == name
    assert not result.errors


def test_parameters() -> None:
    source = "impl S { fn m(&mut self, (a, b): (u8, u8), c: &str) -> Option<u8> { None } }"
    found = next(item for item in parse_source(source, "rust").definitions if item.name == "m")
    assert found.annotation == "Option<u8>"
    assert found.parameters == (
        Parameter("self", annotation="&mut self"),
        Parameter("(a, b)", annotation="(u8, u8)"),
        Parameter("c", annotation="&str"),
    )


def test_implemented_traits_and_derives_belong_to_the_type() -> None:
    source = "#[derive(Debug, Clone)]\nstruct S;\nimpl Tr<u8> for S {}\nimpl Other for Elsewhere {}"
    result = parse_source(source, "rust")
    found = next(item for item in result.definitions if item.name == "S")
    assert (found.bases, found.decorators) == (("Tr",), ("derive(Debug, Clone)",))
    assert result.dynamic == ("impl_trait:Elsewhere:Other",)


def test_use_trees() -> None:
    source = "use std::{collections::{HashMap as Map, self}, fmt::*};\npub use crate::a::B;\nuse serde;"
    found = parse_source(source, "rust").imports
    assert [(item.module, item.name, item.alias, item.reexport) for item in found] == [
        ("std::collections", "HashMap", "Map", False),
        ("std", "collections", None, False),
        ("std::fmt", "*", None, False),
        ("crate::a", "B", None, True),
        ("serde", None, None, False),
    ]


@pytest.mark.parametrize(
    ("body", "name", "value", "binding"),
    [
        pytest.param("let x = Foo::new();", "x", "Foo::new()", "=", id="let"),
        pytest.param("let (a, b) = f();", "b", "f()", "=.1", id="tuple"),
        pytest.param("let P { x: px, .. } = p;", "px", "p", "=.x", id="struct pattern"),
        pytest.param("if let Some(v) = it.next() {}", "v", "it.next()", "=.Some.0", id="if let"),
        pytest.param("for (i, c) in xs.iter() {}", "c", "xs.iter()", "for.1", id="for"),
        pytest.param("match e { E::B(n) => n, _ => 0 };", "n", "e", "=.B.0", id="match"),
        pytest.param("let f = |a: u8| a;", "a", None, "parameter", id="closure"),
    ],
)
def test_local_bindings(body: str, name: str, value: str | None, binding: str) -> None:
    found = next(item for item in parse_source(f"fn f() {{ {body} }}", "rust").definitions if item.name == name)
    assert (found.value, found.binding) == (value, binding)


@pytest.mark.parametrize(
    ("body", "kind", "chain", "positional", "keywords"),
    [
        pytest.param("a.b(1).c()", ReferenceKind.CALL, ("a", "b", "()", "c"), 0, [], id="chain"),
        pytest.param("Vec::<u8>::new()", ReferenceKind.CALL, ("Vec", "new"), 0, [], id="path"),
        pytest.param("x.go()?.run(1)", ReferenceKind.CALL, ("x", "go", "()", "?", "run"), 1, [], id="try"),
        pytest.param("let s = P { x: 1, y };", ReferenceKind.INSTANTIATION, ("P",), 0, ["x", "y"], id="literal"),
        pytest.param("let m = E::A;", ReferenceKind.ATTRIBUTE, ("E", "A"), None, [], id="variant"),
        pytest.param("let y: a::T<u8> = z;", ReferenceKind.TYPE, ("a", "T"), None, [], id="type"),
        pytest.param('println!("{}", s.len());', ReferenceKind.CALL, ("s", "len"), 0, [], id="inside println"),
        pytest.param("vec![a.b(), c]", ReferenceKind.CALL, ("a", "b"), 0, [], id="inside vec"),
        pytest.param("custom!(a b c);", ReferenceKind.CALL, ("custom!",), None, [], id="macro"),
    ],
)
def test_references(
    body: str, kind: ReferenceKind, chain: tuple[str, ...], positional: int | None, keywords: list[str]
) -> None:
    source = f"fn f() {{ {body} }}"
    found = [item for item in parse_source(source, "rust").references if item.kind is kind and item.chain == chain]
    assert [(item.positional, [name for name, _ in item.keywords]) for item in found] == [(positional, keywords)]
    assert source[slice(*found[0].span)] == chain[-1]


def test_tokens_and_lifetimes_are_no_names() -> None:
    source = "#[derive(Debug)]\nfn f<'a>(x: &'a u8) { custom!(hidden.call()); }"
    assert [item.chain for item in parse_source(source, "rust").references] == [("custom!",)]
