"""``groundlane audit replay``, and what it shares with the gate of configurations: candidates, rows, systems."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from serving.cli.audit import read_files, refused, write_private
from serving.cli.common import (
    EXIT_CONFIG,
    ConfigOption,
    JsonOption,
    Printer,
    ProfileOption,
    SetOption,
    configured,
    reported,
)

if TYPE_CHECKING:
    from scoring.audit.moves import Outcome
    from serving.audit.requests import LeftOut, ReplayRow
    from serving.config.load import Config

CANDIDATE = "candidate"


def replay(
    places: Annotated[list[str], typer.Argument(help="Requests as JSON lines, or folders of review texts.")],
    candidate: Annotated[Path | None, typer.Option(help="Configuration of the candidate, YAML.")] = None,
    candidate_artifacts: Annotated[Path | None, typer.Option(help="Folder of candidate artefacts.")] = None,
    candidate_verifier: Annotated[Path | None, typer.Option(help="Folder of a candidate verifier.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Requests at most.")] = 100,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Score by offline batch (Ray Data), on so many workers.")
    ] = None,
    include_text: Annotated[
        Path | None, typer.Option(help="Write texts and bands here, 0600; no other place has them.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a report for people here.")] = None,
    max_files: Annotated[int, typer.Option(min=1, help="Refuse to read more files than this.")] = 1_000,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score requests again: the server as configured, a candidate, and trivial systems. Hashes and counts, no texts."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.replay import CURRENT, replay_markdown, replay_report, text_lines, with_baselines
        from serving.audit.requests import LeftOut

        current = configured(config, profile, settings)
        systems = {CURRENT: current}
        other = candidate_of(current, candidate, candidate_artifacts, candidate_verifier)
        if other is not None:
            systems[CANDIDATE] = other
        left_out = LeftOut()
        rows = read_rows(printer, places, limit, max_files, left_out)
        outcomes = with_baselines(rows, score_rows(systems, rows, workers))
        found = replay_report(rows, outcomes, left_out)
        text = replay_markdown(found)
        if markdown is not None:
            write_private(markdown, text.encode())
        if include_text is not None:
            write_private(include_text, text_lines(rows, outcomes))
        printer.result(found, text.rstrip())


def candidate_of(current: Config, path: Path | None, artifacts: Path | None, verifier: Path | None) -> Config | None:
    """The candidate: a configuration of its own, or the current one with other artefacts or another verifier; None: none."""
    from serving.config.load import read_config
    from serving.config.settings import ArtifactSettings, VerifierSettings

    if path is None and artifacts is None and verifier is None:
        return None
    chosen = current if path is None else read_config(path)
    changes: dict[str, Any] = {}
    if artifacts is not None:
        changes["artifacts"] = ArtifactSettings(directory=artifacts)
    if verifier is not None:
        changes["verifier"] = VerifierSettings(source=str(verifier))
    return chosen.model_copy(update=changes)


def score_rows(
    systems: Mapping[str, Config], rows: Sequence[ReplayRow], workers: int | None = None
) -> dict[str, Sequence[Outcome]]:
    """What every system decides about every row: in this process, or with ``workers`` by offline batch."""
    if workers is not None:
        with TemporaryDirectory(prefix="groundlane-replay-") as folder:
            return {name: _batch(config, rows, workers, Path(folder) / name) for name, config in systems.items()}
    from serving.audit.systems import LocalSystems

    local = LocalSystems(systems)

    async def all_of() -> dict[str, Sequence[Outcome]]:
        return {name: await local.outcomes(name, rows) for name in systems}

    try:
        return asyncio.run(all_of())
    finally:
        local.close()


def _batch(config: Config, rows: Sequence[ReplayRow], workers: int, folder: Path) -> list[Outcome]:
    """By Ray Data, lane by lane; answers say no reason codes, so those are not compared."""
    from serving.batch.run import BatchOptions, run_batch

    found: dict[int, Outcome] = {}
    for lane in dict.fromkeys(row.lane for row in rows):
        places = [place for place, row in enumerate(rows) if row.lane == lane]
        source, output = folder / f"{lane}.jsonl", folder / lane
        write_private(source, b"".join(rows[place].body + b"\n" for place in places))
        run_batch(BatchOptions(source, output, lane, workers), config, lambda _: None)
        for part in sorted(output.glob("part-*.jsonl")):
            for line in part.read_bytes().splitlines():
                document = orjson.loads(line)
                found[places[document["row"] - 1]] = _batch_outcome(document)
    return [found[place] for place in range(len(rows))]


def _batch_outcome(document: Mapping[str, Any]) -> Outcome:
    from scoring.audit.moves import Outcome

    answer = document.get("result")
    if answer is None:
        return Outcome(None, error=str(document.get("error", {}).get("error", "internal_error")))
    hashes = {name: value for name, value in answer["versions"].items() if name.endswith("_sha256")}
    return Outcome(answer["band"], answer.get("score"), None, hashes)


def read_rows(
    printer: Printer, places: list[str], limit: int, max_files: int, left_out: LeftOut
) -> Sequence[ReplayRow]:
    """The rows to score again; none ends the command."""
    from serving.audit.requests import read_requests

    files = read_files(printer, places, max_files)
    rows: Sequence[ReplayRow] = refused(printer, lambda: read_requests(files, limit, left_out))
    if not rows:
        raise printer.fail(EXIT_CONFIG, "there is no request to score again", left_out=left_out.counts)
    return rows
