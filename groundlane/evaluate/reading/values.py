"""What a cell says: texts as tools write them, lists of contexts in their many forms, labels of people."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from typing import Any, Final

_TEXT_KEYS: Final = (
    "text",
    "content",
    "page_content",
    "document",
    "passage",
    "passages",
    "snippet",
    "chunk",
    "body",
    "sentences",
)
_ID_KEYS: Final = ("source_id", "document_id", "doc_id", "id", "title", "source", "url")
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n"})
_HALLUCINATED: Final = frozenset({"hallucinated", "hallucination", "unfaithful", "fail", "failed"})
_GROUNDED: Final = frozenset({"grounded", "faithful", "pass", "passed", "supported"})
_NO_LABEL: Final = frozenset({"", "unknown", "none", "null", "nan", "n/a", "na", "?"})
_LONGEST_ID: Final = 200


class UnreadableError(ValueError):
    """A cell that says nothing of its role; the message says what would."""


def text_of(value: Any) -> str:
    """A text: as it stands, a number written out, a list of one text. Blank where there is none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    raise UnreadableError(f"expected a text, found {_shape(value)}")


def context_of(value: Any) -> str | list[dict[str, str]]:
    """One text, or units with their text and, where a document names itself, its ``source_id``. Blank ones are left out.

    Understood are a text; a list of texts, of lists of sentences, or of documents such as ``{"page_content": …}``; columns
    of a document's fields such as ``{"title": […], "sentences": […]}``; and all of these as JSON or Python in a text, as
    CSV files have them.
    """
    if isinstance(value, str):
        inner = _written_list(value)
        if inner is None:
            return value
        value = inner
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return _units_of_document(value)
    if isinstance(value, list | tuple):
        return [unit for item in value for unit in _units_of_item(item)]
    return text_of(value)


def label_of(value: Any, yes_is_grounded: bool = False) -> bool | None:
    """What a person found: True hallucinated, False grounded, None no label. Lists of marked spans count as well.

    ``yes_is_grounded``: the column asks whether the answer is grounded, so that ``yes`` says it is. Raises UnreadableError
    for any other word: a guess at what ``2`` means would be a guess at the truth.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return value is not yes_is_grounded
    if isinstance(value, list):
        return len(value) > 0
    if isinstance(value, float) and value != value:
        return None
    word = str(value).strip().lower()
    if word in _NO_LABEL:
        return None
    if word in _HALLUCINATED | _GROUNDED:
        return word in _HALLUCINATED
    if word in _YES | _NO:
        return (word in _YES) is not yes_is_grounded
    raise UnreadableError(f"{word[:40]!r} is no label: true, 1, yes or hallucinated, and false, 0, no or grounded are")


def _units_of_item(item: Any) -> list[dict[str, str]]:
    if item is None:
        return []
    if isinstance(item, str):
        return [{"text": item}] if item.strip() else []
    if isinstance(item, Mapping):
        return _units_of_document(item)
    if isinstance(item, list) and all(isinstance(each, str) for each in item):
        joined = " ".join(each.strip() for each in item if each.strip())
        return [{"text": joined}] if joined else []
    raise UnreadableError(f"a context is a text or a document with a text; found {_shape(item)}")


def _units_of_document(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """A document's text, or a record such as ``{"name": "Bella", "stars": 4}`` as JSON, which the server reads as fields."""
    key = next((key for key in _TEXT_KEYS if document.get(key)), None)
    if key is None:
        written = json.dumps({name: each for name, each in document.items() if each is not None}, default=str)
        return [{"text": written}] if any(document.values()) else []
    texts = document[key]
    name = next((document[key] for key in _ID_KEYS if document.get(key)), None)
    if isinstance(texts, list):
        names = name if isinstance(name, list) and len(name) == len(texts) else [None] * len(texts)
        units = [unit for text in texts for unit in _units_of_item(text) or [{"text": ""}]]
        if len(units) != len(names):
            names = [None] * len(units)
        return [_named(unit, each) for unit, each in zip(units, names, strict=True) if unit["text"]]
    return [_named(unit, name) for unit in _units_of_item(texts)]


def _named(unit: dict[str, str], name: Any) -> dict[str, str]:
    usable = isinstance(name, str | int) and not isinstance(name, bool) and 0 < len(str(name)) <= _LONGEST_ID
    return {**unit, "source_id": str(name)} if usable else unit


def _written_list(text: str) -> Any:
    """The texts or documents that a text lists, as JSON or as Python writes lists; None for any other text.

    A record written as JSON stays a text: the server reads its fields, and none must be lost here.
    """
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return None
    try:
        found = json.loads(stripped)
    except (ValueError, RecursionError):
        return _written_in_python(stripped)
    usable = all(isinstance(each, str) or (isinstance(each, dict) and _has_text(each)) for each in found)
    return found if usable and found else None


def _has_text(document: Mapping[str, Any]) -> bool:
    return any(document.get(key) for key in _TEXT_KEYS)


def _written_in_python(text: str) -> list[str] | None:
    r"""The texts of ``['one', 'two']`` or, as numpy writes it, of ``['one'\n 'two']``, which Python would join."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING:
                found.append(ast.literal_eval(token.string))
            elif token.string.strip() not in ("", "[", "]", ","):
                return None
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    return found if found and all(isinstance(each, str) for each in found) else None


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'nothing'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f"{type(value).__name__} {str(value)[:40]!r}"
