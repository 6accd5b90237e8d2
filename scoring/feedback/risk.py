"""How likely an answer is to be bad, in few steps: what a person looks at first, and with which probability at all.

Steps rather than a scale, so that within one the order can be left to chance: what is reviewed of a step is then a random
sample of it, however far the reviewers came, and rates estimated from it are unbiased.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scoring.feedback.types import Thumb
from scoring.types import Band

ROUTINE: Final = 0.1
"""The risk of an answer without a sign of trouble; only those are drawn at the project's rate."""
_SURE_FROM: Final = 0.8
"""Confidence from which a suggestion counts as a strong sign: "no, that is not what I asked" has .85."""


@dataclass(frozen=True)
class RiskSignals:
    """What is known of an answer; None where nothing was measured. ``suggestion``: thumb and confidence of an open one."""

    band: Band | None = None
    feedback: Thumb | None = None
    suggestion: tuple[Thumb, float] | None = None
    failed_calls: int = 0


@dataclass(frozen=True)
class Risk:
    """The step, from 0 to 1, and the sign that decided, in words."""

    value: float
    reason: str


@dataclass(frozen=True)
class _Step:
    value: float
    reason: str
    holds: Callable[[RiskSignals], bool]


def _suggests_down(signals: RiskSignals, least: float) -> bool:
    return signals.suggestion is not None and signals.suggestion[0] is Thumb.DOWN and signals.suggestion[1] >= least


_STEPS: Final = (
    _Step(0.95, "the user pressed thumbs down", lambda s: s.feedback is Thumb.DOWN),
    _Step(0.9, "the answer's band is red", lambda s: s.band is Band.RED),
    _Step(0.8, "the next turn reads like a complaint", lambda s: _suggests_down(s, _SURE_FROM)),
    _Step(0.7, "a call of the turn failed", lambda s: s.failed_calls > 0),
    _Step(0.6, "the next turn may be a complaint", lambda s: _suggests_down(s, 0.0)),
    _Step(0.5, "the answer's band is amber", lambda s: s.band is Band.AMBER),
)


def risk_of(signals: RiskSignals) -> Risk:
    """The first step whose sign is there; the routine one where none is."""
    for step in _STEPS:
        if step.holds(signals):
            return Risk(step.value, step.reason)
    return Risk(ROUTINE, "no sign of trouble; drawn by chance")


def reason_of(value: float) -> str:
    """The words of a step that was kept."""
    return next((step.reason for step in _STEPS if step.value == value), "no sign of trouble; drawn by chance")


def draw_probability(risk: Risk, routine_rate: float) -> float:
    """With which probability an answer of this risk is put before a person: trouble always, routine at its rate."""
    return 1.0 if risk.value > ROUTINE else routine_rate
