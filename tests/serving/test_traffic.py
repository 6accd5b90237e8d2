from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.traffic import Traffic

SHARE = 0.25


class FakeClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def traffic(clock) -> Traffic:
    return Traffic(clock, quiet_s=1.0, meet_share=SHARE)


def pass_by(traffic: Traffic, requests: int) -> None:
    for _ in range(requests):
        with traffic.passing():
            pass


def test_traffic_is_over_a_while_after_the_last_request(traffic, clock):
    assert not traffic.is_busy()
    with traffic.passing():
        clock.now += 5.0
        assert traffic.is_busy()
    assert traffic.is_busy()
    clock.now += 1.5
    assert not traffic.is_busy()


def test_without_traffic_rows_begin_beside_each_other(traffic):
    with traffic.row(), traffic.row():
        assert traffic.row_may_begin()


def test_a_row_waits_for_the_request_that_is_under_way_and_for_the_moments_after(traffic, clock):
    with traffic.passing():
        assert not traffic.row_may_begin()
    assert not traffic.row_may_begin()
    clock.now += 1.0
    assert traffic.row_may_begin()


def test_one_row_at_a_time_where_there_is_traffic(traffic):
    pass_by(traffic, 4)
    assert traffic.row_may_begin()
    with traffic.row():
        assert not traffic.row_may_begin()
    assert traffic.row_may_begin(), "it met nobody"


def test_a_request_that_meets_a_row_is_paid_for_by_those_that_do_not(traffic):
    pass_by(traffic, 4)
    with traffic.row():
        pass_by(traffic, 1)
    pass_by(traffic, 2)
    assert not traffic.row_may_begin()
    pass_by(traffic, 1)
    assert traffic.row_may_begin()


def test_where_requests_never_leave_a_gap_a_row_begins_all_the_same(traffic):
    with traffic.passing():
        pass_by(traffic, 7)
        assert not traffic.row_may_begin()
        pass_by(traffic, 1)
        assert traffic.row_may_begin()


def test_what_traffic_owes_is_forgotten_once_it_is_over(traffic, clock):
    pass_by(traffic, 4)
    with traffic.row():
        pass_by(traffic, 100)
    clock.now += 1.0
    with traffic.row():
        pass
    pass_by(traffic, 4)
    assert traffic.row_may_begin()


@given(st.lists(st.sampled_from(["request", "end", "row", "row ends"]), max_size=400))
def test_no_more_than_the_share_of_requests_meets_a_row_but_for_the_last_ones(steps):
    clock = FakeClock()
    traffic = Traffic(clock, quiet_s=1.0, meet_share=SHARE)
    requests: list[ExitStack] = []
    rows: list[ExitStack] = []
    ended = met_before = met_by_last = 0
    pass_by(traffic, 1)
    ended += 1
    for step in steps:
        if step == "request":
            requests.append(ExitStack())
            requests[-1].enter_context(traffic.passing())
            met_by_last += bool(rows)
        elif step == "end" and requests:
            requests.pop(0).close()
            ended += 1
        elif step == "row" and traffic.row_may_begin():
            met_before, met_by_last = met_before + met_by_last, len(requests)
            rows.append(ExitStack())
            rows[-1].enter_context(traffic.row())
            assert len(rows) == 1
            assert met_before <= SHARE * ended
        elif step == "row ends" and rows:
            rows.pop().close()
