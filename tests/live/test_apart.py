"""Frameworks whose dependencies exclude the server's (websockets, mcp, openai): in an environment that this test makes."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.live.apart import CHECKS

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "GROUNDLANE_FRAMEWORKS_PYTHON"
PACKAGES = (
    "openai-agents==0.24.0",
    "litellm==1.110.2",
    "ragas==0.4.3",
    "langchain-community<0.4",
    "websockets>=15,<17",
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has the frameworks: the one that the environment names, or a new one."""
    given = os.environ.get(PYTHON)
    if given:
        return given
    if os.environ.get("GROUNDLANE_TEST_FRAMEWORKS") != "1":
        pytest.skip(f"installs some 200 packages: set GROUNDLANE_TEST_FRAMEWORKS=1, or {PYTHON} to one that has them")
    folder = tmp_path_factory.mktemp("frameworks")
    venv.create(folder, with_pip=True)
    made = str(folder / "bin" / "python")
    subprocess.run([made, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, timeout=1_500)
    return made


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_checks_pass_in_their_own_environment(python: str, url: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    command = [python, str(ROOT / "tests" / "live" / "apart.py"), url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines() == [f"passed {check.__name__}" for check in CHECKS]
    assert sys.executable != python
