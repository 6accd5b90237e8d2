"""Frameworks whose dependencies exclude the server's (websockets, mcp, openai): in an environment that this test makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.live.apart import CHECKS
from tests.serving.evals.eval_server import build
from tests.serving.http_server import running

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {
    "frameworks": (
        "openai-agents==0.24.0",
        "litellm==1.110.2",
        "ragas==0.4.3",
        "langchain-community<0.4",
        "websockets>=15,<17",
    ),
    "guardrails": ("guardrails-ai==0.11.0", "httpx", "websockets>=15"),
}
"""What to install, by environment: those of one do not resolve with those of the other."""


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Name and interpreter of an environment: the one that a variable names, or a new one."""
    name = request.param
    variable = f"GROUNDLANE_{name.upper()}_PYTHON"
    given = os.environ.get(variable)
    if given:
        return name, given
    if os.environ.get("GROUNDLANE_TEST_FRAMEWORKS") != "1":
        pytest.skip(f"installs many packages: set GROUNDLANE_TEST_FRAMEWORKS=1, or {variable} to one that has them")
    folder = tmp_path_factory.mktemp(name)
    venv.create(folder, with_pip=True)
    made = str(folder / "bin" / "python")
    subprocess.run([made, "-m", "pip", "install", "--quiet", *ENVIRONMENTS[name]], check=True, timeout=1_500)
    return name, made


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_checks_pass_in_their_own_environment(environment: tuple[str, str], url: str, tmp_path: Path) -> None:
    name, python = environment
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HOME": str(tmp_path),  # Guardrails reads settings there, and asks a service of its own unless they say not to
    }
    (tmp_path / ".guardrailsrc").write_text("enable_metrics=false\nuse_remote_inferencing=false\n")
    command = [python, str(ROOT / "tests" / "live" / "apart.py"), url, name]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines() == [f"passed {check.__name__}" for check in CHECKS[name]]
    assert sys.executable != python


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_litellms_generic_callback_makes_conversations(environment: tuple[str, str], tmp_path: Path) -> None:
    name, python = environment
    if name != "frameworks":
        pytest.skip("LiteLLM is in the other environment")
    variables = {**os.environ, "OPENAI_API_KEY": "none", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with running(build(tmp_path)) as address:
        command = [python, str(ROOT / "tests" / "live" / "litellm_traces.py"), address]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    calls = json.loads(done.stdout.splitlines()[-1])
    said = sorted((call["input"]["messages"][-1]["content"], _answer(call)) for call in calls)
    assert said == [
        ("And the third?", "the model is away"),
        ("When did bridge 0 open?", "In 1930."),
        ("When did bridge 1 open?", "In 1931."),
    ]
    assert {call["surface"] for call in calls} == {"litellm.acompletion"}
    assert all(call["tokens"]["input"] > 0 for call in calls if call["status"] == "ok")


def _answer(call: dict[str, Any]) -> str:
    """What a call said, or that it failed as it should."""
    if call["status"] == "error":
        return "the model is away" if "the model is away" in call["error"] else call["error"]
    return str(call["output"]["messages"][-1]["content"])
