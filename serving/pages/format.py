"""How values are written on a page: pure functions that templates use as filters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

_UNITS: Final = ((60, "s"), (3600, "min"), (86_400, "h"))


def moment(text: str | None) -> str:
    """``2026-11-27T09:00:00.120Z`` → ``27 Nov 2026, 09:00``, in UTC as it is stored."""
    if not text:
        return "–"
    at = datetime.fromisoformat(text)
    return f"{at.day} {at:%b %Y, %H:%M}"


def milliseconds(value: float | None) -> str:
    """``812.4`` → ``812 ms``; ``12400`` → ``12.4 s``; ``125000`` → ``2 min 5 s``."""
    if value is None:
        return "–"
    if value < 1_000:
        return f"{value:.0f} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return f"{minutes} min {seconds} s"


def money(value: float | None) -> str:
    """``0.0021`` → ``$0.0021``: two digits that say something, however small the sum."""
    if value is None:
        return "–"
    if value == 0:
        return "$0"
    if value >= 1:
        return f"${value:,.2f}"
    return f"${value:.2g}" if value >= 0.0001 else f"${value:.1e}"


def number(value: float | None) -> str:
    """``12034`` → ``12,034``."""
    return "–" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """``0.914`` → ``91%``."""
    return "–" if value is None else f"{100 * value:.0f}%"


def decimal(value: float | None, digits: int = 2) -> str:
    """``0.9`` → ``0.90``."""
    return "–" if value is None else f"{value:.{digits}f}"


def pretty(value: Any) -> str:
    """A JSON value over several lines."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def segment(value: str) -> str:
    """A text as one step of an address: ``a/b?`` → ``a%2Fb%3F``."""
    return quote(value, safe="")


def query(values: Mapping[str, Any], *drop: str, **change: Any) -> str:
    """The query of an address, with its ``?``, without what is empty: ``{"a": "1", "b": ""}`` → ``?a=1``."""
    named = {**values, **change}
    kept = [(name, str(value)) for name, value in named.items() if value not in (None, "") and name not in drop]
    return f"?{urlencode(kept)}" if kept else ""


def shortened(text: str, characters: int = 160) -> str:
    """One line of at most so many characters; ``…`` says that there is more."""
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1].rstrip()}…"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 turn``, ``2 turns``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ago(milliseconds_since_1970: int) -> str:
    """An instant of the store in UTC: ``27 Nov 2026, 09:00``."""
    return moment(datetime.fromtimestamp(milliseconds_since_1970 / 1000, UTC).isoformat())


def text_json(value: Any) -> str:
    """A value as one line of JSON."""
    return orjson.dumps(value).decode()


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "moment": moment,
    "ms": milliseconds,
    "money": money,
    "number": number,
    "share": share,
    "decimal": decimal,
    "pretty": pretty,
    "segment": segment,
    "query": query,
    "short": shortened,
    "plural": plural,
    "instant": ago,
}
