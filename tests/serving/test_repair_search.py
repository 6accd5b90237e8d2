"""The encoder's part in a repair: bounded, cached, and done without when it does not answer."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.memory.repair import Document, build_repair
from scoring.memory.repair_vectors import MAX_WINDOWS, Nearest, add_nearest, find_nearest, windows_of
from serving.api.errors import OverloadedError
from serving.lanes.fake import count_words
from serving.sessions.repair_search import VectorSearch


class Letters:
    """Embeds a text as its counts of letters; ``slow_s`` a call, ``failure`` after ``good`` calls."""

    def __init__(self, slow_s: float = 0.0, good: int = 1_000) -> None:
        self.slow_s = slow_s
        self.good = good
        self.texts: list[str] = []

    async def __call__(self, texts: list[str], role: str) -> np.ndarray:
        await asyncio.sleep(self.slow_s)
        self.good -= 1
        if self.good < 0:
            raise OverloadedError("full", retry_after_s=1.0)
        self.texts += texts
        counts = np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], np.float32) + 1e-3
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


async def test_each_window_is_embedded_once_for_a_tenant() -> None:
    embed = Letters()
    search = VectorSearch(embed)
    first = await search.similarities("one", ["aab"], ["ab", "c", "aab"])
    again = await search.similarities("one", ["aab"], ["c", "aab", "d"])
    assert int(np.argmax(first.values[0])) == 2
    assert first.values[0, 2] == pytest.approx(again.values[0, 1])
    assert embed.texts == ["aab", "ab", "c", "aab", "aab", "d"]
    await search.similarities("two", ["aab"], ["ab"])
    assert embed.texts[-1] == "ab"


async def test_what_is_kept_is_bounded() -> None:
    embed = Letters()
    search = VectorSearch(embed, kept_windows=2)
    for _ in range(2):
        await search.similarities("one", ["a"], ["b", "c", "d"])
    assert embed.texts.count("b") == 2


async def test_time_runs_out_and_the_next_call_goes_on_from_there() -> None:
    embed = Letters(slow_s=0.02)
    search = VectorSearch(embed, deadline_s=0.07)
    windows = [f"{'abcdefgh'[n % 8]} {n}" for n in range(200)]
    first = await search.similarities("one", ["a"], windows)
    assert first.reason is not None
    assert 0 < len(first.windows) < 200
    assert first.windows == tuple(range(len(first.windows)))
    second = await search.similarities("one", ["a"], windows)
    assert len(second.windows) > len(first.windows)


async def test_an_encoder_that_fails_leaves_what_was_done_before() -> None:
    none = await VectorSearch(Letters(good=0)).similarities("one", ["a"], ["a"])
    assert (none.values.shape, none.windows, none.reason) == ((1, 0), (), "no encoder: full")
    some = await VectorSearch(Letters(good=2)).similarities("one", ["a"], [str(n) for n in range(40)])
    assert (len(some.windows), some.reason) == (32, "no encoder: full")


TEXTS = st.lists(st.text("ab \n", max_size=3_000), max_size=40)


@given(TEXTS)
def test_windows_cover_the_latest_texts_and_no_more(texts: list[str]) -> None:
    documents = [Document(str(at), text) for at, text in enumerate(texts)]
    windows = windows_of(documents)
    assert len(windows) <= MAX_WINDOWS
    assert [window.document for window in windows] == sorted((w.document for w in windows), reverse=True)
    for window in windows:
        assert 0 < window.end - window.start <= 480
        assert texts[window.document][window.start : window.end].strip()
    if len(windows) < MAX_WINDOWS:
        assert {at for at, text in enumerate(texts) if text.strip()} == {window.document for window in windows}


@given(TEXTS, st.integers(1, 6), st.integers(1, 300), st.randoms())
def test_a_packet_stays_within_its_limits(texts: list[str], most: int, budget: int, chance: object) -> None:
    documents = [Document(str(at), text) for at, text in enumerate(texts)]
    limits = {"count_tokens": count_words, "max_excerpts": most, "max_tokens": budget}
    packet = build_repair(["nowhere", "ab"], documents, **limits)
    windows = windows_of(documents)
    chance.shuffle(windows)
    near = [Nearest("nowhere", window, 0.5) for window in windows]
    fuller = add_nearest(packet, documents, near, count_words, (most, budget))
    assert len(fuller.excerpts) <= most
    assert count_words(fuller.text) == fuller.tokens <= budget
    assert (fuller.found, fuller.not_found) == (packet.found, packet.not_found)
    assert fuller.excerpts[: len(packet.excerpts)] == packet.excerpts
    for excerpt in fuller.excerpts:
        assert texts[int(excerpt.source_id)][excerpt.start : excerpt.end] == excerpt.text


def test_only_what_is_near_is_taken_the_nearest_first() -> None:
    windows = windows_of([Document("a", "x"), Document("b", "y"), Document("c", "z")])
    values = np.array([[0.1, 0.35, 0.2], [0.9, 0.5, 0.4]])
    found = find_nearest(["one", "two"], windows, values)
    assert [(near.term, near.similarity) for near in found] == [("two", 0.9), ("two", 0.5), ("one", 0.35)]
