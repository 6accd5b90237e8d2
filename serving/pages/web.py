"""What every page shares: templates, headers, the visitor and his forms."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import RedirectResponse, Response

from serving.api.errors import ForbiddenError, PayloadTooLargeError, UnauthorizedError, ValidationFailedError
from serving.auth.browser import BrowserSessions, Visitor, check_csrf
from serving.pages.assets import Asset
from serving.pages.format import FILTERS

ROOT: Final = "/review"
COOKIE: Final = "groundlane_review"
FORM_BYTES: Final = 64 * 1024
_FORM_FIELDS: Final = 1_000
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""No script or style but those of this server's files: text of a trace that got past the escaping would still do nothing."""
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True)
class Web:
    """Renders pages and knows their visitors."""

    sessions: BrowserSessions
    templates: Environment
    assets: Mapping[str, Asset]

    @classmethod
    def load(cls, sessions: BrowserSessions, assets: Mapping[str, Asset]) -> Web:
        """With the templates of this package, all of them escaped, none of which may name what does not exist."""
        templates = Environment(
            loader=PackageLoader("serving.pages"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.filters.update(FILTERS)
        templates.globals["assets"] = {name: asset.path for name, asset in assets.items()}
        return cls(sessions, templates, assets)

    def visitor(self, request: Request) -> Visitor:
        """Who asks. Raises UnauthorizedError, which leads to the sign-in, and ForbiddenError."""
        visitor = self.sessions.visitor(request.cookies.get(COOKIE), request.client.host if request.client else None)
        if visitor.anonymous:
            _check_local_name(request)
        exchange = getattr(request.state, "exchange", None)
        if exchange is not None:
            exchange.principal = visitor.principal
        return visitor

    async def form(self, request: Request, visitor: Visitor) -> dict[str, str]:
        """The fields of a post that one of this visitor's pages sent. Raises ForbiddenError for any other."""
        check_origin(request)
        fields = await read_form(request)
        check_csrf(visitor, fields.pop("csrf", ""))
        return fields

    def page(
        self, request: Request, visitor: Visitor, template: str, context: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page for a visitor; a new one's cookie goes with it."""
        values = {"visitor": visitor, "path": request.url.path, **context}
        response = self.plain(template, values, status)
        if request.cookies.get(COOKIE) != visitor.token:
            set_cookie(response, request, visitor.token)
        return response

    def plain(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """A page for anybody."""
        text = self.templates.get_template(template).render(values)
        return Response(text, status, media_type="text/html; charset=utf-8", headers=_HEADERS)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of the page rather than a browser for all of it."""
    return request.headers.get("hx-request") == "true"


def redirect(request: Request, address: str) -> Response:
    """Leads on to another page of this server, also where htmx asked."""
    if is_fragment(request):
        return Response(status_code=204, headers={"hx-redirect": address, **_HEADERS})
    return RedirectResponse(address, 303, headers=_HEADERS)


def set_cookie(response: Response, request: Request, token: str) -> None:
    """Give the browser its token, or with an empty one take it away."""
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    if token:
        response.set_cookie(COOKIE, token, path=ROOT, httponly=True, samesite="strict", secure=secure)
    else:
        response.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="strict", secure=secure)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an ``application/x-www-form-urlencoded`` body, the last of each name. 64 KiB at most."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise ValidationFailedError("a form is application/x-www-form-urlencoded")
    body = await request.body()
    if len(body) > FORM_BYTES:
        raise PayloadTooLargeError(f"a form has at most {FORM_BYTES} bytes; this one has {len(body)}")
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError:
        raise ValidationFailedError("the form cannot be read as UTF-8 fields") from None


def check_origin(request: Request) -> None:
    """Raises ForbiddenError for a post that a page of another origin sent; browsers say where one comes from."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForbiddenError(f"a page of {origin[:100]} may not post here", "Open the page on this server.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForbiddenError("a page of another site may not post here", "Open the page on this server.")


def local_address(text: str | None) -> str:
    """An address below ``/review`` out of one that came from outside; the first page for any other."""
    if text and (text == ROOT or text.startswith((f"{ROOT}/", f"{ROOT}?"))) and "\\" not in text and text.isprintable():
        return text
    return ROOT


def _check_local_name(request: Request) -> None:
    """A page elsewhere whose name was made to point at this machine must not read what is open to loopback alone."""
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name == "localhost" or name.endswith(".localhost")
    if not local:
        raise ForbiddenError(
            f"without API keys the pages are served as localhost only, not as {name[:100]!r}",
            "Create a key with 'groundlane keys create', or open http://127.0.0.1.",
        )


def needs_sign_in(error: Exception) -> bool:
    """Whether an error means that the visitor has to show a key."""
    return isinstance(error, UnauthorizedError)
