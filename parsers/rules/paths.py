"""Paths that a response names and that no visible file has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from parsers.blocks.block import CodeBlock
from parsers.blocks.prose import named_paths
from parsers.project.placement import same_path
from parsers.rules.prose import claims_nothing
from parsers.syntax.types import Span

__all__ = ["UnknownPath", "unknown_paths"]

_LIKE = 0.6


@dataclass(frozen=True)
class UnknownPath:
    """A path at characters ``span`` of the response that is not among the files. ``nearest``: the file that it is most like."""

    path: str
    span: Span
    nearest: str | None


def unknown_paths(
    text: str, prose: Sequence[Span], code: Sequence[CodeBlock], known: Iterable[str]
) -> tuple[UnknownPath, ...]:
    """Paths in sentences that no visible file has, nor the response makes; nothing where no visible file has a path."""
    visible = sorted({path for path in known if path})
    if not visible:
        return ()
    made = [block.path for block in code if block.path and not any(edit.search.strip() for edit in block.edits)]
    found: dict[Span, UnknownPath] = {}
    for mention in named_paths(text, prose):
        if any(same_path(mention.path, path) for path in (*visible, *made)) or claims_nothing(text, mention.span):
            continue
        found.setdefault(mention.span, UnknownPath(mention.path, mention.span, _nearest(mention.path, visible)))
    return tuple(found[span] for span in sorted(found))


def _nearest(path: str, visible: Sequence[str]) -> str | None:
    name = path.rpartition("/")[2]
    same = [other for other in visible if other.rpartition("/")[2] == name]
    return next(iter(get_close_matches(path, same or visible, 1, 0.0 if same else _LIKE)), None)
