"""Who a browser is: an API key is shown once, and a signed token in a cookie stands for it afterwards.

A token is ``<key id>.<end, seconds since 1970>.<nonce>.<signature>``, signed with the digest that is kept of the key's
secret. So it needs no table, is good on every gateway, ends when the key is revoked, and opens the pages only: nobody can
make the key of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from serving.api.errors import ForbiddenError
from serving.auth.keys import ANONYMOUS_TENANT, Authenticator, Principal

SESSION_S = 12 * 3600
"""How long a sign-in lasts: a working day."""
_TOKEN = re.compile(r"([0-9a-f]{12}|anonymous)\.([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")
_NOBODY = b"no key: whoever reaches this machine's loopback"


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. ``csrf``: what each of his forms carries. ``name``: what his labels are signed with."""

    principal: Principal
    token: str
    csrf: str
    name: str

    @property
    def anonymous(self) -> bool:
        """Whether the server has no keys."""
        return self.principal.key_id == ANONYMOUS_TENANT


class BrowserSessions:
    """Signs browsers in and knows them again. ``now_s``: seconds since 1970."""

    def __init__(self, authenticator: Authenticator, now_s: Callable[[], float] = time.time) -> None:
        self._authenticator = authenticator
        self._now_s = now_s

    def sign_in(self, key: str) -> Visitor:
        """The visitor who shows an API key. Raises UnauthorizedError for one that is unknown or revoked."""
        principal = self._authenticator.authenticate(f"Bearer {key.strip()}" if key.strip() else None)
        return self._issue(principal)

    def visitor(self, token: str | None, client_host: str | None) -> Visitor:
        """Who comes with this cookie. Without keys everybody on loopback is known; he gets a token for his forms.

        Raises UnauthorizedError where a key is needed, ForbiddenError for an anonymous one from another machine.
        """
        known = self._known(token) if token else None
        if known is not None and not known.anonymous:
            return known
        principal = self._authenticator.authenticate(None, client_host)
        return known or self._issue(principal)

    def _known(self, token: str) -> Visitor | None:
        parsed = _TOKEN.fullmatch(token)
        if parsed is None or int(parsed[2]) <= self._now_s():
            return None
        record = None if parsed[1] == ANONYMOUS_TENANT else self._authenticator.valid_record(parsed[1])
        if record is None and parsed[1] != ANONYMOUS_TENANT:
            return None
        secret = _NOBODY if record is None else record.digest.encode()
        if not hmac.compare_digest(_signature(secret, token.rpartition(".")[0]), parsed[4]):
            return None
        if record is None:
            return self._visitor(Principal(ANONYMOUS_TENANT, ANONYMOUS_TENANT), token)
        return self._visitor(Principal(record.tenant, record.key_id, record.requests_per_minute), token)

    def _issue(self, principal: Principal) -> Visitor:
        record = self._authenticator.valid_record(principal.key_id)
        secret = _NOBODY if record is None else record.digest.encode()
        unsigned = f"{principal.key_id}.{int(self._now_s()) + SESSION_S}.{secrets.token_urlsafe(16)}"
        return self._visitor(principal, f"{unsigned}.{_signature(secret, unsigned)}")

    def _visitor(self, principal: Principal, token: str) -> Visitor:
        record = self._authenticator.valid_record(principal.key_id)
        secret = _NOBODY if record is None else record.digest.encode()
        name = "local" if record is None else record.name
        return Visitor(principal, token, _signature(secret, f"csrf {token}"), name)


def check_csrf(visitor: Visitor, given: str) -> None:
    """Raises ForbiddenError for a form that no page of this visitor gave out."""
    if not hmac.compare_digest(visitor.csrf.encode(), given.encode("utf-8", "replace")):
        raise ForbiddenError(
            "this form was not given out by this page, or its sign-in has ended", "Load the page again and repeat it."
        )


def _signature(secret: bytes, text: str) -> str:
    return hmac.new(secret, f"groundlane pages {text}".encode(), hashlib.sha256).hexdigest()
