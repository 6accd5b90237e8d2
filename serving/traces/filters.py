"""What a list of conversations is narrowed to, from values by name: of the API's query parameters and of a page's address."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from serving.api.errors import ValidationFailedError
from serving.store.trace_reads import ConversationFilter
from serving.store.trace_totals import facet
from serving.traces.span import RUN_PROJECT

FACET_FILTERS = {
    "model": "model",
    "provider": "provider",
    "task_hint": "task",
    "segment": "segment",
    "route": "route",
    "config": "config",
    "experiment": "experiment",
    "tag": "tag",
    "status": "status",
    "band": "band",
    "label": "label",
    "reason": "reason",
    "cause": "cause",
    "suggestion": "suggestion",
    "feedback": "feedback",
}
"""Parameters that name a facet, and the facet."""


def to_filter(given: Mapping[str, Any]) -> ConversationFilter:
    """The filter that values by parameter name ask for; empty ones do not narrow.

    Conversations of eval runs are found only where project, tag, experiment or config is named. Raises
    ValidationFailedError for a time that is none.
    """
    named = {name: value for name, value in given.items() if value not in (None, "")}
    asks_for_runs = any(name in named for name in ("project", "tag", "experiment", "config"))
    return ConversationFilter(
        project=named.get("project"),
        without_project=None if asks_for_runs else RUN_PROJECT,
        facets=tuple(facet(kind, str(named[name])) for name, kind in FACET_FILTERS.items() if name in named),
        words=named.get("text"),
        min_charge_usd=named.get("min_charge_usd"),
        max_charge_usd=named.get("max_charge_usd"),
        min_latency_ms=math.ceil(named["min_latency_ms"]) if "min_latency_ms" in named else None,
        max_latency_ms=math.floor(named["max_latency_ms"]) if "max_latency_ms" in named else None,
        since_ms=time_ms(named.get("since"), "since"),
        until_ms=time_ms(named.get("until"), "until"),
    )


def time_ms(value: str | None, name: str) -> int | None:
    """A parameter's time in milliseconds, UTC where no zone is named. Raises ValidationFailedError naming the parameter."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValidationFailedError(f"{name}: {value!r} is no time; send ISO 8601, such as 2026-11-27T09:00") from None
    milliseconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    if not 0 <= milliseconds < 2**53:
        raise ValidationFailedError(f"{name}: {value!r} lies before 1970 or too far ahead")
    return round(milliseconds)
