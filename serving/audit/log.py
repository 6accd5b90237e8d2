"""The audit log of one gateway: requests hand their line to a bounded queue, and a thread writes it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from serving.api.audit_facts import Provenance
from serving.api.lane_types import LaneInput
from serving.api.scored import ScoredRequest
from serving.audit.files import DailyFiles
from serving.audit.line import audit_line
from serving.audit.review_texts import ReviewTexts

_BATCH: Final = 500
_CLOSE_S: Final = 60.0
_LOGGER: Final = logging.getLogger("groundlane.audit")
Clock = Callable[[], int]
"""Milliseconds since 1970."""


@dataclass
class AuditCounts:
    """Lines since the start: written; dropped, as the queue was full; failed, as the disk refused them."""

    written: int = 0
    dropped: int = 0
    failed: int = 0

    def values(self) -> dict[str, int]:
        """By name."""
        return dict(vars(self))


class AuditLog:
    """Hears of scored requests. Telling it costs microseconds and never fails; what it cannot keep is counted.

    ``review``: keeps texts for reviewers beside the log; None where they are off.
    """

    def __init__(
        self,
        files: DailyFiles,
        provenance: Provenance,
        clock: Clock,
        queue_lines: int,
        review: ReviewTexts | None = None,
    ) -> None:
        self.counts = AuditCounts()
        self.review = review
        self._files = files
        self._provenance = provenance
        self._clock = clock
        self._queue: queue.Queue[tuple[ScoredRequest, LaneInput | None, int] | None] = queue.Queue(queue_lines)
        self._warned = False
        self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)
        self._thread.start()

    def scored(self, request: ScoredRequest, body: LaneInput | None) -> None:
        """Take one line; ``body`` only where its texts are kept for review."""
        kept = body if self.review is not None and self.review.accepts(request, body) else None
        try:
            self._queue.put_nowait((request, kept, self._clock()))
        except queue.Full:
            self.counts.dropped += 1
            if kept is not None and self.review is not None:
                self.review.release(kept)

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        ended = False
        while not ended:
            taken = [self._queue.get()]
            while len(taken) < _BATCH:
                try:
                    taken.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            ended = taken[-1] is None
            self._write([item for item in taken if item is not None])
        self._files.close()
        if self.review is not None:
            self.review.close()

    def _write(self, items: list[tuple[ScoredRequest, LaneInput | None, int]]) -> None:
        if not items:
            return
        lines = [orjson.dumps(audit_line(request, now_ms, self._provenance)) for request, _, now_ms in items]
        try:
            self._files.append(b"\n".join(lines) + b"\n", items[-1][2])
            self.counts.written += len(items)
        except OSError as error:
            self.counts.failed += len(items)
            self._warn(error)
        if self.review is not None:
            for request, body, now_ms in items:
                if body is not None:
                    self.review.keep(request, body, now_ms)

    def _warn(self, error: OSError) -> None:
        """Once: the counters say how many follow."""
        if not self._warned:
            self._warned = True
            _LOGGER.warning(
                "the audit log cannot be written", extra={"fields": {"reason": error.strerror or "unknown"}}
            )
