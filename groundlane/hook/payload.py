"""What coding agents hand to a hook, read into one shape.

Known by their documentation: Claude Code and Gemini CLI (``tool_name``, ``tool_input``), Cursor (``afterFileEdit``:
``file_path`` and ``edits`` beside the event's name), Windsurf (``tool_info``), GitHub Copilot (``toolName``, ``toolArgs`` as a
JSON string), Codex (``apply_patch`` with a patch as text). Others that have a path and a text in words like these are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_INPUTS: Final = (
    "tool_input",
    "toolInput",
    "tool_args",
    "toolArgs",
    "tool_info",
    "toolInfo",
    "input",
    "arguments",
    "args",
)
_PATHS: Final = ("file_path", "filePath", "path", "filename", "file", "target_file", "targetFile", "absolute_path")
_CONTENTS: Final = ("content", "contents", "file_text", "fileText", "new_content", "newContent", "code_edit", "text")
_NEW: Final = ("new_string", "newString", "new_str", "newText", "new_text", "replace", "replacement", "new")
_OLD: Final = ("old_string", "oldString", "old_str", "oldText", "old_text", "search", "old")
_PATCHES: Final = ("patch", "diff", "input", "command")
_ROOTS: Final = ("cwd", "workspace_roots", "workspaceRoots", "workspace", "root")
_EVENTS: Final = ("hook_event_name", "hookEventName", "event", "agent_action_name")
_PATCHED_FILE: Final = re.compile(
    r"^\*\*\* (?:Add|Update) File: (.+)$|^\*\*\* Move to: (.+)$|^\+\+\+ (?:b/)?([^\t\n]+)", re.MULTILINE
)


class PayloadError(Exception):
    """What came in is no JSON object; ``str()`` says what was expected."""


@dataclass(frozen=True)
class Edit:
    """An edited file. ``replaced``: (old text, new text) of each place, old '' where it is not said.

    Without them the file was written whole; ``content`` is its text where the payload has it.
    """

    path: str
    replaced: tuple[tuple[str, str], ...] = ()
    content: str | None = None


@dataclass(frozen=True)
class Payload:
    """What a hook is asked. No ``edits`` at the end of a turn: what changed since the last commit counts then."""

    edits: tuple[Edit, ...]
    folder: str | None
    ends_turn: bool
    before_edit: bool
    """Whether the edit has not been made yet, so that the file on disk is the old one."""
    already_blocked: bool
    """Whether the agent goes on because a hook stopped it before; stopping it again could go on for ever."""


def read_payload(text: str) -> Payload:
    """The payload of one call. Raises PayloadError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PayloadError(
            f"stdin is not JSON ({error}); a hook is called by an agent, which writes JSON to it"
        ) from None
    if not isinstance(document, dict):
        raise PayloadError(f"stdin holds a JSON {type(document).__name__}, not an object")
    event = str(_first(document, _EVENTS) or "").lower()
    found = _tool_input(document)
    return Payload(
        edits=_edits(found) or (() if found is document else _edits(document)),
        folder=_folder(document),
        ends_turn="stop" in event or event in ("agentend", "session_end", "sessionend"),
        before_edit=event.startswith(("pretool", "pre_", "before")),
        already_blocked=bool(
            document.get("stop_hook_active") or document.get("stopHookActive") or document.get("loop_count")
        ),
    )


def _tool_input(document: dict[str, Any]) -> dict[str, Any]:
    """The part that holds the tool's arguments; the document itself where they stand beside the event's name."""
    for name in _INPUTS:
        value = document.get(name)
        if isinstance(value, str):
            if "*** Begin Patch" in value:
                return {"patch": value}
            try:
                value = json.loads(value)
            except ValueError:
                continue
        if isinstance(value, dict):
            return value
    return document


def _edits(found: Mapping[str, Any]) -> tuple[Edit, ...]:
    path = _text(found, _PATHS)
    if path is None:
        patch = _text(found, _PATCHES)
        paths = dict.fromkeys(next(filter(None, groups)) for groups in _PATCHED_FILE.findall(patch or ""))
        return tuple(Edit(name.strip(), _added(patch or "", name)) for name in paths if name.strip() != "/dev/null")
    many = found.get("edits")
    if isinstance(many, list) and many:
        pairs = [_pair(one) for one in many if isinstance(one, dict)]
        return (Edit(path, tuple(pair for pair in pairs if any(pair))),)
    if any(_pair(found)):
        return (Edit(path, (_pair(found),)),)
    return (Edit(path, content=_text(found, _CONTENTS)),)


def _pair(found: Mapping[str, Any]) -> tuple[str, str]:
    return _text(found, _OLD) or "", _text(found, _NEW) or ""


def _added(patch: str, path: str) -> tuple[tuple[str, str], ...]:
    """Runs of added lines under a file of a patch, as new texts."""
    runs: list[list[str]] = [[]]
    inside = False
    for line in patch.splitlines():
        if (match := _PATCHED_FILE.match(line)) is not None or line.startswith("*** Delete File: "):
            inside = match is not None and next(filter(None, match.groups())).strip() == path.strip()
        elif inside and line.startswith("+"):
            runs[-1].append(line[1:])
        elif runs[-1]:
            runs.append([])
    return tuple(("", "\n".join(run)) for run in runs if run)


def _folder(document: Mapping[str, Any]) -> str | None:
    value = _first(document, _ROOTS)
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, str)), None)
    return value if isinstance(value, str) and value else None


def _text(found: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := found.get(name), str) and value), None)


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name)), None)
