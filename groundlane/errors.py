"""What a call can raise: one class per stable error code of the API, and what can go wrong before there is an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx


class GroundlaneError(Exception):
    """Base of everything this client raises."""


class ConnectionFailedError(GroundlaneError):
    """No answer came, or it broke off: the server is away, or the network is."""


class DeadlineError(GroundlaneError):
    """The client's own deadline passed before there was an answer."""


class UnexpectedAnswerError(GroundlaneError):
    """An answer that is not of this API: another server, or a proxy's page."""


class AnswerError(GroundlaneError):
    """The API refused or failed. ``retry_after_s`` is set where the server said when to come back."""

    def __init__(
        self,
        message: str,
        status: int,
        code: str,
        hint: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status, code, hint, request_id, retry_after_s)
        self.message = message
        self.status = status
        self.code = code
        self.hint = hint
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        parts = [f"{self.status} {self.code}: {self.message}"]
        parts += [self.hint] if self.hint else []
        parts += [f"(request {self.request_id})"] if self.request_id else []
        return " ".join(parts)


class ValidationFailedError(AnswerError):
    """400: the request breaks the contract; the message names the field."""


class UnauthorizedError(AnswerError):
    """401: no key, or an unknown one."""


class ForbiddenError(AnswerError):
    """403: the key may not do this."""


class NotFoundError(AnswerError):
    """404: no such resource for this key."""


class ContextUnknownError(NotFoundError):
    """404: the context that ``context_ref`` names is kept no more; send ``raw_context`` again."""


class MethodNotAllowedError(AnswerError):
    """405: the path exists, with other methods."""


class BodyTimeoutError(AnswerError):
    """408: the request's body came too slowly; nothing of it was used."""


class ConflictError(AnswerError):
    """409: the resource is in a state that forbids the change."""


class PayloadTooLargeError(AnswerError):
    """413: past a limit; nothing was cut and nothing was scored."""


class RateLimitedError(AnswerError):
    """429: the key's rate is used up."""


class OverloadedError(AnswerError):
    """503: the server is full; the request was not started."""


class ServerTimeoutError(AnswerError):
    """504: the request's deadline passed on the server."""


class InternalServerError(AnswerError):
    """500: a defect of the server."""


BY_CODE: Final[dict[str, type[AnswerError]]] = {
    "validation_error": ValidationFailedError,
    "unauthorized": UnauthorizedError,
    "forbidden": ForbiddenError,
    "not_found": NotFoundError,
    "context_unknown": ContextUnknownError,
    "method_not_allowed": MethodNotAllowedError,
    "body_timeout": BodyTimeoutError,
    "conflict": ConflictError,
    "payload_too_large": PayloadTooLargeError,
    "rate_limited": RateLimitedError,
    "overloaded": OverloadedError,
    "timeout": ServerTimeoutError,
    "internal_error": InternalServerError,
}

# For answers without an envelope, such as a proxy's own 503.
_CODE_BY_STATUS: Final = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_timeout",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limited",
    500: "internal_error",
    503: "overloaded",
    504: "timeout",
}
_SHOWN_CHARACTERS: Final = 200


def error_from(response: httpx.Response) -> GroundlaneError:
    """The exception of an answer that is no success; the response's body must have been read."""
    envelope = _envelope(response)
    status = response.status_code
    code = str(envelope.get("error") or _CODE_BY_STATUS.get(status, ""))
    if not code or status < 400:
        return UnexpectedAnswerError(f"HTTP {status} without an error of this API: {_shown(response)}")
    return BY_CODE.get(code, AnswerError)(
        str(envelope.get("message") or _shown(response) or "no message"),
        status,
        code,
        envelope.get("hint"),
        envelope.get("request_id") or response.headers.get("x-request-id"),
        parse_retry_after_s(response.headers.get("retry-after")),
    )


def parse_retry_after_s(value: str | None) -> float | None:
    """Seconds to wait by a ``Retry-After`` header: whole seconds or an HTTP date (RFC 9110, 10.2.3); else None."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _envelope(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _shown(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:_SHOWN_CHARACTERS]
