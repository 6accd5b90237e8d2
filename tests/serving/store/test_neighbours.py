"""What stands beside a conversation in a filtered list, and how many turns lie before one: on both databases."""

from __future__ import annotations

from functools import partial

import pytest

from serving.pages.addresses import wanted
from serving.store.trace_reads import count_turns_before, neighbours, read_conversation, read_turns
from tests.serving.store.spans import PROTOBUF, otlp, rag_turn

pytestmark = pytest.mark.store


async def send(client, name, question, at_ms):
    spans = rag_turn(f"{name} {at_ms}", name, question, "an answer", at_ms)
    answer = await client.post("http://test/v1/traces", content=otlp(spans), headers=PROTOBUF)
    assert answer.status_code == 200


def beside(name, filters, connection):
    row = read_conversation(connection, name)
    return neighbours(connection, wanted(filters), (row["ended_ms"], name))


@pytest.mark.parametrize(
    ("filters", "name", "expected"),
    [
        pytest.param({}, "b", ("c", "a"), id="middle"),
        pytest.param({}, "d", (None, "c"), id="newest"),
        pytest.param({}, "a", ("b", None), id="oldest"),
        pytest.param({"text": "ferry"}, "b", ("d", None), id="by-words"),
        pytest.param({"text": "bridge"}, "b", ("c", "a"), id="not-in-the-list-itself"),
        pytest.param({"model": "no-such"}, "b", (None, None), id="nothing"),
    ],
)
async def test_neighbours_are_those_of_the_filtered_list(client, store, filters, name, expected):
    for number, (one, question) in enumerate(zip("abcd", ("bridge", "ferry", "bridge", "ferry"), strict=True)):
        await send(client, one, question, number * 10_000)
    assert await store.tenant("one").read(partial(beside, name, filters)) == expected


async def test_turns_before_a_turn_are_counted(client, store):
    for number in range(4):
        await send(client, "talk", f"question {number}", number * 10_000)
    await send(client, "other", "question", 5_000)

    def counted(connection):
        return [count_turns_before(connection, turn) for turn in read_turns(connection, "talk", 10)]

    assert await store.tenant("one").read(counted) == [0, 1, 2, 3]
