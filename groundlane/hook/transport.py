"""One POST to the server with the standard library, and what to say where it cannot be made."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

from groundlane.address import KEY_VARIABLE, URL_VARIABLE, api_key, server_url

_ROUTE: Final = "/api/v1/trace/code"


class NotCheckedError(Exception):
    """Nothing was judged; ``str()`` is a sentence for people that says what to do."""


def score_code(body: dict[str, Any], url: str | None, timeout_s: float) -> dict[str, Any]:
    """The code lane's answer. Raises NotCheckedError."""
    address = server_url(url)
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotCheckedError(f"{address} is no address of a server; {URL_VARIABLE} is such as http://127.0.0.1:8000")
    connection = kind(parts.netloc.rpartition("@")[2], timeout=timeout_s)
    headers = {"content-type": "application/json", "user-agent": "groundlane-hook"}
    if (key := api_key()) is not None:
        headers["authorization"] = f"Bearer {key}"
    try:
        connection.request("POST", parts.path + _ROUTE, json.dumps(body).encode("utf-8", "replace"), headers)
        answer = connection.getresponse()
        status, data = answer.status, answer.read()
    except TimeoutError:
        raise NotCheckedError(f"{address} did not answer within {timeout_s:g} s; --timeout gives it longer") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotCheckedError(
            f"no Groundlane server answers at {address} ({error}). Start one with `groundlane serve` "
            f"(pip install 'groundlane[server]'), or name yours in {URL_VARIABLE}"
        ) from None
    finally:
        connection.close()
    return _document(status, data, address)


def _document(status: int, data: bytes, address: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise NotCheckedError(f"what answers at {address} is no Groundlane server (HTTP {status} without JSON)")
    if status == 200:
        return document
    hint = f" Put a key into {KEY_VARIABLE}." if status == 401 else ""
    raise NotCheckedError(f"the server at {address} refused: {document.get('message') or f'HTTP {status}'}.{hint}")
