"""The files that pages load: named by their content, so that a browser keeps them for good and never shows an old one."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

ASSETS_PATH: Final = "/review/assets"
_TYPES: Final = {
    "htmx-2.0.11.min.js": "text/javascript",
    "keys.js": "text/javascript",
    "review.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_YEAR_S: Final = 31_536_000


@dataclass(frozen=True)
class Asset:
    """A file with the address that changes when it does."""

    path: str
    media_type: str
    content: bytes
    zipped: bytes


def load_assets() -> Mapping[str, Asset]:
    """All files by name."""
    folder = files("serving.pages").joinpath("assets")
    found = {}
    for name, media_type in _TYPES.items():
        content = folder.joinpath(name).read_bytes()
        version = hashlib.sha256(content).hexdigest()[:12]
        found[name] = Asset(f"{ASSETS_PATH}/{version}/{name}", media_type, content, gzip.compress(content, 9, mtime=0))
    return found


def assets_router(assets: Mapping[str, Asset]) -> APIRouter:
    """Gives them out to anybody: they hold nothing of anyone."""
    router = APIRouter(include_in_schema=False)
    for asset in assets.values():
        router.add_api_route(asset.path, _giver(asset), methods=["GET"])
    return router


def _giver(asset: Asset) -> Callable[[Request], Response]:
    headers = {
        "cache-control": f"public, max-age={_YEAR_S}, immutable",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }

    def give(request: Request) -> Response:
        """One file."""
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.zipped, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"})
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    return give
