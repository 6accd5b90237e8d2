"""What a lane says of a decision for the audit log. Codes, numbers and digests alone: none of it is text of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Provenance:
    """What a server decides with, as SHA-256 in hex.

    ``config_sha256``: of the settings that bear on a score and of every artefact. ``config_source``: ``defaults``, ``profile`` or
    ``custom``. ``encoders``: weights by configured name; ``verifier``: weights; None where they are known only once loaded.
    ``code``: of the code lane's artefact.
    """

    config_sha256: str | None = None
    config_source: str = "custom"
    encoders: Mapping[str, str | None] = field(default_factory=dict)
    verifier: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class VersionHashes:
    """What one answer was decided with; a key that is None does not apply."""

    config_sha256: str | None = None
    config_source: str = "custom"
    calibration_sha256: str | None = None
    encoder_sha256: str | None = None
    verifier_sha256: str | None = None

    def versions(self) -> dict[str, str]:
        """As they stand in an answer's ``versions``."""
        values = {name: value for name, value in vars(self).items() if name.endswith("_sha256")}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class FormatSignals:
    """The shape of a request: counts of passages and characters, and whether it holds tables or code. ``language``: ISO 639-1."""

    units: int = 0
    characters: int = 0
    response_characters: int = 0
    table: bool = False
    code: bool = False
    language: str = "und"


@dataclass(frozen=True)
class AuditFacts:
    """One decision. ``artifact``: the calibration's version. ``verifier``: used, not_needed, away or absent.

    ``deciding_unit_sha256``: of the text of the passage that bears most on the verdict, at ``deciding_unit_index``.
    """

    score: float | None
    reason_codes: tuple[str, ...]
    hashes: VersionHashes
    cut_distance: float | None = None
    second_distance: float | None = None
    artifact: str | None = None
    verifier: str = "absent"
    profile: str = "standard"
    policy: str = "balanced"
    stratum: str | None = None
    deciding_unit_index: int | None = None
    deciding_unit_sha256: str | None = None
    format: FormatSignals = FormatSignals()
