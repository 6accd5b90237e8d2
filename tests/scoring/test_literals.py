"""Literals compare by value across formats and languages; a changed digit is never supported."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.rag.literals import LiteralKind, LiteralState, check_literals, extract_literals, literal_support

SUPPORTED, CONTRADICTED, MISSING = LiteralState.SUPPORTED, LiteralState.CONTRADICTED, LiteralState.MISSING


@pytest.mark.parametrize(
    ("text", "literal", "kind"),
    [
        pytest.param("on 2024-03-05 we", "2024-03-05", LiteralKind.DATE, id="iso"),
        pytest.param("am 5. März 2024.", "5. März 2024", LiteralKind.DATE, id="german-day-month"),
        pytest.param("March 5th, 2024 was", "March 5th, 2024", LiteralKind.DATE, id="month-day"),
        pytest.param("in the 1990s,", "1990s", LiteralKind.DATE, id="decade"),
        pytest.param("in Q1 2024", "Q1 2024", LiteralKind.DATE, id="quarter"),
        pytest.param("since 2019.", "2019", LiteralKind.DATE, id="year"),
        pytest.param("at 14:30 sharp", "14:30", LiteralKind.TIME, id="clock"),
        pytest.param("at 2 pm", "2 pm", LiteralKind.TIME, id="pm"),
        pytest.param("um 14.30 Uhr", "14.30 Uhr", LiteralKind.TIME, id="uhr"),
        pytest.param("costs 1,5 Mio. € now", "1,5 Mio. €", LiteralKind.CURRENCY, id="german-money"),
        pytest.param("paid $1,200.50 for", "$1,200.50", LiteralKind.CURRENCY, id="dollars"),
        pytest.param("um 5 Prozent", "5 Prozent", LiteralKind.PERCENTAGE, id="prozent"),
        pytest.param("12 km away", "12 km", LiteralKind.QUANTITY, id="length"),
        pytest.param("dreiundzwanzig Leute", "dreiundzwanzig", LiteralKind.NUMBER, id="german-words"),
        pytest.param("part ABC-123 fits", "ABC-123", LiteralKind.IDENTIFIER, id="part"),
        pytest.param("use v1.2.3 now", "v1.2.3", LiteralKind.IDENTIFIER, id="version"),
        pytest.param("mail a.b@c-d.org.", "a.b@c-d.org", LiteralKind.IDENTIFIER, id="mail"),
        pytest.param("call (805) 123-4567", "805) 123-4567", LiteralKind.IDENTIFIER, id="phone"),
        pytest.param(
            "DE89 3704 0044 0532 0130 00 pay", "DE89 3704 0044 0532 0130 00", LiteralKind.IDENTIFIER, id="iban"
        ),
        pytest.param(
            "id 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            LiteralKind.IDENTIFIER,
            id="uuid",
        ),
        pytest.param("see https://a.org/x?y=1.", "https://a.org/x?y=1", LiteralKind.URL, id="url"),
    ],
)
def test_extracts(text: str, literal: str, kind: LiteralKind) -> None:
    assert [(one.text, one.kind) for one in extract_literals(text)] == [(literal, kind)]


@pytest.mark.parametrize(
    ("claim", "premise", "state"),
    [
        pytest.param("1,5 Mio. €", "EUR 1500000", SUPPORTED, id="money-across-formats"),
        pytest.param("0.05", "5%", SUPPORTED, id="ratio"),
        pytest.param("5 percent", "5 Prozent", SUPPORTED, id="percent-across-languages"),
        pytest.param("5 March", "am 05.03. begann", SUPPORTED, id="day"),
        pytest.param("March 5, 2024", "2024-03-05", SUPPORTED, id="day-across-formats"),
        pytest.param("May 3, 2024", "03/05/2024", SUPPORTED, id="ambiguous-date-day-first"),
        pytest.param("March 5, 2024", "03/05/2024", SUPPORTED, id="ambiguous-date-month-first"),
        pytest.param("March 6, 2024", "03/05/2024", MISSING, id="other-day"),
        pytest.param("in 2024", "2024-03-05", SUPPORTED, id="year-of-a-date"),
        pytest.param("in the 1990s", "1994", SUPPORTED, id="decade-of-a-year"),
        pytest.param("2 pm", "14:00", SUPPORTED, id="clock"),
        pytest.param("7:00 pm", "11:0-17:0", MISSING, id="other-hour"),
        pytest.param("about 3.7 million", "3,692,000 people", SUPPORTED, id="about"),
        pytest.param("3.69 million", "3,692,000", SUPPORTED, id="rounded"),
        pytest.param("3.8 million", "3,692,000", MISSING, id="rounded-wrong"),
        pytest.param("3.692.000", "3,692,000", SUPPORTED, id="grouping"),
        pytest.param("4 stars", "4.5 stars", MISSING, id="integers-are-exact"),
        pytest.param("62 mph", "100 km/h", SUPPORTED, id="converted"),
        pytest.param("68 °F", "20 °C", SUPPORTED, id="temperature"),
        pytest.param("5 km", "5 miles", MISSING, id="unit"),
        pytest.param("$5 million", "€5 million", MISSING, id="currency"),
        pytest.param("-$5", "a gain of $5", MISSING, id="sign"),
        pytest.param("twenty-one", "21", SUPPORTED, id="words"),
        pytest.param("12 km", "distance_km: 12", SUPPORTED, id="unit-in-the-header"),
        pytest.param("5–10 km", "from 5 km to 10 km", SUPPORTED, id="range"),
        pytest.param("abc-123", "ABC-123", SUPPORTED, id="identifier-case"),
        pytest.param("ABC-124", "ABC-123", MISSING, id="identifier-digit"),
        pytest.param("http://www.a.org/b/", "https://a.org/b", SUPPORTED, id="url-form"),
        pytest.param(
            "120 employees work at Foo", "150 employees work at Foo", CONTRADICTED, id="same-words-other-number"
        ),
    ],
)
def test_compares_by_value(claim: str, premise: str, state: LiteralState) -> None:
    checks = check_literals(extract_literals(claim), extract_literals(premise))
    assert checks
    assert {check.state for check in checks} == {state}
    for check in checks:
        if check.premise_span is not None:
            assert premise[slice(*check.premise_span)] == check.premise_text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("One of the guests", id="one"),
        pytest.param("1. Apples\n2. Pears", id="list"),
        pytest.param("the 1st and 2nd place", id="ordinals"),
        pytest.param("einer von uns, eins", id="german-one"),
    ],
)
def test_counting_raises_no_alarm(text: str) -> None:
    report = literal_support(text, ["nothing here"])
    assert report.checks == ()
    assert report.share is None
    assert report.reason


def test_report_names_the_context_and_the_share() -> None:
    report = literal_support("It costs 12 € and weighs 7 kg.", ["no number", "Preis: 12,00 EUR"])
    assert report.share == 0.5
    found = report.with_state(SUPPORTED)[0]
    assert (found.premise_index, found.premise_text) == (1, "12,00 EUR")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_spans_are_exact_on_any_text(text: str) -> None:
    end = 0
    for literal in extract_literals(text):
        assert text[slice(*literal.span)] == literal.text
        assert literal.span[0] >= end
        end = literal.span[1]


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,-/: $€%()'+kmvQ@ae\n½", max_size=120))
def test_spans_are_exact_on_hostile_digits(text: str) -> None:
    for literal in extract_literals(text):
        assert text[slice(*literal.span)] == literal.text
        assert literal.values
    report = literal_support(text, [text])
    assert all(check.state is SUPPORTED for check in report.checks)


FORMATS = {
    "plain": lambda n: str(n),
    "english": lambda n: f"{n:,}",
    "german": lambda n: f"{n:,}".replace(",", "."),
    "spaced": lambda n: f"{n:,}".replace(",", "\u202f"),
    "ticked": lambda n: f"{n:,}".replace(",", "'"),
    "dollars": lambda n: f"${n:,}",
    "usd": lambda n: f"USD {n:,}",
}


@settings(deadline=None)
@given(st.integers(10_000, 999_999_999), st.sampled_from(sorted(FORMATS)), st.sampled_from(sorted(FORMATS)))
def test_equal_values_compare_equal_in_every_format(number: int, first: str, second: str) -> None:
    claim, premise = FORMATS[first](number), FORMATS[second](number)
    assert literal_support(f"total {claim} here", [f"sum: {premise}."]).share == 1.0


@settings(deadline=None)
@given(
    st.integers(10_000, 999_999_999),
    st.integers(0, 8),
    st.integers(1, 9),
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(sorted(FORMATS)),
)
def test_a_changed_digit_is_never_supported(number: int, place: int, shift: int, first: str, second: str) -> None:
    digits = list(str(number))
    place %= len(digits)
    digits[place] = str((int(digits[place]) + shift) % 10)
    changed = int("".join(digits))
    if changed < 10_000:
        changed += 10_000_000_000
    report = literal_support(f"total {FORMATS[first](changed)} here", [f"sum: {FORMATS[second](number)}."])
    assert report.share == 0.0


@settings(deadline=None)
@given(
    st.sampled_from(
        [
            "1" * 100_000,
            "\n" * 100_000,
            "a" * 400_000,
            "1," * 5_000,
            "a@" * 5_000,
            "1-" * 5_000,
            "(" * 9_000,
            "½" * 5_000,
        ]
    )
)
def test_hostile_input_gives_a_report(text: str) -> None:
    report = literal_support(text[:64_000], [text])
    assert report.share in (None, 1.0) or "1" in text
