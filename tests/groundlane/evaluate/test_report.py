"""The report: everything escaped, nothing fetched, verdicts as the rule says."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundlane.evaluate.html.answers import Mark, marked
from groundlane.evaluate.html.plots import histogram, interval_plot
from groundlane.evaluate.html.report import render_report
from groundlane.evaluate.rows import BadRow, Row
from groundlane.evaluate.statistics import Interval
from groundlane.evaluate.summary import RULES, Summary, summarize

HOSTILE = "<script>alert(1)</script>\"'&"
ABOUT: dict[str, Any] = {
    "input": HOSTILE,
    "rows": 3,
    "scored": 3,
    "sample_seed": None,
    "columns": {"answer": {"name": HOSTILE, "guessed": True}},
    "scorer": {"scorer": HOSTILE},
    "groundlane": "1",
}


def row(place: str, answer: str = HOSTILE, group: str = HOSTILE, label: bool | None = None, **request: Any) -> Row:
    body = request or {"raw_context": HOSTILE, "query_text": HOSTILE}
    return Row(place, place, {"response_text": answer, **body}, answer, place, {"model": group}, label)


def answered(band: str, score: float | None, *verdicts: str, text: str = HOSTILE) -> dict[str, Any]:
    claims = [
        {
            "text": text,
            "char_start": 0,
            "char_end": len(text),
            "verdict": verdict,
            "reasons": [HOSTILE],
            "citations": [{"unit_index": 0, "char_start": 0, "char_end": 4}],
        }
        for verdict in verdicts
    ]
    units = [{"index": 0, "char_start": 0, "char_end": len(HOSTILE)}]
    return {"answer": {"band": band, "score": score, "reason": HOSTILE, "claims": claims, "support_units": units}}


def summary_of(rule: str = "red") -> Summary:
    rows = [row("line 1", label=True), row("line 2", label=False), row("line 3"), row("line 4"), row("line 5")]
    outcomes = {
        "line 1": answered("red", 0.1, "contradicted"),
        "line 2": answered("green", 0.9, "supported"),
        "line 3": answered("amber", 0.5, "unsupported"),
        "line 4": answered("unknown", None),
        "line 5": {"error": HOSTILE},
    }
    nothing = Row("line 6", "6", None, "answer", "none", {"model": "b"})
    return summarize([*rows, nothing], [BadRow("line 7", HOSTILE)], outcomes, rule, 20)


@pytest.mark.parametrize(
    ("rule", "hallucinated", "undecided", "grounded"),
    [("red", 1, 1, 1), ("red-or-amber", 2, 0, 1), ("contradicted", 1, 0, 2), ("unsupported", 2, 0, 1)],
)
def test_unknown_is_in_no_rate(rule: str, hallucinated: int, undecided: int, grounded: int) -> None:
    summary = summary_of(rule)
    assert set(RULES) >= {rule}
    assert summary.overall.counts == {
        "hallucinated": hallucinated,
        "undecided": undecided,
        "grounded": grounded,
        "unknown": 2,
    }
    assert summary.overall.rate is not None
    assert (summary.overall.rate.n, summary.overall.rate.value) == (3, pytest.approx(hallucinated / 3))
    assert summary.unknown_share == pytest.approx(2 / 5)
    assert [each.place for each in summary.failed] == ["line 5"]
    assert {group.name: group.counts["unknown"] for group in summary.by["model"]} == {HOSTILE: 1, "b": 1}


def test_labels_are_held_against_the_rule() -> None:
    agreement = summary_of().agreement
    assert agreement is not None
    assert (agreement.n, agreement.left_out) == (2, 0)
    assert agreement.precision is not None
    assert (agreement.precision.value, agreement.precision.n) == (1.0, 1)
    assert agreement.auroc is not None
    assert agreement.auroc.value == 1.0
    assert agreement.auroc_of_word_overlap is not None
    assert agreement.auroc_of_word_overlap.value == 0.5


def test_everything_is_escaped_and_nothing_is_fetched() -> None:
    page = render_report(ABOUT, summary_of())
    assert "<script" not in page
    assert not re.findall(r"(?:src|href|url)\s*[=(]", page)
    assert "default-src 'none'" in page
    assert page.count("<article") == 2
    assert "[contradicted: " in page  # what colours say is said in words, too


def test_a_report_of_nothing_judged() -> None:
    nothing = Row("line 1", "1", None, "answer", "none", {})
    summary = summarize([nothing], [], {}, "red", 20)
    assert summary.overall.rate is None
    assert summary.at_most is None
    assert "No answer could be judged" in render_report(ABOUT, summary)


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40)), max_size=6))
def test_marks_lose_no_character(text: str, spans: list[tuple[int, int]]) -> None:
    found = marked(text, [Mark(max(0, start), end, "supported", "cited") for start, end in spans])
    without = re.sub(r'<span class="unseen">.*?</span>|</?mark[^>]*>', "", found, flags=re.DOTALL)
    assert without == escape(text)


def test_plots_say_their_values_as_text() -> None:
    plot = interval_plot("rates", [("a<b", Interval(0.125, 0.05, 0.3, 40, 40)), ("none", None)])
    assert "12.5% (5–30)" in plot
    assert "a&lt;b" in plot
    assert "none judged" in plot
    assert histogram("scores", [0.0, 0.99, 1.0]).count('class="bar"') == 20
