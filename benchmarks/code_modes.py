"""Rows of the code benchmark in the forms in which agents write code: a fragment, a method, a search/replace block, a
diff, a sentence that names a member.

Every mode is made from the same real places: one use of a name that only the neighbours define, inside one function of a file.
The context of these modes holds the function's own file, so that placing the block is part of what is measured.
"""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.code_rows import Reach, Source, Swap, known_names, read_tree, swaps_of
from benchmarks.renames import rename
from parsers.project.library import FAMILIES, library_of
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import Definition, Span, SymbolKind

__all__ = ["MODES", "make_mode_rows"]

_MIN_LINES, _MAX_LINES = 4, 60
_LARGEST_CONTEXT_CHARACTERS = 120_000
_MOST_ROUNDS = 4
_CALLABLE = {SymbolKind.FUNCTION, SymbolKind.METHOD}
# What may stand before a function on its line: ``export default``, ``pub(crate)``, ``private static``.
_BEFORE = re.compile(r"[ \t]*(?:[a-z]+(?:\([a-z]+\))?[ \t]+)*")
# The imports at the top of a file, as an agent repeats them.
_IMPORTS = {
    "python": r"^(?:import [^\n]+|from [\w.]+ import (?:\([^)]*\)|[^\n(]+))$",
    "typescript": r"^import\b[^'\"]*['\"][^'\"\n]+['\"];?$",
    "go": r"^(?:package \w+|import (?:\([^)]*\)|\"[^\"\n]+\"))$",
    "rust": r"^use [^;]+;$",
}
_COMMENT = {"python": "#", "typescript": "//", "go": "//", "rust": "//"}
_CLOSING = {"python": "", "typescript": "}\n", "rust": "}\n"}


@dataclass(frozen=True)
class Place:
    """A function of a file, by whole lines, and the use in it that is replaced. ``header``: the lines that open its class.

    ``owner``: the one class of the context that has a member of the used name, '' where none or several have.
    """

    source: Source
    extent: Span
    header: str
    swap: Swap
    owner: str = ""

    @property
    def text(self) -> str:
        """The function as it stands in the file."""
        return self.source.text[slice(*self.extent)]

    @property
    def family(self) -> str:
        """The language family of the file."""
        return FAMILIES[self.source.parse.language]


def make_mode_rows(
    folders: Sequence[Path], mode: str, language: str | None, seed: int, limit: int
) -> Iterator[dict[str, Any]]:
    """Pairs of rows (clean, renamed) in one mode, at most ``limit`` pairs in all, kinds of uses taken in turn."""
    generator = random.Random(seed)
    per_folder = max(limit // max(len(folders), 1), 1)
    for folder in folders:
        sources = [source for source in read_tree(folder, language) if not source.parse.errors]
        reach, made, used = Reach(sources), 0, set[tuple[str, str]]()
        generator.shuffle(sources)
        for source in sources * _MOST_ROUNDS:
            if made >= per_folder:
                break
            pair = _make_pair(mode, source, reach, generator, used, made)
            if pair:
                yield from pair
                made += 1


def _make_pair(
    mode: str, source: Source, reach: Reach, generator: random.Random, used: set[tuple[str, str]], number: int
) -> list[dict[str, Any]]:
    context = reach.visible_context(source)
    size = len(source.text) + sum(len(item.text) for item in context)
    places = [] if not context or size > _LARGEST_CONTEXT_CHARACTERS else list(_places(source, context))
    places = [place for place in places if (source.path, place.swap.name) not in used]
    if mode == "prose":
        places = [place for place in places if place.owner]
    if not places:
        return []
    kinds = sorted({place.swap.kind for place in places})
    place = generator.choice([item for item in places if item.swap.kind == kinds[number % len(kinds)]])
    used.add((source.path, place.swap.name))
    taken = known_names(context).all | source.parse.words
    taken |= {link for item in source.parse.references for link in item.chain} | {
        d.name for d in source.parse.definitions
    }
    library = library_of(source.parse.language)
    wrong = rename(place.swap.name, taken | (library.member_names() if library else frozenset()), generator)
    if wrong is None:
        return []
    own, clean, altered, start = MODES[mode](place, wrong)
    if parse_source(own, source.parse.language).errors:
        return []  # a decorator or attribute of the function stayed behind
    identity = f"{source.path}:{place.swap.spans[0][0]}"
    files = [(source.path, own), *((item.path, item.text) for item in context)]
    common = {
        "pair_id": identity,
        "language": source.parse.language,
        "mode": mode,
        "files": [{"path": path, "text": text} for path, text in files],
    }
    swap = place.swap
    phantom = {"name": wrong, "start": start, "end": start + len(wrong), "kind": swap.kind, "expected": swap.name}
    return [
        {"id": f"{identity}:clean", **common, "response": clean, "phantoms": []},
        {"id": f"{identity}:{swap.kind}", **common, "response": altered, "phantoms": [phantom]},
    ]


def _places(source: Source, context: list[Source]) -> Iterator[Place]:
    functions = [
        found for item in source.parse.definitions if item.kind in _CALLABLE and (found := _whole_lines(source, item))
    ]
    owners: dict[str, set[str]] = {}
    for definition in (found for item in context for found in item.parse.definitions if found.owner):
        owners.setdefault(definition.name, set()).add(definition.owner)
    for swap in swaps_of(source, known_names(context)):
        if swap.kind == "import" or len(swap.spans) != 1:
            continue
        for extent, header in functions:
            if extent[0] <= swap.spans[0][0] < extent[1]:
                among = owners.get(swap.name, set())
                owner = next(iter(among)) if len(among) == 1 else ""
                yield Place(source, extent, header, swap, owner if owner[:1].isupper() and "." not in owner else "")
                break


def _whole_lines(source: Source, item: Definition) -> tuple[Span, str] | None:
    """The lines of a function at the top of the file or of a class there, and the class's header; None for any other."""
    text, (start, end) = source.text, item.extent
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end) + 1 or len(text)
    if _BEFORE.fullmatch(text, first, start) is None or text[end:last].strip() not in {"", ";", ","}:
        return None
    while (above := text.rfind("\n", 0, max(first - 1, 0)) + 1) < first and text[above:first].lstrip()[:1] in {"@"}:
        first = above  # decorators on lines of their own
    if not _MIN_LINES <= text.count("\n", first, last) <= _MAX_LINES:
        return None
    if not item.owner:
        return ((first, last), "") if item.scope[0] == 0 and not text[first].isspace() else None
    if FAMILIES[source.parse.language] == "go":
        return (first, last), ""
    header = _header(source, item, first)
    return ((first, last), header) if header else None


def _header(source: Source, item: Definition, position: int) -> str:
    """The line that opens the class or ``impl`` around a method, '' where it takes more than one line."""
    opening = "impl" if source.parse.language == "rust" else r"(?:export |default |abstract )*class"
    ends = ":" if source.parse.language == "python" else r"\{"
    pattern = re.compile(rf"^{opening}\b[^\n]*{ends}$", re.MULTILINE)
    found = [match[0] for match in pattern.finditer(source.text, 0, position)]
    named = bool(found) and re.search(rf"\b{re.escape(item.owner)}\b", found[-1]) is not None
    return f"{found[-1]}\n" if named else ""


def _fenced(tag: str, body: str, before: str) -> tuple[str, int]:
    """A response with one fenced block, and where the block's text starts in it."""
    head = f"{before}\n\n```{tag}\n"
    return f"{head}{body}```\n", len(head)


def _with_name(place: Place, text: str, offset: int, wrong: str) -> tuple[str, int]:
    """``text`` with the wrong name in it, ``offset`` being where the file's text starts in it; and where the name is."""
    start, end = place.swap.spans[0]
    at = start + offset
    return text[:at] + wrong + text[at + end - start :], at


Made = tuple[str, str, str, int]
"""The function's own file as it is visible, the clean response, the renamed one, where the wrong name starts in that."""


def _shown(place: Place, own: str, head: str, tail: str, before: str) -> Callable[[str], Made]:
    """A block that holds the function between ``head`` and ``tail``."""
    body = f"{head}{place.text}{tail}"
    clean, start = _fenced(place.source.parse.language, body, before)
    offset = start + len(head) - place.extent[0]

    def made(wrong: str) -> Made:
        altered, at = _with_name(place, clean, offset, wrong)
        return own, clean, altered, at

    return made


def _fragment(place: Place, wrong: str) -> Made:
    """Imports, class header and the function, which the visible file lacks."""
    text, (start, end) = place.source.text, place.extent
    imports = "\n".join(match[0] for match in re.finditer(_IMPORTS[place.family], text[:start], re.MULTILINE))
    head = f"{imports}\n\n\n{place.header}" if imports else place.header
    tail = _CLOSING.get(place.family, "") if place.header else ""
    filled = "    pass\n" if place.family == "python" and place.header else ""
    own = text[:start] + (filled if _is_empty(text, start, end) else "") + text[end:]
    return _shown(place, own, head, tail, "Here is the missing function:")(wrong)


def _is_empty(text: str, start: int, end: int) -> bool:
    """Whether a Python class would have no body left."""
    before = text[:start].rstrip()
    after = text[end:].lstrip("\n")
    return before.endswith(":") and not after[:1].isspace()


def _method(place: Place, wrong: str) -> Made:
    """The function alone, at the indentation of its file; the file is visible as it is."""
    return _shown(place, place.source.text, "", "", "The function becomes:")(wrong)


def _changed_line(place: Place) -> tuple[int, int, int]:
    """Start of the line before the use (if in the function), start and end of the line of the use."""
    text, position = place.source.text, place.swap.spans[0][0]
    first = text.rfind("\n", 0, position) + 1
    above = text.rfind("\n", 0, max(first - 1, 0)) + 1
    return max(above, place.extent[0]), first, text.find("\n", position) + 1 or len(text)


def _search_replace(place: Place, wrong: str) -> Made:
    """A search/replace block that puts the line of the use in; the visible file has another in its place."""
    text, (above, first, end) = place.source.text, _changed_line(place)
    old, noted = _older(place)
    head = f"One change:\n\n{place.source.path}\n```\n<<<<<<< SEARCH\n{text[above:first]}{noted}=======\n{text[above:first]}"
    clean = f"{head}{text[first:end]}>>>>>>> REPLACE\n```\n"
    altered, at = _with_name(place, clean, len(head) - first, wrong)
    return old, clean, altered, at


def _older(place: Place) -> tuple[str, str]:
    """The file with a comment where the line of the use stands, and that comment's line."""
    text, (_above, first, end) = place.source.text, _changed_line(place)
    line = text[first:end]
    noted = f"{line[: len(line) - len(line.lstrip())]}{_COMMENT[place.family]} to be done\n"
    return f"{text[:first]}{noted}{text[end:]}", noted


def _diff(place: Place, wrong: str) -> Made:
    """A unified diff that puts the line of the use in; the visible file has another in its place."""
    text, (_above, first, end) = place.source.text, _changed_line(place)
    line, (old, _noted) = text[first:end], _older(place)
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        text.splitlines(keepends=True),
        f"a/{place.source.path}",
        f"b/{place.source.path}",
    )
    body = "".join(item if item.endswith("\n") else f"{item}\n" for item in lines)
    clean, start = _fenced("diff", body, "The patch:")
    at = clean.index(f"\n+{line}", start) + 2
    altered, at = _with_name(place, clean, at - first, wrong)
    return old, clean, altered, at


_SENTENCES = (
    "I will update {owner}.{name} in {path} and leave the rest as it is.",
    "The call goes through `{owner}.{name}` now; see `{path}`.",
    "Done. `{owner}.{name}()` keeps its behaviour, and the tests of {path} pass.",
    "What fails is {owner}.{name}: it is read twice in {path}.",
)


def _prose(place: Place, wrong: str) -> Made:
    """A sentence that names the member with its class; the file is visible as it is."""
    template = _SENTENCES[place.swap.spans[0][0] % len(_SENTENCES)]
    clean = template.format(owner=place.owner, name=place.swap.name, path=place.source.path)
    altered = template.format(owner=place.owner, name=wrong, path=place.source.path)
    return place.source.text, clean, altered, clean.index(f"{place.owner}.{place.swap.name}") + len(place.owner) + 1


MODES: dict[str, Callable[[Place, str], Made]] = {
    "fragment": _fragment,
    "method": _method,
    "search_replace": _search_replace,
    "diff": _diff,
    "prose": _prose,
}
"""How a row of each mode is made. ``file`` is made by :mod:`benchmarks.code_rows`."""
