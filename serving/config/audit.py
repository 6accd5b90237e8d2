"""What the configuration says of the audit log, of the texts kept beside it, and of a candidate beside the server."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from serving.config.settings import MEBIBYTE, BandSettings, FilePath, Section, VerifierSettings, impossible

ReviewTexts = Literal["off", "redacted", "raw_local"]


class ShadowSettings(Section):
    """A candidate that scores a share of the live requests beside the server, in the background; only the audit log tells."""

    share: float = Field(
        default=0.1, gt=0, le=1, description="Share of the answered requests, chosen by a hash of their id."
    )
    artifacts: FilePath | None = Field(
        default=None,
        description="Folder of candidate artefacts, such as `rag_verified.json`; null: those of the server.",
    )
    bands: BandSettings | None = Field(
        default=None, description="Candidate precision of the bands; null: as the server's."
    )
    verifier: VerifierSettings | None = Field(
        default=None, description="Candidate verifier, which gets replicas of its own; null: the server's."
    )
    queue_requests: int = Field(
        default=32, ge=1, description="Requests that may wait for the candidate; more are left out, and counted."
    )

    @model_validator(mode="after")
    def _check_candidate(self) -> Self:
        if self.artifacts is None and self.bands is None and self.verifier is None:
            impossible("artifacts", "the candidate is the server itself; name artifacts, bands or a verifier")
        if self.artifacts is not None and not self.artifacts.is_dir():
            impossible("artifacts", f"{self.artifacts} is no folder; create it or set it to null")
        return self


class AuditSettings(Section):
    """One line of metadata for every scored request, in daily files. Never text, keys or paths of a request."""

    enabled: bool = Field(default=True, description="Write the audit log.")
    directory: FilePath | None = Field(default=None, description="Folder of the log; null: `audit` in `data_dir`.")
    queue_lines: int = Field(
        default=10_000, ge=1, description="Lines that may wait for the disk; more are dropped, and counted."
    )
    file_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=4096,
        description="A gateway's file of a day is continued in another one past this size.",
    )
    retention_days: int = Field(default=90, ge=1, le=3650, description="Days that a day's files are kept.")
    review_texts: ReviewTexts = Field(
        default="off",
        description="Texts of scored requests kept for reviewers, apart from the log: `redacted` (no secrets, no personal data) "
        "or `raw_local` (as they came). No log, metric or report reads them unless asked to.",
    )
    review_directory: FilePath | None = Field(
        default=None, description="Folder of the review texts; null: `review-texts` in `data_dir`."
    )
    review_characters: int = Field(
        default=40_000, ge=100, description="Characters kept of one request; what is longer is cut, and says so."
    )
    review_day_bytes: int = Field(
        default=256 * MEBIBYTE,
        ge=4096,
        description="Bytes of review texts that one gateway keeps of a day; more are counted only.",
    )
    review_retention_days: int = Field(default=7, ge=1, le=3650, description="Days that review texts are kept.")
    shadow: ShadowSettings | None = Field(default=None, description="A candidate beside the server; null: none.")
