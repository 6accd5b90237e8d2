"""Right-hand sides read into access chains, in the notation of ``Reference.chain``, so that they can be evaluated.

Heads that are not names: ``#str`` and the like for literals, ``#type:T`` for a value of type T, ``?`` for anything else.
Links: a member's name, ``()`` call, ``[]`` subscript, ``#await``, ``#try`` (Rust's ``?``), ``#iter`` element of a loop,
``#enter`` value bound by ``with``, ``#0``… one place of a tuple.
"""

from __future__ import annotations

import re
from functools import lru_cache

from parsers.syntax.type_text import split_top

__all__ = ["Chain", "read_expression"]

Chain = tuple[str, ...]
_NAME = re.compile(r"[A-Za-z_$][\w$]*!?")
_MEMBER = re.compile(r"#?[A-Za-z_$][\w$]*|\d+")
_NUMBER = re.compile(
    r"[-+]?(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?P<fraction>\.\d[\d_]*)?(?P<exponent>[eE][-+]?\d+)?)n?(?:_?[iuf](?:8|16|32|64|128|size))?$"
)
_STRING = re.compile(r"""(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>\"\"\"|'''|"|'|`)""")
_CONSTANTS = {
    "True": "#bool",
    "False": "#bool",
    "None": "#none",
    "true": "#bool",
    "false": "#bool",
    "null": "#none",
    "undefined": "#none",
    "void 0": "#none",
    "nil": "#none",
}
_LAMBDA = re.compile(
    r"(?:async\s+)?(?:lambda\b|function\b|\([^()]*\)\s*(?::[^=]*)?=>|[\w$]+\s*=>|func\s*\(|move\s*\||\|)"
)
_UNREADABLE = re.compile(r"(?:not |yield\b|if |match |switch |loop |unsafe |-|!|~|\.\.\.|typeof |void |delete |\+)")
_COMPILED_CALL = re.compile(r"^\(0,\s*([\w$.]+)\)\(")
_BLOCK = {"(": ")", "[": "]", "{": "}"}
_MAX_LENGTH = 20_000


@lru_cache(maxsize=20_000)
def read_expression(text: str, family: str) -> tuple[Chain, ...] | None:
    """The chains that the expression may evaluate to (several for ``a or b`` and conditionals), None when unreadable."""
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH:
        return None
    rust = family == "rust"
    if family == "typescript":
        text = _COMPILED_CALL.sub(r"\1(", text)
    while text.startswith("(") and _closing(text, 0) == len(text) - 1 and len(split_top(text[1:-1], ",", rust)) == 1:
        text = text[1:-1].strip()
        if not text:
            return None
    alternatives = _alternatives(text, family)
    if alternatives is not None:
        found = [read_expression(part, family) for part in alternatives]
        return tuple(chain for group in found if group for chain in group) if all(found) else None
    chain = _read_one(text, family)
    return None if chain is None else (chain,)


def _alternatives(text: str, family: str) -> list[str] | None:
    if family == "python":
        if (
            " if " in text
            and " else " in text
            and (found := re.match(r"^([^\n]*?) if [^\n]* else ([^\n]*)$", text))
            and _balanced(found[1])
        ):
            return [found[1], found[2]] if _balanced(found[2]) else None
        return _split_words(text, " or ")
    if family == "typescript":
        for operator in (" ?? ", " || "):
            if (parts := _split_words(text, operator)) is not None:
                return parts
    return None


def _split_words(text: str, operator: str) -> list[str] | None:
    if operator not in text:
        return None
    parts = text.split(operator)
    return parts if all(_balanced(part) for part in parts) else None


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0 and text.count('"') % 2 == 0 and text.count("'") % 2 == 0


def _read_one(text: str, family: str) -> Chain | None:
    if text in _CONSTANTS:
        return (_CONSTANTS[text],)
    if _NUMBER.match(text):
        return ("#float",) if "." in text and not text.startswith("0x") else ("#int",)
    awaited = text.startswith("await ")
    if awaited:
        text = text[6:].lstrip()
        while text.startswith("(") and _closing(text, 0) == len(text) - 1:
            text = text[1:-1].strip()
    if _LAMBDA.match(text) and not (family == "go" and text.rstrip().endswith(")") and text.startswith("func")):
        return ("#function",)
    if _UNREADABLE.match(text):
        return None
    text, cast = _cast(text, family)
    if cast:
        return (f"#type:{cast}", *(("#await",) if awaited else ()))
    head, position = _head(text, family)
    if head is None:
        return None
    links = _links(text, position, family)
    if links is None:
        return None
    return (*head, *links, *(("#await",) if awaited else ()))


def _cast(text: str, family: str) -> tuple[str, str]:
    if family == "typescript":
        if text.endswith("!"):
            text = text[:-1]
        text = re.sub(r"\s+(?:as const|satisfies\s+[\w.]+)$", "", text)
        found = re.match(r"^(?P<inner>.+)\s+as\s+(?P<type>[\w.<>\[\], |$]+)$", text, re.DOTALL)
        if found and _balanced(found["inner"]):
            return text, found["type"].strip()
    if family == "rust" and (found := re.match(r"^(?P<inner>.+)\s+as\s+(?P<type>[\w:<>]+)$", text, re.DOTALL)):
        return text, found["type"]
    return text, ""


def _head(text: str, family: str) -> tuple[Chain | None, int]:
    found = _STRING.match(text)
    if found and not (family == "rust" and found["quote"] == "'"):
        return _string_head(text, found, family)
    if family == "go":
        return _go_head(text)
    if family == "rust":
        return _rust_head(text)
    if text[0] in "[{(":
        end = _closing(text, 0)
        if end < 0:
            return None, 0
        return _bracket_head(text, end, family), end + 1
    if text.startswith("new "):
        text_from = 4 + len(text[4:]) - len(text[4:].lstrip())
        found_name = _NAME.match(text, text_from)
        if found_name is None:
            return None, 0
        names, position = _dotted(text, found_name.group(), found_name.end())
        if text[position : position + 1] == "<":
            position = _closing_angle(text, position) + 1
        if text[position : position + 1] == "(":
            position = _closing(text, position) + 1
        return ((*names, "()"), position) if position > 0 else (None, 0)
    found_name = _NAME.match(text)
    return ((found_name.group(),), found_name.end()) if found_name else (None, 0)


def _string_head(text: str, found: re.Match[str], family: str) -> tuple[Chain | None, int]:
    quote, position = found["quote"], found.end()
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text.startswith(quote, position):
            kind = "#bytes" if family == "python" and "b" in found["prefix"].lower() else "#str"
            return (kind,), position + len(quote)
        position += 1
    return None, 0


def _bracket_head(text: str, end: int, family: str) -> Chain | None:
    inner = text[1:end]
    if text[0] == "[":
        return ("#list",)
    if text[0] == "{":
        if family == "typescript":
            return None
        return ("#dict",) if ":" in inner or not inner.strip() or "**" in inner else ("#set",)
    return ("#tuple",) if len(split_top(inner, ",", family == "rust")) > 1 or not inner.strip() else None


_GO_TYPE = re.compile(r"&?(?P<type>(?:\[\w*\]|map\[[^\]]+\])*\*?[A-Za-z_][\w.]*(?:\[[\w.*, ]+\])?)\s*\{")
_GO_MAKE = re.compile(r"(?P<kind>make|new)\(")


def _go_head(text: str) -> tuple[Chain | None, int]:
    if found := _GO_MAKE.match(text):
        end = _closing(text, found.end() - 1)
        kind = split_top(text[found.end() : end], ",")[0].strip()
        return ((f"#type:{kind}",), end + 1) if end > 0 else (None, 0)
    if (found := _GO_TYPE.match(text)) and (end := _closing(text, found.end() - 1)) > 0:
        return (f"#type:{found['type']}",), end + 1
    text_from = len(text) - len(text.lstrip("&*"))
    if text.startswith("<-"):
        return None, 0
    if text.startswith(("[]byte(", "[]rune(", "[]string(")):
        return (f"#type:{text.partition('(')[0]}",), _closing(text, text.find("(")) + 1
    found_name = _NAME.match(text, text_from)
    return ((found_name.group(),), found_name.end()) if found_name else (None, 0)


def _rust_head(text: str) -> tuple[Chain | None, int]:
    start = 0
    while found := re.compile(r"(?:&|\*|mut\b|ref\b)\s*").match(text, start):
        start = found.end()
    found_name = _NAME.match(text, start)
    if found_name is None:
        return None, 0
    name = found_name.group()
    if name in {"vec!", "format!", "String"} and name.endswith("!"):
        following = text[found_name.end() : found_name.end() + 1]
        end = _closing(text, found_name.end()) if following in _BLOCK else -1
        return ((("#type:Vec",) if name == "vec!" else ("#type:String",)), end + 1) if end > 0 else (None, 0)
    if name.endswith("!"):
        return None, 0
    first = "self::" if name == "self" and text.startswith("::", found_name.end()) else name
    names, position = _dotted(text, first, found_name.end(), "::")
    rest = text[position:].lstrip()
    if rest.startswith("{") and names[-1][:1].isupper():
        opening = text.find("{", position)
        end = _closing(text, opening)
        return ((f"#type:{'::'.join(names)}",), end + 1) if end > 0 else (None, 0)
    return names, position


def _dotted(text: str, first: str, position: int, separator: str = ".") -> tuple[Chain, int]:
    names = [first]
    while text.startswith(separator, position):
        found = _NAME.match(text, position + len(separator))
        if found is None:
            if separator == "::" and text.startswith("<", position + 2):  # turbofish
                position = _closing_angle(text, position + 2) + 1
                continue
            break
        names.append(found.group())
        position = found.end()
    return tuple(names), position


def _links(text: str, position: int, family: str) -> Chain | None:
    links: list[str] = []
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position >= len(text) or (text[position] in ";," and position == len(text) - 1):
            return tuple(links)
        step = (
            _after_mark(text, position, family)
            or _member_link(text, position, family)
            or _bracket_link(text, position, family)
        )
        if step is None:
            return None
        link, position = step
        if link:
            links.append(link)


def _after_mark(text: str, position: int, family: str) -> tuple[str, int] | None:
    """Optional chaining, non-null marks, type arguments and Rust's question mark."""
    if family == "rust":
        return ("#try", position + 1) if text[position] == "?" else None
    if text.startswith("?.", position):
        position += 1
        return "", position + (text[position + 1 : position + 2] in {"(", "["})
    if family == "typescript":
        if text[position] == "!":
            return "", position + 1
        if text[position] == "<" and (end := _closing_angle(text, position)) > 0 and text[end + 1 : end + 2] == "(":
            return "", end + 1
    return None


def _member_link(text: str, position: int, family: str) -> tuple[str, int] | None:
    if text[position] == ".":
        start = position + 1
    elif text.startswith("::", position):
        start = position + 2
    else:
        return None
    while start < len(text) and text[start].isspace():
        start += 1
    if text.startswith("(", start):  # Go's type assertion
        end = _closing(text, start)
        kind = text[start + 1 : end].strip()
        return (f"#as:{kind}", end + 1) if end > 0 and kind != "type" else None
    if text.startswith("<", start):
        return "", _closing_angle(text, start) + 1
    found = _MEMBER.match(text, start)
    if found is None:
        return None
    name = found.group()
    return "#await" if family == "rust" and name == "await" else name, found.end()


def _bracket_link(text: str, position: int, family: str) -> tuple[str, int] | None:
    if text[position] not in "([":
        return None
    end = _closing(text, position)
    if end < 0:
        return None
    if text[position] == "(":
        return "()", end + 1
    sliced = family == "python" and len(split_top(text[position + 1 : end], ":", False)) > 1
    return "[:]" if sliced else "[]", end + 1


def _closing(text: str, start: int) -> int:
    """Position of the bracket that closes the one at ``start``, strings skipped, or -1."""
    stack: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character in "\"'`":
            end = text.find(character, position + 1)
            while end > 0 and text[end - 1] == "\\":
                end = text.find(character, end + 1)
            if end > 0 and not (
                character == "'"
                and text[position + 1 : position + 2].isalpha()
                and text[position + 2 : position + 3] != "'"
                and "\n" in text[position:end]
            ):
                position = end
        elif character in _BLOCK:
            stack.append(_BLOCK[character])
        elif character in ")]}":
            if not stack or stack.pop() != character:
                return -1
            if not stack:
                return position
        position += 1
    return -1


def _closing_angle(text: str, start: int) -> int:
    depth = 0
    for position in range(start, min(len(text), start + 300)):
        if text[position] == "<":
            depth += 1
        elif text[position] == ">" and text[position - 1] not in "=-":
            depth -= 1
            if depth == 0:
                return position
        elif text[position] in ";":
            break
    return -1
