"""Tensors that stay have memory of their own, which goes back when the last of them goes."""

import gc
import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import serving.slabs
from serving.slabs import SLAB_BYTES, Slabs

DTYPES = (torch.bfloat16, torch.float16, torch.float32)


@given(
    shapes=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 400)), min_size=1, max_size=12),
    dtype=st.sampled_from(DTYPES),
)
def test_copies_hold_what_was_copied_and_nothing_else(shapes: list[tuple[int, int]], dtype: torch.dtype) -> None:
    slabs = Slabs()
    given_ = [torch.randn(shape).to(dtype) for shape in shapes]
    kept = [slabs.copy(tensor) for tensor in given_]
    expected = [tensor.clone() for tensor in given_]
    for tensor in given_:
        tensor.zero_()
    for copy, before in zip(kept, expected, strict=True):
        assert copy.dtype == before.dtype
        assert torch.equal(copy, before)


def test_a_view_is_copied_as_it_reads() -> None:
    tensor = torch.arange(12.0).view(3, 4)
    assert torch.equal(Slabs().copy(tensor.T), tensor.T)


def test_a_mapping_ends_with_its_last_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mapping(serving.slabs.mmap.mmap):
        """One that can be referred to weakly."""

    monkeypatch.setattr(serving.slabs.mmap, "mmap", Mapping)
    slabs = Slabs()
    first, second = (slabs.copy(torch.ones(SLAB_BYTES // 8)) for _ in range(2))
    mapping = weakref.ref(slabs._open)
    third = slabs.copy(torch.ones(SLAB_BYTES // 4))
    assert mapping() is not slabs._open
    del first
    gc.collect()
    assert mapping() is not None
    del second
    gc.collect()
    assert mapping() is None
    assert third.sum() == SLAB_BYTES // 4
