"""What a gate leaves behind: JUnit XML for the CI's test view, Markdown for the pull request, JSON for machines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from scoring.evals.comparison import MeasureComparison
from scoring.evals.gate import GateDecision, Outcome
from serving.evals.cases import Case
from serving.evals.comparing import Comparison, Results
from serving.evals.figures_svg import DifferenceBar, difference_svg
from serving.evals.suites import Suite

_SIGNS: Final = {Outcome.PASS: "ok", Outcome.FAIL: "FAILS", Outcome.UNDECIDED: "undecided"}
_MOST_LISTED: Final = 50
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Record:
    """The decision record: what was compared, by hashes, and with which server."""

    suite: Suite
    baseline: str
    candidate: str
    policy_hash: str
    server: str

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "suite": self.suite.view(),
            "baseline_hash": self.baseline,
            "candidate_hash": self.candidate,
            "policy_hash": self.policy_hash,
            "server": self.server,
        }


def as_json(record: Record, comparison: Comparison, decision: GateDecision) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "decision": decision.decision.value,
        "sentence": comparison.sentence,
        "record": record.view(),
        "reasons": [
            {"rule": one.rule, "outcome": one.outcome.value, "text": one.text, "cases": list(one.cases)}
            for one in decision.reasons
        ],
        "retrieval_regressed": list(comparison.retrieval_regressed),
        "fixed": list(comparison.fixed),
        "still_failing": list(comparison.still_failing),
        "regressed": list(comparison.regressed),
        "measures": [_measure(one) for one in comparison.measures],
    }


def as_markdown(
    record: Record, comparison: Comparison, decision: GateDecision, cases: Sequence[Case], candidate: Results
) -> str:
    """The report for people. Case ids and reasons are escaped, so that no answer can write into the page."""
    lines = [f"# {decision.decision}: {_plain(comparison.sentence)}", ""]
    suite = record.suite
    lines += [
        f"Suite {_plain(suite.name)} ({len(suite.cases)} cases, `{suite.suite_hash[:12]}`), candidate"
        f" `{record.candidate[:12]}`, baseline `{record.baseline[:12]}`.",
        "",
    ]
    lines += ["| rule | | why |", "| --- | --- | --- |"]
    lines += [f"| {_plain(one.rule)} | {_SIGNS[one.outcome]} | {_plain(one.text)} |" for one in decision.reasons]
    lines += [
        "",
        "| measure | n | baseline | candidate | difference (95% interval) | p | smallest visible |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(one) for one in comparison.measures]
    for title, tasks in (
        ("Retrieval regressed: read these first", comparison.retrieval_regressed),
        ("Regressed", comparison.regressed),
        ("Fixed", comparison.fixed),
        ("Still failing", comparison.still_failing),
    ):
        if tasks:
            lines += ["", f"## {title}", ""]
            lines += [f"- {_plain(task)}: {_plain(_why(candidate, task))}" for task in tasks[:_MOST_LISTED]]
            if len(tasks) > _MOST_LISTED:
                lines.append(f"- and {len(tasks) - _MOST_LISTED} more, in the JSON report")
    return "\n".join(lines) + "\n"


def as_svg(comparison: Comparison) -> str:
    """The differences in rates around zero with their intervals; cost and time are in the tables, in their own units."""
    bars = [
        DifferenceBar(
            one.measure.name,
            one.difference.value,
            one.difference.low if one.difference.low > float("-inf") else None,
            one.difference.high if one.difference.high < float("inf") else None,
        )
        for one in comparison.measures
        if one.measure.binary
    ]
    return difference_svg(bars, comparison.sentence)


def as_junit(suite: Suite, cases: Sequence[Case], candidate: Results, decision: GateDecision) -> str:
    """One test case for each case, and one for each rule of the gate; an undecided rule is an error, not a failure."""
    rows, failures, errors = [], 0, 0
    for case in cases:
        results = candidate.get(case.task_id, ())
        failed = next((one for one in results if not one.passed), None)
        seconds = sum(one.answer.latency_ms or 0.0 for one in results) / 1000.0
        group, name = _attribute(f"{suite.name}.{case.track}"), _attribute(case.task_id)
        head = f'<testcase classname={group} name={name} time="{seconds:.3f}">'
        if failed is None and results:
            rows.append(f"{head}</testcase>")
            continue
        failures += 1
        reason = "was not answered" if failed is None else failed.reason
        rows.append(f"{head}<failure message={_attribute(reason[:300])}>{_xml(reason)}</failure></testcase>")
    for reason_ in decision.reasons:
        head = f'<testcase classname="gate" name={_attribute(reason_.rule)}>'
        if reason_.outcome is Outcome.PASS:
            rows.append(f"{head}</testcase>")
            continue
        kind = "failure" if reason_.outcome is Outcome.FAIL else "error"
        failures += kind == "failure"
        errors += kind == "error"
        rows.append(f"{head}<{kind} message={_attribute(reason_.text)}></{kind}></testcase>")
    total = len(rows)
    body = "\n".join(rows)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuites><testsuite name={_attribute(suite.name)} tests="{total}" failures="{failures}" errors="{errors}">\n'
        f"{body}\n</testsuite></testsuites>\n"
    )


def _measure(one: MeasureComparison) -> Mapping[str, Any]:
    interval = one.difference
    bounded = interval.low > float("-inf")
    return {
        "name": one.measure.name,
        "tier": one.measure.tier.value,
        "n": one.n,
        "baseline": one.baseline,
        "candidate": one.candidate,
        "difference": {
            "value": interval.value,
            "low": interval.low if bounded else None,
            "high": interval.high if bounded else None,
        },
        "p_value": one.p_value,
        "p_adjusted": one.p_adjusted,
        "test": one.test,
        "smallest_visible": one.smallest_visible,
        "improved": list(one.improved),
        "regressed": list(one.regressed),
        "missing": list(one.only_baseline),
    }


def _row(one: MeasureComparison) -> str:
    interval = one.difference
    p_value = "" if one.p_adjusted is None else f"{one.p_adjusted:.3f}"
    visible = "" if one.smallest_visible is None else f"{one.smallest_visible:.3f}"
    span = f"{interval.value:+.4g} [{interval.low:+.4g}, {interval.high:+.4g}]"
    return f"| {_plain(one.measure.name)} | {one.n} | {one.baseline:.4g} | {one.candidate:.4g} | {span} | {p_value} | {visible} |"


def _why(results: Results, task: str) -> str:
    found = results.get(task, ())
    failed = next((one for one in found if not one.passed), None)
    return "passes" if failed is None and found else "was not answered" if failed is None else failed.reason


def _plain(text: str) -> str:
    """One line that Markdown reads as text: no cell, tag, link or image of an answer's making."""
    flat = " ".join(text.split())[:400]
    return "".join(f"\\{one}" if one in "\\`*_[]()#|!~" else one for one in escape(flat))


def _xml(text: str) -> str:
    """Escaped, without the characters that XML 1.0 cannot carry: controls, lone surrogates, U+FFFE and U+FFFF."""
    return escape(_NOT_XML.sub("", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("", " ".join(text.split())))
