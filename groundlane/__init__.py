"""A typed client of the HTTP API, synchronous and asynchronous. Needs httpx; loads neither torch nor Ray."""

from groundlane.async_stream import AsyncAnswerStream
from groundlane.asynchronous import AsyncGroundlane, AsyncSession
from groundlane.errors import (
    AnswerError,
    ConflictError,
    ConnectionFailedError,
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

__all__ = [
    "AnswerError",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncGroundlane",
    "AsyncSession",
    "CodeScore",
    "ConflictError",
    "ConnectionFailedError",
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
]
