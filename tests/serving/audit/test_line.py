"""What a line of the audit log may hold, and that nothing else reaches it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.audit_facts import AuditFacts, FormatSignals, Provenance, VersionHashes
from serving.api.scored import ScoredRequest
from serving.audit.line import FIELDS, REASON_CODES, audit_line, request_pseudonym

NOW_MS = 1_796_000_000_123
HASH = "24224006e22a00591de538c9a4521dab56d7b30a99d0ad75a14e826fe1ab40db"
KNOWN = Provenance(config_sha256=HASH, config_source="defaults", encoders={"minilm": HASH}, verifier=HASH)
FACTS = AuditFacts(
    score=0.4321,
    reason_codes=("between_cuts", "other_value"),
    hashes=VersionHashes(HASH, "defaults", HASH, HASH, HASH),
    cut_distance=0.01,
    second_distance=0.4,
    artifact="rag-verified-2026-11-27",
    verifier="used",
    stratum="overall",
    deciding_unit_index=2,
    deciding_unit_sha256=HASH,
    format=FormatSignals(3, 400, 40, True, False, "en"),
)
SCORED = ScoredRequest(
    "r-1", "shop", "rag", "live", 200, 12.34567, "s-1", None, "amber", {"align": 3.5}, {"context": 7}, FACTS
)
# What a vocabulary, a digest, a pseudonym or a time of ours looks like; texts of requests are generated unlike these.
HARMLESS = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]+Z")


def strings(value: Any) -> list[str]:
    """Every string of a JSON value, keys as well."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_every_field_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/audit.md").read_text(encoding="utf-8")
    for name, field in FIELDS.items():
        assert f"| `{name}` | {field.says} |" in page
    for code in REASON_CODES - {"entailed", "matched", "verbatim", "rule"}:
        assert f"`{code}`" in page, code


def test_a_whole_line_holds_every_field() -> None:
    line = audit_line(
        ScoredRequest(**{**vars(SCORED), "error": "timeout", "live_band": "green", "live_score": 0.9}), NOW_MS, KNOWN
    )
    assert list(line) == list(FIELDS)
    assert line["time"] == "2026-11-30T00:53:20.123Z"
    assert line["request"] == request_pseudonym("shop", "r-1")
    assert line["reason_codes"] == ["between_cuts", "other_value"]
    assert line["latency_ms"] == 12.3457
    assert (line["has_table"], line["language"]) == (True, "en")
    assert orjson.loads(orjson.dumps(line)) == line


def test_a_failed_request_has_its_status_and_the_gateways_provenance() -> None:
    line = audit_line(ScoredRequest("r", "t", "rag", "job", 503, 5.0, error="overloaded"), NOW_MS, KNOWN)
    assert (line["status"], line["error"], line["origin"]) == (503, "overloaded", "job")
    assert line["config_sha256"] == HASH
    assert not {"band", "score", "units", "session", "verifier"} & set(line)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("lane", "sk-live-secret", id="lane"),
        pytest.param("band", "green; DROP", id="band"),
        pytest.param("error", "cannot read /home/me/notes.txt", id="error-with-a-path"),
        pytest.param("latency_ms", float("nan"), id="nan"),
        pytest.param("phases_ms", {"/etc/passwd": 1.0}, id="phase-named-by-a-path"),
        pytest.param("tokens", {"context": "seven"}, id="tokens-as-text"),
    ],
)
def test_what_does_not_fit_is_left_out(field: str, value: Any) -> None:
    line = audit_line(ScoredRequest(**{**vars(SCORED), field: value}), NOW_MS, KNOWN)
    assert field not in line


@given(
    texts=st.lists(st.text(min_size=1, max_size=60).map(lambda text: f"<{text}>"), min_size=12, max_size=12),
    numbers=st.lists(
        st.floats() | st.integers() | st.booleans() | st.text().map(lambda text: f"<{text}>"), min_size=6, max_size=6
    ),
)
def test_no_text_of_a_request_fits_any_field(texts: list[str], numbers: list[Any]) -> None:
    """Whatever stands in any field that a request could move, no string of the line is it, or holds it."""
    t = iter(texts)
    n = iter(numbers)
    facts = AuditFacts(
        score=next(n),
        reason_codes=(next(t), "red_cut"),
        hashes=VersionHashes(HASH, next(t), next(t), next(t), next(t)),
        cut_distance=next(n),
        stratum=next(t),
        verifier=next(t),
        artifact=next(t),
        deciding_unit_index=next(n),
        deciding_unit_sha256=next(t),
        format=FormatSignals(next(n), 1, 1, next(n), False, next(t)),
    )
    scored = ScoredRequest(
        next(t),
        next(t),
        "rag",
        "live",
        200,
        next(n),
        texts[0],
        texts[1],
        texts[2],
        {texts[3]: 1.0},
        {texts[4]: 1},
        facts,
    )
    line = audit_line(scored, NOW_MS, KNOWN)
    for text in strings(line):
        assert not any(planted in text for planted in texts)
        assert (
            text in FIELDS
            or text in REASON_CODES
            or HARMLESS.fullmatch(text)
            or text in {"rag", "live", "standard", "balanced", "defaults"}
        )
    orjson.loads(orjson.dumps(line))
