from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.registry import EncoderSpec, load_tokenizer
from models.tokenization import TokenizedText, Tokenizer
from models.weights import ModelLoadError

TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("aé 각½ﬁ😀\n.,")) | st.text(
    st.characters(codec="ascii")
)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return load_tokenizer(EncoderSpec())


@pytest.fixture(scope="session")
def all_tokenizers(encoder_folders: dict[str, Path], tokenizer: Tokenizer) -> list[Tokenizer]:
    return [tokenizer, *(Tokenizer.from_folder(encoder_folders[name]) for name in ("bert", "modernbert", "deberta"))]


def check_spans(text: str, tokens: TokenizedText) -> None:
    spans = tokens.char_spans
    assert spans.dtype == np.int32
    assert spans.shape == (len(tokens), 2)
    if len(tokens):
        assert (spans[:, 0] >= 0).all()
        assert (spans[:, 1] <= len(text)).all()
        assert (spans[:, 0] < spans[:, 1]).all()
        following = (spans[1:, 0] >= spans[:-1, 1]) | (spans[1:] == spans[:-1]).all(axis=1)
        assert following.all()


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_spans_lie_in_the_text_and_never_overlap(all_tokenizers: list[Tokenizer], text: str) -> None:
    for tokenizer in all_tokenizers:
        tokens = tokenizer.encode(text)
        check_spans(text, tokens)
        assert len(tokens.content) == len(tokens.cut_ranks) == len(tokens) == tokenizer.count(text)


def test_byte_level_tokens_see_every_visible_character(encoder_folders: dict[str, Path]) -> None:
    text = "  Grüße,\n\n 각 😀 done\t"
    tokens = Tokenizer.from_folder(encoder_folders["modernbert"]).encode(text)
    covered = {position for start, end in tokens.char_spans for position in range(start, end)}
    assert {position for position, character in enumerate(text) if not character.isspace()} <= covered
    words = [text[start:end] for start, end in tokens.char_spans]
    assert all(word == word.strip() or not word.strip() for word in words)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a1b" * 133_334, id="400,000 characters without a space"),
        pytest.param("\n" * 100_000, id="100,000 newlines"),
        pytest.param("x\0y \ud800 z\udfff", id="NUL and lone surrogates"),
        pytest.param("\u202eשלום\u202c عليكم", id="right to left"),
        pytest.param("e" + "\u0301" * 5_000, id="a tower of combining marks"),
        pytest.param("👩‍👩‍👧‍👦" * 500, id="emoji sequences"),
    ],
)
def test_hostile_text(tokenizer: Tokenizer, text: str) -> None:
    check_spans(text, tokenizer.encode(text))


def test_offsets_survive_lone_surrogates(tokenizer: Tokenizer) -> None:
    text = "\ud800\ud800 Paris"
    assert [text[start:end] for start, end in tokenizer.encode(text).char_spans][-1] == "Paris"


def test_a_long_word_is_read_in_parts(tokenizer: Tokenizer) -> None:
    first, second = "9f3ab2" * 40, "77c1de" * 40
    assert set(tokenizer.encode(first).ids) != set(tokenizer.encode(second).ids)
    assert len(tokenizer.encode(first)) > 40


def test_nothing_is_truncated_or_padded(encoder_folders: dict[str, Path]) -> None:
    settings_of_file = json.loads((encoder_folders["bert"] / "tokenizer.json").read_text())
    assert settings_of_file["truncation"]["max_length"] == settings_of_file["padding"]["strategy"]["Fixed"] == 8
    tiny = Tokenizer.from_folder(encoder_folders["bert"])
    assert tiny.count("bridge " * 50) >= 50
    assert tiny.count("") == 0


def test_written_out_special_tokens_are_text(tokenizer: Tokenizer) -> None:
    _, after = tokenizer.single_template
    assert not set(after) & set(tokenizer.encode("one [SEP] two").ids.tolist())


@pytest.mark.parametrize(
    ("text", "content"),
    [
        pytest.param("The bridge was opened in 1932.", ["bridge", "opened", "1932"], id="english"),
        pytest.param("Die Brücke war nicht offen.", ["Brücke", "nicht", "offen"], id="german, negation counts"),
        pytest.param("They die in the war.", ["die", "war"], id="german homographs in english"),
        pytest.param("It costs 5 % or 7 € a day", ["costs", "5", "%", "7", "€", "day"], id="unit signs"),
        pytest.param("WHO and US agree: it is not so", ["WHO", "US", "agree", "not"], id="acronyms"),
        pytest.param("WHO IS IT", [], id="capitals only"),
        pytest.param("the dog's unbelievability", ["dog", "s", "unbelievability"], id="pieces inherit from their word"),
        pytest.param("?! ... --", [], id="punctuation"),
    ],
)
def test_content_mask(tokenizer: Tokenizer, text: str, content: list[str]) -> None:
    tokens = tokenizer.encode(text)
    found = "".join(
        text[start:end] for (start, end), flag in zip(tokens.char_spans, tokens.content, strict=True) if flag
    )
    assert found == "".join(content)


def test_cut_ranks_prefer_sentences_to_spaces_to_words(tokenizer: Tokenizer) -> None:
    text = "One two. Unbelievability\nend"
    tokens = tokenizer.encode(text)
    ranks = {int(start): int(rank) for (start, _), rank in zip(tokens.char_spans, tokens.cut_ranks, strict=True)}
    assert (ranks[4], ranks[7], ranks[9], ranks[25]) == (1, 0, 2, 2)


@pytest.mark.parametrize("name", ["bert", "modernbert", "deberta"])
def test_templates_come_from_the_tokenizer(encoder_folders: dict[str, Path], name: str) -> None:
    tiny = Tokenizer.from_folder(encoder_folders[name])
    start, end = tiny.token_id("[CLS]"), tiny.token_id("[SEP]")
    assert tiny.single_template == ((start,), (end,))
    pair = tiny.pair_template
    assert (pair.before, pair.between, pair.after, pair.size) == ((start,), (end,), (end,), 3)
    assert (pair.type_first, pair.type_second, pair.types_after) == (0, 1, (1,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "no tokenizer.json", id="missing"),
        pytest.param("{", "not valid JSON", id="broken"),
        pytest.param("[1]", "JSON object", id="a list"),
        pytest.param('{"version": "1.0"}', "'model'", id="no model"),
    ],
)
def test_a_bad_tokenizer_file_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelLoadError, match=message) as caught:
        Tokenizer.from_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_counting_tokens_needs_no_torch() -> None:
    program = (
        "import sys, models.types, models.tokenization, models.batching, models.words\n"
        "from models.registry import EncoderSpec, load_tokenizer\n"
        "assert load_tokenizer(EncoderSpec()).count('two words') == 2\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, cwd=Path(__file__).parents[2])
