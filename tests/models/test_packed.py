"""Rows end to end give the numbers of a padded batch: attention, whole models, and what encoder and verifiers make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.batching import BatchLimits
from models.checkpoint import load_module, model_config
from models.encoder import TransformerEncoder
from models.packed import PackedModel, attend, is_supported, pack_rows, packed_if
from models.packed_heads import base_model, has_packed_head, head_logits
from models.shipped import load_shipped_verifier
from models.tokenization import Tokenizer
from models.trained_verifier import TrainedVerifier
from models.types import ModelInfo
from models.verifier import SequenceVerifier

CPU = torch.device("cpu")
INFO = ModelInfo("tiny", "random", "float32", "cpu")
LENGTHS = (1, 40, 17, 33, 2)
TEXTS = ["The bridge was opened in 1932.", "Revenue rose.", "It carries eight lanes of traffic across the water. " * 5]
PAIRS = [
    ("The bridge was opened in 1932 and is 503 metres long.", "The bridge opened in 1932."),
    ("Revenue rose by 4.2 % to 118 million euros. " * 20, "Revenue fell."),
    ("The contract ends in March.", "The contract ends in April, and nobody knows why it was signed at all."),
]


def _rows(lengths: tuple[int, ...] = LENGTHS) -> list[Any]:
    generator = np.random.default_rng(3)
    return [generator.integers(7, 60, length) for length in lengths]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.one_of(st.none(), st.integers(1, 12)))
def test_attention_is_that_of_one_masked_sequence(lengths: list[int], window: int | None) -> None:
    tokens = sum(lengths)
    query, key, value = torch.randn(3, tokens, 2, 8, generator=torch.Generator().manual_seed(tokens)).unbind()
    owners = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    places = torch.arange(tokens)
    mask = owners[:, None] == owners
    if window is not None:
        mask &= (places[:, None] - places).abs() <= window
    parts = [part.transpose(0, 1) for part in (query, key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(*parts, attn_mask=mask).transpose(0, 1)
    packed = pack_rows([np.zeros(length) for length in lengths], None, CPU)
    torch.testing.assert_close(attend(query, key, value, packed, window), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_hidden_states_are_those_of_each_row_alone(make_checkpoint: Callable[..., Path], architecture: str) -> None:
    folder, rows = make_checkpoint(architecture), _rows()
    plain: Any = load_module(folder, "encoder")
    expected = torch.cat([plain(input_ids=torch.from_numpy(row)[None]).last_hidden_state[0] for row in rows])
    found = PackedModel(load_module(folder, "encoder")).hidden(pack_rows(rows, None, CPU))
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_head_reads_each_row(make_checkpoint: Callable[..., Path], architecture: str, pooling: str) -> None:
    folder = make_checkpoint(architecture, "sequence", ["entail", "neutral", "contradict"])
    plain: Any = load_module(folder, "sequence")
    model_config(plain).classifier_pooling = pooling
    rows = _rows()
    expected = torch.cat([plain(input_ids=torch.from_numpy(row)[None]).logits for row in rows])
    assert has_packed_head(plain)
    packed = pack_rows(rows, None, CPU)
    found = head_logits(plain, PackedModel(base_model(plain)).hidden(packed), packed)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_an_encoder_gives_the_same_vectors(make_checkpoint: Callable[..., Path], architecture: str) -> None:
    folder = make_checkpoint(architecture)
    tokenizer, limits = Tokenizer.from_folder(folder), BatchLimits(96, None)

    def encoder(packed: bool) -> TransformerEncoder:
        return TransformerEncoder(load_module(folder, "encoder"), tokenizer, INFO, limits=limits, packed=packed)

    for found, expected in zip(encoder(True).encode(TEXTS), encoder(False).encode(TEXTS), strict=True):
        torch.testing.assert_close(found.vectors, expected.vectors, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_a_verifier_gives_the_same_verdicts(make_checkpoint: Callable[..., Path], architecture: str) -> None:
    folder = make_checkpoint(architecture, "sequence", ["entail", "neutral", "contradict"])
    tokenizer, limits = Tokenizer.from_folder(folder), BatchLimits(96, None)

    def verdicts(packed: bool) -> list[float | None]:
        model, classes = load_module(folder, "sequence"), ("entail", "neutral", "contradict")
        verifier = SequenceVerifier(model, tokenizer, INFO, classes, limits=limits, packed=packed)
        return [scores.entail for scores in verifier.verify(PAIRS)]

    assert verdicts(True) == pytest.approx(verdicts(False), abs=1e-5)


def test_the_shipped_verifier_gives_the_same_verdicts() -> None:
    shipped = load_shipped_verifier(dtype="float32")
    parts = shipped._network, shipped._tokenizer, shipped._continuing, shipped.info, shipped.calibration, 600
    expected, found = shipped.verify(PAIRS), TrainedVerifier(*parts, packed=True).verify(PAIRS)
    for one, other in zip(found, expected, strict=True):
        assert one.entail == pytest.approx(other.entail, abs=1e-4)
        assert one.contradict == pytest.approx(other.contradict, abs=1e-4)
        supports = [[token[2] for token in scores.token_support] for scores in (one, other)]
        assert supports[0] == pytest.approx(supports[1], abs=1e-4)


def test_an_architecture_of_its_own_attention_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    model = load_module(make_checkpoint("deberta"), "encoder")
    assert not is_supported(model)
    assert packed_if(model, None) is None
    with pytest.raises(ValueError, match="deberta-v2 model cannot run packed"):
        packed_if(model, True)
