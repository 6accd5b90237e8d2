"""What people's reactions say about answers: suggestions read off the next turn, causes proposed for negatives, clusters."""

from scoring.feedback.clusters import NegativeCluster, cluster_negatives
from scoring.feedback.risk import Risk, RiskSignals, draw_probability, reason_of, risk_of
from scoring.feedback.suggestions import suggest
from scoring.feedback.triage import propose
from scoring.feedback.types import (
    Negative,
    ProposedCause,
    RootCause,
    Suggestion,
    SuggestionKind,
    Thumb,
    Turn,
    TurnSignals,
)

__all__ = [
    "Negative",
    "NegativeCluster",
    "ProposedCause",
    "Risk",
    "RiskSignals",
    "RootCause",
    "Suggestion",
    "SuggestionKind",
    "Thumb",
    "Turn",
    "TurnSignals",
    "cluster_negatives",
    "draw_probability",
    "propose",
    "reason_of",
    "risk_of",
    "suggest",
]
