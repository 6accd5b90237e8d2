"""Sign-in with an API key, and sign-out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.errors import UnauthorizedError
from serving.pages.web import ROOT, Web, check_origin, local_address, read_form, redirect, set_cookie


def sign_in_router(web: Web) -> APIRouter:
    """The door."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.get("/sign-in")
    async def show(request: Request, to: Annotated[str, Query(max_length=2048)] = "") -> Response:
        """The form; on a server without keys there is nothing to sign in to."""
        try:
            visitor = web.visitor(request)
        except UnauthorizedError:
            return web.plain("sign_in.html", {"to": local_address(to), "problem": ""})
        return web.page(request, visitor, "signed_in.html", {"title": "Sign in"})

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Take the key once, give the token that stands for it. The form has no token yet: the browser's word on where it
        comes from stands for it.
        """
        check_origin(request)
        form = await read_form(request)
        to = local_address(form.get("to"))
        try:
            visitor = web.sessions.sign_in(form.get("key", ""))
        except UnauthorizedError as error:
            return web.plain("sign_in.html", {"to": to, "problem": error.message}, 401)
        answer = redirect(request, to)
        set_cookie(answer, request, visitor.token)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """Forget the browser."""
        await web.form(request, web.visitor(request))
        answer = redirect(request, f"{ROOT}/sign-in")
        set_cookie(answer, request, "")
        return answer

    return router
