"""What a run is asked for, where it stands, and how the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.api.times import timestamp
from serving.store import eval_records as records


class RunStatus(StrEnum):
    """Where a run stands. PAUSED and STOPPED go on with ``:resume``."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class RunDraft:
    """What is asked for. ``sample``: share of the cases; ``concurrency``: calls in flight of one job request."""

    suite_hash: str
    target: Mapping[str, Any]
    config_hash: str | None = None
    judge: Mapping[str, Any] | None = None
    sample: float = 1.0
    repeats: int = 1
    budget_usd: float | None = None
    concurrency: int = 4
    session_tag: str | None = None
    experiment_name: str | None = None
    confirm: bool = False


def run_tags(draft: RunDraft, now_ms: int) -> list[str]:
    """``batch-<model>-<UTC time>`` and ``batch-testing-<model>`` unless a tag is given."""
    model = str(draft.target.get("model") or draft.target.get("kind"))
    if draft.session_tag is not None:
        return [draft.session_tag]
    return [f"batch-{model}-{timestamp(now_ms)}"[:128], f"batch-testing-{model}"[:128]]


def run_view(run: records.RunRow, figures: records.RunFigures | None) -> dict[str, Any]:
    """The run as JSON values, with its figures where they were read."""
    view: dict[str, Any] = {
        "run_id": run.run_id,
        "status": run.status,
        "reason": run.reason,
        "suite_hash": run.suite_hash,
        "config_hash": run.config_hash,
        "target_hash": run.target_hash,
        "tags": run.plan.get("tags"),
        "experiment_name": run.plan.get("experiment_name"),
        "repeats": run.plan.get("repeats"),
        "budget_usd": run.plan.get("budget_usd"),
        "job_id": run.job_id,
        "total": run.total,
        "created_at": timestamp(run.created_ms),
        "completed_at": None if run.completed_ms is None else timestamp(run.completed_ms),
    }
    if figures is not None:
        view["progress"] = {
            "done": figures.done,
            "passed": figures.passed,
            "failed": figures.failed,
            "spent_usd": round(figures.spent_usd, 9),
            **({} if figures.mean_latency_ms is None else {"mean_latency_ms": figures.mean_latency_ms}),
        }
    return {name: value for name, value in view.items() if value is not None}
