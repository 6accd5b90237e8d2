"""Forward passes of transformers models over rows laid end to end, without padding, as a GPU wants them.

The model is transformers' own; it is called with one sequence that holds all rows, positions that begin anew at each, and an
attention that this module registers with transformers, under which no row sees another. On CUDA that is torch's
variable-length flash kernel, elsewhere one product a row, which gives the same numbers and is what tests compare.
:mod:`models.bert_rows` is the counterpart for a CPU.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.checkpoint import model_config
from models.device import to_device

_NAME = "groundlane_packed"
_MODEL_TYPES = frozenset({"bert", "modernbert"})
"""Models whose attention is transformers' exchangeable one and whose positions can be given. DeBERTa's is its own: padded."""


_KERNEL_TOLERANCE = 0.03
"""Of attended values of about 1: half precision is good to .008 of those."""


@dataclass(frozen=True, eq=False)
class PackedRows:
    """Rows end to end. ``ids``, ``positions``, ``types``: (tokens,) int32; ``edges``: (rows + 1,) int32 where rows begin and end.

    ``lengths``: (rows,) of each row, on the host; so that nothing waits for the device to learn them.
    """

    ids: Tensor
    positions: Tensor
    types: Tensor
    edges: Tensor
    lengths: NDArray[np.int64]


def pack_rows(rows: Sequence[NDArray[Any]], types: Sequence[NDArray[Any]] | None, device: torch.device) -> PackedRows:
    """Rows of ids, and of token types (None: all 0), in one copy to the device."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    tokens = int(edges[-1])
    positions = np.arange(tokens) - np.repeat(edges[:-1], lengths)
    kinds = np.zeros(tokens) if types is None else np.concatenate(types)
    staged = to_device(np.concatenate([*rows, positions, kinds, edges]).astype(np.int32), device)
    return PackedRows(
        staged[:tokens], staged[tokens : 2 * tokens], staged[2 * tokens : 3 * tokens], staged[3 * tokens :], lengths
    )


def batch_rows(ids: NDArray[Any], lengths: NDArray[np.int64]) -> list[NDArray[Any]]:
    """The rows of a padded array without their padding."""
    return [row[:length] for row, length in zip(ids, lengths, strict=True)]


def is_supported(model: nn.Module) -> bool:
    """Whether a model can run packed here: BERT or ModernBERT; on CUDA in half precision, with a torch that has the kernel."""
    config = model_config(model)
    parameter = next(model.parameters())
    if config.model_type not in _MODEL_TYPES or getattr(config, "position_embedding_type", None) not in (
        None,
        "absolute",
    ):
        return False
    return parameter.device.type == "cpu" or (
        parameter.dtype in (torch.bfloat16, torch.float16) and kernel_error(parameter.device, parameter.dtype) is None
    )


def packed_if(model: nn.Module, wanted: bool | None) -> PackedModel | None:
    """The model for packed rows if ``wanted``; None asks for it on CUDA, where it pays, if the model is supported."""
    on_cuda = next(model.parameters()).device.type == "cuda"
    if wanted is False or (wanted is None and not on_cuda):
        return None
    if is_supported(model):
        return PackedModel(model)
    if wanted:
        raise ValueError(f"a {model_config(model).model_type} model cannot run packed in this precision and torch")
    return None


class PackedModel:
    """A BERT or ModernBERT encoder, without head, for packed rows. From here on the module runs in no other way."""

    def __init__(self, model: nn.Module) -> None:
        _register()
        changeable: Any = model
        changeable.set_attn_implementation(_NAME)
        self._model = model
        self._takes_types = model_config(model).model_type == "bert"

    def hidden(self, rows: PackedRows) -> Tensor:
        """(tokens, hidden) last hidden states."""
        types = {"token_type_ids": rows.types[None]} if self._takes_types else {}
        output = self._model(input_ids=rows.ids[None], position_ids=rows.positions[None], packed_rows=rows, **types)
        hidden: Tensor = output.last_hidden_state[0]
        return hidden


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_NAME, _attention_of_transformers)
    AttentionMaskInterface.register(_NAME, _no_mask)


def _no_mask(*_: Any, **__: Any) -> None:
    """Rows are told apart by their edges; a mask of all pairs of tokens would not fit."""


def _attention_of_transformers(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed_rows: PackedRows,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Transformers' signature: (1, heads, tokens, head size) in, (1, tokens, heads, head size) out.

    ``sliding_window`` counts the token itself: at 65 a token sees the 64 before and the 64 after it.
    """
    if scaling is not None and abs(scaling * query.shape[-1] ** 0.5 - 1.0) > 1e-6:
        raise ValueError("packed attention divides by the root of the head size, this model does not")
    parts = [part[0].transpose(0, 1) for part in (query, key, value)]
    window = None if sliding_window is None else sliding_window - 1
    return attend(parts[0], parts[1], parts[2], packed_rows, window)[None], None


def attend(query: Tensor, key: Tensor, value: Tensor, rows: PackedRows, window: int | None = None) -> Tensor:
    """(tokens, heads, head size): each token attends to those of its row that are at most ``window`` tokens away."""
    if query.device.type == "cuda" and (window is None or _kernel_has_windows()):
        return _by_kernel(query, key, value, rows, window)
    if window is None:
        return _by_row(query, key, value, rows)
    return _by_block(query, key, value, rows, window)


def _by_kernel(query: Tensor, key: Tensor, value: Tensor, rows: PackedRows, window: int | None) -> Tensor:
    """Torch's flash kernel for rows of any length. There is none for a CPU: ``benchmarks.gpu_session`` compares the two."""
    from torch.nn.attention.varlen import varlen_attn

    longest = int(rows.lengths.max())
    options: dict[str, Any] = {} if window is None else {"window_size": (window, window)}
    attended: Any = varlen_attn(query, key, value, rows.edges, rows.edges, longest, longest, **options)
    found: Tensor = attended
    return found


def _by_row(query: Tensor, key: Tensor, value: Tensor, rows: PackedRows) -> Tensor:
    edges = np.concatenate([[0], np.cumsum(rows.lengths)])
    attended = []
    for start, end in pairwise(edges):
        asked, keys, values = (part[start:end].transpose(0, 1) for part in (query, key, value))
        attended.append(nn.functional.scaled_dot_product_attention(asked, keys, values).transpose(0, 1))
    return torch.cat(attended)


def _by_block(query: Tensor, key: Tensor, value: Tensor, rows: PackedRows, window: int) -> Tensor:
    """Blocks of ``window`` tokens against themselves and their two neighbours, across rows, masked to the row and the window.

    With a window of 64 that is 192 keys a token, however long its row is.
    """
    tokens, heads, size = query.shape
    blocks = -(-tokens // window)
    device = query.device

    def neighbours(values: Tensor) -> Tensor:  # (blocks * window, ...) -> (blocks, 3 * window, ...)
        padded = torch.cat(
            [values.new_zeros(window, *values.shape[1:]), values, values.new_zeros(window, *values.shape[1:])]
        )
        split = padded.view(blocks + 2, window, *values.shape[1:])
        return torch.cat([split[:-2], split[1:-1], split[2:]], dim=1)

    def filled(values: Tensor) -> Tensor:
        return torch.cat([values, values.new_zeros(blocks * window - tokens, *values.shape[1:])])

    number = torch.arange(blocks * window, device=device) + 1  # 0 stands for no token at all
    row = torch.searchsorted(rows.edges, torch.arange(blocks * window, device=device).to(torch.int32), right=True)
    near = neighbours(number)[:, None, :] - number.view(blocks, window, 1)
    same = neighbours(row)[:, None, :] == row.view(blocks, window, 1)
    mask = (near.abs() <= window) & same & (neighbours(number) > 0)[:, None, :]
    asked = filled(query).view(blocks, window, heads, size).transpose(1, 2)
    keys, values = (neighbours(filled(part)).transpose(1, 2) for part in (key, value))
    attended = nn.functional.scaled_dot_product_attention(asked, keys, values, attn_mask=mask[:, None])
    return attended.transpose(1, 2).reshape(blocks * window, heads, size)[:tokens]


@cache
def kernel_error(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why torch's kernel cannot be used there; None when it gives the numbers of one product a row. Asked once a process."""
    if importlib.util.find_spec("torch.nn.attention.varlen") is None:
        return "this torch has no torch.nn.attention.varlen"
    generator = torch.Generator().manual_seed(0)
    rows = pack_rows([np.zeros(length) for length in (3, 130, 64)], None, device)
    query, key, value = torch.randn(3, 197, 2, 32, generator=generator).to(device, dtype).unbind()
    try:
        difference = (_by_kernel(query, key, value, rows, None) - _by_row(query, key, value, rows)).abs().max()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {error}"
    return None if float(difference) <= _KERNEL_TOLERANCE else f"it is off by {float(difference):.3f}"


@cache
def _kernel_has_windows() -> bool:
    from torch.nn.attention import varlen

    return "window_size" in inspect.signature(varlen.varlen_attn).parameters
