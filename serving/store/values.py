"""How values are kept in columns: JSON and text as UTF-8 bytes, digests as hex."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import orjson

from serving.api.errors import ValidationFailedError

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MAX_DURATION_S: Final = 3_650 * 86_400
IDLE_LIMIT_MS: Final = 30 * 86_400_000
"""A session that is to go when it is closed goes after 30 idle days all the same, should nobody close it."""


def encode_text(text: str) -> bytes:
    """UTF-8. Raises ValidationFailedError for a lone surrogate, which no encoding can carry."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValidationFailedError(
            f"text has a lone surrogate at character {error.start}; send valid Unicode"
        ) from None


def encode_json(value: Any) -> bytes:
    """Compact JSON with sorted keys: equal values have equal bytes. Raises ValidationFailedError if it has no JSON form."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, UnicodeEncodeError) as error:
        raise ValidationFailedError(f"a value cannot be stored as JSON: {error}") from None


def decode_json(data: bytes) -> Any:
    """The value of :func:`encode_json`'s bytes."""
    return orjson.loads(data)


def digest_of(*parts: bytes) -> str:
    """SHA-256 over the parts and their lengths, 64 hex digits."""
    summary = hashlib.sha256()
    for part in parts:
        summary.update(len(part).to_bytes(8, "big"))
        summary.update(part)
    return summary.hexdigest()


def source_id_of(text: str) -> str:
    """The vault's name for a text: SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(encode_text(text)).hexdigest()


def parse_duration_ms(text: str) -> int:
    """``30d``, ``12h``, ``90m`` or ``45s`` in milliseconds, ten years at most. Raises ValidationFailedError."""
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNIT_S[match[2]] if match else 0
    if not 0 < seconds <= _MAX_DURATION_S:
        raise ValidationFailedError(
            f"{text[:32]!r} is no duration; send a whole number and a unit, such as 30d, 12h or 90m"
        )
    return seconds * 1_000


def expiry_ms(retention: str, now_ms: int) -> int | None:
    """When a session of this retention, last used now, may be deleted; None for never."""
    if retention == "keep":
        return None
    return now_ms + (IDLE_LIMIT_MS if retention == "close" else parse_duration_ms(retention))
