"""BERT row by row gives transformers' numbers, whatever else is in the batch."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import models.bert_rows
from models.bert_rows import BertRows, Row, is_supported
from models.checkpoint import load_module
from models.encoder import TransformerEncoder
from models.registry import EncoderSpec, load_encoder
from models.row_pool import RowPool, plan_packs
from models.shipped import load_shipped_verifier

TEXTS = ["The bridge was opened in 1932.", "Revenue rose.", "It carries eight lanes of traffic across the water. " * 5]
PAIRS = [
    ("The bridge was opened in 1932 and is 503 metres long.", "The bridge opened in 1932."),
    ("Revenue rose by 4.2 % to 118 million euros. " * 20, "Revenue fell."),
    ("The contract ends in March.", "The contract ends in April, and nobody knows why it was signed at all."),
]


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With oneDNN's fused products where this torch has them, and without."""
    if not request.param:
        monkeypatch.setattr(models.bert_rows, "fused_products", lambda *_: False)


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("tokens", [1, 2, 17, 40])
def test_a_row_equals_transformers(make_checkpoint: Callable[..., Path], tokens: int) -> None:
    model = load_module(make_checkpoint("bert"), "encoder")
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(7, 60, (tokens,), generator=generator)
    types = torch.randint(0, 2, (tokens,), generator=generator)
    rows, other = BertRows(model), Row(torch.arange(7, 20), torch.zeros(13, dtype=torch.int64), torch.tensor([3]))
    expected = model(input_ids=ids[None], token_type_ids=types[None]).last_hidden_state[0]
    for wanted in (torch.arange(tokens), torch.tensor([0, tokens - 1])):
        for beside in ([], [other]):
            found = rows.hidden([*beside, Row(ids, types, wanted), *beside])[len(beside)]
            torch.testing.assert_close(found, expected[wanted], atol=2e-5, rtol=1e-5)


def test_heads_in_groups_change_nothing(make_checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = BertRows(load_module(make_checkpoint("bert"), "encoder"))
    asked = [Row(torch.arange(7, 37), torch.zeros(30, dtype=torch.int64), torch.arange(30))]
    whole = rows.hidden(asked)[0]
    monkeypatch.setattr(models.bert_rows, "_SCORES_IN_CACHE", 1)
    torch.testing.assert_close(rows.hidden(asked)[0], whole, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("bfloat16", 4e-3)])
def test_what_shares_a_batch_changes_no_vector(dtype: str, tolerance: float) -> None:
    """Bit for bit equal where measured; another CPU's products may round by their shape, hence the last places."""
    encoder = load_encoder(EncoderSpec(dtype=dtype, device="cpu"))
    together = encoder.encode([*TEXTS, "and one more text"])
    for text, vectors in zip(TEXTS, together, strict=False):
        alone = encoder.encode([text])[0]
        torch.testing.assert_close(alone.vectors, vectors.vectors, atol=tolerance, rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 1e-2)])
def test_pairs_of_a_batch_change_no_verdict(dtype: str, tolerance: float) -> None:
    verifier = load_shipped_verifier(dtype=dtype, device="cpu")
    for pair, verdict in zip(PAIRS, verifier.verify(PAIRS), strict=True):
        assert verifier.verify([pair])[0].entail == pytest.approx(verdict.entail, abs=tolerance)


def test_the_verifier_by_rows_equals_its_padded_batches() -> None:
    verifier = load_shipped_verifier(dtype="float32", device="cpu")
    by_rows = verifier.verify(PAIRS)
    verifier._rows = None
    for row, padded in zip(by_rows, verifier.verify(PAIRS), strict=True):
        assert dataclasses.astuple(row)[:3] == pytest.approx(dataclasses.astuple(padded)[:3], abs=1e-4)
        assert [token[2] for token in row.token_support] == pytest.approx(
            [token[2] for token in padded.token_support], abs=1e-4
        )


def test_only_plain_bert_on_a_cpu_goes_by_rows(encoders: dict[str, TransformerEncoder]) -> None:
    by_rows = {name for name, encoder in encoders.items() if encoder._rows is not None}
    assert by_rows == {"bert", "stanford", "pylate"}
    assert not is_supported(copy.deepcopy(encoders["bert"]._model).to(torch.float16))


@given(sizes=st.lists(st.integers(1, 600), min_size=1, max_size=40), workers=st.integers(1, 8))
def test_packs_hold_every_row_once_and_are_balanced(sizes: list[int], workers: int) -> None:
    packs = plan_packs(sizes, workers)
    assert sorted(index for pack in packs for index in pack) == list(range(len(sizes)))
    loads = [sum(sizes[index] for index in pack) for pack in packs]
    assert all(packs)
    assert max(loads) - min(loads) <= max(sizes)
    assert loads == sorted(loads, reverse=True)


def test_the_pool_keeps_order_and_threads() -> None:
    before = torch.get_num_threads()
    pool = RowPool(3)
    assert torch.get_num_threads() == before
    items = list(range(20))
    threads = pool.map(lambda pack: [(item, torch.get_num_threads()) for item in pack], items, [200] * 20)
    assert threads == [(item, 1) for item in items]
    assert pool.map(lambda pack: [torch.get_num_threads()] * len(pack), [1, 2], [100, 1]) == [before, before]
    assert pool.map(list, [], []) == []
    with pytest.raises(ValueError, match="unlucky"):
        pool.map(_fail_at_thirteen, [1, 13, 2, 3], [300] * 4)
    assert pool.map(list, [1, 2], [1, 1]) == [1, 2]


def _fail_at_thirteen(items: Sequence[int]) -> Sequence[int]:
    if 13 in items:
        raise ValueError("unlucky")
    return items
