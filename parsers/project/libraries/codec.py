"""What was parsed of a package's file as JSON: definitions and imports, without the uses that only its own code needs.

Fields at the end of a record that hold their default are left out: a file is read back when it is first imported from.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

import orjson

from parsers.syntax.types import Definition, Import, Macro, Parameter, ParseResult, Reference, ReferenceKind, SymbolKind

__all__ = ["decode_parse", "encode_parse"]

_MOST_VALUE_CHARACTERS = 600
"""A longer value (a table of constants) is left out: nothing is inferred from it that its name does not say."""


def encode_parse(parse: ParseResult) -> bytes:
    """``parse`` without references that no module is built from, and without its facts."""
    return orjson.dumps(
        {
            "language": parse.language,
            "path": parse.path,
            "definitions": [_definition(item) for item in parse.definitions],
            "imports": [_packed(item) for item in parse.imports],
            "references": [_packed(item) for item in parse.references if _builds(item)],
            "errors": parse.errors,
            "dynamic": parse.dynamic,
            "truncated_reason": parse.truncated_reason,
            "words": sorted(parse.words) if parse.errors or parse.truncated_reason else [],
            "macros": [[item.name, sorted(item.words), item.defined] for item in parse.macros],
            "package": parse.package,
        }
    )


def decode_parse(text: bytes) -> ParseResult:
    """The inverse of :func:`encode_parse`. Raises ValueError for anything else."""
    try:
        return _read(orjson.loads(text))
    except (KeyError, TypeError, IndexError, orjson.JSONDecodeError) as error:
        raise ValueError(f"not a parsed file: {error!r}") from None


def _read(record: dict[str, Any]) -> ParseResult:
    return ParseResult(
        language=record["language"],
        path=record["path"],
        definitions=tuple(_read_definition(item) for item in record["definitions"]),
        imports=tuple(_read_import(item) for item in record["imports"]),
        references=tuple(_read_reference(item) for item in record["references"]),
        errors=tuple((start, end) for start, end in record["errors"]),
        dynamic=tuple(record["dynamic"]),
        truncated_reason=record["truncated_reason"],
        words=frozenset(record["words"]),
        macros=tuple(Macro(name, frozenset(words), defined) for name, words, defined in record["macros"]),
        package=record["package"],
    )


def _builds(item: Reference) -> bool:
    """Whether a module is read differently for a use: ``__all__ += …``, ``type(name, bases, {})``."""
    return item.chain[0] == "__all__" or (item.chain == ("type",) and item.positional == 3)


def _definition(item: Definition) -> list[Any]:
    packed = _packed(item)
    value = _DEFINITION_FIELDS.index("value")
    if len(packed) > value and len(packed[value] or "") > _MOST_VALUE_CHARACTERS:
        packed[value] = None
    parameters = _DEFINITION_FIELDS.index("parameters")
    if len(packed) > parameters and item.parameters is not None:
        packed[parameters] = [_packed(parameter) for parameter in item.parameters]
    return packed


def _packed(item: Any) -> list[Any]:
    """The fields of a dataclass in order, without those at the end that hold their default."""
    values = [getattr(item, found.name) for found in fields(item)]
    defaults = [_default(found) for found in fields(item)]
    while values and values[-1] == defaults[len(values) - 1]:
        values.pop()
    return values


def _default(found: Field[Any]) -> Any:
    return found.default if found.default is not MISSING else MISSING


_DEFINITION_FIELDS = [found.name for found in fields(Definition)]
_TUPLES = {"span", "bases", "decorators", "scope", "extent", "modifiers", "returns"}
_TUPLE_PLACES = [place for place, name in enumerate(_DEFINITION_FIELDS) if name in _TUPLES]
_PARAMETERS = _DEFINITION_FIELDS.index("parameters")


def _read_definition(values: list[Any]) -> Definition:
    values[1] = SymbolKind(values[1])
    for place in _TUPLE_PLACES:
        if place < len(values):
            values[place] = tuple(values[place])
    if len(values) > _PARAMETERS and values[_PARAMETERS] is not None:
        values[_PARAMETERS] = tuple(Parameter(*item) for item in values[_PARAMETERS])
    return Definition(*values)


def _read_reference(values: list[Any]) -> Reference:
    chain, kind, span, line, *rest = values
    positional = rest[0] if rest else None
    return Reference(tuple(chain), ReferenceKind(kind), tuple(span), line, positional)


def _read_import(values: list[Any]) -> Import:
    values[3] = tuple(values[3])
    return Import(*values)
