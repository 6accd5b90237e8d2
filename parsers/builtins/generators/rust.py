"""Rust: read the pages of ``rustdoc`` for the standard library (the rust-docs component of a toolchain).

Each type's page lists its inherent methods, those it reaches through ``Deref`` and those of every trait it implements.
Blanket implementations are the same on every page: their methods are collected once, under the module ``*``.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

Entry = list[Any]
_TYPES = {"struct": "struct", "enum": "enum", "union": "struct", "trait": "trait", "primitive": "primitive"}
_VALUES = {"constant", "static"}
_SKIPPED = {"arch", "intrinsics", "simd", "core_arch"}
_SECTION = re.compile(r'<section id="(method|tymethod|variant|structfield|associatedconstant)\.(\w+?)(?:-\d+)?" class')
_VARIANT = re.compile(r'<section id="variant\.(\w+)"')
_FIELD = re.compile(r'<span id="structfield\.(\w+)" class="structfield[^"]*">.*?<code>(.*?)</code>', re.DOTALL)
_HEADER = re.compile(r'<h4 class="code-header">(.*?)</h4>', re.DOTALL)
_DECLARATION = re.compile(r'<pre class="rust item-decl"><code>(.*?)</code></pre>', re.DOTALL)
_WHERE = re.compile(r"\s*(?:ⓘ\s*)?(?:where [A-Z&\[(<'].*)?$")
_DEREF = re.compile(r'<h2 id="deref-methods-([^"]+)"')


def read_documentation(folder: Path) -> dict[str, dict[str, Any]]:
    """Every public item below a crate's documentation folder (``html/std``) by module path (``std::vec``)."""
    modules: dict[str, dict[str, Any]] = {"*": {"d": {}}}
    for path in sorted(folder.rglob("*.html")):
        relative = path.relative_to(folder.parent)
        kind, _, rest = path.name.removesuffix(".html").partition(".")
        if _SKIPPED & set(relative.parts) or not rest or rest.endswith("!"):
            continue
        names = modules.setdefault("::".join(relative.parts[:-1]), {"d": {}})["d"]
        page = path.read_text(encoding="utf-8")
        if kind in _TYPES:
            names[rest] = ["c", _type_record(page, _TYPES[kind], modules["*"]["d"])]
        elif kind == "fn":
            names[rest] = ["f", [_signature(_plain(_first(_DECLARATION, page)))], ""]
        elif kind == "macro":
            names[f"{rest}!"] = ["m"]
        elif kind == "type":
            names[rest] = ["=", _plain(_first(_DECLARATION, page)).partition("= ")[2].rstrip(";")]
        elif kind in _VALUES:
            names[rest] = ["v", _plain(_first(_DECLARATION, page)).partition(": ")[2].partition(" =")[0].rstrip(";")]
        elif kind in {"derive", "attr"}:
            names.setdefault(rest, ["m"])
    return modules


def _type_record(page: str, kind: str, blanket: dict[str, Entry]) -> dict[str, Any]:
    own, _, shared = page.partition('id="blanket-implementations"')
    own = own.partition('id="synthetic-implementations"')[0].partition('id="implementors"')[0]
    members: dict[str, Entry] = {}
    for name, text in _FIELD.findall(own):
        members[name] = ["v", _plain(text).partition(": ")[2]]
    _sections(own, members)
    _sections(shared, blanket)
    for name in _VARIANT.findall(own):
        members[name] = ["e"]
    record: dict[str, Any] = {"b": [], "m": members, "k": kind}
    record["b"] = [html.unescape(name).replace("%5B", "[").replace("%5D", "]") for name in _DEREF.findall(own)]
    parameters = re.match(
        r"(?:pub )?(?:unsafe )?(?:struct|enum|trait|union) \w+<(.*?)>", _plain(_first(_DECLARATION, own))
    )
    if parameters:
        record["p"] = re.findall(r"(?:^|, )(\w+)", parameters.group(1))
    return record


def _sections(page: str, members: dict[str, Entry]) -> None:
    for found in _SECTION.finditer(page):
        role, name = found.groups()
        if role == "variant":
            continue
        header = _HEADER.search(page, found.end())
        if name in members or header is None or header.start() - found.end() > 3000:
            continue
        text = _plain(header.group(1))
        members[name] = ["v", ""] if role == "associatedconstant" else ["f", [_signature(text)], ""]


def _signature(text: str) -> list[str]:
    """``[parameters, result]`` of ``pub fn get<I>(&self, index: I) -> Option<&T>``; ``self`` is kept as a parameter."""
    text = text[text.find("fn ") :]
    start = _opening(text)
    depth, end = 0, start
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            break
    names = [_parameter(part) for part in _split(text[start + 1 : end])]
    result = _WHERE.sub("", text[end + 1 :]).strip().removeprefix("->").strip()
    return [",".join(name for name in names if name), result if len(result) < 160 else ""]


def _opening(text: str) -> int:
    """Where the parameter list opens: the first parenthesis outside the generic parameters."""
    depth = 0
    for position, character in enumerate(text):
        if character == "<":
            depth += 1
        elif character == ">" and text[position - 1] != "-":
            depth -= 1
        elif character == "(" and depth == 0:
            return position
    return max(text.find("("), 0)


def _parameter(text: str) -> str:
    name = text.partition(":")[0].strip()
    return "self" if name.endswith("self") else name.removeprefix("mut ").strip()


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "(<[":
            depth += 1
        elif character in ")]" or (character == ">" and text[position - 1] != "-"):
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", text))).strip()
