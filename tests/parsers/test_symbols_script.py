"""What is read from JavaScript, TypeScript and TSX."""

from __future__ import annotations

import pytest

from parsers.syntax.symbols import parse_source
from parsers.syntax.types import Parameter, ReferenceKind, SymbolKind


@pytest.mark.parametrize(
    ("language", "source", "name", "kind", "owner"),
    [
        pytest.param("javascript", "function f() {}", "f", SymbolKind.FUNCTION, "", id="function"),
        pytest.param("javascript", "const f = (a) => a", "f", SymbolKind.FUNCTION, "", id="arrow"),
        pytest.param("javascript", "const X = class extends B {}", "X", SymbolKind.CLASS, "", id="class expression"),
        pytest.param("javascript", "class A { m() {} }", "m", SymbolKind.METHOD, "A", id="method"),
        pytest.param("javascript", "class A { #p = 1 }", "#p", SymbolKind.FIELD, "A", id="private field"),
        pytest.param("javascript", "class A { f = () => {} }", "f", SymbolKind.METHOD, "A", id="arrow field"),
        pytest.param("javascript", "class A { m() { this.x = 1 } }", "x", SymbolKind.FIELD, "A", id="this field"),
        pytest.param("javascript", "const api = { get() {} }", "get", SymbolKind.METHOD, "api", id="object method"),
        pytest.param("javascript", "const api = { a: { b: 1 } }", "b", SymbolKind.FIELD, "api.a", id="nested object"),
        pytest.param("javascript", "exports.run = function () {}", "run", SymbolKind.FUNCTION, "", id="exports"),
        pytest.param(
            "javascript", "function A() {}\nA.prototype.m = function () {}", "m", SymbolKind.METHOD, "A", id="prototype"
        ),
        pytest.param("javascript", "const X = 1", "X", SymbolKind.CONSTANT, "", id="const"),
        pytest.param("javascript", "let x = 1", "x", SymbolKind.VARIABLE, "", id="let"),
        pytest.param("typescript", "interface I { x: number }", "x", SymbolKind.FIELD, "I", id="property"),
        pytest.param("typescript", "interface I { m(a: string): void }", "m", SymbolKind.METHOD, "I", id="signature"),
        pytest.param("typescript", "type T = { x: number } & U", "x", SymbolKind.FIELD, "T", id="alias member"),
        pytest.param("typescript", "enum E { A = 1, B }", "B", SymbolKind.CONSTANT, "E", id="enum member"),
        pytest.param(
            "typescript",
            "class A { constructor(private s: S) {} }",
            "s",
            SymbolKind.FIELD,
            "A",
            id="parameter property",
        ),
        pytest.param(
            "typescript", "namespace N { export function f() {} }", "f", SymbolKind.FUNCTION, "N", id="namespace"
        ),
        pytest.param("typescript", "abstract class A {}", "A", SymbolKind.CLASS, "", id="abstract class"),
        pytest.param("typescript", "interface Box<in out T> { v: T }", "Box", SymbolKind.INTERFACE, "", id="variance"),
        pytest.param("tsx", "export const V = () => <a href={x}/>", "V", SymbolKind.FUNCTION, "", id="component"),
    ],
)
def test_definition_kinds(language: str, source: str, name: str, kind: SymbolKind, owner: str) -> None:
    result = parse_source(source, language)
    found = [item for item in result.definitions if item.name == name and item.kind is kind]
    assert [item.owner for item in found] == [owner]
    assert source[slice(*found[0].span)] == name
    assert not result.errors


def test_parameters() -> None:
    source = "function f(a: string, b = 1, c?: number, { d, e: g }: Options, ...rest: any[]): Promise<void> {}"
    found = next(item for item in parse_source(source, "typescript").definitions if item.name == "f")
    assert found.annotation == "Promise<void>"
    assert found.parameters == (
        Parameter("a", annotation="string"),
        Parameter("b", has_default=True),
        Parameter("c", has_default=True, annotation="number"),
        Parameter("{ d, e: g }", annotation="Options"),
        Parameter("rest", variadic="*", annotation="any[]"),
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("import d from 'm'", [("m", "default", "d", False)], id="default"),
        pytest.param("import * as n from 'm'", [("m", None, "n", False)], id="namespace"),
        pytest.param(
            "import { a as b, c } from './m'", [("./m", "a", "b", False), ("./m", "c", None, False)], id="named"
        ),
        pytest.param("import 'm'", [("m", None, None, False)], id="side effect"),
        pytest.param("export { a as b } from 'm'", [("m", "a", "b", True)], id="re-export"),
        pytest.param("export * from 'm'", [("m", "*", None, True)], id="export star"),
        pytest.param("export * as n from 'm'", [("m", None, "n", True)], id="export namespace"),
        pytest.param("const x = 1; export { x as y }", [("", "x", "y", True)], id="export list"),
        pytest.param("function f() {}\nexport default f", [("", "f", "default", True)], id="export default"),
        pytest.param("const m = require('m')", [("m", None, "m", False)], id="require"),
        pytest.param("const { a: b } = require('m')", [("m", "a", "b", False)], id="require names"),
        pytest.param("const m = await import('m')", [("m", None, "m", False)], id="dynamic import"),
        pytest.param("lazy(() => import('m'))", [("m", None, None, False)], id="lazy import"),
        pytest.param(
            "module.exports = { a, b: c }", [("", "a", None, True), ("", "c", "b", True)], id="module.exports"
        ),
    ],
)
@pytest.mark.parametrize("language", ["javascript", "typescript", "tsx"])
def test_imports(language: str, source: str, expected: list[tuple[str, str | None, str | None, bool]]) -> None:
    found = parse_source(source, language).imports
    assert [(item.module, item.name, item.alias, item.reexport) for item in found] == expected


@pytest.mark.parametrize(
    ("source", "name", "value", "binding"),
    [
        pytest.param("const x = new Foo(1)", "x", "new Foo(1)", "=", id="instance"),
        pytest.param("const { a: { b } } = f()", "b", "f()", "=.a.b", id="object pattern"),
        pytest.param("const [, x] = f()", "x", "f()", "=.1", id="array pattern"),
        pytest.param("for (const x of xs) {}", "x", "xs", "for", id="for of"),
        pytest.param("const f = ({ a }) => a", "a", None, "parameter.a", id="parameter pattern"),
        pytest.param("try {} catch (err) {}", "err", None, "except", id="catch"),
    ],
)
def test_bindings(source: str, name: str, value: str | None, binding: str) -> None:
    found = next(item for item in parse_source(source, "javascript").definitions if item.name == name)
    assert (found.value, found.binding) == (value, binding)


@pytest.mark.parametrize(
    ("language", "source", "kind", "chain", "positional"),
    [
        pytest.param("javascript", "a.b.c(1, 2)", ReferenceKind.CALL, ("a", "b", "c"), 2, id="call"),
        pytest.param(
            "javascript", "a?.b[0].c(...x)", ReferenceKind.CALL, ("a", "b", "[]", "c"), 0, id="optional chain"
        ),
        pytest.param("javascript", "new a.B(1)", ReferenceKind.INSTANTIATION, ("a", "B"), 1, id="new"),
        pytest.param("javascript", "new A().go()", ReferenceKind.CALL, ("A", "()", "go"), 0, id="call on new"),
        pytest.param("typescript", "let x: N.T<U>", ReferenceKind.TYPE, ("N", "T"), None, id="qualified type"),
        pytest.param("typescript", "@Dec(1) class A {}", ReferenceKind.DECORATOR, ("Dec",), 1, id="decorator"),
        pytest.param("typescript", "x!.y()", ReferenceKind.CALL, ("x", "y"), 0, id="non-null"),
        pytest.param("typescript", "f<T>(1)", ReferenceKind.CALL, ("f",), 1, id="type arguments"),
        pytest.param("tsx", "const v = <Panel title={t}/>", ReferenceKind.NAME, ("Panel",), None, id="element"),
        pytest.param("javascript", "o = { short }", ReferenceKind.NAME, ("short",), None, id="shorthand"),
    ],
)
def test_references(
    language: str, source: str, kind: ReferenceKind, chain: tuple[str, ...], positional: int | None
) -> None:
    found = [item for item in parse_source(source, language).references if item.kind is kind and item.chain == chain]
    assert [item.positional for item in found] == [positional]
    assert source[slice(*found[0].span)] == chain[-1]


def test_exported_names() -> None:
    source = "export const a = 1; const b = 2; export function f() { const c = 3 }\nconst d = 4; export { d }"
    found = {item.name: item.exported for item in parse_source(source, "typescript").definitions}
    assert found == {"a": True, "b": False, "f": True, "c": False, "d": True}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("const a = { ...b }", "spread:a", id="spread"),
        pytest.param("const a = { [k]: 1 }", "computed:a", id="computed"),
        pytest.param("export * from 'm'", "star_import:m", id="export star"),
        pytest.param("const p = new Proxy({}, h)", "proxy", id="proxy"),
        pytest.param("Object.assign(A.prototype, mixin)", "assign:A.prototype", id="assign"),
        pytest.param("module.exports = make()", "whole_export:exports", id="made export"),
        pytest.param("module.exports = {...make()}", "module_exports", id="computed exports"),
    ],
)
def test_dynamic_reasons(source: str, reason: str) -> None:
    assert reason in parse_source(source, "javascript").dynamic


def test_lower_case_elements_are_no_names() -> None:
    found = parse_source("const v = <div><Card/></div>", "tsx").references
    assert [item.chain for item in found] == [("Card",)]


def test_parameter_names_of_function_types_stay_inside() -> None:
    source = "type F = (value: string) => void"
    result = parse_source(source, "typescript")
    assert [item.chain for item in result.references] == []
    found = next(item for item in result.definitions if item.name == "value")
    assert found.scope != (0, len(source))
