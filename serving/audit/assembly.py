"""The audit of one gateway, from its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serving.api.audit_facts import Provenance
from serving.api.lane_types import LaneInput
from serving.api.scored import ScoredRequest
from serving.audit.files import DailyFiles
from serving.audit.log import AuditLog, Clock
from serving.audit.review_texts import ReviewTexts
from serving.audit.shadow import CandidateLane, Shadow
from serving.config.load import Config
from serving.lanes.provenance import provenance_of
from serving.lanes.traffic import Traffic


@dataclass
class Audit:
    """What hears of scored requests in one gateway. Without a log nothing is kept, and no candidate runs."""

    provenance: Provenance
    log: AuditLog | None = None
    shadow: Shadow | None = None

    def scored(self, request: ScoredRequest, body: LaneInput | None) -> None:
        """One line, and perhaps a turn for the candidate."""
        if self.log is not None:
            self.log.scored(request, body)
        if self.shadow is not None:
            self.shadow.offer(request, body)

    def counts(self) -> dict[str, dict[str, int]]:
        """Counters since the start, by part."""
        found: dict[str, dict[str, int]] = {}
        if self.log is not None:
            found["audit"] = self.log.counts.values()
            if self.log.review is not None:
                found["review_texts"] = {"kept": self.log.review.kept, "left_out": self.log.review.left_out}
        if self.shadow is not None:
            found["shadow"] = self.shadow.counts.values()
        return found

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """Score the candidate's share meanwhile; at the end everything that waits is written."""
        task = None if self.shadow is None else asyncio.create_task(self.shadow.run())
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            if self.log is not None:
                await asyncio.to_thread(self.log.close)


def open_audit(
    config: Config, writer: str, clock: Clock, traffic: Traffic, candidate: CandidateLane | None = None
) -> Audit:
    """The audit of the gateway called ``writer``. ``candidate``: the lane of ``audit.shadow``."""
    settings = config.audit
    audit = Audit(provenance_of(config))
    if settings.enabled:
        files = DailyFiles(audit_folder(config), writer, settings.file_bytes, settings.retention_days)
        audit.log = AuditLog(files, audit.provenance, clock, settings.queue_lines, _review_texts(config, writer))
        if candidate is not None and settings.shadow is not None:
            shadow = settings.shadow
            audit.shadow = Shadow(candidate, shadow.share, shadow.queue_requests, traffic, audit.log.scored)
    return audit


def audit_folder(config: Config) -> Path:
    """Where the log lies."""
    return config.audit.directory or config.data_dir / "audit"


def review_folder(config: Config) -> Path:
    """Where the review texts lie."""
    return config.audit.review_directory or config.data_dir / "review-texts"


def _review_texts(config: Config, writer: str) -> ReviewTexts | None:
    settings = config.audit
    if settings.review_texts == "off":
        return None
    files = DailyFiles(review_folder(config), writer, settings.file_bytes, settings.review_retention_days)
    return ReviewTexts(
        files, settings.review_texts == "redacted", settings.review_characters, settings.review_day_bytes
    )
