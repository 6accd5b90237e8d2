"""What the gateway runs with and what it has counted: behind the key where keys exist. No names, paths or addresses."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Response

from serving.audit.assembly import Audit
from serving.config.artifacts import rag_artifacts
from serving.config.load import Config
from serving.http.limits import Admission
from serving.http.observability import Metrics
from serving.http.routes.answers import json_answer
from serving.lanes.provenance import provenance_of


class StatusReport:
    """The two documents of one gateway. The first is fixed but for its uptime."""

    def __init__(self, config: Config, metrics: Metrics, admission: Admission, audit: Audit | None) -> None:
        self._shape = _shape(config)
        self._metrics = metrics
        self._admission = admission
        self._audit = audit
        self._started_s = time.monotonic()

    def status(self, release: str) -> dict[str, Any]:
        """The running configuration by its safe shape."""
        return {"version": release, "uptime_s": round(time.monotonic() - self._started_s, 1), **self._shape}

    def counters(self) -> dict[str, Any]:
        """Totals of this gateway since its start, and what is in flight."""
        in_flight = {lane: self._admission.in_flight(lane) for lane in self._admission.lanes}
        return {
            **self._metrics.totals(),
            "in_flight": in_flight,
            "audit": {} if self._audit is None else self._audit.counts(),
        }


def status_router(report: StatusReport, release: str) -> APIRouter:
    """``/api/v1/status`` and ``/api/v1/counters``."""
    router = APIRouter(prefix="/api/v1", tags=["operations"])

    @router.get("/status", summary="What runs here", operation_id="get_status")
    async def status() -> Response:
        """Hashes, models by name, limits and switches; nothing of a request, no path, no address."""
        return json_answer({"status": report.status(release)})

    @router.get("/counters", summary="What was counted", operation_id="get_counters")
    async def counters() -> Response:
        """Totals of the gateway that answers, since its start."""
        return json_answer({"counters": report.counters()})

    return router


def _shape(config: Config) -> dict[str, Any]:
    known = provenance_of(config)
    return {
        "profile": config.profile,
        "config_source": known.config_source,
        "config_sha256": known.config_sha256,
        "encoders": [
            {"name": one.name, "default": one.name == config.default_encoder_name, "sha256": known.encoders[one.name]}
            for one in config.encoders
        ],
        "verifier": None if config.verifier is None else {"sha256": known.verifier},
        "calibrations": [artifact.version for artifact in rag_artifacts(config.artifacts.directory)],
        "bands": config.bands.model_dump(mode="json"),
        "lanes": {"rag_in_gateway": config.lanes.rag.runs_in_gateway, "code_encoder": config.lanes.code.use_encoder},
        "limits": config.limits.model_dump(mode="json"),
        "store": "postgresql" if config.store_url.startswith("postgresql") else "sqlite",
        "audit": {
            "enabled": config.audit.enabled,
            "retention_days": config.audit.retention_days,
            "review_texts": config.audit.review_texts,
            "shadow_share": 0.0 if config.audit.shadow is None else config.audit.shadow.share,
        },
        "metrics": config.observability.metrics,
    }
