"""Scoring: pure functions on values; no input/output, no clock, no randomness, no model."""

from scoring.types import Alignment, Band, Claim, Recommendation, Score, Signal, SupportUnit, UsageState, Verdict

__all__ = ["Alignment", "Band", "Claim", "Recommendation", "Score", "Signal", "SupportUnit", "UsageState", "Verdict"]
