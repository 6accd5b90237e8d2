from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batching import BatchLimits
from models.encoder import TransformerEncoder
from models.registry import EncoderSpec, load_encoder
from models.types import TextRole, TokenVectors

NAMES = ["bert", "modernbert", "deberta", "stanford", "pylate"]
TEXTS = st.lists(st.text(st.sampled_from("bridge 1932, März.\n😀"), max_size=120), max_size=6)
LONG = "The bridge was opened in 1932. Revenue rose by 4.2 % to 118 million euros. " * 6


def same(one: TokenVectors, other: TokenVectors, tolerance: float = 1e-5) -> bool:
    assert np.array_equal(one.char_spans, other.char_spans)
    assert np.array_equal(one.content, other.content)
    return torch.allclose(one.vectors.float(), other.vectors.float(), atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(texts=TEXTS, role=st.sampled_from(["query", "document"]))
def test_a_batch_equals_its_singles(
    encoders: dict[str, TransformerEncoder], name: str, texts: list[str], role: TextRole
) -> None:
    encoder = encoders[name]
    batch = encoder.encode(texts, role)
    assert len(batch) == len(texts)
    for text, vectors in zip(texts, batch, strict=True):
        assert same(vectors, encoder.encode([text], role)[0])
        assert vectors.vectors.shape == (len(vectors), encoder.dim)
        assert torch.allclose(vectors.vectors.norm(dim=-1), torch.ones(len(vectors)), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_windows_lose_no_token(encoders: dict[str, TransformerEncoder], name: str) -> None:
    encoder = encoders[name]
    tokens = encoder.tokenizer.encode(LONG)
    assert len(tokens) > 2 * encoder.max_window_tokens()
    by_window = encoder.encode([LONG, "short"], "query", window_tokens=7)[0]
    assert np.array_equal(by_window.char_spans, tokens.char_spans)
    assert np.array_equal(encoder.encode([LONG], "query")[0].char_spans, tokens.char_spans)
    prepared = encoder.prepare([LONG], "query", window_tokens=7)
    assert max(len(window) for batch in prepared.batches for window in batch.windows) <= 7


@pytest.mark.parametrize("name", NAMES[:3])
def test_windows_are_encoded_as_texts_of_their_own_and_joined_in_order(
    encoders: dict[str, TransformerEncoder], name: str
) -> None:
    encoder = encoders[name]
    prepared = encoder.prepare([LONG[:150]], "query", window_tokens=11)
    ids = prepared.texts[0].ids
    rows = {window: row for batch in prepared.batches for window, row in zip(batch.windows, batch.ids, strict=True)}
    windows = sorted(rows, key=lambda window: window.start)
    assert len(windows) > 2
    whole = encoder.encode([LONG[:150]], "query", window_tokens=11)[0].vectors
    for window in windows:
        assert np.array_equal(rows[window][1 : 1 + len(window)], ids[window.start : window.end])
        row = torch.from_numpy(rows[window][: len(window) + 2])[None]
        with torch.inference_mode():
            hidden = encoder._model(input_ids=row).last_hidden_state[0, 1:-1]
        alone = torch.nn.functional.normalize(hidden, dim=-1)
        assert torch.allclose(whole[window.start : window.end], alone, atol=1e-5)


def test_window_tokens_is_bounded_by_the_model(encoders: dict[str, TransformerEncoder]) -> None:
    encoder = encoders["bert"]
    assert encoder.max_window_tokens() == 38
    assert same(encoder.encode([LONG])[0], encoder.encode([LONG], window_tokens=10_000)[0])
    with pytest.raises(ValueError, match="window_tokens"):
        encoder.encode([LONG], window_tokens=0)


@pytest.mark.parametrize("name", ["stanford", "pylate"])
def test_a_projection_and_its_markers_are_used(
    encoders: dict[str, TransformerEncoder],
    encoder_folders: dict[str, Path],
    spec_of: Callable[..., EncoderSpec],
    name: str,
) -> None:
    encoder = encoders[name]
    assert encoder.dim == 8
    assert encoder.max_window_tokens() == 37
    query, document = (encoder.encode(["bridge 1932"], role)[0] for role in ("query", "document"))
    assert not torch.allclose(query.vectors, document.vectors, atol=1e-3)
    row = encoder.prepare(["bridge"], "query").batches[0].ids[0]
    assert row[1] == encoder.tokenizer.token_id("[unused0]")
    assert load_encoder(spec_of(encoder_folders[name], projection="none")).dim == 16


@pytest.mark.parametrize("name", ["stanford", "pylate"])
def test_documents_leave_out_the_skip_list_and_queries_do_not(
    encoders: dict[str, TransformerEncoder], name: str
) -> None:
    text = "Revenue, rose."
    words = {
        role: [text[start:end] for start, end in encoders[name].encode([text], role)[0].char_spans]
        for role in ("query", "document")
    }
    assert {",", "."} <= set(words["query"])
    assert not {",", "."} & set(words["document"])
    assert "".join(words["document"]) == "Revenuerose"


def test_a_prompt_is_put_before_and_left_out_of_the_result(
    make_checkpoint: Callable[..., Path], spec_of: Callable[..., EncoderSpec]
) -> None:
    folder = make_checkpoint("bert")
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "query: ", "document": ""}}')
    encoder = load_encoder(spec_of(folder))
    query, document = (encoder.encode(["bridge"], role)[0] for role in ("query", "document"))
    assert np.array_equal(query.char_spans, document.char_spans)
    assert not torch.allclose(query.vectors, document.vectors, atol=1e-3)


def test_phases_alone(encoders: dict[str, TransformerEncoder]) -> None:
    encoder = encoders["bert"]
    prepared = encoder.prepare(["bridge", "", LONG])
    vectors = encoder.forward(prepared)
    assert sum(len(part) for part in vectors) == sum(len(text) for text in prepared.texts)
    finished = encoder.finish(prepared, vectors)
    assert [len(result) for result in finished] == [len(text) for text in prepared.texts]
    owned = finished[0].vectors
    assert owned.untyped_storage().nbytes() == owned.numel() * owned.element_size()


def test_the_budget_changes_the_batches_and_not_the_results(
    encoder_folders: dict[str, Path], encoders: dict[str, TransformerEncoder], spec_of: Callable[..., EncoderSpec]
) -> None:
    small = load_encoder(spec_of(encoder_folders["modernbert"], token_budget=50, window_tokens=20))
    texts = [LONG, "bridge", "Revenue rose."]
    assert len(small.prepare(texts).batches) > len(encoders["modernbert"].prepare(texts, window_tokens=20).batches)
    for one, other in zip(small.encode(texts), encoders["modernbert"].encode(texts, window_tokens=20), strict=True):
        assert same(one, other)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_half_precisions_keep_the_vectors(
    encoders: dict[str, TransformerEncoder],
    encoder_folders: dict[str, Path],
    spec_of: Callable[..., EncoderSpec],
    name: str,
    dtype: str,
) -> None:
    half = load_encoder(spec_of(encoder_folders[name], dtype=dtype))
    vectors = half.encode([LONG])[0].vectors
    assert half.info.dtype == dtype
    assert str(vectors.dtype) == f"torch.{dtype}"
    cosines = (vectors.float() * encoders[name].encode([LONG])[0].vectors).sum(dim=-1)
    assert cosines.mean() > 0.99


def test_threads_get_the_same_answer(encoders: dict[str, TransformerEncoder]) -> None:
    expected = encoders["bert"].encode([LONG])[0]
    results: list[TokenVectors] = []
    threads = [threading.Thread(target=lambda: results.append(encoders["bert"].encode([LONG])[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == 4
    assert all(same(result, expected) for result in results)


def test_values_that_are_not_finite_are_an_error(
    encoder_folders: dict[str, Path], spec_of: Callable[..., EncoderSpec]
) -> None:
    encoder = load_encoder(spec_of(encoder_folders["bert"]))
    next(encoder._model.parameters()).data.fill_(float("inf"))
    with pytest.raises(ArithmeticError, match="NaN or infinity in float32"):
        encoder.encode(["bridge"])


def score(encoder: TransformerEncoder, claim: str, context: str) -> float:
    response, unit = encoder.encode([claim, context])
    best = (response.vectors.float() @ unit.vectors.float().T).amax(dim=1)
    return float(best[torch.from_numpy(response.content)].mean())


def test_the_bundled_model_ranks_a_paraphrase_first(bundled: TransformerEncoder) -> None:
    claim = "The cat is sleeping on the couch."
    assert (
        score(bundled, claim, "A kitten naps on the sofa.") > score(bundled, claim, "Bond yields rose in March.") + 0.2
    )
    assert (bundled.dim, bundled.info.name, bundled.max_window_tokens()) == (384, "all-MiniLM-L6-v2", 510)


def test_the_bundled_model_in_batches_and_in_bfloat16(bundled: TransformerEncoder) -> None:
    texts = ["Short.", "The bridge was opened in 1932.", LONG, "Der Vertrag endet am 31. März 2024." * 4]
    half = load_encoder(EncoderSpec(dtype="bfloat16", device="cpu"))
    for encoder, tolerance in ((bundled, 1e-5), (half, 2e-3)):
        for text, vectors in zip(texts, encoder.encode(texts), strict=True):
            single = encoder.encode([text])[0].vectors.float()
            assert (1 - torch.nn.functional.cosine_similarity(vectors.vectors.float(), single)).max() < tolerance
    assert abs(score(half, texts[1], texts[2]) - score(bundled, texts[1], texts[2])) < 0.01


def test_limits_bound_the_window(bundled: TransformerEncoder) -> None:
    limited = TransformerEncoder(bundled._model, bundled.tokenizer, bundled.info, limits=BatchLimits(window_tokens=256))
    assert limited.max_window_tokens() == 256
