"""The server's own decisions: what to look at in clusters, and the trend of bands with marks where something changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.audit.recent import RecentDecisions
from serving.pages.web import ROOT, Web

BANDS: Final = ("green", "amber", "red", "unknown", "none")
WIDTH: Final = 720
HEIGHT: Final = 120
_MOST_CLUSTERS: Final = 100
_KINDS: Final = {
    "config_sha256": "configuration",
    "calibration_sha256": "calibration",
    "encoder_sha256": "encoder",
    "verifier_sha256": "verifier",
}


def audit_router(web: Web, decisions: RecentDecisions) -> APIRouter:
    """``/review/audit``."""
    router = APIRouter(prefix=ROOT, include_in_schema=False)

    @router.get("/audit")
    async def audit(request: Request, days: Annotated[int, Query(ge=1, le=31)] = 1) -> Response:
        """Of the visitor's tenant, from the log of this gateway's folder."""
        visitor = web.visitor(request)
        found = await decisions.of(visitor.principal.tenant, days)
        context: dict[str, Any] = {"title": "Decisions", "found": found, "days": days, "clusters": [], "more": 0}
        if found is not None:
            slots = found["trend"]["slots"]
            changed = marks(found["versions"], slots)
            context |= {
                "bars": bars(slots),
                "marks": changed,
                "rows": _rows(slots, changed),
                "unit": found["trend"]["slot"],
                "bands": BANDS,
                "width": WIDTH,
                "height": HEIGHT,
                "clusters": found["clusters"][:_MOST_CLUSTERS],
                "more": max(0, len(found["clusters"]) - _MOST_CLUSTERS),
            }
        return web.page(request, visitor, "audit.html", context)

    return router


def _rows(
    slots: Sequence[Mapping[str, Any]], changed: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, int], list[Mapping[str, Any]]]]:
    """The table: each slot's start, its counts and what changed in it."""
    marked = [[one for one in changed if one["slot"] == at] for at in range(len(slots))]
    return [(slot["from"], slot["bands"], here) for slot, here in zip(slots, marked, strict=True)]


def bars(slots: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One rectangle for each band of each slot: shares of the slot, stacked, in units of a ``WIDTH`` x ``HEIGHT`` drawing."""
    found = []
    step = WIDTH / max(1, len(slots))
    for place, slot in enumerate(slots):
        total = sum(slot["bands"].values())
        top = 0.0
        for band in BANDS:
            height = HEIGHT * slot["bands"].get(band, 0) / total
            if height:
                box = {"x": place * step, "y": top, "width": step, "height": height}
                found.append({"band": band, **{name: round(value, 2) for name, value in box.items()}})
            top += height
    return found


def marks(
    versions: Mapping[str, Sequence[Mapping[str, Any]]], slots: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Where a hash first decided that had not before: kind, hash, time, its slot and its place in the drawing.

    The first hash of a kind is no change, and a hash that was there in the first slot is none either.
    """
    found = []
    step = WIDTH / max(1, len(slots))
    for kind, rows in versions.items():
        for row in rows[1:]:
            slot = max((at for at, one in enumerate(slots) if one["from"] <= row["first"]), default=0)
            if slot > 0:
                found.append(
                    {
                        "kind": _KINDS[kind],
                        "sha256": row["sha256"],
                        "first": row["first"],
                        "slot": slot,
                        "x": round(slot * step, 2),
                    }
                )
    return sorted(found, key=lambda one: (one["slot"], one["kind"]))
