"""Plausible wrong names: what a model writes when it half remembers an interface."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection

from parsers.project.suggestions import words

_VERBS = (
    ("get", "fetch", "load", "retrieve", "find", "read"),
    ("set", "update", "assign", "put", "configure"),
    ("create", "make", "build", "new", "init"),
    ("add", "append", "insert", "register", "push"),
    ("remove", "delete", "drop", "clear", "pop"),
    ("parse", "decode", "read", "load", "extract"),
    ("write", "save", "dump", "emit", "store"),
    ("send", "dispatch", "emit", "post", "submit"),
    ("start", "run", "launch", "begin", "open"),
    ("stop", "close", "end", "finish", "shutdown"),
    ("is", "has", "can", "should"),
    ("to", "as", "into"),
    ("check", "validate", "verify", "ensure"),
    ("render", "format", "draw", "print", "display"),
    ("handle", "process", "on", "execute"),
)
_NOUNS = (
    ("name", "title", "label", "key"),
    ("path", "file", "url", "location"),
    ("value", "data", "item", "content"),
    ("list", "items", "all", "entries"),
    ("options", "config", "settings", "params"),
    ("error", "exception", "failure"),
    ("count", "size", "length", "total"),
    ("text", "string", "content", "body"),
    ("type", "kind", "class"),
    ("index", "position", "offset"),
    ("handler", "callback", "listener"),
    ("request", "req", "message"),
    ("response", "result", "reply"),
    ("timeout", "deadline", "delay"),
    ("headers", "metadata", "fields"),
    ("client", "connection", "session"),
)
_PREFIXES = ("default", "current", "full", "raw", "base")
_SUFFIXES = ("info", "data", "all", "now", "value")


def rename(name: str, taken: Collection[str], generator: random.Random) -> str | None:
    """Another name of the same style that is not ``taken``; None when nothing plausible is free."""
    parts = list(words(name))
    if not parts or len(name) < 3:
        return None
    makers: list[Callable[[list[str], random.Random], list[str] | None]] = [
        _swap_verb,
        _swap_noun,
        _swap_verb,
        _swap_noun,
        _lengthen,
        _shorten,
        _plural,
    ]
    generator.shuffle(makers)
    for maker in makers:
        made = maker(parts, generator)
        if (
            made
            and made != parts
            and (styled := _styled(name, made)) not in taken
            and re.fullmatch(r"[A-Za-z_]\w*", styled)
        ):
            return styled
    return None


def _swap(word: str, groups: tuple[tuple[str, ...], ...], generator: random.Random) -> str | None:
    options = [other for group in groups if word in group for other in group if other != word]
    return generator.choice(options) if options else None


def _swap_verb(parts: list[str], generator: random.Random) -> list[str] | None:
    other = _swap(parts[0], _VERBS, generator)
    return [other, *parts[1:]] if other else None


def _swap_noun(parts: list[str], generator: random.Random) -> list[str] | None:
    other = _swap(parts[-1], _NOUNS, generator)
    return [*parts[:-1], other] if other else None


def _lengthen(parts: list[str], generator: random.Random) -> list[str] | None:
    if generator.random() < 0.5:
        return [*parts, generator.choice(_SUFFIXES)]
    position = 1 if len(parts) > 1 else 0
    return [*parts[:position], generator.choice(_PREFIXES), *parts[position:]]


def _shorten(parts: list[str], generator: random.Random) -> list[str] | None:
    return parts[:-1] if len(parts) > 2 else None


def _plural(parts: list[str], _generator: random.Random) -> list[str] | None:
    last = parts[-1]
    return [*parts[:-1], last[:-1] if last.endswith("s") and len(last) > 3 else last + "s"]


def _styled(name: str, parts: list[str]) -> str:
    lead = name[: len(name) - len(name.lstrip("_"))]
    body = name.strip("_")
    if body.isupper():
        return lead + "_".join(parts).upper()
    if "_" in body or body.islower():
        return lead + "_".join(parts)
    first = parts[0].capitalize() if body[0].isupper() else parts[0]
    return lead + first + "".join(part.capitalize() for part in parts[1:])
