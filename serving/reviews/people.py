"""Who reviews, and the texts people write: checked and redacted before anything is kept."""

from __future__ import annotations

from typing import Final

from serving.api.errors import ValidationFailedError
from serving.redaction.patterns import redact
from serving.store.trace_schema import NAME_CHARACTERS
from serving.store.values import encode_text

NOTE_CHARACTERS: Final = 4_000
AUTHOR_CHARACTERS: Final = 128


def author_of(given: str | None, caller: str | None) -> str:
    """The name under which something is kept: the one given, else who called. Raises ValidationFailedError."""
    return short_text(given or caller or "anonymous", "author", AUTHOR_CHARACTERS)


def short_text(text: str, where: str, limit: int = NAME_CHARACTERS) -> str:
    """A text of one line without secrets. Raises ValidationFailedError where it is empty, too long or has control characters."""
    plain = redact(text.strip()).text
    if not 0 < len(plain) <= limit or not plain.isprintable():
        raise ValidationFailedError(f"{where}: has 1 to {limit} characters on one line")
    return plain


def note_bytes(text: str | None, privacy_mode: bool) -> bytes | None:
    """A note as it is kept, without secrets, in a project with privacy mode without personal data."""
    if text is None or not text.strip():
        return None
    if len(text) > NOTE_CHARACTERS:
        raise ValidationFailedError(f"note: has {len(text)} characters, more than {NOTE_CHARACTERS}")
    return encode_text(redact(text.strip(), privacy_mode=privacy_mode).text)
