"""How the server writes a lane's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON; numpy's numbers and arrays are written as plain ones."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
