"""How both clients connect: address, key and limits of one client."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from groundlane.retries import RetryPolicy

KEY_VARIABLE: Final = "GROUNDLANE_API_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Connection:
    """``api_key`` falls back to the environment's ``GROUNDLANE_API_KEY``; a server without keys needs none."""

    api_key: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_URL
    timeout_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        key = self.api_key or os.environ.get(KEY_VARIABLE)
        named = {"user-agent": f"groundlane-python/{_release()}", "content-type": "application/json"}
        return named | ({"authorization": f"Bearer {key}"} if key else {})


def _release() -> str:
    try:
        return version("groundlane")
    except PackageNotFoundError:  # the folder was copied without being installed
        return "0"
