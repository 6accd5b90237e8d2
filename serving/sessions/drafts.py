"""What callers ask of sessions: plain values, checked at the HTTP edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LaneName = Literal["rag", "code"]


@dataclass(frozen=True)
class SessionSettings:
    """Limits and defaults of sessions."""

    hot_context_tokens: int = 2_000
    retention: str = "30d"
    event_characters: int = 400_000
    metadata_bytes: int = 16_384


@dataclass(frozen=True)
class SessionDraft:
    """What a new session starts with."""

    kind: str
    metadata: Mapping[str, Any]
    retention: str | None = None
    privacy_mode: bool = False


@dataclass(frozen=True)
class EventDraft:
    """An event as it was sent. Repeating an ``idempotency_key`` with the same event changes nothing."""

    event_type: str
    content: str
    metadata: Mapping[str, Any] | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class TurnDraft:
    """A turn to score. ``request`` is a validated lane request as JSON values."""

    lane: LaneName
    request: Mapping[str, Any]
    force_original_on_trigger: bool = False
    use_hot_context: bool = False
