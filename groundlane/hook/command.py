"""``groundlane hook`` for coding agents and ``groundlane check-diff`` for commits and pull requests."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from groundlane.cli.common import parser_of
from groundlane.hook.changes import changed_files, edited_file
from groundlane.hook.judging import EditedFile, Finding, judge, too_long
from groundlane.hook.payload import Payload, PayloadError, read_payload
from groundlane.hook.repository import family_of, open_repository
from groundlane.hook.transport import NotCheckedError

EXIT_FOUND: Final = 1
EXIT_BLOCK: Final = 2
_SHOWN: Final = 5
_ADVICE: Final = "These names do not exist in this repository or in the language; correct them, or define them."


def run(arguments: list[str]) -> int:
    """Run one of the two; the exit code."""
    name, *rest = arguments
    return {"hook": _hook, "check-diff": _check_diff}[name](rest)


def _hook(arguments: list[str]) -> int:
    parser = _parser(
        "hook", "Judge the edit that a coding agent reports as JSON on stdin. Exit code 2 blocks, 0 lets pass."
    )
    parser.add_argument(
        "--format",
        choices=("exit-code", "json"),
        default="exit-code",
        help="exit-code: 2 and the findings on stderr; json: 0 and a decision on stdout",
    )
    options = parser.parse_args(arguments)
    try:
        payload = read_payload(sys.stdin.read())
        findings, notes = _judged(payload, options.url, options.timeout)
    except (PayloadError, NotCheckedError) as error:
        return _passed(f"groundlane: not checked: {error}.", options.format)
    for note in notes:
        print(f"groundlane: {note}", file=sys.stderr)
    if not findings:
        return 0
    text = f"groundlane: {_listed(findings)}\n{_ADVICE}"
    if options.format == "json":
        print(json.dumps(_decision(payload, text)))
        return 0
    print(text, file=sys.stderr)
    return EXIT_BLOCK


def _judged(payload: Payload, url: str | None, timeout_s: float) -> tuple[list[Finding], list[str]]:
    if payload.already_blocked or (not payload.edits and not payload.ends_turn):
        return [], []
    if payload.edits and not any(family_of(edit.path) for edit in payload.edits):
        return [], []
    folder = Path(payload.folder) if payload.folder else Path.cwd()
    if payload.edits and not payload.folder and Path(payload.edits[0].path).is_absolute():
        folder = Path(payload.edits[0].path).parent
    if not folder.is_dir():
        raise NotCheckedError(f"{folder} is no folder")
    repository = open_repository(folder)
    if payload.edits:
        made = [edited_file(repository, folder, edit, before_edit=payload.before_edit) for edit in payload.edits]
        files = [file for file in made if file is not None]
    else:
        files = changed_files(repository) or []
    return judge(repository, files, url, timeout_s), _passed_over(files)


def _decision(payload: Payload, text: str) -> dict[str, Any]:
    """The JSON that stops an edit, or sends an agent back to work: Claude Code's words, which Gemini CLI and Codex share."""
    if payload.before_edit:
        denied = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": text}
        return {"hookSpecificOutput": denied}
    if payload.ends_turn:  # followup_message is Cursor's word
        return {"decision": "block", "reason": text, "followup_message": text}
    return {"decision": "block", "reason": text}


def _passed(sentence: str, form: str) -> int:
    """An agent must not stop because no server is there: say so, and let pass."""
    if form == "json":
        print(json.dumps({"systemMessage": sentence}))
    else:
        print(sentence, file=sys.stderr)
    return 0


def _check_diff(arguments: list[str]) -> int:
    parser = _parser(
        "check-diff", "Judge the new lines of a diff. Exit codes: 0 nothing found, 1 findings, 2 not checked."
    )
    parser.add_argument(
        "revisions", nargs="*", help="as git diff takes them, such as origin/main...HEAD; the working tree without them"
    )
    parser.add_argument("--staged", action="store_true", help="what git commit would take")
    parser.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="github: annotations of a workflow"
    )
    parser.add_argument("--allow-no-server", action="store_true", help="exit with 0 where no server answers")
    options = parser.parse_args(arguments)
    if options.staged and options.revisions:
        parser.error("--staged takes no revisions")
    if any(one.startswith("-") for one in options.revisions):
        parser.error("revisions are names such as origin/main...HEAD")
    repository = open_repository(Path.cwd())
    files = changed_files(repository, options.revisions, staged=options.staged)
    if files is None:
        parser.error(f"git has no such diff here ({' '.join(options.revisions) or Path.cwd()})")
    try:
        findings = judge(repository, files, options.url, options.timeout)
    except NotCheckedError as error:
        print(f"groundlane: not checked: {error}.", file=sys.stderr)
        return 0 if options.allow_no_server else EXIT_BLOCK
    for note in _passed_over(files):
        print(f"groundlane: {note}", file=sys.stderr)
    _FORMATS[options.format](findings, len(files))
    return EXIT_FOUND if findings else 0


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = parser_of(name, description)
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="for the server's answer (10)")
    return parser


def _listed(findings: list[Finding]) -> str:
    lines = [str(one) for one in findings[:_SHOWN]]
    more = len(findings) - _SHOWN
    return "\n".join(lines + ([f"and {more} more"] if more > 0 else []))


def _passed_over(files: list[EditedFile]) -> list[str]:
    return [f"{path} is too long to be judged" for path in too_long(files)]


def _as_text(findings: list[Finding], files: int) -> None:
    for one in findings:
        print(one)
    if not findings:
        print(f"groundlane: {files} changed file{'' if files == 1 else 's'} of code, no name is missing")


def _as_json(findings: list[Finding], files: int) -> None:
    rows = [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in findings]
    print(json.dumps({"files": files, "findings": rows}, indent=2))


def _as_github(findings: list[Finding], files: int) -> None:
    """Workflow commands (docs.github.com/actions/reference/workflow-commands), which escape ``%`` and line ends."""
    for one in findings:
        path, text = one.path, str(one).split(": ", 1)[1]
        for mark, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
            path, text = path.replace(mark, code), text.replace(mark, code)
        path = path.replace(":", "%3A").replace(",", "%2C")
        print(f"::error file={path},line={one.line},title=Groundlane::{text}")
    _as_text(findings, files)


_FORMATS: Final[dict[str, Callable[[list[Finding], int], None]]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
}
