from __future__ import annotations

import pytest

from serving.lanes.traffic import Traffic


class FakeClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def traffic(clock: FakeClock) -> Traffic:
    return Traffic(clock, quiet_s=1.0)


def test_traffic_is_over_a_while_after_the_last_request(traffic: Traffic, clock: FakeClock) -> None:
    assert not traffic.is_busy()
    with traffic.passing():
        clock.now += 5.0
        with traffic.passing():
            pass
        assert traffic.is_busy()
    assert traffic.is_busy()
    clock.now += 1.5
    assert not traffic.is_busy()


def test_without_traffic_rows_begin_beside_each_other(traffic: Traffic) -> None:
    with traffic.row(), traffic.row():
        assert traffic.row_may_begin()


def test_one_row_at_a_time_where_there_is_traffic(traffic: Traffic, clock: FakeClock) -> None:
    with traffic.passing():
        assert traffic.row_may_begin()
        with traffic.row():
            assert not traffic.row_may_begin()
        assert traffic.row_may_begin()
    with traffic.row():
        assert not traffic.row_may_begin(), "the caller may come again"
        clock.now += 1.5
        assert traffic.row_may_begin()


def test_a_row_that_failed_has_ended(traffic: Traffic) -> None:
    with traffic.passing():
        with pytest.raises(ValueError, match="bad row"), traffic.row():
            raise ValueError("bad row")
        assert traffic.row_may_begin()
