"""Every error the API can answer with, on one page: status, stable code, hint.

Raise one of these anywhere in ``serving``; :func:`envelope` is the only place that renders them.
Every constructor argument goes to ``super().__init__`` so that errors survive pickling between replicas.
"""

from __future__ import annotations

import math
from typing import Any


class ApiError(Exception):
    """Base: ``status``, ``code`` and ``hint`` are the class's, ``message`` is the instance's."""

    status = 500
    code = "internal_error"
    hint = "Retry; if it persists, send the request_id to the operator."

    def __init__(self, message: str, hint: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, hint, retry_after_s)
        self.message = message
        self.hint = hint or type(self).hint
        self.retry_after_s = retry_after_s


class ValidationFailedError(ApiError):
    """The request breaks the contract; ``message`` names the field."""

    status, code = 400, "validation_error"
    hint = "Correct the named field and send the request again; /docs describes every field."


class UnauthorizedError(ApiError):
    """No key, or a key this server does not know."""

    status, code = 401, "unauthorized"
    hint = "Send 'Authorization: Bearer <key>'; create a key with 'groundlane keys create'."


class ForbiddenError(ApiError):
    """The key is known but may not do this."""

    status, code = 403, "forbidden"
    hint = "Use a key of the tenant that owns the resource."


class NotFoundError(ApiError):
    """No such resource for this tenant."""

    status, code = 404, "not_found"
    hint = "Check the identifier; resources of another tenant do not exist for this key."


class ContextUnknownError(ApiError):
    """A context is referred to that is not kept for this tenant (any more)."""

    status, code = 404, "context_unknown"
    hint = "Send raw_context again; the answer names its context_ref for the next requests."


class MethodNotAllowedError(ApiError):
    """The path exists, with other methods."""

    status, code = 405, "method_not_allowed"
    hint = "See /docs for the methods of this path."


class BodyTimeoutError(ApiError):
    """The body came too slowly. Nothing of it was used."""

    status, code = 408, "body_timeout"
    hint = "Send the body at once; limits.body_deadline_s and limits.body_bytes_per_s say how slowly it may come."


class ConflictError(ApiError):
    """The resource is in a state that forbids the change."""

    status, code = 409, "conflict"
    hint = "Read the resource again and repeat the change on its present state."


class PayloadTooLargeError(ApiError):
    """A limit of size or count is exceeded. Nothing was cut, nothing was scored."""

    status, code = 413, "payload_too_large"
    hint = "Send less; the limits are in the message and in the server's configuration."


class RateLimitedError(ApiError):
    """The key's rate is used up."""

    status, code = 429, "rate_limited"
    hint = "Wait Retry-After seconds."


class OverloadedError(ApiError):
    """The queue is full, or a dependency is away. The request was not started."""

    status, code = 503, "overloaded"
    hint = "Wait Retry-After seconds, then send the request again; scoring is idempotent."


class DeadlineExceededError(ApiError):
    """The request's deadline passed."""

    status, code = 504, "timeout"
    hint = "Send less text, or raise limits.deadline_s."


class InternalError(ApiError):
    """A defect of the server."""


def error_headers(error: ApiError) -> dict[str, str]:
    """The headers that go with an error: 429 and 503 say when to come back, in whole seconds (RFC 9110, 10.2.3)."""
    headers = {"content-type": "application/json"}
    if error.status in {429, 503}:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s or 1.0)))
    if error.status == 408:
        headers["connection"] = "close"  # the rest of the body may still come: it must not be read as another request
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers


def envelope(error: ApiError, request_id: str) -> dict[str, Any]:
    """The body of every 4xx and 5xx answer."""
    return {
        "success": False,
        "error": error.code,
        "message": error.message,
        "hint": error.hint,
        "request_id": request_id,
    }
