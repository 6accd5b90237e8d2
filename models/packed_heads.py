"""Sequence-classification heads of transformers on packed rows: what pools each row, by architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from models.packed import PackedRows


def base_model(model: nn.Module) -> nn.Module:
    """The encoder under a head."""
    classifier: Any = model
    found: nn.Module = classifier.base_model
    return found


def has_packed_head(model: nn.Module) -> bool:
    """Whether :func:`head_logits` knows the head."""
    return type(model).__name__ in _HEADS


def head_logits(model: nn.Module, hidden: Tensor, rows: PackedRows) -> Tensor:
    """(rows, outputs) logits, from the (tokens, hidden) states of rows end to end, as transformers' own head gives them."""
    return _HEADS[type(model).__name__](model, hidden, rows)


def _bert(model: Any, hidden: Tensor, rows: PackedRows) -> Tensor:
    logits: Tensor = model.classifier(model.bert.pooler(_firsts(hidden, rows)[:, None]))
    return logits


def _modernbert(model: Any, hidden: Tensor, rows: PackedRows) -> Tensor:
    pooled = _firsts(hidden, rows) if model.config.classifier_pooling == "cls" else _means(hidden, rows)
    logits: Tensor = model.classifier(model.head(pooled))
    return logits


def _firsts(hidden: Tensor, rows: PackedRows) -> Tensor:
    return hidden[rows.edges[:-1]]


def _means(hidden: Tensor, rows: PackedRows) -> Tensor:
    lengths = rows.edges.diff()
    owners = torch.repeat_interleave(torch.arange(len(lengths), device=hidden.device), lengths, output_size=len(hidden))
    sums = hidden.new_zeros(len(lengths), hidden.shape[1], dtype=torch.float32).index_add(0, owners, hidden.float())
    return (sums / lengths[:, None]).to(hidden.dtype)


_HEADS: Mapping[str, Callable[[Any, Tensor, PackedRows], Tensor]] = MappingProxyType(
    {"BertForSequenceClassification": _bert, "ModernBertForSequenceClassification": _modernbert}
)
