"""Transformers models of known shapes with random weights: nothing is downloaded, and speed does not depend on the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Toy:
    """The sizes of a run that only shows that everything runs."""

    lengths: tuple[int, ...] = (32, 96)
    layers: int = 2
    hidden: int = 64
    inner: int = 128
    heads: int = 2


TINY = Toy()

ARCHITECTURES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "MiniLM-L6": {
            "kind": "Bert",
            "vocab_size": 30522,
            "hidden_size": 384,
            "num_hidden_layers": 6,
            "num_attention_heads": 12,
            "intermediate_size": 1536,
            "max_position_embeddings": 512,
        },
        "ModernBERT-base": {
            "kind": "ModernBert",
            "vocab_size": 50368,
            "hidden_size": 768,
            "num_hidden_layers": 22,
            "num_attention_heads": 12,
            "intermediate_size": 1152,
            "max_position_embeddings": 8192,
        },
        "DeBERTa-v3-base": {
            "kind": "DebertaV2",
            "vocab_size": 128100,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "max_position_embeddings": 512,
            "relative_attention": True,
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    }
)


def positions(architecture: str) -> int:
    """Tokens that one pass of the architecture holds."""
    return int(ARCHITECTURES[architecture]["max_position_embeddings"])


def build(architecture: str, classes: int | None, tiny: bool) -> nn.Module:
    """A random model in float32 on the CPU: an encoder, or a classifier of ``classes`` classes."""
    import transformers

    values = dict(ARCHITECTURES[architecture])
    kind = values.pop("kind")
    if tiny:
        values |= {
            "hidden_size": TINY.hidden,
            "num_hidden_layers": TINY.layers,
            "num_attention_heads": TINY.heads,
            "intermediate_size": TINY.inner,
        }
    if classes is not None:
        values["num_labels"] = classes
    config = getattr(transformers, f"{kind}Config")(**values)
    suffix = "Model" if classes is None else "ForSequenceClassification"
    torch.manual_seed(5)
    model: nn.Module = getattr(transformers, f"{kind}{suffix}")(config)
    return model.eval().requires_grad_(False)
