"""A repair through the real encoder replica: what is asked for in other words than those of the text is found."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

SESSIONS = "/api/v1/trace/sessions"
REFUSED = "The bank turned the payment down since the credit card had passed its expiry date."
LEAKING = "Water dripped from the ceiling of the cellar, so the plumber replaced a corroded pipe."
EVENTS = [
    "The train to Lyon left twenty minutes late on account of fog near the station.",
    REFUSED,
    "Grandmother's soup wants three onions, a litre of stock and an hour on a low flame.",
    LEAKING,
    "The committee moved its next meeting to the second Tuesday in March.",
    "A young violinist from Porto won the competition with a concerto by Sibelius.",
]


def repaired(client: httpx.Client, session: str, term: str) -> dict[str, Any]:
    """The packet for one term, with room for one excerpt; asked for again where the machine was too busy for the encoder."""
    body = {"missing_terms": [term], "max_excerpts": 1}
    for _ in range(5):
        answer = client.post(f"{SESSIONS}/{session}/repair", json=body)
        assert answer.status_code == 200, answer.text
        packet: dict[str, Any] = answer.json()["repair_packet"]
        if "within" not in packet["vector_search"].get("reason", ""):
            break
    return packet


@pytest.fixture(scope="module")
def session(server: Any) -> str:
    """A session on the shared server with the events."""
    with httpx.Client(base_url=server.url, timeout=60.0) as client:
        created = client.post(SESSIONS, json={"kind": "general"}).json()["session"]["session_id"]
        events = [{"event_type": "note", "content": text} for text in EVENTS]
        client.post(f"{SESSIONS}/{created}/events", json={"events": events}).raise_for_status()
    return str(created)


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        pytest.param("declined transaction", REFUSED, id="payment"),
        pytest.param("leaking basement", LEAKING, id="leak"),
    ],
)
def test_a_repair_finds_by_description(client: httpx.Client, session: str, term: str, meant: str) -> None:
    packet = repaired(client, session, term)
    (excerpt,) = packet["excerpts"]
    assert excerpt["text"] in meant
    assert packet["not_found"] == [term], "who asks by meaning gets what is near, not what was proved to be there"
    assert packet["vector_search"]["status"] == "used"
    assert packet["vector_search"]["windows"] == len(EVENTS)
    assert excerpt["nearest"] == [term]
    assert 0.3 <= excerpt["similarity"] <= 1.0
    source = client.get(f"{SESSIONS}/{session}/sources/{excerpt['source_id']}").json()["text"]
    assert source[excerpt["char_start"] : excerpt["char_end"]] == excerpt["text"]


def test_a_repair_that_finds_its_words_asks_no_encoder(client: httpx.Client, session: str) -> None:
    packet = repaired(client, session, "Sibelius")
    assert packet["found"] == ["Sibelius"]
    assert packet["vector_search"]["status"] == "not_needed"
