"""Requests scored again by the server as it is, by candidates and by trivial systems, and what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from scoring.audit.baselines import BASELINES
from scoring.audit.moves import Outcome, bands_of, compare, precision
from serving.audit.requests import LeftOut, ReplayRow

CURRENT: Final = "current"
Outcomes = Mapping[str, Sequence[Outcome]]
"""Outcomes by system, in the order of the rows."""


def with_baselines(rows: Sequence[ReplayRow], outcomes: Outcomes) -> dict[str, Sequence[Outcome]]:
    """The outcomes, and those of the trivial systems."""
    found: dict[str, Sequence[Outcome]] = dict(outcomes)
    for name, baseline in BASELINES.items():
        decided = [baseline(*row.texts) for row in rows]
        found[name] = [Outcome(band.value, score, ()) for band, score in decided]
    return found


def replay_report(rows: Sequence[ReplayRow], outcomes: Outcomes, left_out: LeftOut) -> dict[str, Any]:
    """The report as JSON values: hashes and counts, no text. Every system but the current one is compared with it."""
    clusters = [row.cluster for row in rows]
    labels = [row.grounded for row in rows]
    before = outcomes[CURRENT]
    return {
        "requests": len(rows),
        "left_out": dict(sorted(left_out.counts.items())),
        "clusters": len(set(clusters)),
        "systems": {
            name: {"bands": bands_of(decided), "precision": precision(decided, labels)}
            for name, decided in outcomes.items()
        },
        "comparisons": {
            name: compare(before, decided, clusters) for name, decided in outcomes.items() if name != CURRENT
        },
        "moved_requests": {
            name: [
                {
                    "request": row.request,
                    "lane": row.lane,
                    "from": a.band,
                    "to": b.band,
                    "codes": list(b.reason_codes or ()),
                }
                for row, a, b in zip(rows, before, decided, strict=True)
                if a.band != b.band
            ]
            for name, decided in outcomes.items()
            if name != CURRENT and name not in BASELINES
        },
        "note": "Moves show what would change, not what is right; only labelled requests have a precision.",
    }


def text_lines(rows: Sequence[ReplayRow], outcomes: Outcomes) -> bytes:
    """The requests with their texts and every system's band, as JSON lines for a private file."""
    return b"".join(
        orjson.dumps(
            {
                "request": row.request,
                "lane": row.lane,
                "bands": {name: decided[place].band for name, decided in outcomes.items()},
                "body": orjson.Fragment(row.body),
            }
        )
        + b"\n"
        for place, row in enumerate(rows)
    )


def replay_markdown(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = ["# Replay", "", f"{report['requests']} requests on {report['clusters']} contexts. {report['note']}", ""]
    if report["left_out"]:
        lines += ["Left out: " + ", ".join(f"{count} {why}" for why, count in report["left_out"].items()) + ".", ""]
    lines += ["| system | bands | green precise | red precise | decided |", "| --- | --- | --- | --- | --- |"]
    for name, system in report["systems"].items():
        held = system["precision"] or {}
        shares = [_span(held.get(kind)) for kind in ("green", "red", "decided")]
        bands = ", ".join(f"{band} {count}" for band, count in system["bands"].items())
        lines.append(f"| {name} | {bands} | {' | '.join(shares)} |")
    for name, found in report["comparisons"].items():
        if name in BASELINES:
            continue
        lines += ["", f"## {name} beside the current server", ""]
        lines.append(f"Moved: {_span(found['moved'])}. Score: {_span(found['score_difference'], '+')}.")
        lines += ["", "| from | to | requests | share |", "| --- | --- | --- | --- |"]
        lines += [f"| {m['from']} | {m['to']} | {m['requests']} | {_span(m['share'])} |" for m in found["moves"]]
        changed = {kind: one for kind, one in found["hashes"].items() if one["changed"]}
        said = ", ".join(f"{kind} in {one['changed']}" for kind, one in changed.items())
        lines += ["", f"Changed: {said or 'no hash'}."]
        if found["reasons"]:
            lines += ["", "| code | came | went |", "| --- | --- | --- |"]
            lines += [f"| {one['code']} | {one['came']} | {one['went']} |" for one in found["reasons"]]
    return "\n".join(lines) + "\n"


def _span(one: Mapping[str, Any] | None, sign: str = "") -> str:
    if one is None:
        return ""
    if one["low"] is None:
        return f"{one['value']:{sign}.4g}"
    return f"{one['value']:{sign}.3f} [{one['low']:{sign}.3f}, {one['high']:{sign}.3f}]"
