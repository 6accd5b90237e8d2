"""Hostile-sized texts are told apart, parsed in a process of their own, and never hold the caller past the cap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from parsers.syntax import isolation
from parsers.syntax.isolation import IsolatedParser, is_hostile
from parsers.syntax.source import ParseLimits
from parsers.syntax.symbols import parse_source

HOSTILE = {
    "open brackets": "(" * 200_000,
    "closed brackets": "[" * 100_000 + "]" * 100_000,
    "brackets on lines of their own": "(\n" * 100_000,
    "five megabyte line": "x = [" + "a + b, " * 715_000 + "]",
    "nul": "\0" * 400_000,
    "invalid bytes": bytes(range(256)).decode("utf-8", "surrogateescape") * 2_000,
}
SHORT = ParseLimits(deadline_s=0.3)


@pytest.fixture(scope="module")
def parser() -> Iterator[IsolatedParser]:
    made = IsolatedParser()
    yield made
    made.close()


def test_an_ordinary_text_gives_the_same_result_as_without_the_process(parser: IsolatedParser) -> None:
    text = "class A { m() { return this.x } }\n"
    assert parser.parse(text, "javascript", "a.js") == parse_source(text, "javascript", "a.js")
    assert not is_hostile(text * 1_000)


@pytest.mark.parametrize("name", list(HOSTILE))
@pytest.mark.parametrize("language", ["javascript", "rust"])
def test_a_hostile_text_ends_within_its_cap(parser: IsolatedParser, name: str, language: str) -> None:
    text = HOSTILE[name]
    assert is_hostile(text)
    parser.parse("", language)  # the process is up
    started_s = time.perf_counter()
    result = parser.parse(text, language, limits=SHORT)
    assert time.perf_counter() - started_s < SHORT.deadline_s + 1.0 + 1.5  # the grace, and a busy machine
    assert result.language == language


def test_a_process_that_overruns_is_killed_and_replaced(
    parser: IsolatedParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_GRACE_S", -SHORT.deadline_s)
    result = parser.parse("(" * 200_000, "javascript", limits=SHORT)
    assert result.truncated_reason == "parsing took more than 0.3 s and was stopped"
    assert result.timed_out
    monkeypatch.undo()
    assert [item.name for item in parser.parse("const x = 1", "javascript").definitions] == ["x"]


def test_the_interpreter_stays_free_meanwhile(parser: IsolatedParser) -> None:
    parser.parse("", "rust")
    worker = threading.Thread(target=parser.parse, args=("(" * 200_000, "rust"))
    longest_s, before_s = 0.0, time.perf_counter()
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        now_s = time.perf_counter()
        longest_s, before_s = max(longest_s, now_s - before_s), now_s
    assert longest_s < 0.5
