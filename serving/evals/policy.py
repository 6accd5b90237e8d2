"""A gate's policy, from the YAML file in a team's repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scoring.evals.comparison import Tier
from scoring.evals.gate import Policy
from serving.api.errors import ValidationFailedError
from serving.evals.reading import Fields, read_yaml


def read_policy(path: Path | None) -> Policy:
    """The policy of a file, or the default one. Raises ValidationFailedError naming the field."""
    return Policy() if path is None else policy_of(read_yaml(path) or {}, path.name)


def policy_of(value: Any, where: str = "policy") -> Policy:
    """The policy of JSON values."""
    fields = Fields(value, where)
    default = Policy()
    margins: dict[Tier, float | None] = dict(default.margins)
    for name, margin in fields.take("margins", dict, {}).items():
        margins[_tier(name, f"{where}.margins")] = None if margin is None else _share(margin, f"{where}.margins.{name}")
    policy = Policy(
        floors={str(k): _share(v, f"{where}.floors.{k}") for k, v in fields.take("floors", dict, {}).items()},
        margins=margins,
        max_regressions={
            str(k): _count(v, f"{where}.max_regressions.{k}")
            for k, v in fields.take("max_regressions", dict, {}).items()
        },
        tiers={str(k): _tier(v, f"{where}.tiers.{k}") for k, v in fields.take("tiers", dict, {}).items()},
        least_fix_rate=fields.number("least_fix_rate", None, 0.0),
        most_cost_ratio=fields.number("most_cost_ratio", None, 0.0),
        most_latency_ratio=fields.number("most_latency_ratio", None, 0.0),
        confidence=fields.number("confidence", 0.95),
    )
    fields.end()
    if not 0.5 <= policy.confidence < 1.0:
        raise ValidationFailedError(f"{where}.confidence: is at least 0.5 and below 1")
    return policy


def _tier(name: Any, where: str) -> Tier:
    try:
        return Tier(name)
    except ValueError:
        raise ValidationFailedError(f"{where}: {name!r} is none of {', '.join(Tier)}") from None


def _share(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValidationFailedError(f"{where}: is a share from 0 to 1")
    return float(value)


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValidationFailedError(f"{where}: is a whole number from 0 up")
    return value
