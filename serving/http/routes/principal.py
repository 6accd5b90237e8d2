"""Whose request it is, for routes that keep something: the gateway authenticates before any route runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from serving.api.errors import UnauthorizedError


def current_tenant(request: Request) -> str:
    """The caller's tenant. Raises UnauthorizedError where no layer around the routes has authenticated the caller."""
    principal = getattr(request.state, "principal", None)
    if principal is None:
        raise UnauthorizedError("the caller is not authenticated")
    return str(principal.tenant)


CurrentTenant = Annotated[str, Depends(current_tenant)]


def current_caller(request: Request) -> str | None:
    """The key that calls, as the author of what it writes where the body names none; None where no key is known."""
    return getattr(getattr(request.state, "principal", None), "key_id", None)


CurrentCaller = Annotated[str | None, Depends(current_caller)]
"""Under whose name something is kept."""
