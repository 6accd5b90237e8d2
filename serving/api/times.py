"""Times as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(milliseconds: int) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000.0, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
