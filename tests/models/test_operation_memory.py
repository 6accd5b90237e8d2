"""Memory of a process that computes on texts of ever new lengths."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from models.bert_rows import fused_products
from models.device import thread_environment

_MANY_LENGTHS = """
import ctypes, torch
class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split())]
info = ctypes.CDLL(None).mallinfo2
info.restype = Heap
weight = torch.ops.mkldnn._reorder_linear_weight(torch.ones(1536, 384), None)
bias = torch.ones(1536)
with torch.inference_mode():
    for rows in range(1, 301):
        torch.ops.mkldnn._linear_pointwise.default(torch.ones(rows, 384), weight, bias, "gelu", [], "none")
        if rows == 100:
            held = info().uordblks
print((info().uordblks - held) // 2**20)
"""


def has_heap_figures() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")


@pytest.mark.skipif(not fused_products() or not has_heap_figures(), reason="needs oneDNN's products and glibc 2.33")
def test_what_was_prepared_for_lengths_of_before_is_not_kept() -> None:
    """Without these settings the two hundred last lengths held 118 MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY_LENGTHS],
        env=os.environ | thread_environment(1),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert int(done.stdout) < 20
