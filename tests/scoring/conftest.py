"""Token vectors made by hand, so that the laws of alignment can be checked without a model."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from models.types import TokenVectors

MakeVectors = Callable[[int], TokenVectors]


def random_vectors(tokens: int, seed: int, dim: int = 16) -> TokenVectors:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(tokens, dim, generator=generator), dim=-1)
    spans = np.stack([np.arange(tokens) * 3, np.arange(tokens) * 3 + 2], axis=1).astype(np.int32)
    return TokenVectors(vectors, spans, np.arange(tokens) % 4 != 3)


@pytest.fixture
def vectors() -> Callable[[int, int], TokenVectors]:
    return random_vectors
