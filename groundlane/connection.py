"""How both clients connect: address, key and limits of one client."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from groundlane.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE, api_key
from groundlane.retries import RetryPolicy

__all__ = ["DEFAULT_URL", "KEY_VARIABLE", "URL_VARIABLE", "Connection"]


@dataclass(frozen=True)
class Connection:
    """``api_key`` falls back to the environment's ``GROUNDLANE_API_KEY``; a server without keys needs none."""

    api_key: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_URL
    timeout_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        key = api_key(self.api_key)
        named = {"user-agent": f"groundlane-python/{_release()}", "content-type": "application/json"}
        return named | ({"authorization": f"Bearer {key}"} if key else {})


def _release() -> str:
    try:
        return version("groundlane")
    except PackageNotFoundError:  # the folder was copied without being installed
        return "0"
