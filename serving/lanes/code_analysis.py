"""Reading code: the context's files into an index, the response's blocks into findings. CPU-bound and bounded in time.

Texts of hostile size are parsed in a process of their own, so that the interpreter lock stays free for other requests.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import accumulate, pairwise

from parsers.blocks.block import CodeBlock, Edit
from parsers.blocks.context_files import ContextFile
from parsers.blocks.manifests import Manifest, read_manifests
from parsers.blocks.prose import Mention, mentions, named_paths, plain_names, prose_spans
from parsers.project.amended import amend, as_block
from parsers.project.bare_members import ClassTable, Headed, with_headers
from parsers.project.index import ContextIndex, build_index
from parsers.project.library import FAMILIES
from parsers.project.placement import Hints, Source, as_lines, by_source, place
from parsers.rules.packages import KnownPackages
from parsers.rules.paths import UnknownPath, unknown_paths
from parsers.rules.phantoms import RESOLVE_LIMIT_S, UNJUDGED, Finding, Prose, ResponseBlock, resolve
from parsers.syntax.isolation import IsolatedParser, is_hostile
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import ParseResult, Span
from serving.inference.kept import Kept
from serving.libraries.choice import NO_CHOICE, LibraryChoice

_LIMITS = ParseLimits()
_CONTEXT_LIMITS = ParseLimits(facts=False)
"""Context files are read with their uses: an incomplete package, an attribute set from outside show only there."""

_CACHED_INDEXES = 128
_CACHED_CHARACTERS = 32_000_000
_CONTEXT_BUDGET_S = 5.0
_MOST_AMENDED_CHARACTERS = 400_000
"""Of a larger file the response is judged beside it, as if it were new: to read it again at each request costs too much."""
_NEAR_CHARACTERS = 600
"""So far above a block the text may say what it is: "In `Cart.add`, ..."."""
_MOST_LINES = 2_000
_LIKE_LINE = 0.6


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
class PlacementReport:
    """Where a block was placed. ``applies``: whether what an edit searches for stands in the file, None for other blocks.

    ``nearest``: of an edit that does not apply, the line of the file most like its first one, and its number.
    ``owner``: the class that methods shown without its header were put in.
    """

    block: int
    path: str | None
    why: str
    doubt: str
    applies: bool | None = None
    nearest: tuple[int, str] | None = None
    owner: str | None = None


@dataclass(frozen=True)
class LibraryUse:
    """The indexed packages that the response imports, and those of which another version was asked for than is indexed."""

    used: tuple[str, ...] = ()
    not_indexed: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class CodeAnalysis:
    """Findings in the response's code, in order, and what was read to reach them."""

    findings: tuple[Finding, ...]
    blocks: tuple[BlockReport, ...]
    placements: tuple[PlacementReport, ...]
    code: tuple[CodeBlock, ...]
    unknown_paths: tuple[UnknownPath, ...]
    files: int
    warnings: tuple[str, ...]
    index_ms: float
    resolve_ms: float
    libraries: LibraryUse = LibraryUse()


@dataclass(frozen=True)
class _Indexed:
    index: ContextIndex
    sources: tuple[Source, ...]
    warnings: tuple[str, ...]
    characters: int
    timed_out: bool
    table: ClassTable
    manifests: dict[str, Manifest]


class CodeAnalyser:
    """Parses and resolves; keeps the indexes of contexts it has seen, by tenant and content.

    Safe to call from several threads. An index is shared within a tenant only, so that no time tells of another's.
    Limits count ``clock``, time of the thread on the processor: a loaded machine answers later, not otherwise.
    """

    def __init__(
        self, clock: Callable[[], float] = time.thread_time, well_known: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        """``well_known``: names of well-known packages by registry ('pypi', 'npm', 'crates', 'go')."""
        self._clock = clock
        self._well_known = well_known or {}
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
        self,
        tenant: str,
        response: str,
        code: Sequence[CodeBlock],
        files: Sequence[ContextFile],
        libraries: LibraryChoice = NO_CHOICE,
    ) -> CodeAnalysis:
        """Findings of the response's ``code`` against ``files`` and the packages of ``libraries``.

        Never raises for what the texts hold; what was not read is said.
        """
        started_s = time.perf_counter()
        indexed = self._index(tenant, files, libraries)
        indexed_s = time.perf_counter()
        parses = [self._parse(block.text, block.language, block.path, is_hostile(block.text)) for block in code]
        placed = self._placed(response, code, parses, indexed)
        judged, missing = self._amended(placed)
        prose = prose_spans(response, code)
        packages = KnownPackages(indexed.manifests, self._well_known) if indexed.manifests else None
        findings = _resolve(response, judged, indexed.index, tuple(mentions(response, prose)), packages)
        reports, warnings = _reports(code, parses, findings)
        return CodeAnalysis(
            findings=findings,
            blocks=reports,
            placements=tuple(_placed(n, one, code[n].edits, missing) for n, one in enumerate(placed)),
            code=tuple(code),
            unknown_paths=unknown_paths(response, prose, code, (file.path or "" for file in files)),
            files=len(files),
            warnings=(*indexed.warnings, *warnings),
            index_ms=(indexed_s - started_s) * 1000.0,
            resolve_ms=(time.perf_counter() - indexed_s) * 1000.0,
            libraries=_library_use(parses, libraries),
        )

    def placed_files(
        self, response: str, code: Sequence[CodeBlock], files: Sequence[ContextFile]
    ) -> tuple[CodeBlock, ...]:
        """The response's code as it is judged: files with its edits and fragments in them, new files as they are."""
        indexed = self._index("", files, NO_CHOICE)
        parses = [self._parse(block.text, block.language, block.path, is_hostile(block.text)) for block in code]
        return tuple(one.block for one in self._amended(self._placed(response, code, parses, indexed))[0])

    def _placed(
        self, response: str, code: Sequence[CodeBlock], parses: Sequence[ParseResult], indexed: _Indexed
    ) -> list[Headed]:
        """Every block with where it goes; methods without their class's header get one, where it is clear which."""
        answered = ClassTable([Source("", one.text, parse) for one, parse in zip(code, parses, strict=True)])
        prose = prose_spans(response, code)
        placed = []
        for number, (block, parse) in enumerate(zip(code, parses, strict=True)):
            hints = _hints(response, prose, code, number)
            headed = None
            if not any(edit.search.strip() for edit in block.edits):
                headed = with_headers(block, parse, (indexed.table, answered), hints, self._read)
            if headed is None:
                lines, placement = as_lines(block, parse, place(block, parse, indexed.sources, hints))
                headed = Headed(lines, parse, placement)
            placed.append(headed)
        return placed

    def _read(self, block: CodeBlock) -> ParseResult:
        return self._parse(block.text, block.language, block.path, is_hostile(block.text))

    def _amended(self, placed: Sequence[Headed]) -> tuple[list[_Judged], dict[int, Edit]]:
        """What is judged (an amended file once, with all its blocks; other blocks as they are), and edits that do not apply."""
        targets = by_source({number: one.placement for number, one in enumerate(placed)})
        judged: list[_Judged] = []
        done: set[int] = set()
        missing: dict[int, Edit] = {}
        for members in targets.values():
            source = placed[members[0]].placement.source
            if source is None or len(source.text) > _MOST_AMENDED_CHARACTERS or is_hostile(source.text):
                continue
            made = amend(source.text, source.parse, [(n, placed[n].block, placed[n].parse) for n in members])
            whole = as_block(made.chunks, [one.block for one in placed], source.parse.path, source.parse.language)
            judged.append(_Judged(whole, self._read(whole), source.key))
            done.update(members)
            missing |= made.missing
        judged.extend(_Judged(one.block, one.parse) for n, one in enumerate(placed) if n not in done)
        ordered = sorted(judged, key=lambda one: one.block.segments[0].response if one.block.segments else 0)
        return ordered, missing

    def _index(self, tenant: str, files: Sequence[ContextFile], libraries: LibraryChoice) -> _Indexed:
        digest = hashlib.sha256(libraries.key.encode())
        for file in files:
            digest.update(f"{file.path}\0{file.language}\0{len(file.text)}\0".encode())
            digest.update(file.text.encode("utf-8", "surrogatepass"))
        key = (tenant, digest.hexdigest())
        return self._indexes.get_or_make(
            key, lambda: self._build(files, libraries), lambda indexed: not indexed.timed_out
        )

    def _parse(
        self, text: str, language: str, path: str | None, hostile: bool, limits: ParseLimits = _LIMITS
    ) -> ParseResult:
        if hostile:
            return self._isolated.parse(text, language, path, limits)
        return parse_source(text, language, path, limits, self._clock)

    def _build(self, files: Sequence[ContextFile], libraries: LibraryChoice) -> _Indexed:
        """The index of all files that could be read within the time budget; what was left out is a warning.

        Waiting for the process that reads hostile texts counts by the wall clock: this thread does nothing meanwhile.
        """
        spent_s, timed_out = 0.0, False
        parses, texts, warnings = [], [], []
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
            parse = self._parse(file.text, file.language, file.path, hostile, _CONTEXT_LIMITS)
            spent_s += clock() - started_s
            timed_out = timed_out or parse.timed_out
            if parse.truncated_reason:
                warnings.append(f"{name}: {parse.truncated_reason}")
            parses.append(parse)
            texts.append(file.text)
        index = build_index(parses, libraries.sets)
        sources = _sources(index, parses, texts)
        characters = sum(len(file.text) for file in files)
        manifests = read_manifests((file.path, file.text) for file in files)
        return _Indexed(index, sources, tuple(warnings), characters, timed_out, ClassTable(sources), manifests)


@dataclass(frozen=True)
class _Judged:
    """Code as it is judged. ``amends``: the key of the file that it takes the place of."""

    block: CodeBlock
    parse: ParseResult
    amends: str = ""


def _sources(index: ContextIndex, parses: Sequence[ParseResult], texts: Sequence[str]) -> tuple[Source, ...]:
    """The context's files as placement reads them, under their keys of the index."""
    keys = {id(file.parse): key for family in index.families.values() for key, file in family.files.items()}
    return tuple(
        Source(keys[id(parse)], text, parse) for parse, text in zip(parses, texts, strict=True) if id(parse) in keys
    )


def _resolve(
    response: str,
    judged: Sequence[_Judged],
    index: ContextIndex,
    named: tuple[Mention, ...],
    packages: KnownPackages | None,
) -> tuple[Finding, ...]:
    """Findings at characters of the response; what an amended file says elsewhere is not the response's."""
    starts = list(accumulate((len(one.block.text) for one in judged), initial=0))  # end to end: tells them apart
    blocks = [
        ResponseBlock(one.parse, one.block.text, start, amends=one.amends)
        for one, start in zip(judged, starts, strict=False)
    ]
    findings = []
    for found in resolve(blocks, index, prose=Prose(response, named), packages=packages):
        if found.place == "prose":
            findings.append(found)
            continue
        number = bisect_right(starts, found.span[0]) - 1
        block = judged[number].block
        inside = (found.span[0] - starts[number], found.span[1] - starts[number])
        if not block.holds(inside[0]):
            continue
        start, end = block.response_span(inside)
        findings.append(replace(found, span=(start, end), line=response.count("\n", 0, start) + 1))
    return tuple(sorted(findings, key=lambda found: found.span))


def _library_use(parses: Sequence[ParseResult], libraries: LibraryChoice) -> LibraryUse:
    used: set[str] = set()
    for parse in parses:
        chosen = libraries.sets.get(FAMILIES.get(parse.language, ""))
        for item in parse.imports if chosen is not None else ():
            if chosen is not None and not item.level:
                used.update(chosen.labels_of(item.module))
    return LibraryUse(tuple(sorted(used)), libraries.not_indexed)


def _reports(
    code: Sequence[CodeBlock], parses: Sequence[ParseResult], findings: Sequence[Finding]
) -> tuple[tuple[BlockReport, ...], tuple[str, ...]]:
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
    return reports, warnings


def _hints(response: str, prose: Sequence[Span], code: Sequence[CodeBlock], number: int) -> Hints:
    """What the text between the block before and this one names, as far as it is near."""
    segments = code[number].segments
    start = segments[0].response if segments else 0
    before = code[number - 1].segments if number else ()
    first = max(before[-1].response + before[-1].length if before else 0, start - _NEAR_CHARACTERS)
    spans = [(max(left, first), min(right, start)) for left, right in prose if left < start and right > first]
    named = [mention.parts for mention in mentions(response, spans)]
    pairs = {pair for parts in named for pair in pairwise(parts)}
    names = {*plain_names(response, spans), *(part for parts in named for part in parts)}
    return Hints(tuple(one.path for one in named_paths(response, spans)), frozenset(pairs), frozenset(names))


def _placed(number: int, placed: Headed, edits: Sequence[Edit], missing: dict[int, Edit]) -> PlacementReport:
    placement = placed.placement
    source = placement.source
    path = None if source is None else source.path or None
    report = PlacementReport(number, path, placement.why.value, placement.doubt.value, owner=placement.owner)
    if source is None:  # an edit of a file that nobody sees
        return replace(report, applies=False) if any(edit.search.strip() for edit in edits) else report
    if not edits:
        return report
    edit = missing.get(number)
    nearest = None if edit is None else _nearest_line(source.text, edit.search)
    return replace(report, applies=edit is None, nearest=nearest)


def _nearest_line(text: str, search: str) -> tuple[int, str] | None:
    """(number, text) of the line of a file most like the first line that an edit searches for; numbers count from 1."""
    wanted = next((line.strip() for line in search.split("\n") if line.strip()), "")
    lines = [line.strip() for line in text.split("\n")[:_MOST_LINES]]
    found = get_close_matches(wanted, lines, 1, _LIKE_LINE)
    return (lines.index(found[0]) + 1, found[0]) if found else None
