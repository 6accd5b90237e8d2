"""Imports of packages that no visible manifest declares, and what they were probably meant to be."""

import pytest

from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from parsers.blocks.manifests import read_manifests
from parsers.rules.findings import Finding, FindingStatus
from parsers.syntax.languages import language_of_path
from serving.config.artifacts import read_artifact, well_known_packages
from serving.lanes.code_analysis import CodeAnalyser
from tests.parsers.placing import fenced

PYPROJECT = """[project]
name = "shop"
dependencies = ["PyYAML>=6", "requests[socks] ~= 2.31", "opencv-python; python_version > '3.8'", "google-cloud-storage"]

[project.optional-dependencies]
dev = ["pytest"]

[dependency-groups]
docs = ["beautifulsoup4", {include-group = "dev"}]

[tool.poetry.group.web.dependencies]
scikit-learn = "^1.4"
"""
PACKAGE = '{"name": "@shop/web", "dependencies": {"react": "^19"}, "devDependencies": {"@types/lodash": "4", "@scope/kit": "1"}}'
GO_MOD = """module example.com/shop

go 1.22

require (
\tgithub.com/gorilla/mux v1.8.0
)

require golang.org/x/sync v0.7.0
"""
CARGO = '[package]\nname = "shop-core"\n\n[dependencies]\nserde_json = "1"\n\n[target."cfg(unix)".dependencies]\nnix = "0.26"\n'
FILES = {
    "pyproject.toml": PYPROJECT,
    "package.json": PACKAGE,
    "go.mod": GO_MOD,
    "Cargo.toml": CARGO,
    "src/shop/cart.py": "import numpy\n\n\nclass Cart:\n    pass\n",
    "src/util.rs": "pub fn twice(x: u32) -> u32 { x * 2 }\n",
    "queue/queue.go": "package queue\n\nfunc Push(item string) {}\n",
    "src/a.ts": "import pad from 'left-pad';\nexport const a = pad('a', 2);\n",
}


def undeclared(language: str, code: str, files: dict[str, str]) -> list[Finding]:
    context = tuple(ContextFile(path, text, 0, language_of_path(path)) for path, text in files.items())
    response = fenced(language, code)
    found = CodeAnalyser(well_known=well_known_packages()).analyse("t", response, find_code(response), context).findings
    chosen = [finding for finding in found if finding.status is FindingStatus.UNDECLARED_IMPORT]
    assert all(response[slice(*finding.span)] in finding.reason for finding in chosen)
    assert not any(finding.flagged for finding in chosen)
    return chosen


@pytest.mark.parametrize(
    ("language", "code"),
    [
        pytest.param(
            "python", "import os.path, yaml, cv2, sklearn, bs4, requests.adapters, pytest\n", id="import-names"
        ),
        pytest.param(
            "python", "from google.cloud import storage\nimport shop.cart\nimport numpy as np\n", id="own-and-used"
        ),
        pytest.param("python", "from . import x\nfrom .y import z\n", id="relative"),
        pytest.param("python", "try:\n    import orjsonn\nexcept ImportError:\n    orjsonn = None\n", id="may-fail"),
        pytest.param(
            "typescript",
            "import fs from 'node:fs';\nimport p from 'path';\nimport r from 'react/jsx-runtime';\n",
            id="node",
        ),
        pytest.param(
            "typescript",
            "import l from 'lodash/map';\nimport x from './x';\nimport y from '@/y';\nimport z from '@shop/api';\n"
            "import k from '@scope/kit/deep';\nimport pad from 'left-pad';\n",
            id="types-aliases-workspace",
        ),
        pytest.param(
            "go",
            'package main\n\nimport (\n\t"fmt"\n\t"github.com/gorilla/mux"\n\t"golang.org/x/sync/errgroup"\n'
            '\t"example.com/shop/queue"\n)\n',
            id="go",
        ),
        pytest.param(
            "rust",
            "use std::fmt;\nuse serde_json::Value;\nuse nix::unistd;\nuse crate::util::twice;\nuse shop_core::x;\n"
            "use util::twice;\n",
            id="rust",
        ),
    ],
)
def test_what_is_declared_or_visible(language: str, code: str) -> None:
    assert undeclared(language, code, FILES) == []


@pytest.mark.parametrize(
    ("language", "code", "name", "meant"),
    [
        pytest.param("python", "import reqeusts\n", "reqeusts", "requests", id="swapped-letters"),
        pytest.param("python", "from python_requests import get\n", "python_requests", "requests", id="affix"),
        pytest.param("python", "import pandas as pd\n", "pandas", None, id="well-known-but-not-declared"),
        pytest.param("python", "import zqxwvutils.core\n", "zqxwvutils", None, id="unheard-of"),
        pytest.param("typescript", "import express from 'expresss';\n", "expresss", "express", id="npm"),
        pytest.param(
            "go",
            'package main\n\nimport "github.com/gorila/websocket"\n',
            None,
            "github.com/gorilla/websocket",
            id="go",
        ),
        pytest.param("rust", "use serde_jsn::Value;\n", "serde_jsn", "serde-json", id="crate"),
    ],
)
def test_what_nothing_declares(language: str, code: str, name: str | None, meant: str | None) -> None:
    [found] = undeclared(language, code, FILES)
    assert found.suggestion == meant
    assert name is None or found.name == name


@pytest.mark.parametrize(
    "manifest", [pytest.param({}, id="none"), pytest.param({"pyproject.toml": "[project"}, id="broken")]
)
def test_without_a_manifest_nothing_is_said(manifest: dict[str, str]) -> None:
    assert undeclared("python", "import reqeusts\n", manifest | {"a.py": "x = 1\n"}) == []


@pytest.mark.parametrize(
    ("path", "text", "family", "declared"),
    [
        pytest.param(
            "requirements-dev.txt",
            "-r base.txt\nFlask==3 # web\ngit+https://x/y#egg=left\n",
            "python",
            {"Flask", "left"},
            id="requirements",
        ),
        pytest.param(
            "setup.cfg",
            "[metadata]\nname = shop\n[options]\ninstall_requires =\n    attrs>=23\n    rich\npython_requires = >=3.9\n",
            "python",
            {"attrs", "rich"},
            id="setup-cfg",
        ),
        pytest.param(
            "web/package.json", PACKAGE, "typescript", {"react", "@types/lodash", "@scope/kit"}, id="package-json"
        ),
        pytest.param("go.mod", GO_MOD, "go", {"github.com/gorilla/mux", "golang.org/x/sync"}, id="go-mod"),
        pytest.param("Cargo.toml", CARGO, "rust", {"serde_json", "nix"}, id="cargo"),
    ],
)
def test_manifests(path: str, text: str, family: str, declared: set[str]) -> None:
    assert read_manifests([(path, text)])[family].declared == declared


def test_the_list_of_well_known_packages_says_where_it_is_from(tmp_path) -> None:  # type: ignore[no-untyped-def]
    provenance = read_artifact("well_known_packages")["provenance"]
    assert set(provenance) == {"date", "pypi", "npm", "crates", "go"}
    (tmp_path / "well_known_packages.json").write_text('{"pypi": "ours theirs"}', encoding="utf-8")
    assert well_known_packages(tmp_path) == {"pypi": frozenset({"ours", "theirs"})}
