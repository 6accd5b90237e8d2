"""The run-time decision head: from a score and the caller's features to allow, auto_repair or block.

risk = σ(bias + score_weight · logit(1 - score) + Σ weight_i · feature_i). Features outside the head's table are named
in the decision and have no effect; values outside a feature's stated range count as its nearest end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scoring.calibration import ArtifactError, logit, sigmoid

_PUSH = 0.25


class Action(StrEnum):
    """What the caller should do with the answer."""

    ALLOW = "allow"
    AUTO_REPAIR = "auto_repair"
    BLOCK = "block"


@dataclass(frozen=True)
class HeadFeature:
    """One feature: its weight, the range it is read in, and the reason code when it raises the risk."""

    weight: float
    low: float
    high: float
    code: str


@dataclass(frozen=True)
class DecisionHead:
    """A head's fitted or hand-set numbers; ``provenance`` says which."""

    head_id: str
    bias: float
    score_weight: float
    auto_repair_at: float
    block_at: float
    features: Mapping[str, HeadFeature]
    provenance: str


@dataclass(frozen=True)
class RuntimeDecision:
    """The action, the risk in [0, 1] behind it, and why."""

    action: Action
    head_id: str
    head_score: float
    reason_codes: tuple[str, ...]
    unknown_features: tuple[str, ...]


def parse_head(document: Mapping[str, Any]) -> DecisionHead:
    """The typed head of a JSON document; raises :class:`ArtifactError` naming what is wrong."""
    try:
        fields = dict(document)
        features = {name: HeadFeature(**entry) for name, entry in fields.pop("features").items()}
        return DecisionHead(features=features, **fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"decision head: {error}") from error


def decide_action(score: float | None, features: Mapping[str, float], head: DecisionHead) -> RuntimeDecision:
    """The decision for one answer; an answer without a score counts as even odds."""
    risk = head.bias + head.score_weight * logit(1.0 - (0.5 if score is None else score))
    codes = ["low_groundedness"] if score is not None and score < 0.5 else []
    for name in sorted(features.keys() & head.features.keys()):
        feature = head.features[name]
        push = feature.weight * min(max(features[name], feature.low), feature.high)
        risk += push
        if push >= _PUSH:
            codes.append(feature.code)
    probability = sigmoid(risk)
    if probability >= head.block_at:
        action = Action.BLOCK
    elif probability >= head.auto_repair_at:
        action = Action.AUTO_REPAIR
    else:
        action = Action.ALLOW
    unknown = tuple(sorted(features.keys() - head.features.keys()))
    return RuntimeDecision(action, head.head_id, probability, tuple(codes), unknown)
