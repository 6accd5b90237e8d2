"""Reverse MaxSim against its definition, and the laws that make windows and batches safe."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring.maxsim as maxsim
from models.types import TokenVectors
from scoring.maxsim import align, match_units, pack_units

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=7)


def make(tokens: int, seed: int) -> TokenVectors:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(tokens, 8, generator=generator), dim=-1)
    spans = np.stack([np.arange(tokens) * 3, np.arange(tokens) * 3 + 2], axis=1).astype(np.int32).reshape(-1, 2)
    return TokenVectors(vectors, spans, np.arange(tokens) % 4 != 3)


def by_definition(response: TokenVectors, units: list[TokenVectors]) -> np.ndarray:
    columns = [
        (response.vectors @ unit.vectors.T).max(dim=1).values.numpy() if len(unit) else np.full(len(response), -1.0)
        for unit in units
    ]
    return np.stack(columns, axis=1)


@given(LENGTHS, st.integers(1, 30))
def test_matches_the_definition(lengths: list[int], tokens: int) -> None:
    response, units = make(tokens, 1), [make(length, 2 + i) for i, length in enumerate(lengths)]
    np.testing.assert_allclose(
        match_units(response.vectors, pack_units(units)).best.numpy(), by_definition(response, units), atol=1e-6
    )


@pytest.mark.parametrize("piece", [1, 3, 7])
@pytest.mark.parametrize("tile", [5, 64])
def test_any_tiling_gives_the_same(monkeypatch: pytest.MonkeyPatch, piece: int, tile: int) -> None:
    response, units = make(11, 1), [make(n, 5 + n) for n in (9, 1, 23, 0, 4)]
    expected = match_units(response.vectors, pack_units(units))
    monkeypatch.setattr(maxsim, "_PIECE_TOKENS", piece)
    monkeypatch.setattr(maxsim, "_CONTEXT_TILE_TOKENS", {"cpu": tile})
    monkeypatch.setattr(maxsim, "_RESPONSE_TILE_TOKENS", 4)
    found = match_units(response.vectors, pack_units(units))
    torch.testing.assert_close(found.best, expected.best)
    assert torch.equal(found.token, expected.token)


def test_padding_does_not_beat_a_negative_similarity() -> None:
    response = make(1, 0)
    opposite = TokenVectors(-response.vectors, response.char_spans, response.content)
    found = match_units(response.vectors, pack_units([opposite, make(30, 3)]))
    assert found.best[0, 0] == pytest.approx(-1.0)


@given(LENGTHS, st.integers(1, 20), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_order_of_units_changes_no_number(lengths: list[int], tokens: int, random: Random) -> None:
    units = [make(length, 10 + i) for i, length in enumerate(lengths)]
    order = list(range(len(units)))
    random.shuffle(order)
    response, null, query = make(tokens, 1), pack_units([make(5, 99), make(6, 98)]), make(3, 7)
    claims = [(0, 9), (9, 60)]
    here = align(response, pack_units(units), claims, null, query)
    there = align(response, pack_units([units[i] for i in order]), claims, null, query)
    np.testing.assert_allclose(here.best, there.best, atol=1e-6)
    np.testing.assert_allclose(here.z, there.z, atol=1e-4)
    for name in ("unit_coverage", "unit_z", "unit_share", "unit_query"):
        np.testing.assert_allclose(getattr(here, name)[order], getattr(there, name), atol=1e-4)
    np.testing.assert_allclose(here.claim_unit[:, order], there.claim_unit, atol=1e-6)


@given(LENGTHS, st.integers(1, 20))
@settings(max_examples=40)
def test_one_more_unit_never_lowers_a_match(lengths: list[int], tokens: int) -> None:
    response, null = make(tokens, 1), pack_units([make(5, 99), make(6, 98)])
    units = [make(length, 10 + i) for i, length in enumerate(lengths)]
    fewer, more = align(response, pack_units(units[:-1]), [], null), align(response, pack_units(units), [], null)
    assert (more.best >= fewer.best - 1e-6).all()


def test_alignment_names_the_matching_characters(vectors: Callable[[int, int], TokenVectors]) -> None:
    units = [vectors(9, 3), vectors(12, 4)]
    response = TokenVectors(
        torch.stack([units[1].vectors[5], units[0].vectors[2]]), np.array([[0, 2], [3, 5]], np.int32), np.ones(2, bool)
    )
    found = align(response, pack_units(units), [(0, 3), (3, 6)], pack_units([vectors(4, 8), vectors(4, 9)]))
    assert found.best_unit.tolist() == [1, 0]
    assert found.best_span.tolist() == [[15, 17], [6, 8]]
    assert found.unit_share.tolist() == [0.5, 0.5]
    assert found.claim_unit[0, 1] == pytest.approx(1.0)


def test_a_response_without_tokens_and_a_context_without_units() -> None:
    null = pack_units([make(5, 99), make(6, 98)])
    empty = align(make(0, 1), pack_units([make(4, 2)]), [(0, 1)], null)
    assert len(empty.best) == 0
    assert np.isfinite(empty.claim_unit).all()
    alone = align(make(4, 1), pack_units([]), [(0, 9)], null)
    assert alone.best.tolist() == [-1.0] * 4
    assert alone.best_unit.tolist() == [-1] * 4


def test_in_half_precision_the_order_of_units_does_not_choose_between_ties() -> None:
    generator = torch.Generator().manual_seed(4)
    base = torch.nn.functional.normalize(torch.randn(1, 384, generator=generator), dim=-1)
    noise = torch.randn(24, 384, generator=generator) * 0.002
    rows = torch.nn.functional.normalize(base + noise, dim=-1).to(torch.bfloat16)
    spans = np.array([[0, 2]], np.int32)
    units = [TokenVectors(rows[i : i + 1], spans, np.ones(1, np.bool_)) for i in range(24)]
    response = TokenVectors(base.to(torch.bfloat16), spans, np.ones(1, np.bool_))
    exact = (rows.float() @ response.vectors.float().T)[:, 0]
    for order in (list(range(24)), list(range(23, -1, -1)), list(range(1, 24, 2)) + list(range(0, 24, 2))):
        found = align(response, pack_units([units[i] for i in order]), [(0, 2)], pack_units([units[0]]))
        assert order[int(found.best_unit[0])] == int(exact.argmax())
