"""Does the code call what exists? Every name of a response ends as defined, builtin, phantom, drift or unverifiable.

A name is a phantom only when its owner is wholly visible and does not have it. Silence beats a false alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.findings import Finding, FindingKind, FindingStatus
from parsers.index import ContextIndex
from parsers.judgement import Judge
from parsers.library import FAMILIES
from parsers.project import ResponseProject
from parsers.types import ParseResult

__all__ = ["Finding", "FindingKind", "FindingStatus", "ResponseBlock", "resolve"]


@dataclass(frozen=True)
class ResponseBlock:
    """One piece of code in a response. ``offset`` is where its text starts in the response, ``line`` the lines before it."""

    parse: ParseResult
    text: str
    offset: int = 0
    line: int = 0


def resolve(blocks: Sequence[ResponseBlock], index: ContextIndex) -> tuple[Finding, ...]:
    """Judge every import and use in the blocks against the context. Spans and lines are those of the whole response.

    Blocks of one language family see each other's definitions; a block in a language without built-in data is left out.
    """
    findings: list[Finding] = []
    families: dict[str, list[ResponseBlock]] = {}
    for block in blocks:
        if block.parse.language in FAMILIES:
            families.setdefault(FAMILIES[block.parse.language], []).append(block)
    for family, members in families.items():
        project = ResponseProject(index.family(members[0].parse.language), [block.parse for block in members])
        judge = Judge(project, family, [block.text for block in members])
        for number, block in enumerate(members):
            findings.extend(found.moved(block.offset, block.line) for found in judge.judge_block(number))
    return tuple(sorted(findings, key=lambda found: (found.span, found.name)))
