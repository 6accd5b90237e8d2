"""The project's client against the real server: its lanes, its errors, a session on its store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.agent_loop import STEPS, run
from groundlane import AsyncGroundlane, Groundlane, ValidationFailedError
from tests.serve.support import ANSWER, CONTEXT, Server

CODE = "```python\nfrom shop import Cart\n\nCart().add_product('tea')\n```"
FILES = "# file: shop.py\nclass Cart:\n    def add_item(self, name: str) -> None: ...\n"


@pytest.fixture
def own(server: Server) -> Iterator[Groundlane]:
    """The client of the shared server."""
    with Groundlane(base_url=server.url) as opened:
        yield opened


def test_lanes_answer_typed_results(own: Groundlane) -> None:
    score = own.rag(response_text=ANSWER, raw_context=CONTEXT, request_id="own-1")
    assert score.request_id == "own-1"
    assert [ANSWER[claim.char_start : claim.char_end] for claim in score.claims] == [c.text for c in score.claims]
    code = own.code(response_text=CODE, raw_context=FILES)
    assert "add_product" in {symbol.name.rpartition(".")[2] for symbol in code.code_lane.symbols}
    assert code.next_session_state is not None
    board = own.rollup([score, code])
    assert board.turns_processed == 2


async def test_asynchronous_client_gives_the_same_score(own: Groundlane, server: Server) -> None:
    async with AsyncGroundlane(base_url=server.url) as client:
        score = await client.rag(response_text=ANSWER, raw_context=CONTEXT)
    assert score.score == pytest.approx(own.rag(response_text=ANSWER, raw_context=CONTEXT).score, abs=1e-3)


def test_unknown_field_is_a_typed_error(own: Groundlane) -> None:
    with pytest.raises(ValidationFailedError, match="respnse_text") as caught:
        own.rag(respnse_text="x", raw_context="y")  # type: ignore[call-arg]
    assert caught.value.request_id


def test_agent_loop_runs_on_the_real_lane(own: Groundlane) -> None:
    session = own.sessions.create(kind="rag", retention="close")
    turns = list(run(session, STEPS))
    assert [turn.turn for turn in turns] == [1, 2, 3]
    assert turns[2].trace_response.band != "green"
    assert session.rollup().turns_processed == 3
    assert session.close().status == "deleted"
