"""Judging ends in time: what is left over is unverifiable and says so. The clock is a counter, no test measures time."""

from __future__ import annotations

from itertools import count

import pytest

from parsers.project.budget import Budget, OutOfTimeError
from parsers.project.index import build_index
from parsers.rules.phantoms import UNJUDGED, Finding, FindingStatus, ResponseBlock, resolve
from parsers.syntax.symbols import parse_source

BASE = "class Client:\n    def fetch(self): ...\n"
CODE = "from pkg.base import Client\nc = Client()\nc.fetches()\nc.fetch()\n"


def judged(code: str, base: str, language: str = "python", limit: float = 1e9) -> tuple[Finding, ...]:
    index = build_index([parse_source(base, language, "pkg/base.py")])
    ticks = count()
    return resolve([ResponseBlock(parse_source(code, language), code)], index, limit, lambda: float(next(ticks)))


def test_a_response_within_its_time_is_judged_whole() -> None:
    found = judged(CODE, BASE)
    assert [item.name for item in found if item.flagged] == ["fetches"]
    assert all(item.reason != UNJUDGED for item in found)


@pytest.mark.parametrize("limit", range(8))
def test_what_is_left_when_the_time_is_over_is_unverifiable(limit: int) -> None:
    whole, part = judged(CODE, BASE), judged(CODE, BASE, limit=float(limit))
    assert {item.span for item in part} == {item.span for item in whole}
    late = [item for item in part if item.reason == UNJUDGED]
    assert all(item.status is FindingStatus.UNVERIFIABLE for item in late)
    assert set(part) - set(late) <= set(whole)
    assert len(late) >= min(len(whole), len(whole) - limit)


def test_no_time_at_all_judges_nothing() -> None:
    assert {item.reason for item in judged(CODE, BASE, limit=-1.0)} == {UNJUDGED}


def test_work_inside_one_name_is_counted_too() -> None:
    names = range(1, 300)
    functions = (
        "".join(f"def f{i}() -> int: ...\n" for i in names)
        + "def f0(): return "
        + " or ".join(f"f{i}()" for i in names)
    )
    code = "from pkg.base import f0\nf0().nothing()\n"
    starts = 1 + 1 + len(parse_source(code, "python").references)  # the budget, the import, each use: one tick each
    late = {item.name: item.reason for item in judged(code, functions, limit=float(starts))}
    assert late["nothing"] == UNJUDGED


@pytest.mark.parametrize(
    ("base", "code"),
    [
        pytest.param(
            "class C0: ...\n" + "".join(f"class C{i}(C{i - 1}): ...\n" for i in range(1, 800)),
            "from pkg.base import C799\nC799().nothing()\n",
            id="ancestors",
        ),
        pytest.param(
            "def f() -> " + "list[" * 700 + "int" + "]" * 700 + ": ...\n",
            "from pkg.base import f\nf().nothing()\n",
            id="annotation",
        ),
    ],
)
def test_deep_nesting_ends_as_unverifiable(base: str, code: str) -> None:
    assert {item.name: item.status for item in judged(code, base)}["nothing"] is FindingStatus.UNVERIFIABLE


def test_a_spent_budget_stays_spent() -> None:
    times = iter([0.0, 5.0])
    budget = Budget(1.0, lambda: next(times))
    with pytest.raises(OutOfTimeError):
        budget.check_now()
    with pytest.raises(OutOfTimeError):
        budget.check()
