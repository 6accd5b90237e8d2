"""May a change of the server's own decisions ship? The suite and a replay, on the server as it is and on the candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scoring.audit.gate import ReplayPolicy
from scoring.evals.gate import GateDecision, Policy
from serving.api.errors import ValidationFailedError
from serving.config.artifacts import artifact_sha256
from serving.config.load import Config
from serving.evals.answers import Answer
from serving.evals.cases import Case
from serving.evals.graders.types import Services
from serving.evals.life_cycle import dry_run
from serving.evals.policy import policy_of
from serving.evals.reading import Fields, read_yaml
from serving.evals.runs import UnitResult
from serving.lanes.provenance import ARTIFACTS, provenance_of


def read_change_policy(path: Path | None) -> tuple[Policy, ReplayPolicy]:
    """The policy of a suite, and beside it the section ``replay``. Raises ValidationFailedError naming the field."""
    values = (read_yaml(path) or {}) if path is not None else {}
    if not isinstance(values, Mapping):
        raise ValidationFailedError(f"{path.name if path else 'policy'}: expected an object")
    where = f"{path.name if path else 'policy'}.replay"
    fields = Fields(values.get("replay") or {}, where)
    default = ReplayPolicy()
    bounds: dict[str, Any] = {}
    for name, value in asdict(default).items():
        bounds[name] = fields.take(name, int, value) if name == "least_requests" else fields.number(name, value, 0.0)
    fields.end()
    return policy_of({k: v for k, v in values.items() if k != "replay"}, where.removesuffix(".replay")), ReplayPolicy(
        **bounds
    )


async def suite_results(cases: Sequence[Case], services: Services) -> list[UnitResult]:
    """Of each case, whether its graders on these lanes pass the known-good answer and fail the recorded failure."""
    found = []
    for case in cases:
        run = await dry_run(case, services)
        good = run.good_passed is not False
        bad = run.bad_passed is False
        reason = (
            "tells good from bad"
            if good and bad
            else run.good_reason
            if not good
            else f"passes a failure: {run.bad_reason}"
        )
        answer = Answer(case.reference_answer or case.recorded_failure or "")
        found.append(UnitResult(case.task_id, 0, answer, (), good and bad, reason))
    return found


def identity(config: Config) -> dict[str, Any]:
    """What a configuration decides with, by hashes."""
    known = provenance_of(config)
    return {
        "config_sha256": known.config_sha256,
        "artifacts": {name: artifact_sha256(name, config.artifacts.directory) for name in ARTIFACTS},
        "encoders": dict(known.encoders),
        "verifier": known.verifier,
    }


def changed_settings(current: Config, candidate: Config) -> list[dict[str, Any]]:
    """Settings that differ, with both values, and artefacts and weights that differ, with both hashes."""
    before, after = dict(current.describe()), dict(candidate.describe())
    rows = [
        {"what": key, "before": before.get(key), "after": after.get(key)}
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]
    first, second = identity(current), identity(candidate)
    for name, value in first["artifacts"].items():
        if second["artifacts"][name] != value:
            rows.append({"what": f"{name}.json", "before": value, "after": second["artifacts"][name]})
    if first["verifier"] != second["verifier"]:
        rows.append({"what": "verifier weights", "before": first["verifier"], "after": second["verifier"]})
    return rows


def change_markdown(
    decision: GateDecision, changes: Sequence[Mapping[str, Any]], suite_text: str, replay_text: str
) -> str:
    """The whole report for people."""
    lines = [f"# {decision.decision}: change of the server's own decisions", ""]
    lines += ["| changed | before | after |", "| --- | --- | --- |"]
    lines += [f"| {one['what']} | {_short(one['before'])} | {_short(one['after'])} |" for one in changes]
    lines += ["", "| rule | | why |", "| --- | --- | --- |"]
    lines += [f"| {one.rule} | {one.outcome.value} | {one.text} |" for one in decision.reasons]
    return "\n".join(lines) + "\n\n" + suite_text.replace("\n# ", "\n## ") + "\n" + replay_text.replace("\n# ", "\n## ")


def _short(value: Any) -> str:
    text = "" if value is None else str(value).replace("|", "\\|")
    return text if len(text) <= 60 else f"{text[:57]}..."
