"""The command's client side: what it lists, what it says of an answer, how it fails."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import groundlane
from groundlane.cli.commands import CLIENT, SERVER
from groundlane.cli.main import help_text, run
from serving.cli.main import app

CONTEXT = "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long."
SHOP = "class Cart:\n    def add_item(self, name: str) -> None: ...\n"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command."""
    try:
        code = run(list(arguments))
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "context.txt").write_text(CONTEXT, encoding="utf-8")
    (tmp_path / "right.txt").write_text("The bridge is 1,149 metres long.", encoding="utf-8")
    (tmp_path / "wrong.txt").write_text("The bridge is 1,490 metres long.", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("Brücke".encode("latin-1"))
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "use.py").write_text("from shop import Cart\n\nCart().add_product('tea')\n", encoding="utf-8")
    return tmp_path


def test_the_help_lists_the_commands_that_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(SERVER) == set(commands)
    assert not set(SERVER) & set(CLIENT)
    assert all(name in help_text() for name in {*SERVER, *CLIENT})


def test_every_exported_name_exists() -> None:
    assert all(getattr(groundlane, name) is not None for name in groundlane.__all__)
    with pytest.raises(AttributeError, match="Grundlane"):
        groundlane.Grundlane  # type: ignore[attr-defined]  # noqa: B018


def test_help_imports_no_httpx() -> None:
    code = "import sys\nfrom groundlane.cli.main import run\nrun(['--help'])\nprint('httpx' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False"


@pytest.mark.usefixtures("environment")
def test_a_wrong_number_is_shown_with_what_the_context_has(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    arguments = [str(folder / "wrong.txt"), "--context", str(folder / "context.txt"), "--question", "How long is it?"]
    code, out, _ = said(capsys, "check-answer", *arguments)
    assert code == 0
    assert out.startswith("red")
    assert "contradicted" in out
    assert "(the context: 1,149 metres)" in out
    code, out, _ = said(capsys, "check-answer", *arguments, "--json", "--fail-on", "red")
    assert code == 1
    assert json.loads(out)["claims"][0]["source_value"]["text"] == "1,149 metres"


@pytest.mark.usefixtures("environment")
def test_a_right_answer_from_stdin_passes(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO((folder / "right.txt").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, _ = said(capsys, "check-answer", "--context", str(folder / "context.txt"), "--fail-on", "red")
    assert (code, out.split()[0] != "red") == (0, True)


@pytest.mark.usefixtures("environment")
def test_a_phantom_is_one_line_with_its_suggestion(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    arguments = [str(folder / "use.py"), "--file", str(folder / "shop.py"), "--fail-on", "red"]
    code, out, _ = said(capsys, "check-code", *arguments)
    assert code == 1
    assert "line 3: " in out
    assert "add_product" in out
    assert "did you mean add_item?" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["check-answer"], 2, "--context", id="no-context"),
        pytest.param(["check-answer", "-", "--context", "-"], 2, "only once", id="stdin-twice"),
        pytest.param(
            ["check-answer", "nowhere.txt", "--context", "context.txt"], 1, "nowhere.txt: No such", id="no-file"
        ),
        pytest.param(
            ["check-answer", "latin.txt", "--context", "context.txt"], 1, "not UTF-8 at byte 2", id="not-utf-8"
        ),
        pytest.param(
            ["check-code", "use.py", "--file", "shop.py", "--language", "cobol"],
            1,
            "response_language_hint",
            id="language",
        ),
        pytest.param(
            ["check-answer", "right.txt", "--context", "context.txt", "--url", "http://127.0.0.1:9"],
            1,
            "Is a server running at http://127.0.0.1:9?",
            id="no-server",
        ),
        pytest.param(["check-answr"], 2, "check-answr", id="unknown-command"),
        pytest.param([], 2, "Usage: groundlane COMMAND", id="nothing"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_mistake_has_its_exit_code_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(folder)
    got, out, err = said(capsys, *arguments)
    assert got == code, out + err
    assert says in err
