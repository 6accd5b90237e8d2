"""The filters of a list as they stand in an address, so that a link shows what its sender saw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from serving.api.errors import ValidationFailedError
from serving.store.trace_reads import ConversationFilter
from serving.traces.filters import to_filter

LABELS: Final = (("down", "Bad"), ("up", "Good"), ("unknown", "Cannot tell"))
BANDS: Final = (("red", "Not supported"), ("amber", "Unclear"), ("green", "Supported"), ("unknown", "Not judged"))
SUGGESTIONS: Final = (("down", "Perhaps bad"), ("up", "Perhaps good"))
STATUSES: Final = (("error", "A call failed"),)
CHOICES: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "label": ("Label", LABELS),
    "band": ("Support", BANDS),
    "suggestion": ("Suggestion", SUGGESTIONS),
    "status": ("Errors", STATUSES),
}
"""Filters with few values: name → (title, (value, words))."""
WORDS: Final[Mapping[str, str]] = {
    "project": "Project",
    "model": "Model",
    "task_hint": "Task",
    "segment": "Segment",
    "tag": "Tag",
    "reason": "Reason of the label",
    "cause": "Root cause",
    "route": "Route",
    "config": "Configuration",
    "experiment": "Experiment",
    "provider": "Provider",
}
NUMBERS: Final[Mapping[str, str]] = {
    "min_charge_usd": "Cost from (US$)",
    "max_charge_usd": "Cost up to (US$)",
    "min_latency_ms": "Time from (ms)",
    "max_latency_ms": "Time up to (ms)",
}
TIMES: Final[Mapping[str, str]] = {"since": "Since (UTC)", "until": "Until (UTC)"}
NAMES: Final = ("text", *CHOICES, *WORDS, *NUMBERS, *TIMES)
_VALUE_CHARACTERS: Final = 512


def filters_in(parameters: Mapping[str, str]) -> dict[str, str]:
    """The filters that an address names, without empty ones. Raises ValidationFailedError for one that is too long."""
    found = {name: parameters[name].strip() for name in NAMES if parameters.get(name, "").strip()}
    for name, value in found.items():
        if len(value) > _VALUE_CHARACTERS:
            raise ValidationFailedError(f"{name}: at most {_VALUE_CHARACTERS} characters")
    return found


def wanted(filters: Mapping[str, str]) -> ConversationFilter:
    """The filter that a list is read with. Raises ValidationFailedError for a number or a time that is none."""
    values: dict[str, Any] = dict(filters)
    for name in NUMBERS:
        if name in filters:
            values[name] = _number(name, filters[name])
    return to_filter(values)


def chips(filters: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What the list is narrowed to, in words: (name, title, value)."""
    for name, value in filters.items():
        if name in CHOICES:
            title, choices = CHOICES[name]
            yield name, title, dict(choices).get(value, value)
        else:
            yield name, {"text": "Words", **WORDS, **NUMBERS, **TIMES}[name], value


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e12:
        raise ValidationFailedError(f"{NUMBERS[name]}: {text[:40]!r} is no number from 0 on, such as 0.25")
    return value
