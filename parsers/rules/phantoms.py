"""Does the code call what exists? Every name of a response ends as defined, builtin, phantom, drift or unverifiable.

A name is a phantom only when its owner is wholly visible and does not have it. Silence beats a false alarm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parsers.blocks.prose import Mention
from parsers.project.budget import UNJUDGED, Budget, OutOfTimeError
from parsers.project.index import ContextIndex
from parsers.project.library import FAMILIES
from parsers.project.project import ResponseProject
from parsers.rules.builder import unjudged
from parsers.rules.check import ResponseCheck
from parsers.rules.checker import Checker
from parsers.rules.findings import Finding, FindingKind, FindingStatus
from parsers.rules.packages import KnownPackages
from parsers.rules.prose import judge_mention
from parsers.syntax.types import ParseResult

__all__ = [
    "RESOLVE_LIMIT_S",
    "UNJUDGED",
    "Finding",
    "FindingKind",
    "FindingStatus",
    "Prose",
    "ResponseBlock",
    "resolve",
]

RESOLVE_LIMIT_S = 2.0
"""How long ``resolve`` may judge, in time on the processor: some four hundred times what a response of 200 lines takes."""


@dataclass(frozen=True)
class Prose:
    """A response as text, and the dotted names in its prose."""

    text: str
    mentions: tuple[Mention, ...]


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
    prose: Prose | None = None,
    packages: KnownPackages | None = None,
) -> tuple[Finding, ...]:
    """Judge every import and use in the blocks against the context. Spans and lines are those of the whole response.

    Blocks of one language family see each other's definitions; a block in a language without built-in data is left out.
    After ``limit_s`` seconds of ``clock`` the names that are left end as unverifiable with the reason ``UNJUDGED``.
    ``packages``: what manifests declare; imports of other packages end as undeclared. ``prose``: what the text around the blocks
    names; its members of visible classes are judged with the blocks in place.
    """
    findings: list[Finding] = []
    families: dict[str, list[ResponseBlock]] = {}
    for block in blocks:
        if block.parse.language in FAMILIES:
            families.setdefault(FAMILIES[block.parse.language], []).append(block)
    budget = Budget(limit_s, clock)
    named = prose.mentions if prose is not None else ()
    for family in index.families if named else ():
        families.setdefault(family, [])
    checks = {family: _check(family, members, index, budget, packages) for family, members in families.items()}
    for family, members in families.items():
        check = checks[family]
        for number, block in enumerate(members):
            judged = Checker(check.blocks[number]).findings() if check is not None else unjudged(block.parse)
            findings.extend(found.moved(block.offset, block.line) for found in judged)
    if prose is not None and prose.mentions:
        findings.extend(_judge_prose([check for check in checks.values() if check is not None], prose, budget))
    return tuple(sorted(findings, key=lambda found: (found.span, found.name)))


def _check(
    family: str, members: Sequence[ResponseBlock], index: ContextIndex, budget: Budget, packages: KnownPackages | None
) -> ResponseCheck | None:
    """The blocks of a family placed among the files, None when that took all the time."""
    parses = [block.parse for block in members]
    try:
        visible = index.family(parses[0].language) if parses else index.families[family]
        project = ResponseProject(visible, parses, budget, [block.amends for block in members])
        return ResponseCheck(project, family, [block.text for block in members], packages)
    except OutOfTimeError:
        return None


def _judge_prose(checks: Sequence[ResponseCheck], prose: Prose, budget: Budget) -> list[Finding]:
    """The members that the prose names; what no time is left for is left alone."""
    found: list[Finding] = []
    try:
        for mention in prose.mentions:
            budget.check_now()
            found.extend(judge_mention(checks, prose.text, mention))
    except (OutOfTimeError, RecursionError):
        return found
    return found
