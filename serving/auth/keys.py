"""API keys: a file of digests, and who a request belongs to.

A key is ``gl_<id>_<secret>``; the id (12 hex digits) finds the record, the secret carries 256 random bits. Only the
secret's SHA-256 digest is kept: a slow password hash protects guessable secrets, and these cannot be guessed.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import ipaddress
import json
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from serving.api.config_errors import ConfigError
from serving.api.errors import ForbiddenError, OverloadedError, UnauthorizedError

ANONYMOUS_TENANT = "anonymous"
_FORMAT = 1
_KEY = re.compile(r"gl_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DAMAGED_RETRY_S = 10.0
_LOGGER = logging.getLogger("groundlane.auth")
_UNKNOWN_DIGEST = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class KeyRecord:
    """One key as it is kept. Times are ISO 8601, UTC; ``revoked_at`` is None while the key is valid."""

    key_id: str
    digest: str
    tenant: str
    name: str
    created_at: str
    revoked_at: str | None = None
    requests_per_minute: int | None = None

    def public(self) -> dict[str, str | int | None]:
        """What may be shown: everything but the digest."""
        return {key: value for key, value in asdict(self).items() if key != "digest"}


@dataclass(frozen=True)
class Principal:
    """Who calls. ``requests_per_minute`` is None where the configured rate applies."""

    tenant: str
    key_id: str
    requests_per_minute: int | None = None


class KeyFile:
    """The records on disk: JSON, mode 0600, replaced atomically under a lock so that writers do not lose keys."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._now = now

    def read(self) -> tuple[KeyRecord, ...]:
        """All records, revoked ones too; none if there is no file. Raises ConfigError if it is damaged."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("auth.keys_file", f"cannot read {self.path}: {error}") from None
        return _parse(text, self.path)

    def has_keys(self) -> bool:
        """Whether any key was ever created here; a revoked one counts, so that revoking never opens a server."""
        return bool(self.read())

    def create(self, tenant: str, name: str, requests_per_minute: int | None = None) -> tuple[KeyRecord, str]:
        """Add a key; returns its record and the key itself, which is shown once and kept nowhere.

        Raises ValueError for a tenant or a name outside ``[A-Za-z0-9_.-]{1,64}`` or a rate below 1.
        """
        for label, value in (("tenant", tenant), ("name", name)):
            if not _NAME.fullmatch(value):
                raise ValueError(f"{label} {value!r} must be 1 to 64 of A-Z a-z 0-9 _ . -")
        if requests_per_minute is not None and requests_per_minute < 1:
            raise ValueError(f"requests_per_minute is {requests_per_minute}; it must be at least 1")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        record = KeyRecord(key_id, _digest(secret), tenant, name, self._timestamp(), None, requests_per_minute)
        with self._locked():
            self._write((*self.read(), record))
        return record, f"gl_{key_id}_{secret}"

    def revoke(self, key_id: str) -> KeyRecord:
        """Make a key invalid; a running server notices at its next request. Repeating it changes nothing.

        Raises KeyError for an id that is not in the file.
        """
        with self._locked():
            records = self.read()
            found = next((record for record in records if record.key_id == key_id), None)
            if found is None:
                raise KeyError(key_id)
            if found.revoked_at is not None:
                return found
            revoked = replace(found, revoked_at=self._timestamp())
            self._write(tuple(revoked if record is found else record for record in records))
        return revoked

    def version(self) -> tuple[int, int, int] | None:
        """Changes whenever the file is replaced or edited; None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="seconds")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, records: tuple[KeyRecord, ...]) -> None:
        body = json.dumps({"format": _FORMAT, "keys": [asdict(record) for record in records]}, indent=2)
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(body + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Authenticator:
    """Turns an ``Authorization`` header into a :class:`Principal`. One ``stat`` a request; reads on change only.

    ``required``: None asks for a key as soon as the file holds one, and from then on for good.
    Raises ConfigError at construction if the file is damaged.
    """

    def __init__(self, keys: KeyFile, required: bool | None = None) -> None:
        self._keys = keys
        self._required = required
        self._version: tuple[int, int, int] | None = None
        self._records: dict[str, KeyRecord] = {}
        self._tenants = 0
        self._read()

    @property
    def anonymous_allowed(self) -> bool:
        """Whether a caller without a key is served, on loopback."""
        return not self._required

    @property
    def tenants(self) -> int:
        """How many tenants have a valid key."""
        return self._tenants

    def authenticate(self, authorization_header: str | None, client_host: str | None = None) -> Principal:
        """Who calls. ``client_host``: the peer's address where it is known; anonymous calls must be local.

        Raises UnauthorizedError, or ForbiddenError for an anonymous call from another machine.
        """
        self._refresh()
        if authorization_header is None and not self._required:
            return _anonymous(client_host)
        if authorization_header is None:
            raise UnauthorizedError("this server needs an API key")
        scheme, _, key = authorization_header.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise UnauthorizedError("the Authorization header is not 'Bearer <key>'")
        if not self._required:
            return _anonymous(client_host)
        return self._principal_of(key.strip())

    def valid_record(self, key_id: str) -> KeyRecord | None:
        """The key of this id as it is kept, None if there is none or it was revoked."""
        self._refresh()
        record = self._records.get(key_id)
        return None if record is None or record.revoked_at is not None else record

    def _principal_of(self, key: str) -> Principal:
        parsed = _KEY.fullmatch(key)
        record = self._records.get(parsed[1]) if parsed else None
        digest = _digest(parsed[2] if parsed else key)
        known = hmac.compare_digest(digest, record.digest if record else _UNKNOWN_DIGEST)
        if record is None or not known:
            raise UnauthorizedError("this API key is not known")
        if record.revoked_at is not None:
            raise UnauthorizedError(f"the API key {record.key_id} was revoked")
        return Principal(record.tenant, record.key_id, record.requests_per_minute)

    def _refresh(self) -> None:
        version = self._keys.version()
        if version == self._version:
            return
        try:
            self._read()
        except ConfigError as error:
            _LOGGER.error("the keys file cannot be read", extra={"fields": {"reason": str(error)}})
            raise OverloadedError(
                "the server's keys file is damaged or unreadable, so nobody can be let in",
                "Operator: the log says why; restore the file from a backup, and the next call is served.",
                retry_after_s=_DAMAGED_RETRY_S,
            ) from None

    def _read(self) -> None:
        version = self._keys.version()
        self._records = {record.key_id: record for record in self._keys.read()}
        self._tenants = len({record.tenant for record in self._records.values() if record.revoked_at is None})
        self._version = version
        if self._records and self._required is None:
            self._required = True


def _anonymous(client_host: str | None) -> Principal:
    if client_host is not None and not _is_local(client_host):
        raise ForbiddenError(
            f"calls without a key are served on loopback only, not to {client_host}",
            "Create a key with 'groundlane keys create' and send it.",
        )
    return Principal(ANONYMOUS_TENANT, ANONYMOUS_TENANT)


def _is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _parse(text: str, path: Path) -> tuple[KeyRecord, ...]:
    try:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            raise ConfigError(
                "auth.keys_file", f"{path} has format {document['format']!r}; this version reads {_FORMAT}"
            )
        records = tuple(KeyRecord(**entry) for entry in document["keys"])
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ConfigError("auth.keys_file", f"{path} is damaged ({error})", "Restore it from a backup.") from None
    for record in records:
        for field in fields(record):
            value = getattr(record, field.name)
            if value is None and field.name in ("revoked_at", "requests_per_minute"):
                continue
            if not isinstance(value, int if field.name == "requests_per_minute" else str):
                raise ConfigError("auth.keys_file", f"{path}: {field.name} of {record.key_id!r} is {value!r}")
    return records
