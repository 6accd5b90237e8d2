"""Text that a caller may have given, as it may stand in a log."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

MOST_CHARACTERS: Final = 512
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls and newlines; marks that turn the direction of reading or join words; halves of pairs; private and unassigned
characters; separators of lines and paragraphs. A reader of the log does not see them, or sees something else for them."""


def visible(text: str) -> str:
    r"""``text`` on one line, its unseen characters as escapes: ``"a\nb"`` becomes ``a\x0ab``, a right-to-left mark ``\u202e``.

    Past 512 characters the rest is counted, not shown.
    """
    shown = text[:MOST_CHARACTERS]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(map(_seen, shown))
    return shown if len(text) <= MOST_CHARACTERS else f"{shown}… ({len(text) - MOST_CHARACTERS} more characters)"


def visible_values(value: object) -> object:
    """``value`` with every string in it made :func:`visible`: names and values of mappings, items of lists."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(name)): visible_values(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [visible_values(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return visible(str(value))


def _seen(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
