"""The project's own promises: packages are ours, imports follow the contracts, the README says what exists."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import find_packages

from groundlane.cli.main import main as command_line
from serving.api.responses import EXAMPLES, CodeResponse, RollupResponse, TraceResponse
from serving.api.schemas import CodeRequest, RagRequest, RollupRequest

ROOT = Path(__file__).parent.parent
PACKAGES = ("groundlane", "models", "parsers", "scoring", "serving")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_ours(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).parent == ROOT / package


def test_tests_and_benchmarks_stay_out_of_the_wheel() -> None:
    found = find_packages(str(ROOT), include=[f"{package}*" for package in PACKAGES])
    assert {name.partition(".")[0] for name in found} == set(PACKAGES)


def test_light_imports_load_neither_torch_nor_ray() -> None:
    code = (
        "import sys, models, scoring, parsers, serving.cli.main, serving.config.load, serving.api.schemas\n"
        "print(sorted({'torch', 'ray', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Catches any exception and does not raise one in turn."""
    broad = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )
    return broad and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_one_broad_except_in_the_product() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and swallows_everything(node)
    ]
    assert found == ["serving/http/edge.py"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_documentation_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").is_file()


def test_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", readme)) <= targets
    called = set(re.findall(r"(?:`|/|^)groundlane ([a-z-]+)", readme, re.MULTILINE))
    assert {"serve", "gate", "check-answer"} <= called
    for command in called:
        with pytest.raises(SystemExit) as stop:
            command_line([command, "--help"])
        assert stop.value.code == 0, command


@pytest.mark.parametrize(
    ("name", "shape"),
    [("trace_rag", TraceResponse), ("trace_code", CodeResponse), ("trace_rollup", RollupResponse)],
)
def test_examples_of_the_answers_fit_their_schema(name: str, shape: type[TraceResponse]) -> None:
    shape.model_validate(EXAMPLES[name])


@pytest.mark.parametrize("schema", [RagRequest, CodeRequest, RollupRequest])
def test_examples_of_the_requests_fit_their_schema(schema: type[RagRequest]) -> None:
    extra = schema.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    for example in extra["examples"]:  # type: ignore[union-attr]
        schema.model_validate(example)
