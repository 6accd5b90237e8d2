"""JavaScript: the types that JSDoc comments give to parameters, results and fields.

Nothing checks such comments, so their types are marked (``doc:T``) and read with more doubt than declared ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from parsers.syntax.extraction import Extraction

__all__ = ["DOCUMENTED", "RESULT", "doc_of", "doc_types", "field_type"]

DOCUMENTED = "doc:"
RESULT, _TYPE = "()", "="
_PARAMETER = re.compile(r"@(?:param|arg|argument)\s+\{([^{}]{1,200})\}\s++(?:\[\s*+)?([\w$]++)(?![\w$.\[])")
_RETURNED = re.compile(r"@returns?\s+\{([^{}]{1,200})\}")
_DECLARED = re.compile(r"@type\s+\{([^{}]{1,200})\}")
_AROUND = frozenset(
    "export_statement variable_declarator lexical_declaration variable_declaration assignment_expression"
    " expression_statement pair parenthesized_expression".split()
)
_MOST = 6_000


@lru_cache(maxsize=4_000)
def doc_types(comment: str) -> dict[str, str]:
    """Types by parameter name; ``()`` is the result, ``=`` what ``@type`` says."""
    types = {name: _plain(text) for text, name in _PARAMETER.findall(comment)}
    for key, pattern in ((RESULT, _RETURNED), (_TYPE, _DECLARED)):
        if (match := pattern.search(comment)) is not None:
            types[key] = _plain(match[1])
    return {name: DOCUMENTED + text for name, text in types.items() if text}


def _plain(text: str) -> str:
    """A type without the marks of JSDoc; '' for rest parameters and name paths."""
    text = text.strip().removeprefix("!").removeprefix("?").removesuffix("=").replace(".<", "<").strip()
    return "" if text.startswith("...") or "module:" in text or "*" in text or "\n" in text else text


def doc_of(found: Extraction, node: Node | None) -> dict[str, str]:
    """What the comment before a function, field or assignment says; nothing outside of JavaScript."""
    if not found.documented or node is None:
        return {}
    while node.parent is not None and node.parent.type in _AROUND:
        node = node.parent
    end = node.start_byte
    while end > 0 and found.text[end - 1].isspace():
        end -= 1
    if not found.text.endswith("*/", 0, end):
        return {}
    start = found.text.rfind("/*", max(0, end - _MOST), end - 2)
    return doc_types(found.text[start:end]) if start >= 0 and found.text.startswith("/**", start) else {}


def field_type(found: Extraction, node: Node) -> str | None:
    """The type that ``/** @type {T} */`` gives to what ``node`` defines."""
    return doc_of(found, node).get(_TYPE)
