"""What a database can do wrong, in the words of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from serving.api.errors import OverloadedError

_TRANSIENT_STATES: Final = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization failure and deadlock: the transaction had no effect and may be run again."""


READ_ONLY: Final = "25006"
"""The server became a standby: after a failover, connections to it stay read-only until they are closed."""


class ReadOnlyStoreError(OverloadedError):
    """The database takes no changes at present; a new connection may find one that does."""


class StoreFileLostError(OverloadedError):
    """The path of a SQLite store leads no more to the file that is open: what is written would be gone at the next start."""

    hint = "For the operator: put the file back, or restart the server, which then goes on with what lies at the path."


class LostRaceError(Exception):
    """The transaction lost to another one and had no effect; running it again may succeed."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise OverloadedError (503) for a database that is away, LostRaceError where another transaction won."""
    try:
        yield
    except IntegrityError as error:
        raise LostRaceError from error
    except (ProgrammingError, DataError, NotSupportedError):
        raise  # a defect of ours, not of the database
    except DBAPIError as error:
        state = _sqlstate(error)
        if state in _TRANSIENT_STATES:
            raise LostRaceError from error
        if state == READ_ONLY:
            raise ReadOnlyStoreError("the store takes no changes at present", retry_after_s=2.0) from error
        raise OverloadedError("the store does not answer", retry_after_s=1.0) from error
    except PoolTimeoutError as error:
        raise OverloadedError("every connection to the store is busy", retry_after_s=1.0) from error


def _sqlstate(error: DBAPIError) -> str | None:
    original: Any = error.orig
    return getattr(original, "sqlstate", None)
