"""What a scored turn says of the sources that it drew on."""

from __future__ import annotations

from typing import Any

import pytest

from serving.sessions.turns import summary_of
from serving.store.values import source_id_of

UNITS = [{"text": "class Cart: ...", "source_id": "cart.py"}, {"text": "class Tax: ...", "source_id": "tax.py"}]
CART = {"cart.py", source_id_of("class Cart: ...")}
OWNED = {"files": [{"path": "cart.py", "owner_share": 0.8, "reason_codes": ["primary_owner", "symbols_used"]}]}
SHARED = {"files": [{"path": "cart.py", "owner_share": 0.4, "reason_codes": ["shared"]}]}


def claim(verdict: str, **citation: Any) -> dict[str, Any]:
    return {"verdict": verdict, "citations": [citation]}


@pytest.mark.parametrize(
    ("answer", "request_body", "cited"),
    [
        pytest.param(
            {"claims": [claim("supported", unit_index=1)]},
            {"support_units": UNITS},
            {source_id_of("class Tax: ...")},
            id="cited-by-a-supported-claim",
        ),
        pytest.param(
            {"claims": [claim("unsupported", unit_index=1)]}, {"support_units": UNITS}, set(), id="unsupported"
        ),
        pytest.param(
            {"claims": [claim("supported", unit_index=0)]}, {"raw_context": "all"}, {source_id_of("all")}, id="whole"
        ),
        pytest.param({"file_attribution": OWNED}, {"support_units": UNITS}, CART, id="owner-of-most"),
        pytest.param({"file_attribution": SHARED}, {"support_units": UNITS}, set(), id="owner-of-less-than-half"),
        pytest.param({"file_attribution": OWNED, "band": "red"}, {"support_units": UNITS}, set(), id="red"),
        pytest.param(
            {"file_attribution": OWNED},
            {"raw_context": "all"},
            {"cart.py", source_id_of("all")},
            id="owner-in-one-text",
        ),
    ],
)
def test_sources_that_a_turn_drew_on(answer: dict[str, Any], request_body: dict[str, Any], cited: set[str]) -> None:
    assert set(summary_of(answer, request_body, "2026-01-01T00:00:00Z")["cited"]) == cited
