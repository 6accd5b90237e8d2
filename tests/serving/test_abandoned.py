"""A long request neither goes on without its caller nor holds up the short ones behind it, and its parts change no number."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from torch import Tensor

import serving.inference.encoding
from models.encoder import PreparedTexts, TransformerEncoder
from models.fake import FakeEncoder
from models.registry import EncoderSpec, load_encoder
from models.types import TextRole, TokenVectors
from scoring.maxsim import align, pack_units
from serving.api.lane_types import AlignRequest
from serving.inference.encoding import AlignmentService
from serving.inference.vector_cache import VectorCache

PARTS = 8
LONG_TEXT = "word " * 4_000
REAL_TEXT = "The bridge was opened in 1932 and carries eight lanes of traffic. Revenue rose by 4.2 %. "


class SlowEncoder(FakeEncoder):
    """A fake that waits to be let on before each call, and counts the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def encode(
        self, texts: Sequence[str], role: TextRole = "document", window_tokens: int | None = None
    ) -> list[TokenVectors]:
        self.calls += 1
        self.started.set()
        assert self.go_on.wait(10.0)
        return super().encode(texts, role, window_tokens)


def request(units: int) -> AlignRequest:
    texts = tuple(f"{number} {LONG_TEXT}" for number in range(units))
    return AlignRequest(
        tenant="t", response="a word", units=texts, claims=((0, 6),), query=None, response_window_tokens=64
    )


async def test_without_a_caller_the_rest_is_left() -> None:
    encoder = SlowEncoder()
    service = AlignmentService(encoder, ["null text"])
    encoder.calls = 0
    encoder.go_on.clear()
    encoder.started.clear()
    caller = asyncio.create_task(service.align(request(PARTS)))
    await asyncio.to_thread(encoder.started.wait, 10.0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    encoder.go_on.set()
    reply = await service.align(request(1))
    assert len(reply.alignment.token_spans) == 2
    assert encoder.calls < PARTS
    service.close()


async def test_rounds_give_what_one_call_gives() -> None:
    encoder, asked = FakeEncoder(), request(PARTS)
    service = AlignmentService(encoder, ["null text"])
    sliced = (await service.align(asked)).alignment
    null_bank = pack_units(encoder.encode(["null text"]))
    whole = align(
        encoder.encode([asked.response])[0], pack_units(encoder.encode(asked.units)), asked.claims, null_bank, None
    )
    assert np.array_equal(sliced.best, whole.best)
    assert np.array_equal(sliced.best_unit, whole.best_unit)
    assert np.array_equal(sliced.z, whole.z)
    service.close()


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return load_encoder(EncoderSpec(dtype="float32", device="cpu"))


def real_request(context: str, tenant: str = "t") -> AlignRequest:
    return AlignRequest(tenant, "It opened in 1932.", (context,), ((0, 18),), None, 64)


async def test_one_long_text_lets_short_requests_pass(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards: list[int] = []
    forward = encoder.forward

    def counted(prepared: PreparedTexts) -> list[Tensor]:
        forwards.append(sum(len(batch.windows) for batch in prepared.batches))
        return forward(prepared)

    monkeypatch.setattr(encoder, "forward", counted)
    monkeypatch.setattr(serving.inference.encoding, "_LONG_CHARACTERS", 1_000)
    monkeypatch.setattr(serving.inference.encoding, "_PART_TOKENS", 512)
    service = AlignmentService(encoder, ["null text"], VectorCache(10_000_000), token_budget=512)
    long = asyncio.create_task(service.align(real_request(REAL_TEXT * 160)))
    while len(forwards) < 3:
        await asyncio.sleep(0.005)
    short = await service.align(real_request("It was opened in 1932."))
    assert not long.done()
    assert short.context_tokens
    whole = encoder.encode([REAL_TEXT * 160])[0]
    reply = await long
    assert reply.context_tokens == len(whole)
    again = await service.align(real_request(REAL_TEXT * 160))
    assert again.cached_tokens == len(whole)
    np.testing.assert_allclose(again.alignment.best, reply.alignment.best, atol=1e-6)
    expected = align(
        encoder.encode(["It opened in 1932."], window_tokens=64)[0],
        pack_units([whole]),
        ((0, 18),),
        pack_units(encoder.encode(["null text"])),
        None,
    )
    np.testing.assert_allclose(reply.alignment.best, expected.best, atol=1e-5)
    np.testing.assert_array_equal(reply.alignment.best_span, expected.best_span)
    service.close()


async def test_a_long_text_of_nothing_but_spaces_has_no_parts(encoder: TransformerEncoder) -> None:
    service = AlignmentService(encoder, ["null text"])
    assert (await service.align(real_request(" " * 20_000))).context_tokens == 0
    service.close()
