"""An answer that is judged while it is written, through Ray Serve's own proxy."""

from __future__ import annotations

import pytest

from groundlane import Groundlane, ValidationFailedError
from tests.serve.support import Server

CONTEXT = "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long and carries eight lanes of road traffic."
ANSWER = "The Lindau Bridge opened on 4 May 1932. It is 1,490 metres long. It carries eight lanes of road traffic."


def test_verdicts_come_before_the_end_and_the_score_is_that_of_the_whole(server: Server) -> None:
    with Groundlane(base_url=server.url) as client:
        whole = client.rag(response_text=ANSWER, raw_context=CONTEXT)
        with client.rag_stream(raw_context=CONTEXT) as stream:
            stream.send(ANSWER[:70])
            while len(stream.claims) < 2:
                stream.progress.read(stream._verdicts._socket.recv(timeout=60))
            assert [claim.verdict for claim in stream.claims] == ["supported", "contradicted"]
            stream.send(ANSWER[70:])
            score = stream.finish()
        assert (score.score, score.band, score.reason) == (whole.score, whole.band, whole.reason)
        assert [claim.verdict for claim in stream.claims] == [claim.verdict for claim in whole.claims]


def test_a_model_is_stopped_at_the_contradicted_claim(server: Server) -> None:
    pieces = [word + " " for word in (ANSWER + " The end.").split(" ")] * 20
    with Groundlane(base_url=server.url) as client, client.rag_stream(raw_context=CONTEXT) as stream:
        seen = "".join(stream.watch(iter(pieces), hold=True))
    assert stream.stopped_by is not None
    assert stream.stopped_by.text == "It is 1,490 metres long."
    assert seen.strip() == "The Lindau Bridge opened on 4 May 1932."


def test_an_error_crosses_the_proxy(server: Server) -> None:
    with Groundlane(base_url=server.url) as client, pytest.raises(ValidationFailedError, match="no premises"):
        client.rag_stream(query_text="?").__enter__()
