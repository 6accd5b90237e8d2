"""The values that travel through scoring. All frozen: a step makes a new value, it never writes into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Span = tuple[int, int]
"""Half-open character range: ``text[start:end]``."""


class Band(StrEnum):
    """Risk of an answer. ``unknown``: nothing could be judged."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    UNKNOWN = "unknown"


class Recommendation(StrEnum):
    """What a session should do next."""

    CONTINUE = "continue"
    RE_ANCHOR = "re_anchor"
    FRESH_CHAT = "fresh_chat"


class UsageState(StrEnum):
    """Whether the answer drew on a unit. Precision-first: ``unused`` only when nothing points at it."""

    USED = "used"
    UNUSED = "unused"
    UNCERTAIN = "uncertain"


class Verdict(StrEnum):
    """Verdict on one claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class SupportUnit:
    """One premise. ``char_start``/``char_end`` point into ``raw_context`` when the unit was cut from it."""

    index: int
    text: str
    source_id: str | None = None
    char_start: int | None = None
    char_end: int | None = None
    speaker: str | None = None
    timestamp: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Claim:
    """One statement of the response; ``response_text[char_start:char_end] == text``."""

    index: int
    text: str
    char_start: int
    char_end: int


@dataclass(frozen=True, eq=False)
class Alignment:
    """What reverse MaxSim found, small enough to cross a process. R response tokens, U units, C claims.

    All similarities are cosines in [-1, 1] except ``z`` (null-bank standard deviations).
    """

    token_spans: NDArray[np.int32]  # (R, 2) characters of the response
    content: NDArray[np.bool_]  # (R,) w_t
    best: NDArray[np.float32]  # (R,) g_t = max_u m[t, u]
    best_unit: NDArray[np.int32]  # (R,) argmax_u; -1 without units
    best_span: NDArray[np.int32]  # (R, 2) matched token's characters in the best unit
    z: NDArray[np.float32]  # (R,) g_t against the null bank, in standard deviations
    unit_coverage: NDArray[np.float32]  # (U,) max over content tokens of m[t, u]
    unit_z: NDArray[np.float32]  # (U,) max over content tokens of m[t, u] against the null bank
    unit_share: NDArray[np.float32]  # (U,) share of content tokens whose best unit this is
    claim_unit: NDArray[np.float32]  # (C, U) mean over the claim's content tokens of m[t, u]
    query_response: NDArray[np.float32] | None = None  # (R,) relevance of the token to the query
    query_match: NDArray[np.float32] | None = None  # (R,) relevance of the matched context token to the query
    unit_query: NDArray[np.float32] | None = None  # (U,) relevance of each unit to the query


@dataclass(frozen=True)
class Signal:
    """One judgement in [0, 1], 1 = grounded; or None with the reason why it does not apply."""

    name: str
    value: float | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError(f"signal {self.name!r} has neither value nor reason")
        if self.value is not None and not 0.0 <= self.value <= 1.0:
            raise ValueError(f"signal {self.name!r} is outside [0, 1]: {self.value!r}")


@dataclass(frozen=True)
class Score:
    """The decision and all that is needed to replay it."""

    headline: float | None
    band: Band
    reasons: tuple[str, ...]
    signals: tuple[Signal, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
