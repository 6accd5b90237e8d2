"""The hook of coding agents and the check of diffs, on real git repositories in front of the real code lane."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundlane.cli.main import run
from groundlane.hook.payload import read_payload
from groundlane.hook.repository import MAX_CONTEXT_BYTES, MAX_FILES, gather, open_repository

ROOT = Path(__file__).parents[2]
CART = "class Cart:\n    def add_item(self, name: str) -> None: ...\n\n    def total(self) -> int:\n        return 1\n"
APP = 'from shop.cart import Cart\n\n\ndef main() -> None:\n    cart = Cart()\n    cart.add_item("tea")\n'
RIGHT, WRONG = 'cart.add_item("tea")', 'cart.add_product("tea")'
FOUND = "app.py:6: Cart has no 'add_product'; did you mean 'add_item'?"
PATCH = f"*** Begin Patch\n*** Update File: app.py\n@@\n-    {RIGHT}\n+    {WRONG}\n*** End Patch\n"


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, environment: None) -> Path:
    """A committed project whose app.py has just been edited to call what does not exist."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "cart.py").write_text(CART, encoding="utf-8")
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / ".gitignore").write_text("generated/\n*_pb2.py\n", encoding="utf-8")
    (tmp_path / ".env").write_text("KEY=hidden\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    (tmp_path / "app.py").write_text(APP.replace(RIGHT, WRONG), encoding="utf-8")
    return tmp_path


class Said:
    """Exit code and output of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(*arguments: str, stdin: object = None) -> Said:
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        try:
            code = run(list(arguments))
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return invoke


def edit(folder: Path, **fields: Any) -> dict[str, Any]:
    return {"hook_event_name": "PostToolUse", "tool_name": "Edit", "cwd": str(folder), "tool_input": fields}


SHAPES = [
    pytest.param(
        {"tool_input": {"file_path": "{}/app.py", "old_string": RIGHT, "new_string": WRONG}, "cwd": "{}"},
        id="claude-edit",
    ),
    pytest.param(
        {"tool_input": {"file_path": "{}/app.py", "edits": [{"old_string": RIGHT, "new_string": WRONG}]}, "cwd": "{}"},
        id="claude-multi-edit",
    ),
    pytest.param(
        {
            "tool_name": "Write",
            "tool_input": {"file_path": "{}/app.py", "content": APP.replace(RIGHT, WRONG)},
            "cwd": "{}",
        },
        id="claude-write",
    ),
    pytest.param(
        {
            "hook_event_name": "afterFileEdit",
            "file_path": "{}/app.py",
            "edits": [{"old_string": RIGHT, "new_string": WRONG}],
            "workspace_roots": ["{}"],
        },
        id="cursor",
    ),
    pytest.param(
        {
            "agent_action_name": "post_write_code",
            "tool_info": {"file_path": "{}/app.py", "edits": [{"old_string": RIGHT, "new_string": WRONG}]},
        },
        id="windsurf-without-a-folder",
    ),
    pytest.param(
        {
            "toolName": "edit",
            "toolArgs": json.dumps({"path": "app.py", "old_str": RIGHT, "new_str": WRONG}),
            "cwd": "{}",
        },
        id="copilot-arguments-as-a-string",
    ),
    pytest.param({"tool_name": "apply_patch", "tool_input": {"command": PATCH}, "cwd": "{}"}, id="codex-patch"),
    pytest.param({"tool_name": "apply_patch", "tool_input": PATCH, "cwd": "{}"}, id="patch-as-a-string"),
    pytest.param({"path": "app.py", "newText": WRONG, "oldText": RIGHT, "cwd": "{}"}, id="flat"),
    pytest.param({"hook_event_name": "Stop", "stop_hook_active": False, "cwd": "{}"}, id="end-of-turn"),
]


def filled(value: Any, folder: Path) -> Any:
    """``{}`` stands for the repository's folder."""
    if isinstance(value, str):
        return value if value == PATCH else value.replace("{}", str(folder))
    if isinstance(value, list):
        return [filled(one, folder) for one in value]
    return {name: filled(one, folder) for name, one in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("payload", SHAPES)
def test_what_agents_hand_over_is_read_and_the_phantom_blocks(
    repository: Path, call: Any, payload: dict[str, Any]
) -> None:
    said = call("hook", stdin=filled(payload, repository))
    assert said.code == 2, said.err
    assert said.err.splitlines()[0] == f"groundlane: {FOUND}"
    assert said.out == ""


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        pytest.param(edit(Path("{}"), file_path="app.py", old_string=RIGHT, new_string=WRONG), "reason", id="post"),
        pytest.param({"hook_event_name": "Stop", "cwd": "{}"}, "followup_message", id="stop"),
    ],
)
def test_the_decision_as_json(repository: Path, call: Any, payload: dict[str, Any], key: str) -> None:
    said = call("hook", "--format", "json", stdin=filled(payload, repository))
    assert (said.code, said.err) == (0, "")
    decision = json.loads(said.out)
    assert decision["decision"] == "block"
    assert FOUND in decision[key]


def test_before_the_edit_the_file_as_it_would_be_is_judged(repository: Path, call: Any) -> None:
    (repository / "app.py").write_text(APP, encoding="utf-8")
    payload = edit(repository, file_path="app.py", old_string=RIGHT, new_string=WRONG) | {
        "hook_event_name": "PreToolUse"
    }
    assert FOUND in call("hook", stdin=payload).err
    decision = json.loads(call("hook", "--format", "json", stdin=payload).out)["hookSpecificOutput"]
    assert (decision["permissionDecision"], FOUND in decision["permissionDecisionReason"]) == ("deny", True)
    assert (repository / "app.py").read_text(encoding="utf-8") == APP


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"tool_name": "Bash", "tool_input": {"command": "ls -l"}}, id="other-tool"),
        pytest.param({"tool_name": "Read", "tool_input": {"file_path": "README.md"}}, id="not-code"),
        pytest.param({"tool_input": {"file_path": ".env", "content": "KEY=x"}}, id="secret"),
        pytest.param({"tool_input": {"file_path": "/etc/hosts.py", "content": "import nothing_here"}}, id="outside"),
        pytest.param({"tool_input": {"file_path": "gone.py", "old_string": "a", "new_string": "b"}}, id="no-such-file"),
        pytest.param(
            {"tool_input": {"file_path": "app.py", "old_string": "x", "new_string": "def main() -> None:"}},
            id="other-line",
        ),
        pytest.param({"hook_event_name": "Stop", "stop_hook_active": True}, id="blocked-before"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_not_its_business_passes_in_silence(repository: Path, call: Any, payload: dict[str, Any]) -> None:
    said = call("hook", stdin={"hook_event_name": "PostToolUse", "cwd": str(repository)} | payload)
    assert (said.code, said.out, said.err) == (0, "", "")


def test_correct_code_passes(repository: Path, call: Any) -> None:
    (repository / "app.py").write_text(APP + "    print(cart.total())\n", encoding="utf-8")
    assert call("hook", stdin={"hook_event_name": "Stop", "cwd": str(repository)}).code == 0


def test_a_new_file_that_git_does_not_know_is_judged_at_the_end_of_a_turn(repository: Path, call: Any) -> None:
    (repository / "app.py").write_text(APP, encoding="utf-8")
    (repository / "more.py").write_text("from shop.cart import Card\n", encoding="utf-8")
    said = call("hook", stdin={"hook_event_name": "Stop", "cwd": str(repository)})
    assert said.code == 2
    assert "more.py:1: " in said.err
    assert "'Cart'" in said.err


def test_a_module_that_git_ignores_is_not_missing(repository: Path, call: Any) -> None:
    (repository / "shop" / "__init__.py").write_text("'''A shop.'''\n", encoding="utf-8")
    (repository / "shop" / "order_pb2.py").write_text("class Order: ...\n", encoding="utf-8")
    (repository / "app.py").write_text("from shop import order_pb2\nfrom shop.cart import Card\n", encoding="utf-8")
    said = call("hook", stdin={"hook_event_name": "Stop", "cwd": str(repository)})
    assert said.err.splitlines()[0].startswith("groundlane: app.py:2: ")
    assert "order_pb2" not in said.err


def test_without_git_the_folder_is_read(tmp_path: Path, environment: None, call: Any) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text(CART, encoding="utf-8")
    (tmp_path / "app.py").write_text(APP.replace(RIGHT, WRONG), encoding="utf-8")
    said = call("hook", stdin=edit(tmp_path, file_path="app.py", old_string=RIGHT, new_string=WRONG))
    assert said.code == 2
    assert FOUND in said.err


@pytest.mark.parametrize(
    ("url", "stdin", "says"),
    [
        pytest.param("http://127.0.0.1:9", None, "Start one with `groundlane serve`", id="no-server"),
        pytest.param("ftp://127.0.0.1", None, "no address of a server", id="no-http"),
        pytest.param(None, "hello", "stdin is not JSON", id="no-json"),
        pytest.param(None, "[1]", "JSON list", id="no-object"),
    ],
)
def test_where_nothing_can_be_judged_it_says_so_and_lets_pass(
    repository: Path, call: Any, monkeypatch: pytest.MonkeyPatch, url: str | None, stdin: str | None, says: str
) -> None:
    if url is not None:
        monkeypatch.setenv("GROUNDLANE_URL", url)
    payload = stdin or edit(repository, file_path="app.py", old_string=RIGHT, new_string=WRONG)
    said = call("hook", stdin=payload)
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("groundlane: not checked: ")
    assert says in said.err
    as_json = call("hook", "--format", "json", stdin=payload)
    assert says in json.loads(as_json.out)["systemMessage"]


def test_a_file_too_long_is_named_and_not_judged_in_part(repository: Path, call: Any) -> None:
    (repository / "app.py").write_text(APP.replace(RIGHT, WRONG) + "# padding\n" * 7_000, encoding="utf-8")
    said = call("hook", stdin={"hook_event_name": "Stop", "cwd": str(repository)})
    assert said.code == 0
    assert "app.py is too long to be judged" in said.err


def test_the_patch_of_several_files_is_read_file_by_file() -> None:
    patch = "*** Begin Patch\n*** Add File: a.py\n+x = 1\n*** Update File: b.py\n@@\n-y = 1\n+y = 2\n z\n+w = 3\n*** End Patch"
    payload = read_payload(json.dumps({"tool_input": {"input": patch}}))
    assert [(one.path, one.replaced) for one in payload.edits] == [
        ("a.py", (("", "x = 1"),)),
        ("b.py", (("", "y = 2"), ("", "w = 3"))),
    ]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def test_the_context_has_what_is_imported_and_no_secrets_binaries_or_ignored_files(repository: Path) -> None:
    write(
        repository,
        {
            "shop/base.py": "class Base: ...\n",
            "shop/cart.py": "from shop.base import Base\n" + CART,
            "generated/made.py": "x = 1\n",
            "aws_secrets.py": "KEY = 'hidden'\n",
            "settings/.env.local.py": "KEY = 'hidden'\n",
            "web/app.ts": "export const x = 1\n",
        },
    )
    (repository / "data.py").write_bytes(b"\0\1")
    (repository / "link.py").symlink_to(repository / ".env")
    context = gather(open_repository(repository), {"app.py": APP})
    assert [path for path, _ in context.files] == ["shop/base.py", "shop/cart.py"]
    assert "hidden" not in str(context)


def test_the_context_is_bounded_and_what_is_imported_comes_first(repository: Path) -> None:
    write(repository, {f"other/module_{number:03}.py": "x = 1\n" * 800 for number in range(300)})
    write(repository, {f"other/far_{number}/__init__.py": "y = 1\n" for number in range(200)})
    context = gather(open_repository(repository), {"app.py": APP})
    paths = [path for path, _ in context.files]
    assert "shop/cart.py" in paths
    assert len(paths) <= MAX_FILES
    assert sum(len(text.encode()) for _, text in context.files) <= MAX_CONTEXT_BYTES
    assert set(context.left_out) | set(paths) >= {f"other/module_{number:03}.py" for number in range(300)}


def test_half_a_go_package_is_never_sent(repository: Path) -> None:
    write(repository, {f"pkg/part{number}.go": "package pkg\n" + "// x\n" * 9_000 for number in range(6)})
    write(
        repository, {"near/one.go": "package near\n", "near/two.go": "package near\n", "near/main.go": "package near\n"}
    )
    edited = {"near/main.go": 'package near\n\nimport "example.com/app/pkg"\n'}
    context = gather(open_repository(repository), edited)
    assert [path for path, _ in context.files] == ["near/one.go", "near/two.go"]
    assert "pkg/part0.go" in context.left_out


@pytest.mark.parametrize(
    ("edited", "text", "wanted"),
    [
        pytest.param("src/app.ts", "import { a } from './lib/tool'\n", "src/lib/tool.ts", id="relative"),
        pytest.param("src/app.ts", "const a = require('../pkg')\n", "pkg/index.js", id="index"),
        pytest.param("src/app.ts", "import a from '@/lib/tool'\n", "src/lib/tool.ts", id="alias"),
        pytest.param("app/x/y.py", "from ..core import models\n", "app/core/models.py", id="two-dots"),
        pytest.param("app/x/y.py", "import app.core.models as m\n", "app/core/models.py", id="dotted"),
        pytest.param("src/main.rs", "use crate::store::disk::Disk;\n", "src/store/disk.rs", id="crate-path"),
        pytest.param("src/main.rs", "mod store;\n", "src/store/mod.rs", id="mod"),
    ],
)
def test_an_import_is_found(tmp_path: Path, edited: str, text: str, wanted: str) -> None:
    names = ["src/lib/tool.ts", "pkg/index.js", "app/core/models.py", "src/store/disk.rs", "src/store/mod.rs"]
    write(tmp_path, dict.fromkeys(names, "x\n") | {f"a/z{number}/tool.zz": "x" for number in range(3)})
    git(tmp_path, "init", "--quiet")
    repository = open_repository(tmp_path)
    from groundlane.hook.repository import _Finder

    assert wanted in list(_Finder(repository.paths).imported(edited, text))


def test_a_diff_is_judged_by_its_new_lines(repository: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    said = call("check-diff")
    assert (said.code, said.out) == (1, FOUND + "\n")
    assert call("check-diff", "--staged").code == 0
    git(repository, "add", "--all")
    assert call("check-diff", "--staged").out == FOUND + "\n"
    git(repository, "commit", "--quiet", "--message", "second")
    assert call("check-diff").code == 0
    assert call("check-diff", "HEAD~1...HEAD").out == FOUND + "\n"
    assert call("check-diff", "HEAD~1", "HEAD").out == FOUND + "\n"
    (repository / "app.py").write_text(APP.replace(RIGHT, WRONG) + "\n\nLIMIT = 3\n", encoding="utf-8")
    clean = call("check-diff")
    assert (clean.code, clean.out) == (0, "groundlane: 1 changed file of code, no name is missing\n")


def test_a_diff_as_json_and_as_annotations(repository: Path, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    (finding,) = json.loads(call("check-diff", "--format", "json").out)["findings"]
    assert (finding["path"], finding["line"], finding["suggestion"]) == ("app.py", 6, "add_item")
    first = call("check-diff", "--format", "github").out.splitlines()[0]
    assert first == "::error file=app.py,line=6,title=Groundlane::Cart has no 'add_product'; did you mean 'add_item'?"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["nowhere...HEAD"], 2, "no such diff", id="unknown-revision"),
        pytest.param(["--staged", "HEAD"], 2, "takes no revisions", id="staged-and-revisions"),
        pytest.param(["--url", "127.0.0.1:9"], 2, "not checked", id="no-server"),
        pytest.param(["--url", "127.0.0.1:9", "--allow-no-server"], 0, "not checked", id="no-server-allowed"),
    ],
)
def test_a_diff_that_cannot_be_judged(
    repository: Path, call: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(repository)
    said = call("check-diff", *arguments)
    assert (said.code, says in said.err) == (code, True), said.err


def test_the_hook_imports_no_http_library() -> None:
    code = "import sys, groundlane.hook.command\nprint(sorted({'httpx', 'email.message', 'ssl', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "httpx" not in done.stdout
    assert "numpy" not in done.stdout


def test_the_pre_commit_hook_is_a_command_that_exists(
    repository: Path, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(repository)
    git(repository, "add", "--all")
    program, *words = hook["entry"].split()
    assert program == "groundlane"
    assert call(*words, *hook["args"]).out == FOUND + "\n"


def test_the_action_checks_a_pull_request_with_commands_that_exist() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    scripts = "\n".join(step.get("run", "") for step in action["runs"]["steps"])
    assert "${{" not in scripts, "inputs reach scripts by the environment, not by pasting"
    for command in ("groundlane check-diff", "groundlane serve"):
        assert command in scripts
