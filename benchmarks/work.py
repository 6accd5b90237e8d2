"""How much a forward pass computes: operations and bytes counted from a model's shape and its rows' lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from scoring.rag.premises import with_question

_PREMISE_WORDS = 140
"""Words of a premise that come to some 190 word pieces, what the lane gives the verifier."""


@dataclass(frozen=True)
class Shape:
    """Of a transformer encoder: ``gated`` feed-forward layers have a third matrix.

    In ``local_layers`` a token attends to ``window`` others at most, itself beside them.
    """

    layers: int
    hidden: int
    inner: int
    gated: bool = False
    local_layers: int = 0
    window: int = 0

    @classmethod
    def of(cls, config: Any) -> Shape:
        """From a transformers configuration."""
        gated = config.model_type == "modernbert"
        local = sum(kind == "sliding_attention" for kind in getattr(config, "layer_types", None) or ()) if gated else 0
        window = config.local_attention if local else 0
        return cls(config.num_hidden_layers, config.hidden_size, config.intermediate_size, gated, local, window)


def encoder_flops(lengths: Sequence[int], shape: Shape) -> float:
    """Operations of one pass over rows of these lengths, without padding: linear layers and attention, two for each product.

    A token costs 2 (4 d² + 2 d f) in each layer, and 4 d for each token that it attends to.
    """
    matrices = 4 * shape.hidden**2 + (3 if shape.gated else 2) * shape.hidden * shape.inner
    tokens = sum(lengths)
    everywhere = sum(length * length for length in lengths)
    nearby = sum(length * min(length, shape.window + 1) for length in lengths)
    attended = (shape.layers - shape.local_layers) * everywhere + shape.local_layers * nearby
    return float(shape.layers * 2 * matrices * tokens + 4 * shape.hidden * attended)


def unread_flops(lengths: Sequence[int], read: Sequence[int], shape: Shape) -> float:
    """Of :func:`encoder_flops` what the last layer saves where only [CLS] and ``read`` tokens of each row are asked for.

    Key and value are still those of all tokens; query, output and the feed-forward layers only those of the asked.
    """
    each = 2 * (2 * shape.hidden**2 + 2 * shape.hidden * shape.inner)
    return float(
        sum(
            (length - 1 - asked) * (each + 4 * shape.hidden * length)
            for length, asked in zip(lengths, read, strict=True)
        )
    )


def maxsim_flops(response_tokens: int, context_tokens: int, shape: Shape) -> float:
    """Operations of all cosines between response and context."""
    return 2.0 * response_tokens * context_tokens * shape.hidden


def weight_bytes(model: nn.Module) -> int:
    """Bytes that one pass reads of its weights, those of the embeddings left out."""
    return sum(
        parameter.numel() * parameter.element_size()
        for name, parameter in model.named_parameters()
        if "embeddings" not in name
    )


def reference_pairs(request: dict[str, Any]) -> list[tuple[str, str]]:
    """A pair for each sentence of the answer: the question and some 190 tokens of the context, as long as the lane's own."""
    words = " ".join(unit["text"] for unit in request["support_units"]).split()
    claims = [part if part.endswith(".") else f"{part}." for part in request["response_text"].split(". ")]
    starts = [number * 90 % (len(words) - _PREMISE_WORDS) for number in range(len(claims))]
    return [
        (with_question(request["query_text"], " ".join(words[start : start + _PREMISE_WORDS])), claim)
        for start, claim in zip(starts, claims, strict=True)
    ]
