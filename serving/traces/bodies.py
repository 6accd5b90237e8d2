"""How a body is kept: compact JSON, compressed where that saves, under the SHA-256 of the JSON."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Final

import orjson

_PLAIN: Final = b"j"
_DEFLATED: Final = b"z"
_WORTH_BYTES: Final = 256
"""Below this, compression saves nothing that its time is worth."""


def encode_body(value: Any) -> tuple[str, bytes]:
    """The body's name and its bytes. NaN and infinity, which JSON has not, become null."""
    plain = orjson.dumps(value)
    name = hashlib.sha256(plain).hexdigest()
    if len(plain) >= _WORTH_BYTES:
        small = zlib.compress(plain, 1)
        if len(small) < len(plain):
            return name, _DEFLATED + small
    return name, _PLAIN + plain


def decode_body(content: bytes) -> Any:
    """The value of :func:`encode_body`'s bytes."""
    return orjson.loads(zlib.decompress(content[1:]) if content[:1] == _DEFLATED else content[1:])
