"""Memory for tensors that stay, apart from the allocator's heaps.

Kept where a forward pass has its temporaries, they leave holes between them that no later temporary fits in, and the heaps grow
to several times what is held (docs/performance.md).
"""

from __future__ import annotations

import mmap

import torch

SLAB_BYTES = 512 * 1024
"""A few texts: one that is still in use holds back the rest of its slab."""
_ALIGNMENT = 64


class Slabs:
    """Copies tensors into mappings; a mapping goes back to the system with the last tensor in it. Not safe across threads."""

    def __init__(self) -> None:
        self._open: mmap.mmap | None = None
        self._used = 0

    def copy(self, tensor: torch.Tensor) -> torch.Tensor:
        """The same values in memory of their own, on the CPU."""
        size = tensor.numel() * tensor.element_size()
        if not size:
            return tensor
        if self._open is None or self._used + size > len(self._open):
            self._open, self._used = mmap.mmap(-1, max(SLAB_BYTES, size)), 0
        held = torch.frombuffer(self._open, dtype=tensor.dtype, count=tensor.numel(), offset=self._used)
        self._used += -(-size // _ALIGNMENT) * _ALIGNMENT
        return held.copy_(tensor.reshape(-1)).view(tensor.shape)
