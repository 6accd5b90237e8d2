"""Rates of an experiment's runs, and the drawings of intervals."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from scoring.evals.statistics import wilson
from serving.evals.cases import read_case
from serving.evals.figures_svg import DifferenceBar, TrendPoint, difference_svg, trend_svg
from serving.evals.trends import Outcome, pass_rate

SVG = "{http://www.w3.org/2000/svg}"


def _cases(count, clusters=None):
    return {
        f"c{n}": read_case(
            {"task_id": f"c{n}", "input_messages": "?", "cluster_key": f"k{n % clusters}" if clusters else None}
        )
        for n in range(count)
    }


def _outcomes(passed, repeats=1):
    return [Outcome(f"c{n}", ok) for n, ok in enumerate(passed) for _ in range(repeats)]


def test_single_cases_have_wilsons_interval():
    found = pass_rate(_outcomes([True] * 15 + [False] * 5), _cases(20))
    assert (found.value, found.low, found.high) == pytest.approx((0.75, wilson(15, 20).low, wilson(15, 20).high))


def test_asking_each_case_ten_times_makes_no_interval_narrower():
    """Repeats of a case that always say the same are one observation."""
    once = pass_rate(_outcomes([True] * 15 + [False] * 5), _cases(20))
    often = pass_rate(_outcomes([True] * 15 + [False] * 5, repeats=10), _cases(20))
    assert often.n == 20
    assert often.high - often.low > 0.9 * (once.high - once.low)


def test_cases_of_few_conversations_say_less_than_single_ones():
    passed = [n % 4 != 0 for n in range(40)]
    alone, together = pass_rate(_outcomes(passed), _cases(40)), pass_rate(_outcomes(passed), _cases(40, clusters=4))
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("passed", "clusters", "ends"),
    [
        pytest.param([True] * 8, 4, (wilson(4, 4).low, 1.0), id="all_pass"),
        pytest.param([True] * 8, 1, (0.0, 1.0), id="one_cluster"),
        pytest.param([True, False] * 4, 1, (0.0, 1.0), id="one_cluster_mixed"),
    ],
)
def test_what_bounds_nothing_claims_nothing(passed, clusters, ends):
    found = pass_rate(_outcomes(passed), _cases(8, clusters))
    assert (found.low, found.high) == pytest.approx(ends)


def test_a_run_without_results_has_no_rate():
    assert pass_rate([], {}) is None


def test_a_trend_is_drawn_inside_and_joins_only_runs_of_one_suite():
    points = [
        TrendPoint("1 Nov", 0.5, 0.0, 1.0),
        TrendPoint("2 <Nov>", 0.9, 0.8, 1.0),
        TrendPoint("3", 0.1, 0.0, 0.3, fresh=True),
    ]
    root = ET.fromstring(trend_svg(points, 'a "b" & <c>'))
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("aria-label") == 'a "b" & <c>'
    assert len(root.findall(f"{SVG}circle")) == 3
    assert [one.get("class") for one in root.findall(f"{SVG}line")].count("join") == 1
    for line in root.findall(f"{SVG}line"):
        assert 0 <= float(line.get("x1")) <= width
        assert 0 <= float(line.get("y1")) <= height
    assert ET.fromstring(trend_svg([], "none")).findall(f"{SVG}circle") == []


def test_differences_share_an_axis_and_an_unbounded_end_runs_to_its_edge():
    root = ET.fromstring(
        difference_svg([DifferenceBar("passed", 0.2, 0.1, 0.3), DifferenceBar("x" * 99, -0.1, None, 0.0)], "t")
    )
    zero, *ranges = root.findall(f"{SVG}line")
    low = [float(one.get("x1")) for one in ranges]
    assert low[0] > float(zero.get("x1"))
    assert low[1] == min(low)
    assert "unbounded" in "".join(root.itertext())
