from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.errors import OverloadedError, PayloadTooLargeError, RateLimitedError
from serving.config.settings import LimitSettings
from serving.http.limits import (
    Admission,
    RateLimiter,
    build_admission,
    check_content_length,
    retry_after_header,
)


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return FakeClock()


def test_a_burst_is_allowed_then_the_rate_and_the_wait_is_exact(clock):
    limiter = RateLimiter(60, 3, clock)
    states = [limiter.take("k") for _ in range(4)]
    assert [state.remaining for state in states] == [2, 1, 0, 0]
    assert [state.retry_after_s for state in states] == [None, None, None, pytest.approx(1.0)]
    with pytest.raises(RateLimitedError) as caught:
        states[-1].require()
    assert caught.value.retry_after_s == pytest.approx(1.0)
    clock.now += 0.999
    assert limiter.take("k").retry_after_s == pytest.approx(0.001)
    clock.now += 0.0011
    assert limiter.take("k").retry_after_s is None


def test_keys_do_not_share_a_bucket_and_may_have_a_rate_of_their_own(clock):
    limiter = RateLimiter(60, 60, clock)
    assert limiter.take("slow", 1).limit == 1
    assert limiter.take("slow", 1).retry_after_s == pytest.approx(60.0)
    assert limiter.take("other").remaining == 59


def test_gateways_share_a_rate(clock):
    halves = [RateLimiter(60, 10, clock, share=0.5) for _ in range(2)]
    allowed = sum(limiter.take("k").retry_after_s is None for limiter in halves for _ in range(20))
    assert allowed == 10


@given(gaps=st.lists(st.floats(0, 30), max_size=60), rate=st.integers(1, 600), burst=st.integers(1, 50))
def test_no_window_holds_more_than_burst_and_rate_allow(gaps, rate, burst):
    clock = FakeClock()
    limiter = RateLimiter(rate, burst, clock)
    allowed_at = []
    for gap in gaps:
        clock.now += gap
        state = limiter.take("k")
        assert 0 <= state.remaining <= burst
        if state.retry_after_s is None:
            allowed_at.append(clock.now)
        else:
            assert 0 < state.retry_after_s <= 60 / rate + 1e-6
    for first, start in enumerate(allowed_at):
        for last, end in enumerate(allowed_at[first:], first):
            assert last - first + 1 <= min(burst, rate) + (end - start) * rate / 60 + 1e-6


def test_idle_keys_are_forgotten(clock):
    limiter = RateLimiter(60, 1, clock)
    for index in range(5000):
        limiter.take(f"k{index}")
        clock.now += 0.1
    assert len(limiter._buckets) <= 4097


def test_permits_are_bounded_per_lane_and_come_back(clock):
    admission = Admission({"rag": 2, "code": 1}, 1000, clock)
    first, second = admission.admit("rag"), admission.admit("rag")
    with pytest.raises(OverloadedError) as caught:
        admission.admit("rag")
    assert caught.value.retry_after_s is not None
    with admission.admit("code"):
        assert admission.in_flight("code") == 1
    first.release()
    first.release()
    assert admission.in_flight("rag") == 1
    with admission.admit("rag"):
        assert admission.in_flight("rag") == 2
    second.release()
    assert admission.in_flight("rag") == admission.in_flight("code") == 0


def test_what_watches_or_streams_is_not_waited_for_at_the_end(clock):
    admission = Admission({"rag": 2, "watch": 2, "stream": 2}, 1000, clock)
    with admission.admit("watch"), admission.admit("stream"), admission.admit("rag"):
        assert admission.unfinished == 1
    with admission.receive("rag"):
        assert admission.unfinished == 1
    assert admission.unfinished == 0


def test_a_permit_comes_back_when_the_request_fails(clock):
    admission = Admission({"rag": 1}, 1000, clock)
    with pytest.raises(ZeroDivisionError), admission.admit("rag", 10):
        raise ZeroDivisionError
    assert (admission.in_flight("rag"), admission.in_flight_bytes) == (0, 0)


def test_retry_after_follows_the_time_that_requests_take_and_the_callers_refused(clock):
    admission = Admission({"rag": 4}, 1000, clock)
    for _ in range(100):
        with admission.admit("rag"):
            clock.now += 8.0
    held = [admission.admit("rag") for _ in range(4)]
    waits = []
    for _ in range(9):
        with pytest.raises(OverloadedError) as caught:
            admission.admit("rag")
        waits.append(caught.value.retry_after_s)
    assert waits[0] == pytest.approx(8.0 * 1.25, rel=0.01)
    assert waits[3] == pytest.approx(16.0, rel=0.01)
    assert waits == sorted(waits)
    clock.now += 800
    with pytest.raises(OverloadedError) as caught:
        admission.admit("rag")
    assert caught.value.retry_after_s == pytest.approx(8.0 * 1.25, rel=0.01), "old refusals are forgotten"
    assert len(held) == admission.in_flight("rag")


def test_retry_after_is_bounded_however_long_requests_take(clock):
    admission = Admission({"rag": 1}, 1000, clock)
    for _ in range(50):
        with admission.admit("rag"):
            clock.now += 10_000
    held = admission.admit("rag")
    with pytest.raises(OverloadedError) as caught:
        admission.admit("rag")
    assert caught.value.retry_after_s == 60.0
    held.release()


def test_bytes_are_bounded_over_all_lanes(clock):
    admission = Admission({"rag": 9, "code": 9}, 100, clock)
    with admission.admit("rag", 60), admission.admit("code", 30) as permit:
        with pytest.raises(OverloadedError, match="90 of 100 bytes"):
            admission.admit("rag", 11)
        permit.reserve(10)
        with pytest.raises(OverloadedError):
            permit.reserve(1)
        assert admission.in_flight("rag") == 1, "a refused request holds no permit"
    assert admission.in_flight_bytes == 0


@given(st.lists(st.tuples(st.sampled_from(["rag", "code"]), st.integers(0, 60), st.booleans()), max_size=80))
def test_whatever_happens_nothing_exceeds_its_bound_and_all_comes_back(steps):
    clock = FakeClock()
    admission = Admission({"rag": 3, "code": 2}, 150, clock)
    held = []
    for lane, size, release in steps:
        clock.now += 0.5
        if release and held:
            held.pop(0).release()
        else:
            full = admission.in_flight(lane) == {"rag": 3, "code": 2}[lane] or admission.in_flight_bytes + size > 150
            if full:
                with pytest.raises(OverloadedError) as caught:
                    admission.admit(lane, size)
                assert 0 < (caught.value.retry_after_s or 0) <= 60
            else:
                held.append(admission.admit(lane, size))
        assert admission.in_flight("rag") <= 3
        assert admission.in_flight("code") <= 2
        assert admission.in_flight_bytes == sum(permit.body_bytes for permit in held) <= 150
    for permit in held:
        permit.release()
    assert admission.in_flight("rag") + admission.in_flight("code") + admission.in_flight_bytes == 0


def test_the_configuration_gives_every_lane_its_permits(clock):
    admission = build_admission(LimitSettings(), clock)
    assert set(admission.lanes) == {"rag", "code", "rollup", "store", "stream", "traces", "watch", "pages"}


@pytest.mark.parametrize(
    ("header", "announced"),
    [
        pytest.param(None, 0, id="absent"),
        pytest.param("10", 10, id="number"),
        pytest.param("-1", 0, id="negative"),
        pytest.param("ten", 0, id="word"),
        pytest.param("\u0661\u0660", 0, id="other-digits"),
    ],
)
def test_the_announced_length(header, announced):
    assert check_content_length(header, 10) == announced


def test_a_long_announced_body_is_refused_before_reading():
    with pytest.raises(PayloadTooLargeError, match=r"limits\.body_bytes is 10"):
        check_content_length("11", 10)


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (59.5, "60")])
def test_retry_after_is_whole_seconds_never_too_early(seconds, header):
    assert retry_after_header(seconds) == header
