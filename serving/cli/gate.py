"""``groundlane gate``: compare two runs of a suite and say GO, NO-GO or INCONCLUSIVE. Needs no server and no network."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

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
    from serving.evals.graders.types import Services
    from serving.evals.runs import UnitResult
    from serving.evals.suites import Suite
    from serving.evals.targets.types import Target

_CONCURRENCY = 8


def gate(
    suite: Annotated[Path, typer.Option(help="Cases as JSON lines, a file or a folder of them.")],
    candidate: Annotated[
        str,
        typer.Option(
            help="Recorded answers (JSON lines), module:function to ask now, or a configuration (YAML) of this server."
        ),
    ],
    baseline: Annotated[
        str | None, typer.Option(help="The same for what is released today; of a configuration, the one of --config.")
    ] = None,
    replay: Annotated[
        list[str] | None, typer.Option(help="Of a configuration: requests to score again, files or folders.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of a configuration: requests to score again at most.")] = 1_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Of a configuration: score by offline batch.")] = None,
    policy: Annotated[Path | None, typer.Option(help="YAML; docs/evals.md has its fields.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a report for people here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the whole report as JSON here.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the differences with their intervals here.")] = None,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often each case is asked.")] = 1,
    config: ConfigOption = None,
    profile: ProfileOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Exit codes: 0 GO, 1 NO-GO, 2 INCONCLUSIVE (or wrong usage), 3 a file that cannot be used."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.api.errors import ApiError
        from serving.evals.comparing import by_task, compare_runs
        from serving.evals.comparing import gate as decide_gate
        from serving.evals.local_lanes import LocalLanes
        from serving.evals.policy import read_policy
        from serving.evals.reading import sha256_of
        from serving.evals.reports import Record, as_junit, as_markdown, as_svg
        from serving.evals.reports import as_json as report_json
        from serving.evals.suites import read_suite

        chosen = configured(config, profile, settings)
        if Path(candidate).suffix in {".yaml", ".yml"}:
            from serving.cli.gate_config import gate_configuration

            places = (printer, chosen, suite, Path(candidate), replay or [], limit, policy, workers)
            document, text, xml, code = gate_configuration(*places)
            _write(junit, xml)
            _write(markdown, text)
            _write(report, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
            printer.result(document, text.rstrip())
            raise typer.Exit(code)
        if baseline is None:
            raise printer.fail(EXIT_CONFIG, "--baseline is needed: recorded answers of what is released today")
        lanes = LocalLanes(chosen)
        try:
            cases = read_suite(suite)
            rules = read_policy(policy)
            before, after = _target(baseline), _target(candidate)
            results = asyncio.run(_both(cases, (before, after), repeats, lanes.services()))
            first, second = by_task(results[0]), by_task(results[1])
            comparison = compare_runs(cases.cases, first, second, rules)
            decision = decide_gate(comparison, rules)
        except ApiError as error:
            raise printer.fail(EXIT_CONFIG, error.message) from None
        finally:
            lanes.close()
        policy_hash = sha256_of(policy.read_text(encoding="utf-8") if policy else None)
        record = Record(cases, before.identity, after.identity, policy_hash, version("groundlane"))
        document = report_json(record, comparison, decision)
        text = as_markdown(record, comparison, decision, cases.cases, second)
        _write(junit, as_junit(cases, cases.cases, second, decision))
        _write(markdown, text)
        _write(report, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
        _write(svg, as_svg(comparison))
        printer.result(document, text.rstrip())
    raise typer.Exit(decision.decision.exit_code)


def _target(name: str) -> Target:
    """Recorded answers of a file, or a function."""
    from serving.evals.targets.python_callable import load_callable
    from serving.evals.targets.recorded import read_recorded

    path = Path(name)
    if path.exists() or ":" not in name:
        return read_recorded(path)
    return load_callable(name)


async def _both(
    suite: Suite, targets: tuple[Target, Target], repeats: int, services: Services
) -> tuple[list[UnitResult], list[UnitResult]]:
    """Both runs, one after the other, so that their latencies are not each other's."""
    from serving.evals.runs import NoAnswerStore, Unit, run_unit, run_units, units_of

    async def run(target: Target) -> list[UnitResult]:
        async def work(unit: Unit) -> UnitResult:
            return await run_unit(unit, target, NoAnswerStore(), services)

        units = units_of(suite.cases, max(repeats, getattr(target, "repeats", 1)))
        return await run_units(units, work, _CONCURRENCY)

    return await run(targets[0]), await run(targets[1])


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
