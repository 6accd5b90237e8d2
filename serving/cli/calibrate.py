"""The command ``groundlane calibrate``: bands that hold on the operator's own answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scoring.band_curves import BALANCED
from serving.cli.common import ConfigOption, JsonOption, Printer, ProfileOption, SetOption, configured, reported

_COLUMNS = ("stratum", "band", "cut", "precision", "interval", "n", "borrowed_from", "amber_share")


def calibrate(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help="JSON lines (plain, .gz, .xz): requests, or answers, with 'hallucinated'.",
            exists=True,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the artefact; that of artifacts.directory without it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the bands would be and write nothing.")] = False,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refit the bands on your own labels: at least 200 judged answers, 30 grounded, 30 hallucinated, 20 contexts."""
    printer = Printer(as_json)
    with reported(printer):
        chosen = configured(config, profile, settings)
        from scoring.band_fits import artifact_text
        from serving.batch.band_labels import read_labels, refit

        found = refit(read_labels(labels), chosen)
        held = found.document["held"][BALANCED]
        printer.table(list(_rows(held["strata"])), _COLUMNS, "no stratum")
        printer.note(
            f"{found.judged} answers judged, {found.unjudged} left out without a score. "
            f"Asked for: green {held['green_precision']}, red {held['red_precision']}.",
            judged=found.judged,
            unjudged=found.unjudged,
        )
        if dry_run:
            return
        folder = output or chosen.artifacts.directory or chosen.data_dir / "artifacts"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{found.name}.json"
        unfinished = target.with_suffix(".part")
        unfinished.write_text(artifact_text(found.document), encoding="utf-8")
        unfinished.replace(target)
        read = folder == chosen.artifacts.directory
        hint = "Restart the server." if read else f"Start the server with --set artifacts.directory={folder}"
        printer.note(f"Wrote {target}. {hint}", file=str(target), version=found.document["version"])


def _rows(strata: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row for each band of each stratum; a cut of None: these answers hold no such band."""
    for stratum, cuts in strata.items():
        for band in ("green", "red"):
            held = cuts[band] or {}
            yield {
                "stratum": stratum,
                "band": band,
                "cut": cuts[f"{band}_at"],
                "precision": held.get("value"),
                "interval": f"{held['low']:.3f}-{held['high']:.3f}" if held else None,
                "n": held.get("n"),
                "borrowed_from": held.get("borrowed_from"),
                "amber_share": cuts.get("amber_share"),
            }
