"""Claims that stand in a premise word for word."""

import pytest

from scoring.rag.verbatim import verbatim_claims
from scoring.segmentation import split_claims

CONTEXT = "The Sydney Opera House opened in 1973. It was designed by Jørn Utzon of Denmark."


@pytest.mark.parametrize(
    ("response", "verbatim"),
    [
        pytest.param("It was designed by Jørn Utzon of Denmark.", True, id="word-for-word"),
        pytest.param("it was designed by jørn utzon", True, id="case-and-marks-aside"),
        pytest.param("Utzon of Denmark.", False, id="too-short"),
        pytest.param("It was not designed by Jørn Utzon of Denmark.", False, id="one-word-more"),
        pytest.param("It was designed by Utzon of Denmark.", False, id="one-word-less"),
        pytest.param("The Sydney Opera House opened in 1974.", False, id="another-year"),
        pytest.param("It was designed by Jørn Utzon of Den", False, id="half-a-word"),
    ],
)
def test_word_for_word(response: str, verbatim: bool) -> None:
    assert verbatim_claims(split_claims(response), [CONTEXT]) == (verbatim,)


def test_not_across_two_units() -> None:
    claims = split_claims("opened in 1973 It was designed")
    assert verbatim_claims(claims, [CONTEXT]) == (True,)
    assert verbatim_claims(claims, CONTEXT.split(". ")) == (False,)
