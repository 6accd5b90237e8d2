"""The cache of encoded units: bounded, apart for each tenant, and without influence on any number."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.fake import FakeEncoder
from models.types import TextRole, TokenVectors, Windows
from serving.api.lane_types import AlignReply, AlignRequest
from serving.inference.encoding import AlignmentService
from serving.inference.vector_cache import VectorCache, size_bytes

NULL = ("something else", "another matter")


def request(tenant: str, units: tuple[str, ...], response: str = "one two three") -> AlignRequest:
    return AlignRequest(tenant, response, units, ((0, 7),), None, 256)


class Counting(FakeEncoder):
    """A labelled fake that notes what it was asked to encode."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode(
        self, texts: Sequence[str], role: TextRole = "document", window_tokens: Windows = None
    ) -> list[TokenVectors]:
        self.texts.extend(texts)
        return super().encode(texts, role, window_tokens)


def test_it_is_bounded_and_forgets_the_least_recent() -> None:
    encoded = FakeEncoder().encode(["alpha beta", "gamma delta", "epsilon zeta"])
    cache = VectorCache(2 * size_bytes(encoded[0]))
    cache.put("t", "a", encoded[0])
    cache.put("t", "b", encoded[1])
    assert cache.get("t", "a") is encoded[0]
    cache.put("t", "c", encoded[2])
    assert cache.get("t", "b") is None
    assert cache.get("t", "a") is encoded[0]
    assert cache.held_bytes <= 2 * size_bytes(encoded[0])
    VectorCache(1).put("t", "a", encoded[0])
    assert VectorCache(0).get("t", "a") is None


def test_what_leaves_the_device_stays_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device stands in for a GPU: vectors there have a device of their own and no memory to compare."""
    encoded = [
        replace(one, vectors=one.vectors.to("meta")) for one in FakeEncoder().encode(["alpha beta", "gamma delta"])
    ]
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: torch.zeros(tensor.shape, dtype=tensor.dtype))
    size = size_bytes(encoded[0])
    cache = VectorCache(size, size)
    cache.put("t", "a", encoded[0])
    cache.put("t", "b", encoded[1])
    assert cache.held_bytes == 2 * size
    back = cache.get("t", "a")
    assert back is not None
    assert back.vectors.device.type == "meta"
    assert cache.get("u", "a") is None
    assert cache.held_bytes == 2 * size
    assert VectorCache(size, size).held_bytes == 0


def test_on_a_cpu_the_first_bound_is_the_only_one() -> None:
    first, second = FakeEncoder().encode(["alpha beta", "gamma delta"])
    cache = VectorCache(size_bytes(first), 1_000_000)
    cache.put("t", "a", first)
    cache.put("t", "b", second)
    assert cache.get("t", "a") is None
    assert cache.held_bytes == size_bytes(second)


async def test_turn_two_encodes_only_its_response_and_gives_the_same_numbers() -> None:
    encoder = Counting()
    service = AlignmentService(encoder, NULL, cache=VectorCache(1_000_000))
    plain = AlignmentService(FakeEncoder(), NULL)
    units = ("one two", "three four five", "six")
    first = await service.align(request("t", units))
    encoder.texts.clear()
    second = await service.align(request("t", units, "three six"))
    assert encoder.texts == ["three six"]
    assert (first.cached_tokens, second.cached_tokens) == (0, second.context_tokens)
    assert_same(second, await plain.align(request("t", units, "three six")))
    service.close()
    plain.close()


async def test_tenants_do_not_share_entries() -> None:
    encoder = Counting()
    service = AlignmentService(encoder, NULL, cache=VectorCache(1_000_000))
    await service.align(request("a", ("shared text",)))
    encoder.texts.clear()
    other = await service.align(request("b", ("shared text",)))
    assert "shared text" in encoder.texts
    assert other.cached_tokens == 0
    service.close()


async def test_one_round_of_two_tenants_gives_each_its_own() -> None:
    service = AlignmentService(FakeEncoder(), NULL, cache=VectorCache(1_000_000))
    asked = [request("a", ("one two", "six")), request("b", ("six", "one two")), request("a", ("nothing",))]
    together = await asyncio.gather(*(service.align(one) for one in asked))
    for one, reply in zip(asked, together, strict=True):
        assert_same(reply, await service.align(one))
    service.close()


def assert_same(left: AlignReply, right: AlignReply) -> None:
    for name in ("best", "z", "unit_coverage", "claim_unit"):
        np.testing.assert_allclose(getattr(left.alignment, name), getattr(right.alignment, name), atol=1e-5)
    assert left.context_tokens == right.context_tokens


@pytest.mark.parametrize("cache_bytes", [0, 1_000_000])
async def test_a_failing_encoder_fails_its_request_only(cache_bytes: int) -> None:
    class Failing(FakeEncoder):
        """A labelled fake that cannot read one text."""

        def encode(
            self, texts: Sequence[str], role: TextRole = "document", window_tokens: Windows = None
        ) -> list[TokenVectors]:
            if "bad" in texts:
                raise ValueError("unreadable")
            return super().encode(texts, role, window_tokens)

    service = AlignmentService(Failing(), NULL, VectorCache(cache_bytes))
    with pytest.raises(ValueError, match="unreadable"):
        await service.align(request("t", ("bad",)))
    assert (await service.align(request("t", ("good",)))).context_tokens == 1
    service.close()
