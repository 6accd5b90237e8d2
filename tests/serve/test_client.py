"""The public client from PyPI, unchanged, against the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import latence
import pytest
from latence import AsyncLatence, Latence

from tests.serve.support import ANSWER, CONTEXT, Server

KEY = "any-key-on-loopback"


@pytest.fixture
def public(server: Server) -> Iterator[Latence]:
    with Latence(api_key=KEY, base_url=server.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def public_async(server: Server) -> AsyncIterator[AsyncLatence]:
    async with AsyncLatence(api_key=KEY, base_url=server.url, max_retries=0) as client:
        yield client


def test_rag_returns_its_typed_answer(public: Latence) -> None:
    answer = public.experimental.trace.rag(
        response_text=ANSWER,
        raw_context=CONTEXT,
        query_text="What is the capital of France?",
        heatmap_format="html",
        profile="quality",
        session_id="s-1",
        request_id="from-client",
        verbose=True,
    )
    assert type(answer).__name__ == "TraceRagResponse"
    assert answer.success is True
    assert answer.score is not None
    assert 0.0 <= answer.score <= 1.0
    assert answer.band in {"green", "amber", "red", "unknown"}
    assert answer.scoring_mode == "rag"
    assert answer.profile == answer.effective_profile == "quality"
    assert answer.session_id == "s-1"
    assert answer.request_id == "from-client"
    assert answer.support_units is not None
    assert answer.support_units[0].usage_state == "used"
    assert answer.support_units_usage is not None
    assert answer.support_units_usage.used == 1
    assert answer.context_usage_ratio == 1.0
    assert answer.heatmap_html is not None
    assert answer.heatmap_html.startswith("<div")
    assert answer.cost_usd == 0.0
    assert answer.rate_limit_remaining is not None


def test_support_units_of_the_client_are_understood(public: Latence) -> None:
    unit = latence.SupportUnitInput(text=CONTEXT, source_id="wiki/paris", speaker="Ada", metadata={"page": 1})
    answer = public.experimental.trace.rag(response_text=ANSWER, support_units=[unit, {"text": "Lyon is a city."}])
    assert answer.support_units is not None
    assert [each.source_id for each in answer.support_units] == ["wiki/paris", None]


def test_rollup_of_two_answers(public: Latence) -> None:
    turns: list[Any] = [
        public.experimental.trace.rag(response_text=text, raw_context=CONTEXT)
        for text in (ANSWER, "Llamas paint the moon with jazz.")
    ]
    board = public.experimental.trace.rollup(turns=turns, session_id="s-1", heatmap_format="html")
    assert type(board).__name__ == "TraceRollupResponse"
    assert board.scoring_mode == "rollup"
    assert board.turns_processed == 2
    assert board.risk_band_trail == [turn.band for turn in turns]
    assert board.session_id == "s-1"
    assert board.noise_pct is not None
    assert 0.0 <= board.noise_pct <= 1.0
    assert board.drift_trend is not None
    assert {"min", "max", "mean", "last"} <= set(board.drift_trend)


def test_errors_become_the_clients_exceptions(public: Latence) -> None:
    with pytest.raises(latence.ValidationError) as refused:
        public.experimental.trace.rag(response_text=ANSWER, raw_context=CONTEXT, evidence_limit=0, request_id="r-9")
    assert refused.value.status_code == 400
    assert refused.value.error_code == "validation_error"
    assert refused.value.request_id
    assert "evidence_limit" in refused.value.message
    with pytest.raises(latence.NotFoundError, match="doc-a"):
        public.experimental.trace.rag(response_text=ANSWER, chunk_ids=["doc-a"])
    with pytest.raises(latence.ValidationError, match="minilm"):
        public.experimental.trace.rag(response_text=ANSWER, raw_context=CONTEXT, model="nonesuch")


async def test_the_async_client(public_async: AsyncLatence) -> None:
    trace = public_async.experimental.trace
    answer = await trace.rag(response_text=ANSWER, raw_context=CONTEXT)
    assert answer.scoring_mode == "rag"
    assert answer.band in {"green", "amber", "red", "unknown"}
    board = await trace.rollup(turns=[answer, {"risk_band": "red", "scores": {"reverse_context": 0.1}}])
    assert board.risk_band_trail == [answer.band, "red"]
    with pytest.raises(latence.ValidationError):
        await trace.rag(response_text=ANSWER, raw_context=CONTEXT, coverage_threshold=2.0)
    with pytest.raises(latence.NotFoundError):
        await trace.rag(response_text=ANSWER, chunk_ids=[1])


SHOP = "# file: shop.py\nclass Cart:\n    def add_item(self, name: str) -> None:\n        self.items = [name]\n"


def test_five_code_turns_with_chained_state_and_their_rollup(public: Latence) -> None:
    state, turns = None, []
    for turn, method in enumerate(("add_item", "add_product", "add_product", "add_item", "add_item"), 1):
        answer = public.experimental.trace.code(
            response_text=f"```python\nfrom shop import Cart\n\ncart = Cart()\ncart.{method}('tea')\n```",
            raw_context=SHOP,
            response_language_hint="python",
            session_state=state,
            emit_chunk_ownership=True,
        )
        assert answer.scoring_mode == "code"
        assert answer.code_lane.verdict == ("phantom" if method == "add_product" else "grounded")
        assert answer.session_signals.total_turns == turn
        state = answer.next_session_state
        turns.append(answer)
    assert turns[-1].session_signals.phantom_rate > 0
    board = public.experimental.trace.rollup(turns=turns)
    assert board.turns_processed == 5
    assert board.risk_band_trail == ["green", "red", "red", "green", "green"]
