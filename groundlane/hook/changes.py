"""What is new: the lines of an edit that an agent reports, or of a diff that git reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from groundlane.hook.judging import EditedFile
from groundlane.hook.payload import Edit
from groundlane.hook.repository import Repository, family_of, git, read_source

MAX_SOURCE_BYTES: Final = 1_000_000
_HUNK: Final = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_FILE: Final = re.compile(r"^\+\+\+ b/(.*?)\t?$", re.MULTILINE)
_MOST_PLACES: Final = 100


def edited_file(repository: Repository, folder: Path, edit: Edit, *, before_edit: bool) -> EditedFile | None:
    """The file after an agent's edit; None for one that is not the code lane's, lies outside or cannot be read."""
    place = Path(edit.path) if Path(edit.path).is_absolute() else folder / edit.path
    try:
        path = place.resolve().relative_to(repository.root.resolve()).as_posix()
    except (OSError, ValueError):
        return None
    if family_of(path) is None or (repository.in_git and path not in repository.paths and place.exists()):
        return None
    text = read_source(place, MAX_SOURCE_BYTES)
    if before_edit:
        text = _applied(text, edit)
    if text is None or not edit.replaced:
        text = edit.content if edit.content is not None and (before_edit or text is None) else text
        return None if text is None else EditedFile(path, text, _changed_lines(repository, path, before_edit))
    places = _places(text, [new for _, new in edit.replaced])
    return EditedFile(path, text, places if places is not None else _changed_lines(repository, path, before_edit))


def _applied(text: str | None, edit: Edit) -> str | None:
    """The text with the edit made; None where it does not apply, which is the agent's own error to find."""
    for old, new in edit.replaced:
        if text is None or (old and old not in text):
            return None
        text = text.replace(old, new, 1) if old else text
    return text


def _places(text: str, new_texts: Sequence[str]) -> tuple[tuple[int, int], ...] | None:
    """The lines of the new texts; None where one is not there, because a formatter came after the edit."""
    found: list[tuple[int, int]] = []
    for new in new_texts:
        at = text.find(new) if new.strip() else -1
        if at < 0 and new.strip():
            return None
        while at >= 0 and len(found) < _MOST_PLACES:
            first = text.count("\n", 0, at) + 1
            found.append((first, first + new.rstrip("\n").count("\n")))
            at = text.find(new, at + len(new))
    return tuple(found)


def _changed_lines(repository: Repository, path: str, before_edit: bool) -> tuple[tuple[int, int], ...] | None:
    """Lines that the last commit does not have; None, all of them, for a new file or without git."""
    if not repository.in_git or before_edit:
        return None
    shown = git(repository.root, "diff", "-U0", "--no-color", "--no-ext-diff", "HEAD", "--", path)
    return _hunks(shown) if shown else None


def changed_files(
    repository: Repository, revisions: Sequence[str] = (), *, staged: bool = False
) -> list[EditedFile] | None:
    """The code of a diff: the working tree against the last commit, the index, or as ``revisions`` say; None without git.

    Untracked files count as changed in the working tree.
    """
    options = ["--cached"] if staged else [*revisions] or ["HEAD"]
    command = ["-c", "core.quotePath=false", "diff", "-U0", "--no-color", "--no-ext-diff", "--no-renames"]
    shown = git(repository.root, *command, "--src-prefix=a/", "--dst-prefix=b/", "--diff-filter=AM", *options, "--")
    if shown is None:
        return None
    target = _target(revisions, staged)
    found = []
    for part in re.split(r"^(?=diff --git )", shown, flags=re.MULTILINE):
        named = _FILE.search(part)
        if named is None or family_of(named[1]) is None:
            continue
        path = named[1]
        text = (
            read_source(repository.root / path, MAX_SOURCE_BYTES)
            if target is None
            else git(repository.root, "show", f"{target}:{path}")
        )
        if text:
            found.append(EditedFile(path, text, _hunks(part)))
    if target is None and not revisions:
        listed = git(repository.root, "ls-files", "--others", "--exclude-standard", "-z") or ""
        fresh = [path for path in listed.split("\0") if path and family_of(path)]
        found += [
            EditedFile(path, text) for path in fresh if (text := read_source(repository.root / path, MAX_SOURCE_BYTES))
        ]
    return found


def _target(revisions: Sequence[str], staged: bool) -> str | None:
    """Where the new text stands: ``''`` the index, a revision, None the working tree."""
    if staged:
        return ""
    if len(revisions) == 2:
        return revisions[1]
    if revisions and ".." in revisions[0]:
        return revisions[0].rpartition("..")[2].lstrip(".") or "HEAD"
    return None


def _hunks(diff: str) -> tuple[tuple[int, int], ...]:
    spans = [(int(first), int(count) if count else 1) for first, count in _HUNK.findall(diff)]
    return tuple((first, first + count - 1) for first, count in spans if count)
