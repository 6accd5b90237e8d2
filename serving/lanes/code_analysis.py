"""Reading code: the context's files into an index, the response's blocks into findings. CPU-bound and bounded in time.

Texts of hostile size are parsed in a process of their own, so that the interpreter lock stays free for other requests.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from parsers.blocks.block import CodeBlock
from parsers.blocks.context_files import ContextFile
from parsers.project.index import ContextIndex, build_index
from parsers.rules.phantoms import RESOLVE_LIMIT_S, UNJUDGED, Finding, ResponseBlock, resolve
from parsers.syntax.isolation import IsolatedParser, is_hostile
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import ParseResult
from serving.inference.kept import Kept

_LIMITS = (
    ParseLimits()
)  # context files with their uses: an incomplete package, an attribute set from outside show only there
_CACHED_INDEXES = 128
_CACHED_CHARACTERS = 32_000_000
_CONTEXT_BUDGET_S = 5.0


@dataclass(frozen=True)
class BlockReport:
    """What was read of one code block of the response. Spans are characters of the response."""

    language: str
    path: str | None
    form: str
    start: int
    end: int
    definitions: int
    references: int
    errors: int
    incomplete: str | None


@dataclass(frozen=True)
class CodeAnalysis:
    """Findings in the response's code, in order, and what was read to reach them."""

    findings: tuple[Finding, ...]
    blocks: tuple[BlockReport, ...]
    code: tuple[CodeBlock, ...]
    files: int
    warnings: tuple[str, ...]
    index_ms: float
    resolve_ms: float


@dataclass(frozen=True)
class _Indexed:
    index: ContextIndex
    warnings: tuple[str, ...]
    characters: int
    timed_out: bool


class CodeAnalyser:
    """Parses and resolves; keeps the indexes of contexts it has seen, by tenant and content.

    Safe to call from several threads. An index is shared within a tenant only, so that no time tells of another's.
    Limits count ``clock``, time of the thread on the processor: a loaded machine answers later, not otherwise.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._indexes: Kept[tuple[str, str], _Indexed] = Kept(
            _CACHED_INDEXES, _CACHED_CHARACTERS, lambda indexed: indexed.characters
        )
        self._isolated = IsolatedParser()

    def close(self) -> None:
        """End the parser process, if one was started."""
        self._isolated.close()

    @property
    def cached(self) -> tuple[tuple[str, str], ...]:
        """(tenant, content digest) of the indexes that are held, least recent first."""
        return self._indexes.keys

    def analyse(
        self, tenant: str, response: str, code: Sequence[CodeBlock], files: Sequence[ContextFile]
    ) -> CodeAnalysis:
        """Findings of the response's ``code`` against ``files``.

        Never raises for what the texts hold; what was not read is said.
        """
        started_s = time.perf_counter()
        indexed = self._index(tenant, files)
        indexed_s = time.perf_counter()
        parses = [self._parse(block.text, block.language, block.path, is_hostile(block.text)) for block in code]
        findings, reports, warnings = _resolve(response, code, parses, indexed.index)
        return CodeAnalysis(
            findings=findings,
            blocks=reports,
            code=tuple(code),
            files=len(files),
            warnings=(*indexed.warnings, *warnings),
            index_ms=(indexed_s - started_s) * 1000.0,
            resolve_ms=(time.perf_counter() - indexed_s) * 1000.0,
        )

    def _index(self, tenant: str, files: Sequence[ContextFile]) -> _Indexed:
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.path}\0{file.language}\0{len(file.text)}\0".encode())
            digest.update(file.text.encode("utf-8", "surrogatepass"))
        key = (tenant, digest.hexdigest())
        return self._indexes.get_or_make(key, lambda: self._build(files), lambda indexed: not indexed.timed_out)

    def _parse(self, text: str, language: str, path: str | None, hostile: bool) -> ParseResult:
        if hostile:
            return self._isolated.parse(text, language, path, _LIMITS)
        return parse_source(text, language, path, _LIMITS, self._clock)

    def _build(self, files: Sequence[ContextFile]) -> _Indexed:
        """The index of all files that could be read within the time budget; what was left out is a warning.

        Waiting for the process that reads hostile texts counts by the wall clock: this thread does nothing meanwhile.
        """
        spent_s, timed_out = 0.0, False
        parses, warnings = [], []
        for number, file in enumerate(files):
            name = file.path or f"context file {number}"
            if file.language is None:
                continue
            if spent_s > _CONTEXT_BUDGET_S:
                timed_out = True
                warnings.append(f"context is not wholly indexed: reading it took more than {_CONTEXT_BUDGET_S:g} s")
                break
            hostile = is_hostile(file.text)
            clock = time.perf_counter if hostile else self._clock
            started_s = clock()
            parse = self._parse(file.text, file.language, file.path, hostile)
            spent_s += clock() - started_s
            timed_out = timed_out or parse.timed_out
            if parse.truncated_reason:
                warnings.append(f"{name}: {parse.truncated_reason}")
            parses.append(parse)
        return _Indexed(build_index(parses), tuple(warnings), sum(len(file.text) for file in files), timed_out)


def _resolve(
    response: str, code: Sequence[CodeBlock], parses: Sequence[ParseResult], index: ContextIndex
) -> tuple[tuple[Finding, ...], tuple[BlockReport, ...], tuple[str, ...]]:
    starts = list(accumulate((len(block.text) for block in code), initial=0))  # blocks end to end: tells them apart
    blocks = [
        ResponseBlock(parse, block.text, start) for parse, block, start in zip(parses, code, starts, strict=False)
    ]
    findings = []
    for found in resolve(blocks, index):
        number = bisect_right(starts, found.span[0]) - 1
        inside = (found.span[0] - starts[number], found.span[1] - starts[number])
        start, end = code[number].response_span(inside)
        findings.append(replace(found, span=(start, end), line=response.count("\n", 0, start) + 1))
    reports = tuple(
        BlockReport(
            language=block.language,
            path=block.path,
            form=block.form,
            start=block.segments[0].response if block.segments else 0,
            end=block.segments[-1].response + block.segments[-1].length if block.segments else 0,
            definitions=len(parse.definitions),
            references=len(parse.references),
            errors=len(parse.errors),
            incomplete=parse.truncated_reason,
        )
        for block, parse in zip(code, parses, strict=True)
    )
    warnings = tuple(f"code block {i}: {r.incomplete}" for i, r in enumerate(reports) if r.incomplete)
    if late := sum(found.reason == UNJUDGED for found in findings):
        warnings += (
            f"{late} of {len(findings)} names are unverifiable: judging them took more than {RESOLVE_LIMIT_S:g} s",
        )
    return tuple(sorted(findings, key=lambda found: found.span)), reports, warnings
