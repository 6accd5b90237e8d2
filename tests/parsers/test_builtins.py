"""The generated symbol data: present, with provenance, and right where it is easy to check."""

from __future__ import annotations

import importlib

import pytest

from parsers.builtins import load_builtins
from parsers.project.library import library_of, read_parameters


@pytest.mark.parametrize("language", ["python", "javascript", "typescript", "tsx", "go", "rust"])
def test_every_language_has_data_with_provenance(language: str) -> None:
    data = load_builtins(language)
    assert data is not None
    assert {"source", "licence", "generator"} <= data.provenance.keys()
    assert data.provenance["modules"] == len(data.names())


def test_unknown_language_has_none() -> None:
    assert load_builtins("cobol") is None
    assert library_of("cobol") is None


@pytest.mark.parametrize("module", ["json", "pathlib", "collections", "itertools", "re", "math", "functools"])
def test_python_data_covers_what_the_running_interpreter_exports(module: str) -> None:
    library = library_of("python")
    assert library is not None
    entity = library.module(module)
    assert entity is not None
    stars = [name for star, _ in entity.stars if (other := library.module(star)) for name in other.all_names()]
    known = {*entity.all_names(), *stars}
    exported = getattr(importlib.import_module(module), "__all__", ())
    assert set(exported) - known <= {"template"}


@pytest.mark.parametrize(
    ("language", "module", "name"),
    [
        pytest.param("typescript", "", "setTimeout", id="typescript-global"),
        pytest.param("typescript", "fs", "readFileSync", id="node-module"),
        pytest.param("go", "strings", "Contains", id="go-function"),
        pytest.param("go", "net/http", "Client", id="go-type"),
        pytest.param("rust", "std::collections", "HashMap", id="rust-type"),
        pytest.param("rust", "std", "println!", id="rust-macro"),
    ],
)
def test_well_known_names_are_found(language: str, module: str, name: str) -> None:
    library = library_of(language)
    assert library is not None
    entity = library.module(module)
    assert entity is not None
    assert entity.lookup(name)
    assert not entity.lookup(name + "Nonsense")


def test_parameter_lists_are_read() -> None:
    parameters = read_parameters("a,/,b=,*,c=,**rest")
    assert [item.name for item in parameters] == ["a", "b", "c", "rest"]
    assert [item.has_default for item in parameters] == [False, True, True, False]
    assert parameters[0].positional_only
    assert parameters[2].keyword_only
    assert parameters[3].variadic == "**"
