"""The values the models produce. Importing this module does not load torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

TextRole = Literal["query", "document"]
Windows = int | Sequence[int | None] | None
"""Longest window of a text in tokens: for all texts, or one by one; None is what the model can hold."""


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """Contextual vectors of one text's tokens; special and marker tokens are not among them.

    ``vectors``: (tokens, dim), L2-normalised, on the encoder's device, in the encoder's dtype.
    ``char_spans``: (tokens, 2) int32, ``text[start:end]`` is the token's text as sent.
    ``content``: (tokens,) bool, the weight w_t: False for punctuation and function words.
    """

    vectors: Tensor
    char_spans: NDArray[np.int32]
    content: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.char_spans)


@dataclass(frozen=True)
class ModelInfo:
    """What a response must name to be replayable: model, digest of its weights, precision, device."""

    name: str
    revision: str
    dtype: str
    device: str


@dataclass(frozen=True)
class NliScores:
    """Verdict of one (premise, claim) pair; probabilities in [0, 1].

    A model without one of the three classes leaves it None. ``token_support`` holds
    ``(char_start, char_end, p_supported)`` over the claim where the model judges tokens.
    """

    entail: float | None
    neutral: float | None
    contradict: float | None
    token_support: tuple[tuple[int, int, float], ...] = ()


class Encoder(Protocol):
    """Text in, token vectors out. Texts of any length: long ones are encoded in windows, never cut."""

    @property
    def info(self) -> ModelInfo:
        """The model behind the vectors."""
        ...

    @property
    def dim(self) -> int:
        """Values of one token vector."""
        ...

    @property
    def symmetric(self) -> bool:
        """Whether a text has the same vectors in either role, so that all texts may share a batch."""
        ...

    def encode(
        self, texts: Sequence[str], role: TextRole = "document", window_tokens: Windows = None
    ) -> list[TokenVectors]:
        """One :class:`TokenVectors` per text, in order; results do not depend on what else is in the batch."""
        ...


class Verifier(Protocol):
    """Judges (premise, claim) pairs."""

    @property
    def info(self) -> ModelInfo:
        """The model behind the verdicts."""
        ...

    def verify(self, pairs: Sequence[tuple[str, str]]) -> list[NliScores]:
        """One verdict per pair, in order. A premise too long for the model is split; its best part counts."""
        ...
