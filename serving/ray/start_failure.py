"""Why the server did not come up, in one sentence instead of the frameworks' tracebacks."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ERROR_LINE = re.compile(r"^(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt)): (.+)$")
_WRAPPERS = frozenset({"RuntimeError", "RayTaskError"})


class StartError(RuntimeError):
    """The application could not be deployed; the message names the deployment and its error."""


def explain_failure(messages: Mapping[str, str]) -> str:
    """From what Ray Serve reports of each failed deployment: its name and the innermost error of its replica.

    Serve wraps a replica's error in several tracebacks; the error itself stands on the last line of the first of them
    that is none of Serve's own.
    """
    reasons = [f"{name}: {_reason(message)}" for name, message in sorted(messages.items())]
    return "; ".join(reasons) or "Ray Serve gave no reason; its logs are below /tmp/ray/session_latest/logs/serve"


def _reason(message: str) -> str:
    found = [match for line in message.splitlines() if (match := _ERROR_LINE.match(line.strip()))]
    own = [match for match in found if match.group(1) not in _WRAPPERS] or found
    if not own:
        return message.strip().splitlines()[0] if message.strip() else "no reason was given"
    return own[0].group(2)
