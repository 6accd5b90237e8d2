from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli.db import db_app
from serving.store.database import Database
from serving.store.migrations import versions

pytestmark = pytest.mark.store


def migrations_of_this_version() -> list[str]:
    return sorted(path.name[1:5] for path in Path(versions.__file__).parent.glob("r*.py"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("GROUNDLANE__DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(db_app, [*arguments, "--json"])


def test_check_and_upgrade_say_what_they_found(run, tmp_path):
    empty = run("check")
    assert empty.exit_code == 1
    assert json.loads(empty.stderr)["current"] is None
    upgraded = run("upgrade")
    newest = migrations_of_this_version()[-1]
    assert (upgraded.exit_code, json.loads(upgraded.stdout)) == (0, {"before": None, "current": newest})
    assert json.loads(run("check").stdout) == {"ready": True, "current": newest, "needed": newest}
    assert json.loads(run("upgrade").stdout) == {"before": newest, "current": newest}
    database = Database(f"sqlite:///{tmp_path / 'groundlane.db'}", connections=1)
    database.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")).result()
    database.close()
    foreign = run("check")
    assert foreign.exit_code == 1
    assert "groundlane db upgrade" in json.loads(foreign.stderr)["error"]


def test_a_store_that_does_not_answer_is_an_error_in_words(run):
    answer = run("check", "--set", "store.url=postgresql://nobody@127.0.0.1:1/none")
    assert answer.exit_code == 1
    assert "does not answer" in json.loads(answer.stderr)["error"]
