from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serving.auth.keys import Authenticator, KeyFile
from serving.cli.doctor import cpu_flags, machine_checks, place_checks
from serving.cli.main import app
from serving.config.load import Config, load_config, parse_config

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Calls the command with a data folder of its own."""
    for name in [name for name in os.environ if name.startswith("GROUNDLANE__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GROUNDLANE__DATA_DIR", str(tmp_path))

    def invoke(*arguments: str, stdin: str | None = None):
        return CliRunner().invoke(app, list(arguments), input=stdin)

    return invoke


def test_a_key_is_shown_once_works_and_can_be_revoked(run, tmp_path):
    created = run("keys", "create", "--tenant", "acme", "--name", "ci", "--requests-per-minute", "30", "--json")
    assert created.exit_code == 0, created.output
    made = json.loads(created.stdout)
    principal = Authenticator(KeyFile(tmp_path / "keys.json")).authenticate(f"Bearer {made['key']}")
    assert (principal.tenant, principal.requests_per_minute) == ("acme", 30)
    listed = run("keys", "list", "--json")
    assert [row["key_id"] for row in json.loads(listed.stdout)] == [made["key_id"]]
    assert made["key"] not in listed.stdout
    assert "digest" not in listed.stdout
    assert made["key_id"] in run("keys", "list").stdout
    revoked = run("keys", "revoke", made["key_id"])
    assert revoked.exit_code == 0
    assert json.loads(run("keys", "list", "--json").stdout)[0]["revoked_at"] is not None


def test_the_key_alone_is_on_stdout_so_that_a_script_can_keep_it(run):
    created = run("keys", "create", "--tenant", "acme")
    assert created.stdout.startswith("gl_")
    assert len(created.stdout.split()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["keys", "create", "--tenant", "a b"], 2, "must be 1 to 64", id="bad-tenant"),
        pytest.param(["keys", "create"], 2, "--tenant", id="no-tenant"),
        pytest.param(["keys", "revoke", "nothing"], 1, "no key 'nothing'", id="unknown-key"),
        pytest.param(["config", "--set", "server.prt=1"], 3, "server.port", id="unknown-setting"),
        pytest.param(["config", "--set", "server.port"], 3, "KEY=VALUE", id="set-without-value"),
        pytest.param(["config", "--config", "nowhere.yaml"], 3, "nowhere.yaml", id="no-file"),
        pytest.param(["config", "--profile", "huge"], 3, "laptop", id="unknown-profile"),
        pytest.param(["serve", "--host", "0.0.0.0"], 3, "keys create", id="open-address-without-keys"),
        pytest.param(["serve", "--port", "99999"], 3, "server.port", id="bad-port"),
        pytest.param(["nonsense"], 2, "nonsense", id="unknown-command"),
    ],
)
def test_a_mistake_has_its_exit_code_and_says_what_to_do(run, arguments, code, says):
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_an_error_as_json_names_the_key(run):
    result = run("config", "--json", "--set", "server.prt=1")
    assert result.exit_code == 3
    error = json.loads(result.stderr)
    assert error["key"] == "server.prt"
    assert "server.port" in error["hint"]


def test_config_prints_what_it_reads_again(run, tmp_path):
    printed = run("config", "--profile", "gpu", "--set", "limits.units=99")
    assert printed.exit_code == 0
    config = parse_config(yaml.safe_load(printed.stdout), environment={})
    assert (config.profile, config.limits.units, config.data_dir) == ("gpu", 99, tmp_path)
    as_json = json.loads(run("config", "--profile", "gpu", "--set", "limits.units=99", "--json").stdout)
    assert parse_config(as_json, environment={}) == config


def test_config_hides_the_password_of_the_store(run):
    result = run("config", "--set", "store.url=postgresql+psycopg://u:secret@db/g")
    assert result.exit_code == 0
    assert "secret" not in result.output


@pytest.mark.parametrize("command", [["--help"], ["keys", "list"], ["config"], ["--version"]], ids=lambda c: c[0])
def test_light_commands_import_neither_torch_nor_ray(command, tmp_path):
    code = (
        "import sys\nfrom serving.cli.main import app\n"
        f"try:\n    app({command!r})\nexcept SystemExit as exit:\n    assert not exit.code, exit.code\n"
        "heavy = {'torch', 'ray', 'transformers', 'sqlalchemy'} & {name.split('.')[0] for name in sys.modules}\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "GROUNDLANE__DATA_DIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr


def test_serve_hands_the_whole_configuration_to_the_application(run, monkeypatch, tmp_path):
    started: list[tuple[Config, bool]] = []
    module: Any = ModuleType("serving.app")
    module.run = lambda config, *, once=False: started.append((config, once))
    monkeypatch.setitem(sys.modules, "serving.app", module)
    result = run("serve", "--profile", "laptop", "--port", "8123", "--once")
    assert result.exit_code == 0, result.output
    expected = load_config(profile="laptop", overrides={"server.port": 8123})
    assert started == [(expected, True)]
    assert "calls need no key" in result.stderr
    KeyFile(tmp_path / "keys.json").create("acme", "ci")
    assert "1 valid key in" in run("serve", "--once").stderr


@pytest.fixture
def echo_scorer(monkeypatch):
    """Stands in for the scorer, to see what the command does around it: a line with 'bad' fails."""
    module: Any = ModuleType("serving.batch.offline")

    def score_lines(lines, config):
        for line in lines:
            yield json.dumps({"success": "bad" not in line, "echo": json.loads(line)})

    module.score_lines = score_lines
    monkeypatch.setitem(sys.modules, "serving.batch.offline", module)


def test_score_reads_and_writes_files_line_by_line(run, echo_scorer, tmp_path):
    requests, results = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    requests.write_text('{"a": 1}\n\n{"a": 2}\n', encoding="utf-8")
    done = run("score", str(requests), "--output", str(results), "--json")
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["echo"]["a"] for line in results.read_text(encoding="utf-8").splitlines()] == [1, 2]
    assert json.loads(done.stderr)["scored"] == 2
    assert done.stdout == ""


def test_score_pipes_and_fails_when_a_line_failed(run, echo_scorer):
    done = run("score", "-", stdin='{"a": 1}\n{"a": "bad"}\n')
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2
    assert "1 scored, 1 failed" in done.stderr


def test_score_says_which_file_is_missing(run, echo_scorer):
    done = run("score", "nowhere.jsonl")
    assert done.exit_code == 1
    assert "nowhere.jsonl" in done.stderr


def test_the_doctor_sees_this_machine(tmp_path):
    found = {check.name: check for check in machine_checks()}
    assert {"cores", "memory", "cpu"} <= set(found)
    config = load_config(overrides={"data_dir": str(tmp_path / "new" / "folder")}, environment={})
    places = {check.name: check for check in place_checks(config)}
    assert places["data_dir"].ok
    assert places["keys"].ok
    assert not (tmp_path / "new").exists(), "the doctor creates nothing"


def test_the_doctor_finds_what_cannot_work(tmp_path):
    (tmp_path / "keys.json").write_text("{", encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    overrides = {"encoders.0.num_cpus": 10_000, "auth.keys_file": str(tmp_path / "keys.json")}
    config = load_config(overrides={**overrides, "data_dir": str(tmp_path / "file")}, environment={})
    failed = {check.name for check in place_checks(config) if check.ok is False}
    assert {"keys", "capacity", "data_dir"} <= failed


def test_the_cpu_flags_are_those_of_the_first_core(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nflags : fpu avx2 amx_bf16\n", encoding="utf-8")
    assert cpu_flags(path) == {"fpu", "avx2", "amx_bf16"}
    assert cpu_flags(tmp_path / "nowhere") == frozenset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the model library's own import
def test_the_doctor_loads_the_bundled_encoder_and_times_it(run):
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["encoder minilm"]["ok"], result.output
    assert checks["encoder self-test"]["ok"]
    assert checks["encoder self-test"]["seconds"] > 0
    assert "packs of rows" in checks["encoder self-test"]["detail"]
    assert "GFLOP/s on 1" in checks["product float32"]["detail"]
    assert "for a model" in checks["threads"]["detail"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_doctor_fails_on_a_model_that_does_not_load(run, tmp_path):
    result = run("doctor", "--set", f"encoders.0.source={tmp_path}/no-model")
    assert result.exit_code == 1
    assert "FAIL encoder minilm" in result.stdout
