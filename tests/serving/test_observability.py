from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving.api.log_text import visible
from serving.api.pseudonyms import hashed_session
from serving.http.limits import Admission
from serving.http.observability import REQUEST_LOGGER, Metrics, RequestRecord, configure_logging, log_request
from serving.http.tracing import TraceContext

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def record(**changes) -> RequestRecord:
    values = {
        "request_id": "r-1",
        "lane": "rag",
        "method": "POST",
        "route": "/api/v1/trace/rag",
        "status": 200,
        "latency_ms": 50.0,
        "tenant": "acme",
        "key_id": "k",
        "trace_id": TRACE,
        "span_id": SPAN,
    }
    return RequestRecord(**{**values, **changes})


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (
            sample.name,
            tuple(sorted((key, value) for key, value in sample.labels.items() if key != "replica")),
        ): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@pytest.fixture
def log():
    stream = io.StringIO()
    configure_logging("info", stream)
    return stream


def test_one_record_reaches_every_metric():
    metrics = Metrics("1.2.3", replica="a")
    metrics.observe(
        record(
            phases_ms={"encode": 40.0, "score": 5.0},
            tokens={"context": 1000, "context_cached": 900, "response": 150},
            verdicts={"judged": 2, "cached": 4},
            band="green",
            batch_requests=3,
            body_bytes=321,
            cost_usd=0.002,
        )
    )
    metrics.observe(record(status=429, error_code="rate_limited"))
    found = samples(metrics)
    rag = ("lane", "rag")
    assert found["groundlane_requests_total", (rag, ("status", "200"))] == 1
    assert found["groundlane_requests_total", (rag, ("status", "429"))] == 1
    assert found["groundlane_errors_total", (("code", "rate_limited"), rag)] == 1
    assert found["groundlane_rate_limited_total", (rag,)] == 1
    assert found["groundlane_request_seconds_count", (rag,)] == 2
    assert found["groundlane_request_seconds_sum", (rag,)] == pytest.approx(0.1)
    assert found["groundlane_phase_seconds_sum", (rag, ("phase", "encode"))] == pytest.approx(0.04)
    assert found["groundlane_tokens_total", (("kind", "context"), rag)] == 1000
    assert found["groundlane_tokens_total", (("kind", "context_cached"), rag)] == 900
    assert found["groundlane_verdicts_total", (rag, ("source", "cached"))] == 4
    assert found["groundlane_bands_total", (("band", "green"), rag)] == 1
    assert found["groundlane_batch_requests_sum", (rag,)] == pytest.approx(3.0)
    assert found["groundlane_body_bytes_total", (rag,)] == 321
    assert found["groundlane_cost_usd_total", (rag,)] == pytest.approx(0.002)
    assert found["groundlane_build_info", (("version", "1.2.3"),)] == 1


def test_a_client_that_left_is_counted_as_cancelled():
    metrics = Metrics("1")
    metrics.observe(record(status=0))
    assert samples(metrics)["groundlane_requests_total", (("lane", "rag"), ("status", "cancelled"))] == 1


def test_queue_depth_and_bytes_are_those_of_the_moment():
    metrics = Metrics("1")
    admission = Admission({"rag": 4, "code": 4}, 1000, lambda: 0.0)
    metrics.track(admission)
    permits = [admission.admit("rag", 100) for _ in range(3)]
    found = samples(metrics)
    assert found["groundlane_queue_depth", (("lane", "rag"),)] == 3
    assert found["groundlane_queue_depth", (("lane", "code"),)] == 0
    assert found["groundlane_in_flight_bytes", ()] == 300
    permits[0].release()
    assert samples(metrics)["groundlane_queue_depth", (("lane", "rag"),)] == 2


def test_no_label_takes_a_value_from_the_caller():
    metrics = Metrics("1")
    hostile = 'x"}\n<script>'
    metrics.observe(record(request_id=hostile, tenant=hostile, key_id=hostile, session=hostile, model=hostile))
    assert "script" not in metrics.render()[0].decode()


def test_two_gateways_in_one_process_keep_their_own_registry():
    first, second = Metrics("1", "a"), Metrics("1", "b")
    first.observe(record())
    assert ("groundlane_requests_total", (("lane", "rag"), ("status", "200"))) not in samples(second)
    assert b'replica="a"' in first.render()[0]


def test_a_request_is_one_line_of_json_with_ids_and_counts(log):
    log_request(record(phases_ms={"encode": 1.23456}, tokens={"context": 3}, session=hashed_session("acme", "s-1")))
    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert line["logger"] == REQUEST_LOGGER
    assert line["request_id"] == "r-1"
    assert line["trace_id"] == TRACE
    assert line["phases_ms"] == {"encode": 1.235}
    assert "s-1" not in lines[0]
    assert "band" not in line, "what does not apply is left out"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


@pytest.mark.parametrize(("status", "level"), [(200, "info"), (404, "info"), (500, "warning"), (503, "warning")])
def test_the_level_says_whose_fault_it_is(log, status, level):
    log_request(record(status=status))
    assert json.loads(log.getvalue())["level"] == level


def test_an_exception_is_logged_without_its_text(log):
    try:
        try:
            raise KeyError("the caller's secret answer")
        except KeyError as error:
            raise ValueError("more secret text") from error
    except ValueError:
        logging.getLogger("groundlane.edge").exception("unhandled", extra={"fields": {"request_id": "r"}})
    assert "secret" not in log.getvalue()
    line = json.loads(log.getvalue())
    assert [entry["type"] for entry in line["exception"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert "test_observability.py" in line["exception"][0]["frames"][-1]


def test_the_level_is_obeyed_and_configuring_twice_does_not_repeat_lines(log):
    configure_logging("warning", log)
    log_request(record())
    assert log.getvalue() == ""
    log_request(record(status=500))
    assert len(log.getvalue().splitlines()) == 1


def test_session_hashes_differ_between_tenants_and_stay_the_same():
    assert hashed_session("a", "s") == hashed_session("a", "s")
    assert len({hashed_session("a", "s"), hashed_session("b", "s"), hashed_session("a", "t")}) == 3
    assert hashed_session("a", "b\0c") != "b"


def test_the_headers_of_an_answer():
    headers = record(rate_limit=60, rate_remaining=0, cost_usd=0.0015).headers()
    assert headers == {
        "X-Request-Id": "r-1",
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-Cost-Usd": "0.001500",
    }
    assert "X-RateLimit-Limit" not in record().headers()


def test_a_valid_trace_is_continued_with_a_new_span():
    trace = TraceContext.from_headers(f"00-{TRACE}-{SPAN}-01", "vendor=1,other=2")
    assert (trace.trace_id, trace.parent_span_id, trace.flags) == (TRACE, SPAN, "01")
    assert trace.span_id != SPAN
    assert trace.headers() == {"traceparent": f"00-{TRACE}-{trace.span_id}-01", "tracestate": "vendor=1,other=2"}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="absent"),
        pytest.param("", id="empty"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", id="forbidden-version"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", id="zero-trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="zero-span"),
        pytest.param(f"00-{TRACE.upper()}-{SPAN}-01", id="upper-case"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", id="version-00-with-more"),
        pytest.param(f"00-{TRACE[1:]}-{SPAN}-01", id="short"),
        pytest.param(f"00-{TRACE}-{SPAN}", id="no-flags"),
    ],
)
def test_an_invalid_trace_is_replaced_by_a_new_one(header):
    trace = TraceContext.from_headers(header, "vendor=1")
    assert trace.parent_span_id is None
    assert trace.trace_id != TRACE
    assert trace.tracestate is None


def test_a_later_version_with_more_fields_is_continued():
    trace = TraceContext.from_headers(f"01-{TRACE}-{SPAN}-03-more")
    assert trace.trace_id == TRACE
    assert trace.traceparent.startswith("00-")
    assert trace.flags == "01", "only the flag that this version knows is passed on"


@pytest.mark.parametrize("tracestate", [None, "no pair", "a=" + "b" * 600, "a=b\r\nX: y", "ä=b"])
def test_a_doubtful_tracestate_is_dropped(tracestate):
    trace = TraceContext.from_headers(f"00-{TRACE}-{SPAN}-00", tracestate)
    assert trace.headers() == {"traceparent": trace.traceparent}


@given(st.text(max_size=80))
def test_whatever_comes_in_what_goes_out_is_valid(header):
    trace = TraceContext.from_headers(header, header)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", trace.traceparent)


def test_an_all_zero_random_id_is_drawn_again():
    drawn = iter(["0" * 32, "a" * 32, "0" * 16, "b" * 16])
    trace = TraceContext.from_headers(None, random_hex=lambda count: next(drawn))
    assert (trace.trace_id, trace.span_id) == ("a" * 32, "b" * 16)


def test_the_operations_page_lists_every_metric():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = {name.removesuffix("_total") for name in re.findall(r"^\| `(groundlane_\w+)`", page, re.MULTILINE)}
    metrics = Metrics("1")
    metrics.track_audit(lambda: {"audit": {"written": 1}})
    assert listed == {family.name for family in metrics.registry.collect()}


HOSTILE = {
    "newline": ("gpt\nERROR forged", "gpt\\x0aERROR forged"),
    "carriage-return": ("a\r\nb", "a\\x0d\\x0ab"),
    "escape-sequence": ("\x1b[2J\x9b31m", "\\x1b[2J\\x9b31m"),
    "bidi": ("\u202eevil\u202c\u2066x\u2069", "\\u202eevil\\u202c\\u2066x\\u2069"),
    "separators": ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
    "zero-width": ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
    "half-pair": ("a\ud800b", "a\\ud800b"),
    "private": ("\U000f0000", "\\U000f0000"),
    "plain-words": ("Qwen/Qwen3-8B, größer: 日本語 é", "Qwen/Qwen3-8B, größer: 日本語 é"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_caller_gives_stands_in_the_log_as_one_visible_line(log, name):
    given, shown = HOSTILE[name]
    log_request(record(model=given, request_id=given, profile=given, tenant=given))
    logging.getLogger("groundlane.test").warning("%s", given, extra={"fields": {"kept": {given: [given]}}})
    written = log.getvalue()
    assert written.count("\n") == 2
    assert written.isascii()
    first, second = map(json.loads, written.splitlines())
    assert [first[field] for field in ("model", "request_id", "profile", "tenant")] == [shown] * 4
    assert second["message"] == shown
    assert second["kept"] == {shown: [shown]}


@given(st.text(st.characters(), max_size=40))
def test_a_visible_text_is_printable_and_keeps_what_was_printable(text):
    found = visible(text)
    assert found.isprintable()
    assert len(found.splitlines()) <= 1
    if text.isprintable():
        assert found == text


def test_a_long_text_says_how_much_of_it_is_not_shown():
    assert visible("a" * 10_000) == "a" * 512 + "… (9488 more characters)"
