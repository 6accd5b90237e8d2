"""An edit as a request to the code lane, and its answer as findings in the edited files."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from groundlane.hook.repository import MAX_CONTEXT_BYTES, Context, Repository, family_of, gather
from groundlane.hook.transport import score_code

MAX_RESPONSE_CHARACTERS: Final = 60_000
"""Below the server's limit for a response; more files go into further requests."""
_MAX_UNITS: Final = 500
_TAGS: Final = {".pyi": "python", ".py": "python", ".go": "go", ".rs": "rust", ".tsx": "tsx", ".jsx": "jsx"}
_TICKS: Final = re.compile(r"^[ \t>]*(`{3,})", re.MULTILINE)
_FLAGGED: Final = ("phantom", "drift")


@dataclass(frozen=True)
class EditedFile:
    """A file after the edit. ``lines``: (first, last) of what is new in it, from 1; None: all of it."""

    path: str
    text: str
    lines: tuple[tuple[int, int], ...] | None = None

    def is_new(self, line: int) -> bool:
        """Whether a line came with the edit."""
        return self.lines is None or any(first <= line <= last for first, last in self.lines)


@dataclass(frozen=True)
class Finding:
    """A name that does not exist, or not so, where the edit wrote it."""

    path: str
    line: int
    name: str
    kind: str
    status: str
    reason: str
    suggestion: str | None

    def __str__(self) -> str:
        """``shop/use.py:3: Cart has no 'add_product'; did you mean 'add_item'?``."""
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        said = self.reason if self.name in self.reason else f"{self.name}: {self.reason}"
        return f"{self.path}:{self.line}: {said}{hint}"


def judge(
    repository: Repository, edited: Sequence[EditedFile], url: str | None = None, timeout_s: float = 10.0
) -> list[Finding]:
    """Findings in the new lines of ``edited``, by file and line. Raises NotCheckedError.

    Files longer than a response may be are passed over; :func:`too_long` names them.
    """
    fitting = [file for file in edited if family_of(file.path) and len(file.text) <= MAX_RESPONSE_CHARACTERS]
    fitting = [file for file in fitting if file.text.strip()]
    findings: list[Finding] = []
    for family in sorted({family_of(file.path) or "" for file in fitting}):
        mine = [file for file in fitting if family_of(file.path) == family]
        context = gather(repository, {file.path: file.text for file in mine})
        for part in _parts(mine):
            response, starts = _response(part)
            answer = score_code(_body(response, mine, part, context), url, timeout_s)
            found = list(_findings(answer, part, starts))
            findings += [one for one in found if not _may_exist(one, repository, context)]
    return sorted(findings, key=lambda one: (one.path, one.line, one.name))


def too_long(edited: Iterable[EditedFile]) -> list[str]:
    """Paths of files that are too long to be judged."""
    return [one.path for one in edited if family_of(one.path) and len(one.text) > MAX_RESPONSE_CHARACTERS]


def _parts(files: Sequence[EditedFile]) -> Iterator[list[EditedFile]]:
    part: list[EditedFile] = []
    size = 0
    for file in files:
        length = len(file.text) + len(file.path) + 64
        if part and size + length > MAX_RESPONSE_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(file)
        size += length
    if part:
        yield part


def _response(files: Sequence[EditedFile]) -> tuple[str, list[int]]:
    """The files in fences that name them, and where each one's text starts."""
    pieces: list[str] = []
    starts: list[int] = []
    length = 0
    for file in files:
        ticks = "`" * (1 + max((len(found) for found in _TICKS.findall(file.text)), default=3))
        suffix = PurePosixPath(file.path).suffix.lower()
        tag = _TAGS.get(suffix, "typescript" if suffix.endswith("ts") else "javascript")
        opening = f"{ticks}{tag} {file.path}\n"
        starts.append(length + len(opening))
        pieces.append(f"{opening}{file.text}{'' if file.text.endswith(chr(10)) else chr(10)}{ticks}\n")
        length += len(pieces[-1])
    return "".join(pieces), starts


def _body(response: str, edited: Sequence[EditedFile], part: Sequence[EditedFile], context: Context) -> dict[str, Any]:
    """The request. Edited files that stand in another part are context, as they are now."""
    others = [(file.path, file.text) for file in edited if file not in part]
    units: list[dict[str, str]] = []
    size = 0
    for path, text in [*others, *context.files]:
        size += len(text)
        if size > 2 * MAX_CONTEXT_BYTES - 10_000 or len(units) == _MAX_UNITS:
            break
        units.append({"text": text, "source_id": path})
    # A project of one file still needs a context: a note that defines nothing.
    units = units or [{"text": "# no other file of this project\n", "source_id": "groundlane_no_other_file.txt"}]
    return {"response_text": response, "support_units": units, "names_only": True, "heatmap_format": "none"}


def _findings(answer: Mapping[str, Any], part: Sequence[EditedFile], starts: list[int]) -> Iterator[Finding]:
    for symbol in answer.get("code_lane", {}).get("symbols", ()):
        if symbol.get("status") not in _FLAGGED:
            continue
        index = bisect_right(starts, symbol["char_start"]) - 1
        if index < 0:
            continue
        file = part[index]
        line = file.text.count("\n", 0, symbol["char_start"] - starts[index]) + 1
        if file.is_new(line):
            yield Finding(
                file.path,
                line,
                symbol["name"],
                symbol["kind"],
                symbol["status"],
                symbol.get("reason", ""),
                symbol.get("suggestion"),
            )


def _may_exist(finding: Finding, repository: Repository, context: Context) -> bool:
    """Whether what was not shown to the server may be what the finding misses.

    ``from shop import models`` is right where ``shop/models.py`` did not fit, is ignored by git or is compiled; a method of a
    Rust type may stand in a file of the crate that did not fit.
    """
    if finding.kind == "import":
        last = re.split(r"[./:]+", finding.name)[-1]
        if any(last in PurePosixPath(path).with_suffix("").parts for path in context.left_out):
            return True
        folders = {finding.path.rpartition("/")[0], *(path.rpartition("/")[0] for path, _ in context.files)}
        return any(
            next((repository.root / folder).glob(f"{last}.*"), None) is not None
            or (repository.root / folder / last).is_dir()
            for folder in folders
        )
    return finding.path.endswith(".rs") and any(path.endswith(".rs") for path in context.left_out)
