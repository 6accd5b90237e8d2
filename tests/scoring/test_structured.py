"""Typed evidence: entity, attribute, value, unit and sign against cells; silence where the claim is not clear."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.values.structured import parse_structured
from scoring.rag.structured import StructuredIndex, check_structured
from scoring.types import Verdict

SUPPORTED, CONTRADICTED = Verdict.SUPPORTED, Verdict.CONTRADICTED

PLACE = """{'name': 'Green Fork', 'city': 'Ulm', 'business_stars': 4.5,
 'hours': {'Monday': '11:0-21:0', 'Tuesday': '11:0-21:0', 'Wednesday': '11:0-21:0',
  'Thursday': '11:0-21:0', 'Friday': '11:0-22:0'},
 'attributes': {'WiFi': 'no', 'OutdoorSeating': True, 'RestaurantsTakeOut': True, 'RestaurantsReservations': False, 'Music': None,
  'BusinessParking': {'valet': False, 'street': True}, 'Ambience': {'casual': True, 'romantic': False}},
 'reviews': [{'stars': 3.0, 'text': 'Slow.'}, {'stars': 5.0, 'text': 'Good.'}]}"""
FIRMS = """Company,Revenue (million EUR),Growth %,Country,Founded
Alpen AG,120.5,-4.2,Austria,1998
Nord GmbH,87,3.1,Germany,2004
Sur SA,64,0.5,Spain,2011
"""
PLANETS = """| Planet | Diameter (km) | Moons |
| --- | --- | --- |
| Mars | 6,779 | 2 |
| Venus | 12,104 | 0 |
"""
PLAN = "Name: Basic plan\nStorage: 50 GB\nPrice: 9,99 €\nSupport included: no\n"


@pytest.mark.parametrize(
    ("source", "claim", "verdict", "attribute"),
    [
        pytest.param(PLACE, "It offers free Wi-Fi.", CONTRADICTED, "WiFi", id="wifi"),
        pytest.param(PLACE, "Green Fork has no WiFi.", SUPPORTED, "WiFi", id="wifi-denied"),
        pytest.param(
            PLACE,
            "WiFi is not available at Green Fork, which won many awards.",
            None,
            "WiFi",
            id="agreeing-but-little-covered",
        ),
        pytest.param(
            PLACE,
            "Guests can enjoy outdoor seating but take-out is not available.",
            CONTRADICTED,
            "RestaurantsTakeOut",
            id="take-out",
        ),
        pytest.param(
            PLACE, "The place does not accept reservations.", None, "RestaurantsReservations", id="denied-rightly"
        ),
        pytest.param(PLACE, "They accept reservations.", CONTRADICTED, "RestaurantsReservations", id="reservations"),
        pytest.param(PLACE, "It offers valet parking.", CONTRADICTED, "valet", id="nested-flag"),
        pytest.param(PLACE, "It offers street parking with no valet service.", None, "valet", id="scope-of-no"),
        pytest.param(PLACE, "A romantic dinner.", None, None, id="flag-without-its-group"),
        pytest.param(PLACE, "The atmosphere is romantic.", CONTRADICTED, "romantic", id="group-by-synonym"),
        pytest.param(PLACE, "There is music.", Verdict.UNSUPPORTED, "Music", id="null-is-unknown"),
        pytest.param(PLACE, "Some reviewers say it might offer WiFi.", None, None, id="hedged"),
        pytest.param(PLACE, "It has a rating of 3.5 stars.", CONTRADICTED, "business_stars", id="number"),
        pytest.param(PLACE, "It has a rating of 4.5 stars out of 5.", SUPPORTED, "business_stars", id="number-right"),
        pytest.param(PLACE, "One guest gave a rating of 3 stars.", None, "stars", id="number-of-another-cell"),
        pytest.param(PLACE, "It is open Monday to Thursday from 11 am to 9 pm.", None, "Monday", id="hours-right"),
        pytest.param(
            PLACE, "It is open Monday to Friday from 11 am to 9 pm.", CONTRADICTED, "Friday", id="hours-wrong"
        ),
        pytest.param(PLACE, "It is open seven days a week.", CONTRADICTED, "Monday", id="day-missing"),
        pytest.param(PLACE, "It is open until 9 pm on Friday.", None, None, id="half-a-range"),
        pytest.param(
            FIRMS, "Nord GmbH has a revenue of 87 million EUR.", SUPPORTED, "Revenue (million EUR)", id="table-right"
        ),
        pytest.param(FIRMS, "Nord GmbH was founded in 2005.", CONTRADICTED, "Founded", id="table-year"),
        pytest.param(FIRMS, "Nord GmbH was founded in 2004.", SUPPORTED, "Founded", id="table-year-right"),
        pytest.param(FIRMS, "The company was founded in 2005.", None, None, id="no-entity"),
        pytest.param(FIRMS, "Alpen AG and Nord GmbH were founded in 2005.", None, None, id="two-entities"),
        pytest.param(FIRMS, "Alpen AG reported growth of 4.2%.", CONTRADICTED, "Growth %", id="sign"),
        pytest.param(FIRMS, "The growth of Alpen AG was a decline of 4.2 %.", None, "Growth %", id="sign-in-words"),
        pytest.param(FIRMS, "The country of Sur SA is Germany.", CONTRADICTED, "Country", id="category"),
        pytest.param(FIRMS, "The country of Sur SA is Spain.", SUPPORTED, "Country", id="category-right"),
        pytest.param(PLANETS, "Mars has a diameter of 6,779 km.", SUPPORTED, "Diameter (km)", id="unit-in-header"),
        pytest.param(PLANETS, "Mars has a diameter of 4,212 miles.", SUPPORTED, "Diameter (km)", id="unit-converted"),
        pytest.param(PLANETS, "Mars has a diameter of 6,779 miles.", CONTRADICTED, "Diameter (km)", id="unit-wrong"),
        pytest.param(PLANETS, "Mars has a diameter of 12,105 km.", CONTRADICTED, "Diameter (km)", id="value-wrong"),
        pytest.param(PLAN, "The storage is 50 GB.", SUPPORTED, "Storage", id="key-value"),
        pytest.param(PLAN, "The price is 8,99 €.", CONTRADICTED, "Price", id="key-value-wrong"),
        pytest.param(PLAN, "The sky is blue.", None, None, id="unrelated"),
    ],
)
def test_claim_against_cells(source: str, claim: str, verdict: Verdict | None, attribute: str | None) -> None:
    parsed = parse_structured(source)
    assert parsed is not None
    evidence = check_structured(claim, (parsed,))
    assert evidence.verdict is verdict, evidence
    assert evidence.reason
    assert (evidence.cell.attribute if evidence.cell else None) == attribute
    if evidence.cell:
        assert source[slice(*evidence.cell.span)] == evidence.cell.text
        assert evidence.source_index == 0


def test_no_source_does_not_apply() -> None:
    assert check_structured("It has WiFi.", ()).verdict is None


def test_two_sources_need_the_entity_and_agreement_outweighs() -> None:
    texts = ["Name: Inn\nPrice: 5 €\n", "Name: Pub\nPrice: 7 €\n", "Name: Inn\nPrice: 6 €\n"]
    sources = [source for text in texts if (source := parse_structured(text))]
    index = StructuredIndex(sources)
    assert index.check("The price is 7 €.").verdict is None
    assert index.check("The price of the Pub is 5 €.").verdict is CONTRADICTED
    assert index.check("The price of the Inn is 6 €.").verdict is SUPPORTED
    evidence = index.check("The price of the Pub is 7 €.")
    assert (evidence.verdict, evidence.source_index) == (SUPPORTED, 1)


def test_many_cells_of_one_attribute_contradict_nothing() -> None:
    parsed = parse_structured("price: 1\n" * 5_000)
    assert parsed is not None
    index = StructuredIndex((parsed,))
    assert {index.check(f"The price is {number}.").verdict for number in range(2, 60)} == {None}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_claim_gets_an_answer(claim: str) -> None:
    parsed = parse_structured(PLACE)
    assert parsed is not None
    assert check_structured(claim, (parsed,)).reason


@settings(deadline=None)
@given(st.integers(1_000, 999_999), st.integers(1_000, 999_999))
def test_a_cell_supports_its_value_and_contradicts_another(value: int, claimed: int) -> None:
    parsed = parse_structured(f"Name: Pump X\nWeight: {value} kg\nColour: red\n")
    assert parsed is not None
    verdict = check_structured(f"The weight of Pump X is {claimed:,} kg.", (parsed,)).verdict
    if claimed == value:
        assert verdict is SUPPORTED
    else:
        assert verdict is CONTRADICTED
