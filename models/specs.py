"""What configuration says of a model. Importing this module does not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.batching import DEFAULT_TOKEN_BUDGET
from models.weights import BUNDLED_SOURCE

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
SHIPPED_VERIFIER = "groundlane-minilm-verifier"
"""The verifier whose weights come with this package (docs/model-card-verifier.md)."""

ProjectionChoice = Literal["auto", "none", "required"]


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder as configuration names it.

    ``source``: ``bundled``, a local folder, or a hub id. ``device``: ``auto``, ``cpu``, ``cuda``, ``cuda:N``.
    ``dtype``: ``auto``, ``float32``, ``bfloat16``, ``float16``. ``threads``: None lets :mod:`models.device` choose.
    ``token_budget``: padded tokens in one forward pass. ``window_tokens``: longest window of a text; None is what the
    model can hold. ``projection``: ``auto`` uses a late-interaction head if the checkpoint has one, ``none`` ignores
    it, ``required`` refuses a checkpoint without one.
    """

    name: str = DEFAULT_ENCODER
    source: str = BUNDLED_SOURCE
    dtype: str = "auto"
    device: str = "auto"
    threads: int | None = None
    token_budget: int = DEFAULT_TOKEN_BUDGET
    window_tokens: int | None = None
    projection: ProjectionChoice = "auto"


@dataclass(frozen=True)
class VerifierSpec:
    """A verifier as configuration names it; fields as in :class:`EncoderSpec`.

    ``window_tokens``: longest (premise, claim) row, special tokens included. ``label_map``: label name of the
    checkpoint -> ``entail``, ``neutral``, ``contradict`` or ``not_entail``, before the default table. ``temperature``
    divides the logits.
    """

    name: str
    source: str
    dtype: str = "auto"
    device: str = "auto"
    threads: int | None = None
    token_budget: int = DEFAULT_TOKEN_BUDGET
    window_tokens: int | None = None
    label_map: Mapping[str, str] = field(default_factory=dict)
    temperature: float = 1.0
