"""Go: the package of a response, range variables, assertions and partly visible packages."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.symbols import parse_source

STORE = """package store

type Key struct { Name string; Labels []string }

func (k Key) Text() string { return k.Name }

type Store struct { items map[Key]*Item; Limit int }

type Item struct { Size int }

type Reader interface { ReadAll() []Item }

func Open(path string) (*Store, error) { return nil, nil }
"""
PARTIAL = STORE + "\nvar hidden = elsewhere()\n"


def judge(response: str, text: str = STORE) -> dict[str, str]:
    index = build_index([parse_source(text, "go", "app/store/store.go")])
    findings = resolve([ResponseBlock(parse_source(response, "go"), response)], index)
    return {finding.name: finding.status.value for finding in findings if finding.flagged}


def inside(body: str, arguments: str = "s *Store", package: str = "store") -> str:
    return f'package {package}\n\nimport "fmt"\n\nfunc use({arguments}) {{\n{body}\nfmt.Println()\n}}\n'


@pytest.mark.parametrize(
    ("code", "name"),
    [
        pytest.param(inside("for key := range s.items { key.Texts() }"), "Texts", id="key-of-a-range"),
        pytest.param(inside("for _, item := range s.items { _ = item.Sizes }"), "Sizes", id="value-of-a-range"),
        pytest.param(inside("_ = x.(*Store).Limits", "x any"), "Limits", id="type-assertion"),
        pytest.param(inside("_ = s", "s *Stores"), "Stores", id="package-by-its-clause-alone"),
        pytest.param("package store\n\nfunc use(s *Stores) {}\n", "Stores", id="file-without-imports"),
        pytest.param(
            inside("switch t := r.(type) { case nil: _ = t }\nr.ReadEntry()", "r Reader"), "ReadEntry", id="switch"
        ),
    ],
)
def test_a_name_that_a_visible_owner_lacks_is_flagged(code: str, name: str) -> None:
    assert set(judge(code)) == {name}


def test_fields_of_a_struct_are_whole_in_a_partly_visible_package() -> None:
    assert set(judge(inside("_ = s.Limits"), PARTIAL)) == {"Limits"}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(inside("s.Limited()"), id="a-method-may-be-in-an-unseen-file"),
        pytest.param(inside("_ = s", "s *Warehouse"), id="a-type-may-be-in-an-unseen-file"),
        pytest.param(inside("_ = s", "s *Warehouse", "other"), id="another-package"),
    ],
)
def test_silence_in_a_partly_visible_package(code: str) -> None:
    assert judge(code, PARTIAL) == {}
