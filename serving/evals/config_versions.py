"""Versions of a configuration under test: the same content is the same version, and parts have hashes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serving.api.errors import ValidationFailedError
from serving.evals.reading import sha256_of

PARTS: Final = ("instructions", "model", "temperature", "retrieval", "knowledge_base", "tools")
"""What an application is made of. When retrieval or knowledge_base changed, the retrieval track is looked at first."""
RETRIEVAL_PARTS: Final = frozenset({"retrieval", "knowledge_base"})


@dataclass(frozen=True)
class ConfigVersion:
    """``config_hash``: SHA-256 of the canonical JSON of all parts; ``part_hashes``: of each part that is there."""

    parts: Mapping[str, Any]
    config_hash: str
    part_hashes: Mapping[str, str]

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        return {"config_hash": self.config_hash, "parts": dict(self.parts), "part_hashes": dict(self.part_hashes)}


@dataclass(frozen=True)
class PartChange:
    """One part that differs; None where a version does not have it."""

    part: str
    before: Any
    after: Any


def config_version(parts: Mapping[str, Any]) -> ConfigVersion:
    """The version of these parts; null parts are absent ones. Raises ValidationFailedError for an unknown part or none."""
    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        raise ValidationFailedError(f"config.{unknown[0]}: unknown part; known are {', '.join(PARTS)}")
    kept = {name: parts[name] for name in PARTS if parts.get(name) is not None}
    if not kept:
        raise ValidationFailedError(f"config: has no part; send at least one of {', '.join(PARTS)}")
    return ConfigVersion(kept, sha256_of(kept), {name: sha256_of(value) for name, value in kept.items()})


def changed_parts(before: ConfigVersion, after: ConfigVersion) -> tuple[PartChange, ...]:
    """The parts that differ, in the order of PARTS."""
    return tuple(
        PartChange(part, before.parts.get(part), after.parts.get(part))
        for part in PARTS
        if before.part_hashes.get(part) != after.part_hashes.get(part)
    )
