"""Which source each part of the answer came from, and which sources it did not need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.coverage import UnitUsage
from scoring.types import SupportUnit, UsageState

DEAD_WEIGHT = "dead_weight"
PRIMARY_OWNER = "primary_owner"
SHARED = "shared"
_PRIMARY_SHARE = 0.5


@dataclass(frozen=True)
class SourceShare:
    """One source's part: ``owner_share`` of the response's content tokens match one of its units best."""

    source_id: str
    owner_share: float
    units: int
    used_units: int
    reason_codes: tuple[str, ...]


def source_shares(units: Sequence[SupportUnit], usages: Sequence[UnitUsage]) -> tuple[SourceShare, ...]:
    """Shares by ``source_id``, largest first. Units without a source are left out."""
    grouped: dict[str, list[UnitUsage]] = {}
    for unit, usage in zip(units, usages, strict=True):
        if unit.source_id is not None:
            grouped.setdefault(unit.source_id, []).append(usage)
    shares = [_share(source, members) for source, members in grouped.items()]
    return tuple(sorted(shares, key=lambda share: (-share.owner_share, share.source_id)))


def _share(source: str, usages: Sequence[UnitUsage]) -> SourceShare:
    owned = sum(usage.token_share for usage in usages)
    used = sum(usage.state is UsageState.USED for usage in usages)
    dead = all(usage.state is UsageState.UNUSED for usage in usages)
    code = DEAD_WEIGHT if dead else PRIMARY_OWNER if owned >= _PRIMARY_SHARE else SHARED
    return SourceShare(source, min(owned, 1.0), len(usages), used, (code,))


def attribution_json(shares: Sequence[SourceShare]) -> dict[str, object] | None:
    """The ``file_attribution`` field; None when no unit names a source."""
    if not shares:
        return None
    histogram: dict[str, int] = {}
    for share in shares:
        for code in share.reason_codes:
            histogram[code] = histogram.get(code, 0) + 1
    return {
        "files": [
            {
                "path": share.source_id,
                "owner_share": round(share.owner_share, 4),
                "units": share.units,
                "used_units": share.used_units,
                "reason_codes": list(share.reason_codes),
            }
            for share in shares
        ],
        "reason_codes": histogram,
        "dead_files": [share.source_id for share in shares if DEAD_WEIGHT in share.reason_codes],
    }
