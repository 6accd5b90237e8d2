"""Where the server is and with which key it is called, from the environment. Standard library only, loads at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

KEY_VARIABLE: Final = "GROUNDLANE_API_KEY"
URL_VARIABLE: Final = "GROUNDLANE_URL"
DEFAULT_URL: Final = "http://127.0.0.1:8000"


def server_url(given: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """``given``, else ``GROUNDLANE_URL``, else this machine's port 8000. ``localhost:9000`` becomes ``http://localhost:9000``."""
    variables = os.environ if environment is None else environment
    url = (given or variables.get(URL_VARIABLE, "")).strip().rstrip("/") or DEFAULT_URL
    return url if "://" in url else f"http://{url}"


def api_key(given: str | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """``given``, else ``GROUNDLANE_API_KEY``; None for a server without keys."""
    variables = os.environ if environment is None else environment
    return given or variables.get(KEY_VARIABLE) or None
