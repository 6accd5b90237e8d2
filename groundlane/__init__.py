"""The light public face: a typed client of the HTTP API, synchronous and asynchronous, and the command's client side.

Needs httpx; loads neither torch nor Ray. Names are loaded at their first use: what needs no httpx, such as the hook of
coding agents, does not wait for its import (some 0.3 s on a slow machine).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundlane.async_stream import AsyncAnswerStream
    from groundlane.asynchronous import AsyncGroundlane, AsyncSession
    from groundlane.errors import (
        AnswerError,
        BodyTimeoutError,
        ConflictError,
        ConnectionFailedError,
        ContextUnknownError,
        DeadlineError,
        ForbiddenError,
        GroundlaneError,
        InternalServerError,
        MethodNotAllowedError,
        NotFoundError,
        OverloadedError,
        PayloadTooLargeError,
        RateLimitedError,
        ServerTimeoutError,
        UnauthorizedError,
        UnexpectedAnswerError,
        ValidationFailedError,
    )
    from groundlane.results import CodeScore, Job, Rollup, Score, Turn
    from groundlane.retries import RetryPolicy
    from groundlane.sync import Groundlane, Session
    from groundlane.sync_stream import AnswerStream

    __version__: str

__all__ = [
    "AnswerError",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncGroundlane",
    "AsyncSession",
    "BodyTimeoutError",
    "CodeScore",
    "ConflictError",
    "ConnectionFailedError",
    "ContextUnknownError",
    "DeadlineError",
    "ForbiddenError",
    "Groundlane",
    "GroundlaneError",
    "InternalServerError",
    "Job",
    "MethodNotAllowedError",
    "NotFoundError",
    "OverloadedError",
    "PayloadTooLargeError",
    "RateLimitedError",
    "RetryPolicy",
    "Rollup",
    "Score",
    "ServerTimeoutError",
    "Session",
    "Turn",
    "UnauthorizedError",
    "UnexpectedAnswerError",
    "ValidationFailedError",
    "__version__",
]

_HOMES = {
    "AnswerStream": "sync_stream",
    "AsyncAnswerStream": "async_stream",
    "AsyncGroundlane": "asynchronous",
    "AsyncSession": "asynchronous",
    "CodeScore": "results",
    "Groundlane": "sync",
    "Job": "results",
    "RetryPolicy": "retries",
    "Rollup": "results",
    "Score": "results",
    "Session": "sync",
    "Turn": "results",
}
"""The module of a name; what is not here and is exported is an exception of ``errors``."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("groundlane")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"groundlane.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
