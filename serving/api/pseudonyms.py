"""Names that stand for a caller's own in logs and keys."""

from __future__ import annotations

import hashlib


def hashed_session(tenant: str, session_id: str) -> str:
    """32 hex digits that stand for a session in logs; the same id of two tenants gives two values."""
    return hashlib.sha256(f"{tenant}\0{session_id}".encode()).hexdigest()[:32]
