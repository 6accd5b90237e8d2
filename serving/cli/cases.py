"""``groundlane cases``: look at a file of eval cases, and bring other tools' formats into ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from serving.cli.common import (
    EXIT_CONFIG,
    EXIT_FAILURE,
    ConfigOption,
    JsonOption,
    Printer,
    ProfileOption,
    SetOption,
    configured,
    reported,
)

cases_app = typer.Typer(help="Import and check eval cases.", no_args_is_help=True)
_COLUMNS = ("task_id", "track", "good", "failure", "why")


@cases_app.command(name="import")
def import_file(
    source: Annotated[Path, typer.Argument(help="JSON lines of ours, promptfoo YAML, or OpenAI evals samples.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the cases go, as JSON lines.")],
    as_json: JsonOption = False,
) -> None:
    """Write a file of cases in our format; what has no counterpart here is named. They are drafts: check them."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.api.errors import ApiError
        from serving.evals.imports import export_cases, import_cases

        try:
            cases, warnings = import_cases(source)
        except ApiError as error:
            raise printer.fail(EXIT_CONFIG, error.message) from None
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(export_cases(cases))
        for warning in warnings:
            printer.note(f"warning: {warning}")
        printer.result(
            {"cases": len(cases), "warnings": list(warnings), "output": str(output)}, f"{len(cases)} cases in {output}"
        )


@cases_app.command()
def check(
    suite: Annotated[Path, typer.Argument(help="Cases as JSON lines, a file or a folder of them.")],
    answers: Annotated[
        Path | None, typer.Option(help="Known-good recorded answers, beside the reference answers.")
    ] = None,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether each case may become ACTIVE: its graders pass a known-good answer and fail the recorded failure.

    Exit code 1 when one may not.
    """
    printer = Printer(as_json)
    with reported(printer):
        from serving.api.errors import ApiError
        from serving.evals.local_lanes import LocalLanes

        lanes = LocalLanes(configured(config, profile, settings))
        try:
            rows = asyncio.run(_checked(suite, answers, lanes))
        except ApiError as error:
            raise printer.fail(EXIT_CONFIG, error.message) from None
        finally:
            lanes.close()
        printer.table(rows, _COLUMNS, "no cases")
        if any(row["why"] is not None for row in rows):
            raise typer.Exit(EXIT_FAILURE)


async def _checked(suite: Path, answers: Path | None, lanes: Any) -> list[dict[str, Any]]:
    from serving.api.errors import ConflictError
    from serving.evals.cases import CaseStatus
    from serving.evals.life_cycle import check_step, dry_run
    from serving.evals.suites import read_suite
    from serving.evals.targets.recorded import read_recorded

    known = None if answers is None else read_recorded(answers)
    rows = []
    for case in read_suite(suite).cases:
        good = None if known is None else await known.answer(case, 0)
        run = await dry_run(case, lanes.services(), good if good is not None and good.error is None else None)
        why = None
        try:
            check_step(case, CaseStatus.DRAFT, CaseStatus.CURATED, run)
            check_step(case, CaseStatus.CURATED, CaseStatus.ACTIVE, run)
        except ConflictError as error:
            why = error.message
        words = {True: "passes", False: "fails", None: "-"}
        rows.append(
            {
                "task_id": case.task_id,
                "track": case.track,
                "good": words[run.good_passed],
                "failure": words[run.bad_passed],
                "why": why,
            }
        )
    return rows
