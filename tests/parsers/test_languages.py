"""Which language a text is in."""

from __future__ import annotations

import threading
from textwrap import dedent

import pytest

from parsers.syntax.languages import (
    LANGUAGES,
    detect_language,
    language_of_path,
    language_of_tag,
    parser_for,
    resolve_language,
)

CODE = {
    "python": """\
        from dataclasses import dataclass

        @dataclass
        class A:
            x: int = 1

            def m(self) -> int:
                return self.x
        """,
    "javascript": """\
        const fs = require('fs')

        function read(name) {
          return fs.readFileSync(name)
        }
        module.exports = { read }
        """,
    "typescript": """\
        export interface A { x: number }

        export function f(a: A): string {
          return `${a.x}`
        }
        """,
    "tsx": """\
        import React from 'react'

        export const V = ({ a }: { a: string }) => <div>{a}</div>
        """,
    "go": """\
        package main

        import "fmt"

        func main() {
            x := 1
            fmt.Println(x)
        }
        """,
    "rust": """\
        use std::fmt;

        pub struct A { x: u8 }

        impl A {
            pub fn m(&self) -> u8 { self.x }
        }
        """,
}
CODE = {name: dedent(text) for name, text in CODE.items()}


@pytest.mark.parametrize("language", [pytest.param(name, id=name) for name in CODE])
def test_detection(language: str) -> None:
    assert detect_language(CODE[language]) == language


@pytest.mark.parametrize("text", ["", "Only words, in a row.", '{"a": 1}', "| a | b |\n|---|---|\n| 1 | 2 |"])
def test_no_code(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("py", "python"),
        ("TS", "typescript"),
        ("jsx", "javascript"),
        ("golang", "go"),
        ("rs", "rust"),
        ("language-js", "javascript"),
        ("bash", None),
    ],
)
def test_tags(tag: str, expected: str | None) -> None:
    assert language_of_tag(tag) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py", "python"),
        ("a\\b.TSX", "tsx"),
        ("x.d.ts", "typescript"),
        ("m.mjs", "javascript"),
        ("Makefile", None),
        ("a.txt", None),
    ],
)
def test_paths(path: str, expected: str | None) -> None:
    assert language_of_path(path) == expected


def test_order_of_evidence() -> None:
    assert resolve_language("go", path="a.rs", fence="py", text=CODE["tsx"]) == "rust"
    assert resolve_language("go", path="a.txt", fence="py", text=CODE["tsx"]) == "python"
    assert resolve_language("go", text=CODE["tsx"]) == "go"
    assert resolve_language(text=CODE["rust"]) == "rust"


def test_each_thread_has_its_own_parser() -> None:
    found: list[object] = []
    worker = threading.Thread(target=lambda: found.append(parser_for("python")))
    worker.start()
    worker.join()
    assert parser_for("python") is parser_for("python")
    assert found[0] is not parser_for("python")


def test_the_table_is_consistent() -> None:
    assert set(LANGUAGES) == {"python", "javascript", "typescript", "tsx", "go", "rust"}
    tags = [tag for spec in LANGUAGES.values() for tag in (spec.name, *spec.aliases)]
    assert len(tags) == len(set(tags))
