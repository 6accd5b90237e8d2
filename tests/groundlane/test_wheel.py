"""The wheel as a stranger installs it: the client alone, and what the extras ask for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from groundlane.cli.commands import SERVER_MODULES

ROOT = Path(__file__).parents[2]
SOURCES = ("groundlane", "models", "parsers", "scoring", "serving", "pyproject.toml", "README.md", "LICENSE")
EXTRAS = ("batch", "gpu", "postgres", "server")
USE = """
import sys
from groundlane import Groundlane

with Groundlane(base_url=sys.argv[1]) as client:
    score = client.rag(response_text="The bridge is 1,490 metres long.", raw_context="The bridge is 1,149 metres long.")
print(score.band, *(claim.verdict for claim in score.claims))
print(sorted({"torch", "ray", "numpy", "pydantic", "typer"} & set(sys.modules)))
"""


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves files behind."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip("wheel", str(source), "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(target))
    (built,) = target.glob("groundlane-*.whl")
    return built


def required(distribution: metadata.Distribution, extra: str = "") -> set[str]:
    """Names that a distribution asks for with ``extra`` (none: without any), normalised as PEP 503 says."""
    asked = [Requirement(line) for line in distribution.requires or ()]
    return {
        re.sub(r"[-_.]+", "-", one.name).lower()
        for one in asked
        if one.marker is None or one.marker.evaluate({"extra": extra})
    }


@pytest.fixture(scope="module")
def client_only(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of an environment with the wheel and what it asks for without extras; its parts are linked from here."""
    folder = tmp_path_factory.mktemp("client")
    venv.create(folder, with_pip=False, symlinks=True)
    pip("--python", str(folder / "bin" / "python"), "install", "--no-deps", "--no-index", "--quiet", str(wheel))
    (packages,) = folder.glob("lib/python3*/site-packages")
    (installed,) = metadata.distributions(name="groundlane", path=[str(packages)])
    left, found = required(installed), set[str]()
    while left:
        name = left.pop()
        found.add(name)
        distribution = metadata.distribution(name)
        left |= required(distribution) - found
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (packages / top).symlink_to(str(distribution.locate_file(top)))
    return folder / "bin"


def call(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments], cwd=program.parent, env={"PATH": ""}, capture_output=True, text=True, timeout=120
    )


def test_the_client_alone_scores_over_http(client_only: Path, server_url: str) -> None:
    done = call(client_only / "python", "-c", USE, server_url)
    assert done.stdout.splitlines() == ["red contradicted", "[]"], done.stderr


@pytest.mark.parametrize("module", ["torch", "ray", "numpy", "fastapi", "typer", "pydantic"])
def test_the_client_alone_brings_no_heavy_package(client_only: Path, module: str) -> None:
    assert "ModuleNotFoundError" in call(client_only / "python", "-c", f"import {module}").stderr


def test_help_names_all_commands_without_the_server(client_only: Path) -> None:
    done = call(client_only / "groundlane", "--help")
    assert done.returncode == 0, done.stderr
    assert {"check-answer", "check-code", "serve", "gate"} <= set(re.findall(r"^  (\S+)", done.stdout, re.MULTILINE))
    assert call(client_only / "groundlane", "--version").stdout.strip() == metadata.version("groundlane")


def test_a_command_of_the_server_says_what_to_install(client_only: Path) -> None:
    done = call(client_only / "groundlane", "serve")
    assert done.returncode == 1
    assert "groundlane serve needs groundlane[server]" in done.stderr
    assert "pip install 'groundlane[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_commands_of_the_client_run_alone(client_only: Path, server_url: str, tmp_path: Path) -> None:
    (tmp_path / "context.txt").write_text("The bridge is 1,149 metres long.", encoding="utf-8")
    (tmp_path / "answer.txt").write_text("The bridge is 1,149 metres long.", encoding="utf-8")
    files = [str(tmp_path / "answer.txt"), "--context", str(tmp_path / "context.txt")]
    done = call(client_only / "groundlane", "check-answer", *files, "--url", server_url)
    assert done.returncode == 0, done.stderr
    assert "supported" in done.stdout


def test_extras_bring_what_the_server_imports(client_only: Path) -> None:
    (packages,) = client_only.parent.glob("lib/python3*/site-packages")
    (installed,) = metadata.distributions(name="groundlane", path=[str(packages)])
    assert required(installed) == {"httpx"}
    server = required(installed, "server") - {"httpx"}
    assert {"torch", "ray", "fastapi", "sqlalchemy"} <= server
    for extra in EXTRAS:
        assert extra == "server" or "groundlane" in required(installed, extra), f"{extra} comes with the server"
    homes = metadata.packages_distributions()
    named = {re.sub(r"[-_.]+", "-", home).lower() for module in SERVER_MODULES for home in _homes(module, homes)}
    assert server == named, "groundlane.cli.commands.SERVER_MODULES lists what [server] asks for"


def _homes(module: str, homes: dict[str, list[str]]) -> list[str]:
    top = module.partition(".")[0]
    return ["opentelemetry-proto"] if top == "opentelemetry" else list(dict.fromkeys(homes[top]))
