"""The page at ``/docs``: Swagger UI from the assets of the package fastapi-offline, so that it works without internet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response

DOCS_PATH = "/docs"
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_DAY_S = 86_400


def install_docs(app: FastAPI) -> None:
    """Add the page and its three assets; the application must be made with ``docs_url=None``."""

    @app.get(DOCS_PATH, include_in_schema=False)
    async def page() -> HTMLResponse:
        """Swagger UI on the application's own OpenAPI document."""
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title=app.title,
            swagger_js_url=f"{DOCS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{DOCS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{DOCS_PATH}/favicon.png",
        )

    assets = files("fastapi_offline").joinpath("static")
    for name, media_type in _ASSETS.items():
        content = assets.joinpath(name).read_bytes()
        app.add_api_route(f"{DOCS_PATH}/{name}", _asset(content, media_type), include_in_schema=False)


def _asset(content: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def asset() -> Response:
        """One file of the page."""
        return Response(content, media_type=media_type, headers={"cache-control": f"max-age={_DAY_S}"})

    return asset
