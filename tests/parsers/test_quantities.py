"""Quantities of English and German text by value, unit, sign and precision."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.values.quantities import extract_quantities, parse_quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1,234.56", [(1234.56, "number", "")], id="english"),
        pytest.param("1.234,56", [(1234.56, "number", "")], id="german"),
        pytest.param("1 234,56", [(1234.56, "number", "")], id="spaced"),
        pytest.param("1'234", [(1234, "number", "")], id="swiss"),
        pytest.param("12k", [(12_000, "number", "")], id="k"),
        pytest.param("3.5 million", [(3.5e6, "number", "")], id="million"),
        pytest.param("3,5 Mio.", [(3.5e6, "number", "")], id="mio"),
        pytest.param("2 Mrd. Euro", [(2e9, "currency", "EUR")], id="mrd"),
        pytest.param("twenty-one", [(21, "number", "")], id="words"),
        pytest.param("two hundred and five thousand", [(205_000, "number", "")], id="long-words"),
        pytest.param("dreiundzwanzig", [(23, "number", "")], id="german-words"),
        pytest.param("zweihundertfünf", [(205, "number", "")], id="german-hundreds"),
        pytest.param("½", [(0.5, "number", "")], id="half"),
        pytest.param("2 1/2 cups", [(2.5 * 2.365882365e-4, "volume", "cup")], id="mixed-fraction"),
        pytest.param("1st", [(1, "number", "")], id="ordinal"),
        pytest.param("5 percent", [(0.05, "ratio", "%")], id="percent"),
        pytest.param("5 Prozent", [(0.05, "ratio", "%")], id="prozent"),
        pytest.param("3 percentage points", [(3, "percentage_point", "pp")], id="points"),
        pytest.param("$5", [(5, "currency", "$")], id="dollar"),
        pytest.param("US$ 3m", [(3e6, "currency", "USD")], id="us-dollar"),
        pytest.param("1.2 billion dollars", [(1.2e9, "currency", "$")], id="dollar-words"),
        pytest.param("3 Mio. €", [(3e6, "currency", "EUR")], id="euro"),
        pytest.param("-$5", [(-5, "currency", "$")], id="sign-before"),
        pytest.param("$(500)", [(-500, "currency", "$")], id="accounting-inside"),
        pytest.param("(€500)", [(-500, "currency", "EUR")], id="accounting-around"),
        pytest.param("minus 5 kg", [(-5, "mass", "kg")], id="minus"),
        pytest.param("5–10 km", [(5_000, "length", "km"), (10_000, "length", "km")], id="range"),
        pytest.param("between 5 and 10 percent", [(0.05, "ratio", "%"), (0.1, "ratio", "%")], id="between"),
        pytest.param("5 and 10 percent", [(5, "number", ""), (0.1, "ratio", "%")], id="no-range"),
        pytest.param("20 °C", [(293.15, "temperature", "°C")], id="celsius"),
        pytest.param("68°F", [(293.15, "temperature", "°F")], id="fahrenheit"),
        pytest.param("60 mph", [(26.8224, "speed", "mph")], id="speed"),
        pytest.param("40 square miles", [(40 * 2589988.110336, "area", "mi²")], id="phrase"),
        pytest.param("5-minute", [(300, "duration", "min")], id="hyphen"),
        pytest.param("2 Wochen", [(1_209_600, "duration", "wk")], id="weeks"),
        pytest.param("12 GB", [(12e9, "data", "GB")], id="data"),
        pytest.param("3 kWh", [(1.08e7, "energy", "kWh")], id="energy"),
        pytest.param("2.4 GHz", [(2.4e9, "frequency", "GHz")], id="frequency"),
        pytest.param("1.234", [(1.234, "number", ""), (1234, "number", "")], id="ambiguous"),
        pytest.param("1.234 und 3,5", [(1234, "number", ""), (3.5, "number", "")], id="german-document"),
        pytest.param("1.234 and 3.5", [(1.234, "number", ""), (3.5, "number", "")], id="english-document"),
        pytest.param("5m", [(5, "length", "m"), (5e6, "number", "")], id="metre-or-million"),
        pytest.param("10 pounds", [(4.5359237, "mass", "lb"), (10, "currency", "GBP")], id="mass-or-money"),
        pytest.param("no number, null, ein Haus", [], id="none"),
    ],
)
def test_reads(text: str, expected: list[tuple[float, str, str]]) -> None:
    found = extract_quantities(text)
    assert [(q.dimension, q.unit) for q in found] == [(dimension, unit) for _, dimension, unit in expected]
    assert [q.value for q in found] == pytest.approx([value for value, _, _ in expected])
    for quantity in found:
        assert text[slice(*quantity.span)] == quantity.text


@pytest.mark.parametrize(
    ("text", "precision", "approximate"),
    [
        pytest.param("3.7 million", 50_000, False, id="scaled"),
        pytest.param("3,692,000", 0, False, id="exact"),
        pytest.param("about 3,700,000", 50_000, True, id="about"),
        pytest.param("rund 400", 50, True, id="rund"),
        pytest.param("~5.25", 0.005, True, id="tilde"),
        pytest.param("12k", 500, False, id="k"),
    ],
)
def test_precision_follows_the_digits(text: str, precision: float, approximate: bool) -> None:
    quantity = extract_quantities(text)[0]
    assert quantity.precision == pytest.approx(precision)
    assert quantity.approximate is approximate


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        pytest.param("(1,234)", -1234, id="accounting"),
        pytest.param(" 12.5 % ", 0.125, id="percent"),
        pytest.param("7 items", None, id="more-words"),
        pytest.param("A7", None, id="identifier"),
        pytest.param("", None, id="empty"),
    ],
)
def test_cell(cell: str, value: float | None) -> None:
    found = parse_quantity(cell)
    assert (found[0].value if found else None) == (None if value is None else pytest.approx(value))


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="0123456789.,-/ $€%()kmMio½'", max_size=80))
def test_never_fails_and_spans_are_exact(text: str) -> None:
    for quantity in extract_quantities(text):
        assert text[slice(*quantity.span)] == quantity.text
        assert quantity.value == quantity.value  # never NaN
    parse_quantity(text)


@settings(deadline=None)
@given(st.integers(1, 999_999), st.integers(0, 99))
def test_both_languages_read_the_same_number(whole: int, cents: int) -> None:
    english = f"{whole:,}.{cents:02d}"
    german = english.translate(str.maketrans(",.", ".,"))
    values = {extract_quantities(text)[0].value for text in (english, german, f"€{english}", f"{german} Euro")}
    assert len(values) == 1
