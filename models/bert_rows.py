"""BERT's forward pass for a CPU: rows end to end in small packs, without padding.

What a padded batch loses on a CPU: the padding, a barrier of all threads after each of some hundred operations, and memory
that no longer fits a core's cache. Here a pack of a few hundred tokens runs on one thread, beside others
(:mod:`models.row_pool`). Query, key and value are one product; bias, GELU and residual sums are part of the products where torch
has oneDNN's fused ones; the last layer computes the asked tokens alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn

from models.checkpoint import model_config

_SCORES_IN_CACHE = 1 << 18
"""Attention scores computed at a time: with their softmax they stay in a core's second-level cache."""

Linear = Callable[[Tensor], Tensor]
LinearSum = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Row:
    """One sequence. ``ids``, ``types``: (tokens,) int64, special tokens included; ``wanted``: (n,) int64 positions, n > 0."""

    ids: Tensor
    types: Tensor
    wanted: Tensor


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, values: Tensor) -> Tensor:
        return nn.functional.layer_norm(values, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True)
class _Layer:
    """``query``, ``key_value``, ``both``: projections of the attention. Sums take the residual as second argument."""

    query: Linear
    key_value: Linear
    both: Linear
    attended: LinearSum
    attended_norm: _Norm
    up: Linear
    down: LinearSum
    down_norm: _Norm


class BertRows:
    """The hidden states of rows, from the weights of a transformers ``BertModel`` (:func:`is_supported`)."""

    def __init__(self, model: nn.Module) -> None:
        """Weights are laid out anew for the products, in the model's dtype."""
        bert: Any = model
        config = model_config(model)
        self._heads = int(config.num_attention_heads)
        self._words = bert.embeddings.word_embeddings.weight
        self._positions = bert.embeddings.position_embeddings.weight
        self._types = bert.embeddings.token_type_embeddings.weight
        self._norm = _norm(bert.embeddings.LayerNorm)
        self._layers = [_layer(layer, int(config.hidden_size) // self._heads) for layer in bert.encoder.layer]

    @torch.inference_mode()
    def hidden(self, rows: Sequence[Row]) -> list[Tensor]:
        """For each row the last hidden states at ``wanted``: (wanted, hidden).

        Rows lie end to end and share the products; each attends to itself alone, so no row changes another's numbers.
        """
        lengths = [len(row.ids) for row in rows]
        states = self._embedded(rows, lengths)
        edges = [0, *accumulate(lengths)]
        spans = [slice(start, end) for start, end in pairwise(edges)]
        for layer in self._layers[:-1]:
            projected = layer.both(states)
            attended = [self._attended(projected[span]) for span in spans]
            states = _finished(layer, attended, states)
        last = self._layers[-1]
        wanted = torch.cat([row.wanted + start for row, start in zip(rows, edges, strict=False)])
        chosen = states[wanted]
        counts = [len(row.wanted) for row in rows]
        queries, projected = torch.split(last.query(chosen), counts), last.key_value(states)
        attended = [self._attended(projected[span], query) for span, query in zip(spans, queries, strict=True)]
        return list(torch.split(_finished(last, attended, chosen), counts))

    def _embedded(self, rows: Sequence[Row], lengths: Sequence[int]) -> Tensor:
        positions = torch.cat([self._positions[:length] for length in lengths])
        types = torch.cat([self._types[row.types] for row in rows])
        return self._norm(self._words[torch.cat([row.ids for row in rows])] + types + positions)

    def _attended(self, projected: Tensor, query: Tensor | None = None) -> Tensor:
        """(queries, hidden) what one row's tokens attend to; ``projected``: its key and value, and query where not given."""
        if query is None:
            parts = _by_head(projected, 3, self._heads)
            attended = _attention(parts[0], parts[1], parts[2])
        else:
            parts = _by_head(projected, 2, self._heads)
            attended = _attention(_by_head(query, 1, self._heads)[0], parts[0], parts[1])
        return attended.transpose(0, 1).reshape(attended.shape[1], -1)


def _finished(layer: _Layer, attended: list[Tensor], states: Tensor) -> Tensor:
    """The states after a layer, from what they attend to."""
    states = layer.attended_norm(layer.attended(torch.cat(attended), states))
    return layer.down_norm(layer.down(layer.up(states), states))


def is_supported(model: nn.Module) -> bool:
    """Whether a module is a plain BERT encoder with absolute positions on the CPU."""
    config = model_config(model)
    parameter = next(model.parameters())
    return (
        config.model_type == "bert"
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
        and config.hidden_act == "gelu"
        and not getattr(config, "is_decoder", False)
        and parameter.device.type == "cpu"
        and parameter.dtype in (torch.float32, torch.bfloat16)
    )


def _by_head(projected: Tensor, parts: int, heads: int) -> Tensor:
    """(tokens, parts * hidden) -> (parts, heads, tokens, head size), contiguous: the products below need it so."""
    return projected.view(len(projected), parts, heads, -1).permute(1, 2, 0, 3).contiguous()


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(heads, queries, head size); the scale is in the query's weights. Heads go in groups whose scores fit the cache."""
    heads, queries, _ = query.shape
    group = max(1, min(heads, _SCORES_IN_CACHE // max(1, queries * key.shape[1])))
    parts = [
        torch.bmm(_softmax(torch.bmm(query[a : a + group], key[a : a + group].transpose(1, 2))), value[a : a + group])
        for a in range(0, heads, group)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _softmax(scores: Tensor) -> Tensor:
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)


def _norm(module: Any) -> _Norm:
    return _Norm(module.weight, module.bias, float(module.eps))


def _layer(layer: Any, head_size: int) -> _Layer:
    attention, output = layer.attention, layer.attention.output
    scale = 1.0 / math.sqrt(head_size)
    query = (attention.self.query.weight.float() * scale, attention.self.query.bias.float() * scale)
    key, value = ((part.weight.float(), part.bias.float()) for part in (attention.self.key, attention.self.value))
    dtype = attention.self.query.weight.dtype

    def joined(*parts: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        weights, biases = zip(*parts, strict=True)
        return torch.cat(weights).to(dtype), torch.cat(biases).to(dtype)

    return _Layer(
        query=_linear(*joined(query)),
        key_value=_linear(*joined(key, value)),
        both=_linear(*joined(query, key, value)),
        attended=_linear_sum(output.dense.weight, output.dense.bias),
        attended_norm=_norm(output.LayerNorm),
        up=_linear(layer.intermediate.dense.weight, layer.intermediate.dense.bias, gelu=True),
        down=_linear_sum(layer.output.dense.weight, layer.output.dense.bias),
        down_norm=_norm(layer.output.LayerNorm),
    )


def fused_products(dtype: torch.dtype = torch.float32) -> bool:
    """Whether this torch has oneDNN's products with bias, GELU or sum in one pass (x86 builds do), for ``dtype`` on this CPU.

    Half precisions need a processor that oneDNN has kernels for: bfloat16 AVX512, so that older ones take torch's own products.
    """
    names: Any = torch.ops.mkldnn
    built: Any = torch.backends.mkldnn
    has = all(hasattr(names, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    if not built.is_available() or not has or dtype is torch.float32:
        return bool(built.is_available()) and has
    check = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}.get(dtype, "")
    return bool(check and hasattr(names, check) and getattr(names, check)())


def _linear(weight: Tensor, bias: Tensor, gelu: bool = False) -> Linear:
    """x W^T + b, with GELU on top if asked."""
    if not fused_products(weight.dtype):
        plain: Linear = lambda values: nn.functional.linear(values, weight, bias)  # noqa: E731
        return (lambda values: nn.functional.gelu(plain(values))) if gelu else plain
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
    operation: Any = torch.ops.mkldnn._linear_pointwise.default
    post, variant = ("gelu", "none") if gelu else ("none", "")
    return lambda values: operation(values, packed, bias, post, [], variant)


def _linear_sum(weight: Tensor, bias: Tensor) -> LinearSum:
    """x W^T + b + residual."""
    if not fused_products(weight.dtype):
        return lambda values, residual: nn.functional.linear(values, weight, bias) + residual
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
    operation: Any = torch.ops.mkldnn._linear_pointwise.binary
    return lambda values, residual: operation(values, residual, packed, bias, "add")
