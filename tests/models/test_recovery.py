"""Where memory runs out a batch is computed in halves, and the numbers stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.encoder import EncoderBatch, TransformerEncoder
from models.pairs import PairBatch
from models.recovery import in_parts, is_out_of_memory
from models.registry import VerifierSpec, load_verifier
from models.shipped import load_shipped_verifier
from models.trained_verifier import TrainedVerifier

TEXTS = ["one bridge", "two bridges carry traffic", "three", "four lanes of traffic across the water", "five"]
PAIRS = [("The bridge was opened in 1932.", text) for text in TEXTS]


def short_of_memory(work: Callable[..., Any], rows: int, failures: list[int]) -> Callable[..., Any]:
    """``work`` on a device that holds ``rows`` rows."""

    def tried(batch: EncoderBatch | PairBatch, *arguments: Any) -> Any:
        if len(batch.windows) > rows:
            failures.append(len(batch.windows))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return work(batch, *arguments)

    return tried


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_the_encoder_splits_and_gives_the_same(
    encoders: dict[str, TransformerEncoder], architecture: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, failures = encoders[architecture], []
    monkeypatch.setattr(encoder, "_rows", None)
    expected = encoder.encode(TEXTS)
    monkeypatch.setattr(encoder, "_forward_batch", short_of_memory(encoder._forward_batch, rows, failures))
    for left, right in zip(encoder.encode(TEXTS), expected, strict=True):
        torch.testing.assert_close(left.vectors, right.vectors, atol=1e-5, rtol=1e-5)
    assert failures


@pytest.mark.parametrize("kind", ["trained", "sequence", "token"])
def test_a_verifier_splits_and_gives_the_same(
    kind: str, make_checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "trained":
        verifier: Any = load_shipped_verifier(dtype="float32", device="cpu")
        verifier._rows = None
    else:
        folder = make_checkpoint("bert", kind, ("entailment", "contradiction"))
        verifier = load_verifier(VerifierSpec("tiny", str(folder), dtype="float32", device="cpu"))
    expected, failures = verifier.verify(PAIRS), []
    monkeypatch.setattr(verifier, "_forward_batch", short_of_memory(verifier._forward_batch, 2, failures))
    for left, right in zip(verifier.verify(PAIRS), expected, strict=True):
        assert left.entail == pytest.approx(right.entail, abs=1e-5)
        assert len(left.token_support) == len(right.token_support)
    assert failures
    assert kind != "trained" or isinstance(verifier, TrainedVerifier)


def test_a_single_row_without_memory_fails() -> None:
    def never(rows: list[int]) -> int:
        raise MemoryError

    with pytest.raises(MemoryError):
        in_parts(never, [1, 2, 3, 4], halved, int.__add__)


def test_other_errors_are_not_tried_again() -> None:
    calls: list[list[int]] = []

    def broken(rows: list[int]) -> int:
        calls.append(rows)
        raise RuntimeError("a kernel that does not exist")

    with pytest.raises(RuntimeError, match="kernel"):
        in_parts(broken, [1, 2], halved, int.__add__)
    assert calls == [[1, 2]]
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))


def halved(rows: list[int]) -> tuple[list[int], list[int]] | None:
    middle = len(rows) // 2
    return (rows[:middle], rows[middle:]) if middle else None
