"""What the configuration says of traces and reviews, for all projects and for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from serving.config.settings import MEBIBYTE, Section, impossible

REASONS = (
    "satisfied",
    "wrong",
    "incomplete",
    "missed caveat",
    "hallucinated citation",
    "invalid JSON",
    "user corrected",
    "too slow",
    "too expensive",
    "off policy",
    "unsafe",
)
"""Why an answer was good or bad, in the order of their keys 1 to 9 on the page; a project may have a list of its own."""
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class ProjectSettings(Section):
    """What one project asks of its traces."""

    metadata_only: bool = Field(
        default=False, description="Keep models, tokens, cost, times and versions of a call, and nothing that was said."
    )
    privacy_mode: bool = Field(default=False, description="Redact personal data too, not only secrets.")
    retention: str = Field(
        default="90d",
        pattern=r"^[1-9][0-9]{0,2}[mhd]$",
        description="How long a conversation is kept after its last call: `12h`, `90d`.",
    )
    score_rate: float = Field(
        default=1.0, ge=0, le=1, description="Share of the answers that are scored by themselves, 1.0: all."
    )
    score_within: str = Field(
        default="24h",
        pattern=r"^[1-9][0-9]{0,2}[mhd]$",
        description="How long an answer may wait for its score; one that waited longer is left out, and says so.",
    )
    always_score: tuple[str, ...] = Field(
        default=(),
        description="Facets whose answers are scored whatever the rate: `segment=enterprise`, `model=gpt-4o`.",
    )
    review_rate: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Probability with which an answer without a sign of trouble is put into the review queue.",
    )
    reasons: tuple[str, ...] = Field(default=REASONS, min_length=1, description="Reasons a label may give.")

    @property
    def score_within_ms(self) -> int:
        """:attr:`score_within` in milliseconds."""
        return int(self.score_within[:-1]) * _UNIT_MS[self.score_within[-1]]


class TraceSettings(ProjectSettings):
    """Traces of every project that has no section of its own."""

    in_flight_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=1024 * 1024,
        description="Bytes of decompressed trace bodies that one gateway works on at a time; more answer 503.",
    )
    settle_s: float = Field(
        default=5.0, ge=0, description="Seconds without a new call after which a turn is taken as complete and scored."
    )
    lock_s: float = Field(default=600.0, gt=0, description="Seconds for which a reviewer holds an item of the queue.")
    projects: Mapping[str, ProjectSettings] = Field(
        default_factory=dict, description="Sections of single projects, by name; each stands for itself."
    )

    @model_validator(mode="after")
    def _check_reasons(self) -> Self:
        for reasons in (self.reasons, *(project.reasons for project in self.projects.values())):
            if len(set(reasons)) != len(reasons) or not all(reason.strip() for reason in reasons):
                impossible("reasons", "reasons are different and none is blank")
        return self

    def of(self, project: str) -> ProjectSettings:
        """What a project's calls are kept and scored by."""
        return self.projects.get(project, self)
