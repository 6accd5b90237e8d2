"""``groundlane gate --candidate CONFIG.yaml``: may a change of calibration, cuts, models or rules ship?"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from serving.cli.audit import refused
from serving.cli.common import EXIT_CONFIG, Printer
from serving.cli.replay import CANDIDATE, read_rows, score_rows
from serving.config.load import Config, read_config

_MOST_FILES = 1_000


def gate_configuration(
    printer: Printer,
    current: Config,
    suite: Path,
    candidate: Path,
    places: list[str],
    limit: int,
    policy: Path | None,
    workers: int | None,
) -> tuple[dict[str, Any], str, str, int]:
    """(report, report for people, JUnit XML, exit code) of the suite and a replay on both configurations."""
    from scoring.audit.gate import combined, replay_reasons
    from serving.audit.change_gate import (
        change_markdown,
        changed_settings,
        identity,
        read_change_policy,
        suite_results,
    )
    from serving.audit.replay import CURRENT, replay_markdown, replay_report, with_baselines
    from serving.audit.requests import LeftOut
    from serving.audit.systems import LocalSystems
    from serving.evals.comparing import by_task, compare_runs
    from serving.evals.comparing import gate as decide_gate
    from serving.evals.reading import sha256_of
    from serving.evals.reports import Record, as_json, as_junit, as_markdown
    from serving.evals.suites import read_suite

    if not places:
        raise printer.fail(EXIT_CONFIG, "a candidate configuration needs --replay, requests to score again")
    systems = {CURRENT: current, CANDIDATE: read_config(candidate)}
    cases = refused(printer, lambda: read_suite(suite))
    rules, replay_rules = refused(printer, lambda: read_change_policy(policy))
    left_out = LeftOut()
    rows = read_rows(printer, places, limit, _MOST_FILES, left_out)
    local = LocalSystems(systems)

    async def run_all() -> tuple[list[Any], dict[str, Any]]:
        suites = [by_task(await suite_results(cases.cases, local.services(name))) for name in systems]
        scored = {name: await local.outcomes(name, rows) for name in systems} if workers is None else {}
        return suites, scored

    try:
        (before, after), scored = asyncio.run(run_all())
    finally:
        local.close()
    outcomes = with_baselines(rows, scored or score_rows(systems, rows, workers))
    replayed = replay_report(rows, outcomes, left_out)
    comparison = compare_runs(cases.cases, before, after, rules)
    reasons = replay_reasons(
        replayed["comparisons"][CANDIDATE], replayed["systems"][CANDIDATE]["precision"], replay_rules
    )
    suite_decision = decide_gate(comparison, rules)
    decision = combined(suite_decision, reasons)
    identities = {name: identity(config) for name, config in systems.items()}
    policy_hash = sha256_of(policy.read_text(encoding="utf-8") if policy else None)
    hashes = [identities[name]["config_sha256"] for name in systems]
    record = Record(cases, hashes[0], hashes[1], policy_hash, version("groundlane"))
    changes = changed_settings(current, systems[CANDIDATE])
    document = {
        **as_json(record, comparison, decision),
        "current": identities[CURRENT],
        "candidate": identities[CANDIDATE],
        "changed": changes,
        "replay": replayed,
    }
    suite_text = as_markdown(record, comparison, suite_decision, cases.cases, after)
    text = change_markdown(decision, changes, "\n" + suite_text, "\n" + replay_markdown(replayed))
    junit = as_junit(cases, cases.cases, after, decision)
    plain: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return plain, text, junit, decision.decision.exit_code
