"""Texts made to be slow: each kind that once froze a gateway takes no more than linear time now.

Steps are compared by the ratio of two sizes: eight times the text may take up to 24 times as long, where quadratic
patterns take 64. What takes under 20 milliseconds at the larger size is not worth a ratio.
"""

import time
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from parsers.blocks.context_files import split_context
from parsers.blocks.fences import _ELISION, find_code
from parsers.values.records import find_key_values
from parsers.values.structured import parse_structured
from scoring.rag.outcome import answer_kind, telling_claims
from scoring.segmentation import split_claims
from serving.api.errors import ValidationFailedError
from serving.api.schemas import RagRequest, parse_body
from serving.redaction.patterns import redact

SIZE = 5_000


def seconds(work: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(3):
        started_s = time.perf_counter()
        work(text)
        best = min(best, time.perf_counter() - started_s)
    return best


def kinds(text: str) -> object:
    return answer_kind(telling_claims(split_claims(text)), None, ())


@pytest.mark.parametrize(
    ("work", "make"),
    [
        pytest.param(
            parse_structured, lambda n: "| a | b |\n|" + " " * n + "x |\n| 1 | 2 |\n", id="table-row-of-spaces"
        ),
        pytest.param(find_key_values, lambda n: "Name: x" + " " * n + "y\nOther: z\n", id="value-with-a-gap"),
        pytest.param(redact, lambda n: "eyJ-" * (n // 4), id="half-a-jwt"),
        pytest.param(redact, lambda n: ("dapi" + "0123456789abcdef" * 2) * (n // 36), id="chained-databricks"),
        pytest.param(redact, lambda n: ("AIza" + "a1B2c3D" * 5) * (n // 39), id="chained-google"),
        pytest.param(redact, lambda n: ("shpat_" + "0123456789abcdef" * 2) * (n // 38), id="chained-shopify"),
        pytest.param(find_code, lambda n: "```" + "(" * n + "\nx = 1\n```\n", id="info-string-of-brackets"),
        pytest.param(_ELISION.search, lambda n: "x = 1" + "\n" * n + "y", id="newlines"),
        pytest.param(split_context, lambda n: "<file " + 'name="a" ' * (n // 9) + "\n", id="element-without-an-end"),
        pytest.param(split_context, lambda n: ("=" * 490 + "\n") * (n // 490), id="lines-of-equals-signs"),
        pytest.param(kinds, lambda n: "is not given " * (n // 13), id="one-long-abstention"),
        pytest.param(kinds, lambda n: "the " * (n // 4) + "x", id="determiners"),
    ],
)
def test_no_more_than_linear(work: Callable[[str], object], make: Callable[[int], str]) -> None:
    large = seconds(work, make(8 * SIZE))
    assert large < 0.02 or large < 24 * seconds(work, make(SIZE))


def test_a_long_unknown_name_is_not_compared() -> None:
    body = b'{"response_text": "a", "raw_context": "b", "' + b"x" * 200_000 + b'": 1}'
    started_s = time.perf_counter()
    with pytest.raises(ValidationFailedError, match="unknown field"):
        parse_body(RagRequest, body)
    assert time.perf_counter() - started_s < 5.0, "a comparison of names took minutes of this"


def test_validation_stops_at_the_first_fault_of_a_list() -> None:
    body = b'{"response_text": "a", "support_units": [' + b"1," * 100_000 + b"1]}"
    with pytest.raises(ValidationError) as caught:
        RagRequest.model_validate_json(body)
    assert caught.value.error_count() < 5


def test_chained_tokens_are_all_redacted() -> None:
    text = ("dapi" + "0123456789abcdef" * 2) * 500
    done = redact(text)
    assert "dapi" not in done.text
    assert redact(done.text).text == done.text
