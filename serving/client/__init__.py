"""A typed client of the HTTP API, synchronous and asynchronous. Needs httpx; loads neither torch nor Ray."""

from serving.client.asynchronous import AsyncGroundlane, AsyncSession
from serving.client.errors import (
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
from serving.client.results import CodeScore, Job, Rollup, Score, Turn
from serving.client.retries import RetryPolicy
from serving.client.sync import Groundlane, Session

__all__ = [
    "AnswerError",
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
