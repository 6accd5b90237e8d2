from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.fake import FakeEncoder, FakeVerifier
from models.types import Encoder, Verifier


def test_fakes_are_named_as_such() -> None:
    encoder: Encoder = FakeEncoder()
    verifier: Verifier = FakeVerifier()
    assert encoder.info.name == "fake-encoder"
    assert verifier.info.name == "fake-verifier"


@given(st.lists(st.text(), max_size=4))
def test_spans_and_vectors_of_any_text(texts: list[str]) -> None:
    for text, result in zip(texts, FakeEncoder(dim=8).encode(texts, window_tokens=3), strict=True):
        assert all(text[start:end].strip() for start, end in result.char_spans)
        assert result.vectors.shape == (len(result), 8)
        assert torch.allclose(result.vectors.norm(dim=-1), torch.ones(len(result)), atol=1e-5)


def test_equal_words_match_and_others_do_not() -> None:
    first, second = FakeEncoder(dim=256).encode(["The Bridge opened", "a bridge, closed"])
    similarity = first.vectors @ second.vectors.T
    assert float(similarity[1, 1]) == pytest.approx(1.0, abs=1e-5)
    assert float(similarity[2, 3]) < 0.3
    assert np.array_equal(first.content, [False, True, True])


@pytest.mark.parametrize(
    ("premise", "claim", "expected"),
    [
        pytest.param("the bridge opened", "Bridge opened", (1.0, 0.0, 0.0), id="entailed"),
        pytest.param("the bridge opened", "The bridge never opened", (0.0, 0.0, 1.0), id="negated"),
        pytest.param("the bridge opened", "a dog barked", (0.0, 1.0, 0.0), id="unrelated"),
        pytest.param("the bridge opened", "bridge barked", (0.5, 0.5, 0.0), id="half"),
        pytest.param("", "", (0.0, 1.0, 0.0), id="empty"),
    ],
)
def test_the_fake_verdict(premise: str, claim: str, expected: tuple[float, float, float]) -> None:
    scores = FakeVerifier().verify([(premise, claim)])[0]
    assert (scores.entail, scores.neutral, scores.contradict) == expected


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window_tokens"):
        FakeEncoder().encode(["a"], window_tokens=0)
