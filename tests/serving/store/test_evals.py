"""Rows of evaluation on both databases."""

from __future__ import annotations

import pytest

from serving.api.errors import ConflictError, NotFoundError
from serving.store import eval_records as records

pytestmark = pytest.mark.store


def _case(revision="r1", **content):
    return records.CaseRow("t1", revision, "DRAFT", {"task_id": "t1", **content})


async def test_cases_keep_their_revisions_and_steps_are_taken_once(store):
    ours = store.tenant("one")
    await ours.write(lambda c: records.put_case(c, _case(), "smoke", 1))
    row = await ours.read(lambda c: records.read_case(c, "t1"))
    await ours.write(lambda c: records.set_status(c, row, "DRAFT", "CURATED", 2))
    with pytest.raises(ConflictError):
        await ours.write(lambda c: records.set_status(c, row, "DRAFT", "CURATED", 3))
    assert (await ours.write(lambda c: records.put_case(c, _case(), "smoke", 4))).status == "CURATED"
    changed = await ours.write(lambda c: records.put_case(c, _case("r2", severity=5), "golden", 5))
    assert changed.status == "DRAFT"
    assert await ours.read(lambda c: records.list_revisions(c, "t1")) == [("r1", 1), ("r2", 5)]
    assert [one.revision for one in await ours.read(lambda c: records.list_cases(c, "DRAFT", "golden", "", 9))] == [
        "r2"
    ]
    with pytest.raises(NotFoundError):
        await store.tenant("two").read(lambda c: records.read_case(c, "t1"))


async def test_figures_of_a_run_and_a_later_result_in_place_of_a_failed_one(store):
    ours = store.tenant("one")
    failed = {"task_id": "a", "repeat": 0, "passed": False, "answer": {"error": "HTTP 500"}}
    good = {"task_id": "b", "repeat": 0, "passed": True, "answer": {"answer": "x", "latency_ms": 10.0}}
    for result, spent in ((failed, 0.0), (good, 0.25)):
        await ours.write(lambda c, one=result, usd=spent: records.put_result(c, "run", one, usd))
    assert await ours.read(lambda c: records.run_figures(c, "run")) == records.RunFigures(2, 1, 1, 0.25, 10.0)
    assert await ours.read(lambda c: records.finished_units(c, "run")) == {("b", 0)}
    again = {**good, "task_id": "a"}
    await ours.write(lambda c: records.put_result(c, "run", again, 0.25))
    assert (await ours.read(lambda c: records.run_figures(c, "run"))).failed == 0
    assert await ours.read(lambda c: records.read_results(c, "run", ("a", 0))) == [good]
    assert await ours.read(lambda c: records.run_figures(c, "other")) == records.RunFigures(0, 0, 0, 0.0, None)


async def test_the_first_answer_stays_and_releases_are_numbered(store):
    ours = store.tenant("one")
    for text in ("first", "second"):
        await ours.write(lambda c, one=text: records.put_answer(c, "k", {"answer": one}, 1))
    assert await ours.read(lambda c: records.read_answer(c, "k")) == {"answer": "first"}
    numbers = [
        await ours.write(lambda c, one=name: records.put_release(c, "live", one, {"n": one}, 1))
        for name in ("h1", "h2")
    ]
    assert numbers == [1, 2]
    assert [one["target_hash"] for one in await ours.read(lambda c: records.read_releases(c, "live"))] == ["h2", "h1"]


async def test_a_run_moves_only_from_where_it_stands(store):
    ours = store.tenant("one")
    run = records.RunRow("run", "s", None, "t", {"repeats": 1}, "RUNNING", None, None, 3, 1, None)
    await ours.write(lambda c: records.put_run(c, run))
    assert await ours.write(lambda c: records.move_run(c, "run", ("RUNNING",), status="PAUSED", reason="paused"))
    assert not await ours.write(lambda c: records.move_run(c, "run", ("RUNNING",), status="PAUSED"))
    assert (await ours.read(lambda c: records.read_run(c, "run"))).reason == "paused"
