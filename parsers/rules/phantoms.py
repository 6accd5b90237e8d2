"""Does the code call what exists? Every name of a response ends as defined, builtin, phantom, drift or unverifiable.

A name is a phantom only when its owner is wholly visible and does not have it. Silence beats a false alarm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parsers.project.budget import UNJUDGED, Budget, OutOfTimeError
from parsers.project.index import ContextIndex
from parsers.project.library import FAMILIES
from parsers.project.project import ResponseProject
from parsers.rules.builder import unjudged
from parsers.rules.check import ResponseCheck
from parsers.rules.checker import Checker
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.syntax.types import ParseResult

__all__ = ["RESOLVE_LIMIT_S", "UNJUDGED", "Finding", "FindingKind", "FindingStatus", "ResponseBlock", "resolve"]

RESOLVE_LIMIT_S = 2.0
"""How long ``resolve`` may judge, in time on the processor: some four hundred times what a response of 200 lines takes."""


@dataclass(frozen=True)
class ResponseBlock:
    """One piece of code in a response. ``offset`` is where its text starts in the response, ``line`` the lines before it.

    ``amends``: the key of the context's file that it takes the place of, '' for a new file.
    """

    parse: ParseResult
    text: str
    offset: int = 0
    line: int = 0
    amends: str = ""


def resolve(
    blocks: Sequence[ResponseBlock],
    index: ContextIndex,
    limit_s: float = RESOLVE_LIMIT_S,
    clock: Callable[[], float] = time.thread_time,
) -> tuple[Finding, ...]:
    """Judge every import and use in the blocks against the context. Spans and lines are those of the whole response.

    Blocks of one language family see each other's definitions; a block in a language without built-in data is left out.
    After ``limit_s`` seconds of ``clock`` the names that are left end as unverifiable with the reason ``UNJUDGED``.
    """
    findings: list[Finding] = []
    families: dict[str, list[ResponseBlock]] = {}
    for block in blocks:
        if block.parse.language in FAMILIES:
            families.setdefault(FAMILIES[block.parse.language], []).append(block)
    budget = Budget(limit_s, clock)
    for family, members in families.items():
        check = _check(family, members, index, budget)
        for number, block in enumerate(members):
            judged = Checker(check.blocks[number]).findings() if check is not None else unjudged(block.parse)
            findings.extend(found.moved(block.offset, block.line) for found in judged)
    return tuple(sorted(findings, key=lambda found: (found.span, found.name)))


def _check(family: str, members: Sequence[ResponseBlock], index: ContextIndex, budget: Budget) -> ResponseCheck | None:
    """The blocks of a family placed among the files, None when that took all the time."""
    parses = [block.parse for block in members]
    try:
        project = ResponseProject(index.family(parses[0].language), parses, budget, [block.amends for block in members])
        return ResponseCheck(project, family, [block.text for block in members])
    except OutOfTimeError:
        return None
