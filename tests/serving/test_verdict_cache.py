"""The cache of verdicts: bounded, apart for each tenant, and without influence on any number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from models.fake import FakeVerifier
from models.shipped import load_shipped_verifier
from models.types import ModelInfo, NliScores
from serving.inference.verdict_cache import VerdictCache, size_bytes
from serving.inference.verification import VerificationService

PAIRS = [
    ("The bridge was opened in 1932.", "The bridge opened in 1932."),
    ("The bridge was opened in 1932.", "The bridge never opened."),
    ("Revenue rose.", "Revenue fell by a third."),
]
MODEL = ModelInfo("m", "r", "float32", "cpu")


class Counting(FakeVerifier):
    """A labelled fake that notes what it was asked to judge."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def verify(self, pairs: Sequence[tuple[str, str]]) -> list[NliScores]:
        self.pairs.extend(pairs)
        return super().verify(pairs)


def test_it_is_bounded_and_forgets_the_least_recent() -> None:
    verdict = NliScores(0.5, 0.3, 0.2, ((0, 1, 0.5),))
    cache = VerdictCache(2 * size_bytes(verdict))
    cache.put(b"a", verdict)
    cache.put(b"b", verdict)
    assert cache.get(b"a") is verdict
    cache.put(b"c", verdict)
    assert cache.get(b"b") is None
    assert cache.get(b"a") is verdict
    assert cache.held_bytes <= 2 * size_bytes(verdict)
    small = VerdictCache(1)
    small.put(b"a", verdict)
    assert (small.get(b"a"), small.held_bytes) == (None, 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("u", MODEL, ("p", "c")), id="tenant"),
        pytest.param(("t", ModelInfo("m", "s", "float32", "cpu"), ("p", "c")), id="revision"),
        pytest.param(("t", ModelInfo("m", "r", "bfloat16", "cpu"), ("p", "c")), id="precision"),
        pytest.param(("t", MODEL, ("pc", "")), id="parts run together"),
        pytest.param(("t", MODEL, ("c", "p")), id="turned round"),
    ],
)
def test_the_key_tells_apart(other: tuple[str, ModelInfo, tuple[str, str]]) -> None:
    assert VerdictCache.key("t", MODEL, ("p", "c")) != VerdictCache.key(*other)
    assert VerdictCache.key("t", MODEL, ("p\udc80", "c")) == VerdictCache.key("t", MODEL, ("p\udc80", "c"))


async def test_a_pair_is_judged_once_for_a_tenant_and_again_for_another() -> None:
    verifier = Counting()
    service = VerificationService(verifier, VerdictCache(1_000_000))
    first = await service.verify([*PAIRS, PAIRS[0]], "a")
    assert (len(first.verdicts), first.cached, verifier.pairs) == (4, 0, PAIRS)
    verifier.pairs.clear()
    again = await service.verify([PAIRS[2], PAIRS[0], ("new", "pair")], "a")
    assert (again.cached, verifier.pairs) == (2, [("new", "pair")])
    assert again.verdicts[:2] == (first.verdicts[2], first.verdicts[0])
    verifier.pairs.clear()
    other = await service.verify(PAIRS, "b")
    assert (other.cached, verifier.pairs) == (0, PAIRS)
    service.close()


async def test_one_round_of_two_tenants_judges_for_each() -> None:
    verifier = Counting()
    service = VerificationService(verifier, VerdictCache(1_000_000))
    replies = await asyncio.gather(*(service.verify(PAIRS, tenant) for tenant in ("a", "b", "c")))
    assert [reply.cached for reply in replies] == [0, 0, 0]
    assert len(verifier.pairs) == 3 * len(PAIRS)
    service.close()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
async def test_the_cache_changes_no_number_of_the_real_verifier(dtype: str) -> None:
    verifier = load_shipped_verifier(dtype=dtype, device="cpu")
    plain, cached = VerificationService(verifier), VerificationService(verifier, VerdictCache(1_000_000))
    await cached.verify(PAIRS[:2], "a")
    for asked in (PAIRS, PAIRS[::-1], PAIRS[1:]):
        expected = (await plain.verify(asked, "a")).verdicts
        found = (await cached.verify(asked, "a")).verdicts
        assert [verdict.entail for verdict in found] == pytest.approx(
            [verdict.entail for verdict in expected], abs=1e-2
        )
        assert dtype != "float32" or [v.entail for v in found] == pytest.approx([v.entail for v in expected], abs=1e-5)
    plain.close()
    cached.close()
