"""Type annotations as written, read into a small tree. One reader for the five languages; what it cannot read is '?'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["UNKNOWN_TYPE", "TypeNode", "function_result", "read_type", "split_top"]

UNION, TUPLE, ARRAY, UNKNOWN = "|", "(,)", "[]", "?"
_OPENERS = {"(": ")", "[": "]", "<": ">", "{": "}"}
_DROPPED = {
    "python": (),
    "typescript": ("readonly ", "unique ", "asserts "),
    "go": ("*", "...", "chan ", "<-chan ", "chan<- ", "<-"),
    "rust": ("&", "mut ", "dyn ", "impl ", "ref ", "const ", "*"),
}
_MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class TypeNode:
    """``name`` is a dotted name, '|' for a union, '(,)' for a tuple, '[]' for an array, '?' for anything else."""

    name: str
    arguments: tuple[TypeNode, ...] = ()


UNKNOWN_TYPE = TypeNode(UNKNOWN)


@lru_cache(maxsize=20_000)
def read_type(text: str, family: str) -> TypeNode:
    """Read an annotation of ``family`` (python, typescript, go, rust). Never fails: unreadable text is UNKNOWN_TYPE."""
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH:
        return UNKNOWN_TYPE
    if family == "python":
        text = text.replace('"', "").replace("'", "")
    return _read(text, family, 0)


def _read(text: str, family: str, depth: int) -> TypeNode:
    text = _strip_marks(text.strip(), family)
    if not text or depth > 8:
        return UNKNOWN_TYPE
    if family in {"python", "typescript"}:
        parts = split_top(text, "|")
        if len(parts) > 1:
            return TypeNode(UNION, tuple(_read(part, family, depth + 1) for part in parts if part.strip()))
    reader = {"python": _python, "typescript": _typescript, "go": _go, "rust": _rust}[family]
    return reader(text, depth)


def _strip_marks(text: str, family: str) -> str:
    changed = True
    while changed:
        changed = False
        for mark in _DROPPED[family]:
            if text.startswith(mark):
                text, changed = text[len(mark) :].lstrip(), True
        if family == "rust" and text.startswith("'"):
            text, changed = text.partition(" ")[2].lstrip(), True
    return text


def _python(text: str, depth: int) -> TypeNode:
    head, inner = _head_and_inner(text, "[")
    if inner is None:
        return _named(head)
    parts = [_read(part, "python", depth + 1) for part in split_top(inner, ",")]
    short = head.rpartition(".")[2]
    if short == "Optional":
        return TypeNode(UNION, (*parts, TypeNode("None")))
    if short == "Union":
        return TypeNode(UNION, tuple(parts))
    if short in {
        "Annotated",
        "ClassVar",
        "Final",
        "Required",
        "NotRequired",
        "ReadOnly",
        "InitVar",
        "Mapped",
        "TypeGuard",
    }:
        return parts[0] if short != "TypeGuard" else TypeNode("bool")
    if short in {"tuple", "Tuple"}:
        return TypeNode(TUPLE, tuple(parts))
    if short in {"Literal", "Callable", "Concatenate"}:
        return UNKNOWN_TYPE
    return TypeNode(_named(head).name, tuple(parts))


def _typescript(text: str, depth: int) -> TypeNode:
    if text.startswith("(") and text.endswith(")") and _closes(text, 0) == len(text) - 1:
        return _read(text[1:-1], "typescript", depth + 1)
    if "=>" in text or " extends " in text or text[0] in "{'\"`" or len(split_top(text, "&")) > 1:
        return UNKNOWN_TYPE
    if text.endswith("[]"):
        return TypeNode(ARRAY, (_read(text[:-2], "typescript", depth + 1),))
    if text.startswith("["):
        parts = split_top(text[1:-1], ",")
        return TypeNode(TUPLE, tuple(_read(part.rpartition(":")[2], "typescript", depth + 1) for part in parts))
    if text.startswith("keyof "):
        return UNKNOWN_TYPE  # the names of members
    head, inner = _head_and_inner(text, "<")
    if inner is None:
        return _named(head)
    parts_read = tuple(_read(part, "typescript", depth + 1) for part in split_top(inner, ","))
    if head in {"Array", "ReadonlyArray"} and parts_read:
        return TypeNode(ARRAY, parts_read[:1])
    if head in {"Readonly", "Required", "NonNullable", "Awaited", "NoInfer"}:
        return parts_read[0]
    if head in {"Partial"}:
        return parts_read[0]
    return TypeNode(_named(head).name, parts_read)


def _go(text: str, depth: int) -> TypeNode:
    if text.startswith("func") or text.startswith(("struct{", "interface{", "struct {", "interface {")):
        return UNKNOWN_TYPE
    if text.startswith("("):
        parts = split_top(text[1:-1], ",")
        return TypeNode(TUPLE, tuple(_read(part, "go", depth + 1) for part in parts))
    if text.startswith("map["):
        end = _closes(text, 3)
        if end < 0:
            return UNKNOWN_TYPE
        return TypeNode("map", (_read(text[4:end], "go", depth + 1), _read(text[end + 1 :], "go", depth + 1)))
    if text.startswith("["):
        end = _closes(text, 0)
        return TypeNode(ARRAY, (_read(text[end + 1 :], "go", depth + 1),)) if end > 0 else UNKNOWN_TYPE
    parts = split_top(text, ",")
    if len(parts) > 1:
        return TypeNode(TUPLE, tuple(_read(part, "go", depth + 1) for part in parts))
    head, inner = _head_and_inner(text, "[")
    if inner is None:
        return _named(head)
    return TypeNode(_named(head).name, tuple(_read(part, "go", depth + 1) for part in split_top(inner, ",")))


def _rust(text: str, depth: int) -> TypeNode:
    if text.startswith("("):
        parts = [part for part in split_top(text[1:-1], ",") if part.strip()]
        return TypeNode(TUPLE, tuple(_read(part, "rust", depth + 1) for part in parts))
    if text.startswith("["):
        return TypeNode(ARRAY, (_read(text[1:-1].partition(";")[0], "rust", depth + 1),))
    if " + " in text:
        return UNKNOWN_TYPE  # several traits
    if text.startswith(("fn", "Fn", "unsafe ", "extern ", "<", "!")) and not text.startswith("Fnv"):
        return UNKNOWN_TYPE
    head, inner = _head_and_inner(text, "<")
    if inner is None:
        return _named(head.replace("::", "."))
    read = [part for part in split_top(inner, ",") if not part.strip().startswith("'")]
    return TypeNode(
        _named(head.removesuffix("::").replace("::", ".")).name, tuple(_read(part, "rust", depth + 1) for part in read)
    )


def function_result(text: str) -> str | None:
    """What a function type of TypeScript returns: ``Foo<unknown>`` of ``<T>(a: T) => Foo<T>``; None for any other type.

    Its own type parameters are unknown there.
    """
    text, own = text.strip(), []
    if text.startswith("<"):
        end = _closes(text, 0)
        own = [part.split()[0] for part in split_top(text[1:end], ",") if part.split()] if end > 0 else []
        text = text[end + 1 :].lstrip() if end > 0 else ""
    end = _closes(text, 0) if text.startswith("(") else -1
    rest = text[end + 1 :].lstrip() if end > 0 else ""
    if not rest.startswith("=>"):
        return None
    returns = rest[2:].strip()
    for name in own:
        returns = re.sub(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", "unknown", returns)
    return returns


def _named(head: str) -> TypeNode:
    head = head.strip()
    ok = bool(head) and all(part.isidentifier() or part in {"this", "$"} for part in head.replace("$", "_").split("."))
    return TypeNode(head) if ok else UNKNOWN_TYPE


def _head_and_inner(text: str, opener: str) -> tuple[str, str | None]:
    start = text.find(opener)
    if start < 0:
        return text, None
    end = _closes(text, start)
    if end != len(text) - 1:
        return UNKNOWN, None
    return text[:start].strip(), text[start + 1 : end]


def _closes(text: str, start: int) -> int:
    """Position of the bracket that closes the one at ``start``, or -1."""
    depth = 0
    for position in range(start, len(text)):
        character = text[position]
        if character in "([<{":
            depth += 1
        elif character in ")]}" or (character == ">" and text[position - 1] not in "-="):
            depth -= 1
            if depth == 0:
                return position
    return -1


def split_top(text: str, separator: str, lifetimes: bool = True) -> list[str]:
    """Split at ``separator`` outside brackets and quotes.

    With ``lifetimes`` a single quote before a letter opens no text (``&'a T``).
    """
    parts, depth, start, quote = [], 0, 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[position - 1] != "\\" else quote
        elif character in "\"'`" and not (
            lifetimes and character == "'" and text[position + 1 : position + 2].isalpha()
        ):
            quote = character
        elif character in "([<{":
            depth += 1
        elif character in ")]}" or (character == ">" and position and text[position - 1] not in "-="):
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
