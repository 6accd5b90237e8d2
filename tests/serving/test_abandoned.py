"""An encoder's round is given up once nobody waits for it, and slices change no number."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np

from models.fake import FakeEncoder
from models.types import TextRole, TokenVectors
from scoring.maxsim import align, pack_units
from serving.encoding import AlignmentService
from serving.lanes.types import AlignRequest

PARTS = 8
SLICE_TEXT = "word " * 4_000


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
    texts = tuple(f"{number} {SLICE_TEXT}" for number in range(units))
    return AlignRequest(
        tenant="t", response="a word", units=texts, claims=((0, 6),), query=None, response_window_tokens=64
    )


async def test_a_round_without_callers_ends_after_its_slice() -> None:
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


async def test_slices_give_what_one_call_gives() -> None:
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
