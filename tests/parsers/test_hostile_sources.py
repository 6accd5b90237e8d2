"""Any text gives a result: broken, deep, long, not text at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.syntax.languages import LANGUAGES
from parsers.syntax.source import ParseLimits, encode_source
from parsers.syntax.symbols import parse_source
from parsers.syntax.types import ParseResult

BRACKETS = 200_000
SHORT = ParseLimits(deadline_s=0.1)

HOSTILE = {
    "open brackets": "(" * BRACKETS,
    "square brackets": "[" * BRACKETS,
    "closed brackets": "(" * (BRACKETS // 2) + ")" * (BRACKETS // 2),
    "five megabyte line": "x = [" + "a + b, " * 715_000 + "]",
    "attribute chain": "a" + ".b" * 100_000,
    "call chain": "f" + "()" * 100_000,
    "operators": "a" + "+a" * 100_000,
    "nul": "\0" * 100_000,
    "surrogates": "\ud800" * 50_000,
    "invalid bytes": bytes(range(256)).decode("utf-8", "surrogateescape") * 300,
    "words": "a " * 50_000,
    "quotes": '"' * 50_000,
    "functions": "def f(a):\n" * 10_000,
    "classes": "class A { " * 10_000,
}


def check(text: str, result: ParseResult) -> None:
    for item in (*result.definitions, *result.references, *result.imports):
        start, end = item.span
        assert 0 <= start < end <= len(text)
        assert item.line == text.count("\n", 0, start) + 1
    for found in result.definitions:
        assert text[slice(*found.span)] == found.name
        assert found.extent[0] <= found.extent[1] <= len(text)
    for use in result.references:
        assert len(use.chain) == len(use.spans)
        for link, span in zip(use.chain, use.spans, strict=True):
            assert link in ("()", "[]", "?") or text[slice(*span)] == link
    for start, end in result.errors:
        assert 0 <= start <= end <= len(text)


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_text_ends_with_a_result(name: str, language: str) -> None:
    text = HOSTILE[name]
    result = parse_source(text, language, limits=SHORT)
    assert result.language == language
    for found in result.definitions[:50]:
        assert text[slice(*found.span)] == found.name


def test_a_source_over_the_limit_is_read_up_to_a_line() -> None:
    text = "a = 1\n" * 10
    result = parse_source(text, "python", limits=ParseLimits(max_bytes=20))
    assert len(result.definitions) == 3
    assert result.truncated_reason == "source has 60 characters, parsed 18 (limit 20)"


def test_a_long_line_is_refused_with_a_reason() -> None:
    result = parse_source(HOSTILE["five megabyte line"], "python")
    assert result.definitions == ()
    assert "limit 2000000" in (result.truncated_reason or "")


def test_depth_over_the_limit_has_a_reason() -> None:
    result = parse_source("x = 1\ny = " + "(" * 1_500 + "1" + ")" * 1_500, "python")
    assert "nested deeper than 1000" in (result.truncated_reason or "")
    assert [item.name for item in result.definitions] == ["x", "y"]


def test_a_deadline_has_a_reason() -> None:
    result = parse_source("a = f(1)\n" * 50_000, "python", limits=ParseLimits(deadline_s=0.001))
    assert "took more than 0.001 s" in (result.truncated_reason or "")
    assert result.timed_out
    assert parse_source("a = 1", "python").truncated_reason is None


def test_the_deadline_counts_the_time_of_the_thread() -> None:
    """A thread that waits for the processor reads no less: its own clock stands still meanwhile."""
    text = "def f(): ...\n" * 2_000
    waiting = parse_source(text, "python", clock=lambda: 0.0)
    assert waiting.truncated_reason is None
    assert len(waiting.definitions) == 2_000
    seconds = iter(range(1_000_000))
    spent = parse_source(text, "python", clock=lambda: float(next(seconds)))
    assert spent.timed_out
    assert len(spent.definitions) < 2_000


def test_other_limits_are_no_matter_of_time() -> None:
    assert not parse_source("x = 1\n" * 10, "python", limits=ParseLimits(max_bytes=20)).timed_out


def test_unknown_language() -> None:
    with pytest.raises(KeyError):
        parse_source("x", "cobol")


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_one_byte_for_each_character(text: str) -> None:
    assert len(encode_source(text)) == len(text)


WORDS = """def class fn func function import from use export const let var return if for in match impl struct enum trait type self
this new await async => -> :: . , ; : = == ( ) [ ] { } < > @ # ! ? & * ** + ... a b größe Foo 1 'x' "y" ` $ \\ 😀"""
TOKENS = st.sampled_from([*WORDS.split(), "\n", "\t", "\0", "\ud800"])


@pytest.mark.parametrize("language", list(LANGUAGES))
@given(
    st.one_of(
        st.lists(TOKENS, max_size=40).map(" ".join), st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
    )
)
@settings(max_examples=60)
def test_any_text_gives_exact_spans(language: str, text: str) -> None:
    check(text, parse_source(text, language))
