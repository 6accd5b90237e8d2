"""Rules on claims: what a careful reader sees in values, lists, abstentions, citations and languages without a model."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.values.literals import extract_literals
from parsers.values.markup import decode_references
from scoring.lexical import context_words
from scoring.rag.careful_reading import Reading, read_claims, source_facts
from scoring.rag.citation_marks import CitationState, check_citations, citation_marks, without_marks
from scoring.rag.language import LanguageSupport, detect_language, language_support
from scoring.rag.literals import LiteralIndex, LiteralState, literal_report
from scoring.rag.outcome import Outcome, answer_kind, telling_claims
from scoring.rag.rulings import RulingCode
from scoring.segmentation import split_claims
from scoring.types import SupportUnit, Verdict


def read(response: str, texts: Sequence[str]) -> Reading:
    literals = [extract_literals(text) for text in texts]
    source = source_facts(texts, literals, context_words(texts))
    claims = split_claims(response)
    return read_claims(response, claims, literal_report(response, LiteralIndex(literals)), source)


BRIDGE = ("The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long.",)
LATENCY = ("The median latency of the search endpoint fell by 35%. The change was rolled out to 12 regions.",)
AMOUNTS = ('{"data": [{"category": "groceries", "amount_this_period": "$41.80", "amount_previous_period": "$67.25"}]}',)
RETURNS = (
    "Returns, Americas: goods can be sent back within 20 days.",
    "Returns, Europe: goods can be sent back within 30 days.",
)
PLANS = ("Plans: basic costs $19 a month, pro costs $29 a month.",)
MANUALS = (
    "Lamp L2, manual of 2021: one charge lasts 9 hours.",
    "Lamp L2, manual of 2023, new battery: one charge lasts 14 hours.",
)
BIRDS = (
    "Species seen: coot, grey heron, great crested grebe, reed bunting, marsh harrier, lapwing, common tern and gadwall.",
)


@pytest.mark.parametrize(
    ("response", "texts", "code", "value"),
    [
        pytest.param("The bridge is 1,490 metres long.", BRIDGE, RulingCode.OTHER_VALUE, "1,149 metres", id="length"),
        pytest.param("The bridge opened in 1942.", BRIDGE, RulingCode.OTHER_VALUE, "4 May 1932", id="year"),
        pytest.param(
            "Die Brücke ist 1490 Meter lang.", ("Die Brücke ist 1.149 Meter lang.",), RulingCode.OTHER_VALUE, "1.149 Meter",
            id="german-length",
        ),
        pytest.param("The office has 36 seats.", ("Our office has 34 seats.",), RulingCode.OTHER_VALUE, "34", id="count"),
        pytest.param(
            "El tren cuesta 25 euros.", ("El tren cuesta 35 euros.",), RulingCode.OTHER_VALUE, "35 euros", id="spanish-price"
        ),
        pytest.param(
            "Search latency fell by 12% and it reached 35 regions.", LATENCY, RulingCode.EXCHANGED_VALUES, "35%",
            id="exchanged-percent-and-count",
        ),
        pytest.param(
            "Groceries cost $67.25 in this period and $41.80 in the previous period.", AMOUNTS, RulingCode.EXCHANGED_VALUES,
            "$41.80", id="exchanged-periods",
        ),
        pytest.param(
            "The basic plan costs $29 and the pro plan costs $19.", PLANS, RulingCode.EXCHANGED_VALUES, "$19", id="plans"
        ),
        pytest.param(
            "Revenue rose 8% and headcount rose 3%.", ("In Q2 revenue rose 3% while headcount rose 8%.",),
            RulingCode.EXCHANGED_VALUES, "3%", id="exchanged-rates",
        ),
        pytest.param(
            "Customers in the Americas can send goods back within 30 days.", RETURNS, RulingCode.OTHER_PLACE, "20 days",
            id="other-region",
        ),
        pytest.param("The bridge is more than 2,000 metres long.", BRIDGE, RulingCode.BOUND, "1,149 metres", id="bound"),
        pytest.param("All manuals agree that one charge lasts 9 hours.", MANUALS, RulingCode.DISAGREEMENT, "14 hours", id="all"),
        pytest.param(
            "34 pears and 38 plums, 75 trees in total, were planted.", ("34 pears and 38 plums were planted.",),
            RulingCode.COMPUTED, "72", id="wrong-sum",
        ),
    ],
)  # fmt: skip
def test_contradicted_with_what_the_source_says(
    response: str, texts: Sequence[str], code: RulingCode, value: str
) -> None:
    ruling = read(response, texts).rulings[0]
    assert ruling is not None
    assert (ruling.code, ruling.verdict, ruling.source_value) == (code, Verdict.CONTRADICTED, value)
    if ruling.span is not None and ruling.unit_index is not None:
        assert texts[ruling.unit_index][slice(*ruling.span)] == value


@pytest.mark.parametrize(
    ("response", "texts"),
    [
        pytest.param("The bridge is 1149 metres long.", BRIDGE, id="same-value-other-separator"),
        pytest.param("The bridge is 1.149 km long and opened in 1932.", BRIDGE, id="converted-unit"),
        pytest.param("The bridge is about 1,150 metres long.", BRIDGE, id="rounded"),
        pytest.param("Search latency fell by 35% and it reached 12 regions.", LATENCY, id="each-with-its-own"),
        pytest.param(
            "Groceries cost $41.80 in this period and $67.25 in the previous one.", AMOUNTS, id="each-its-period"
        ),
        pytest.param("Customers in the Americas can send goods back within 20 days.", RETURNS, id="own-region"),
        pytest.param("The pro plan costs $29 and the basic plan costs $19.", PLANS, id="turned-around"),
        pytest.param("One charge lasts 9 hours by one manual but 14 hours by the other.", MANUALS, id="both-told"),
        pytest.param(
            "To uninstall it on Windows 10, follow three steps.",
            ("3 programs. Step 3: uninstall it.",),
            id="name-number",
        ),
        pytest.param(
            "The rain ranges from 100 to 400 inches.",
            ("At least 100 inches of rain. Some get 400 inches.",),
            id="range",
        ),
        pytest.param("It takes about 2 hours.", ("The journey takes 1 hour and 55 minutes.",), id="time-in-parts"),
        pytest.param("It takes 115 minutes.", ("The journey takes 1 h 55 min.",), id="time-in-parts-as-one"),
        pytest.param("The birds were coot, grey heron, reed bunting, lapwing and gadwall.", BIRDS, id="list-as-it-is"),
        pytest.param("The birds were coots, herons, buntings, lapwings and others.", BIRDS, id="list-with-others"),
    ],
)
def test_silent_on_what_is_right(response: str, texts: Sequence[str]) -> None:
    assert not any(ruling is not None and ruling.decides for ruling in read(response, texts).rulings)


@pytest.mark.parametrize(
    ("response", "texts", "reason"),
    [
        pytest.param(
            "The bridge is more than 1,000 metres long.", BRIDGE, "which is more than 1,000 metres", id="above"
        ),
        pytest.param(
            "In total 72 trees were planted.",
            ("34 pear and 38 plum trees were planted.",),
            "sum of 34 and 38",
            id="sum",
        ),
        pytest.param(
            "Ben is 5 years older than Anna.",
            ("Ben is 34 years old. Anna is 29 years old.",),
            "difference of",
            id="difference",
        ),
        pytest.param(
            "The average price is 15 euros.", ("Tea costs 10 euros. Cake costs 20 euros.",), "average of", id="average"
        ),
        pytest.param("Sales grew by 20%.", ("Sales rose from $1.0m to $1.2m.",), "change between", id="percent-change"),
        pytest.param(
            "She became chair three years later.",
            ("She joined in 2015 and was chair from 2018.",),
            "from 2015 to 2018",
            id="years-between",
        ),
        pytest.param(
            "Rent rises by 50 euros.", ("Rent was 800 euros and will be 850 euros.",), "difference of", id="rise"
        ),
        pytest.param("Mindestens 200 Personen kamen.", ("Es kamen 240 Personen.",), "'240'", id="german-bound"),
    ],
)
def test_derived_values_are_supported_with_the_computation(response: str, texts: Sequence[str], reason: str) -> None:
    reading = read(response, texts)
    ruling = reading.rulings[0]
    assert ruling is not None
    assert ruling.verdict is Verdict.SUPPORTED
    assert reason in ruling.reason
    assert all(check.state is LiteralState.SUPPORTED for check in reading.report.checks)


@pytest.mark.parametrize(
    ("response", "texts", "item"),
    [
        pytest.param("The birds were coot, grey heron, osprey, lapwing, gadwall and common tern.", BIRDS, "osprey", id="bird"),
        pytest.param(
            "We ship to France, Spain, Italy, Portugal, Norway and Greece.",
            ("Shipping: France, Spain, Italy, Portugal and Greece.",), "Norway", id="country",
        ),
        pytest.param(
            "Das Menü enthält Suppe, Salat, Fisch, Käse und Eis.", ("Menü: Suppe, Salat, Fisch und Käse.",), "Eis", id="german"
        ),
    ],
)  # fmt: skip
def test_an_item_that_the_answer_added(response: str, texts: Sequence[str], item: str) -> None:
    ruling = read(response, texts).rulings[0]
    assert ruling is not None
    assert (ruling.code, ruling.verdict) == (RulingCode.ABSENT_ITEM, Verdict.UNSUPPORTED)
    assert response[slice(*ruling.literal_span)].strip(" .") == item


UNITS = (SupportUnit(0, "The permit costs 87 euros a year. It is valid in zones B and C."),)


@pytest.mark.parametrize(
    ("question", "response", "outcome", "justified"),
    [
        ("What does the permit cost?", "The documents do not say what the permit costs.", Outcome.ABSTAINED, False),
        ("Who founded it in Bern?", "The provided context does not mention who founded it.", Outcome.ABSTAINED, True),
        ("Who founded the club?", "I don't know.", Outcome.ABSTAINED, True),
        ("Wer hat den Verein gegründet?", "Dazu enthalten die Dokumente keine Angaben.", Outcome.ABSTAINED, True),
        ("Wie hoch ist der Turm?", "Das geht aus dem Text nicht hervor.", Outcome.ABSTAINED, True),
        ("How tall is the tower?", "Sorry, I could not find that in the documents.", Outcome.ABSTAINED, True),
        (None, "There is no information about refunds.", Outcome.ABSTAINED, True),
        (None, "Hello! How can I help you today?", Outcome.NO_CLAIM, None),
        (None, "Thanks for asking!", Outcome.NO_CLAIM, None),
        (None, "Hallo, womit kann ich helfen?", Outcome.NO_CLAIM, None),
        (None, "Which zone do you live in?", Outcome.NO_CLAIM, None),
        (None, "The policy does not cover flood damage.", Outcome.ANSWERED, None),
        (None, "Das Paket enthält keine Batterien.", Outcome.ANSWERED, None),
        (None, "The library does not lend laptops.", Outcome.ANSWERED, None),
        ("Is it valid in zone A?", "No, it is valid in zones B and C.", Outcome.ANSWERED, None),
        ("What is it?", "The height is not given. The permit costs 87 euros.", Outcome.ANSWERED, None),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "-",
)
def test_what_kind_of_answer_it_is(
    question: str | None, response: str, outcome: Outcome, justified: bool | None
) -> None:
    kind = answer_kind(telling_claims(split_claims(response)), question, UNITS)
    assert kind.outcome is outcome
    assert (kind.abstention.justified if kind.abstention is not None else None) is justified


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Built in 1962 [1].", [(1,)]),
        ("See [2, 4] and (Source 3).", [(2, 4), (3,)]),
        ("So it is [^7] and 【6】.", [(7,), (6,)]),
        ("All of [1-3] say so.", [(1, 3, 2)]),
        ("Das steht in (Quelle 2).", [(2,)]),
        ("It costs (1,490 metres) and lasts [a while].", []),
    ],
)
def test_citation_marks(text: str, numbers: list[tuple[int, ...]]) -> None:
    marks = citation_marks(text)
    assert [mark.numbers for mark in marks] == numbers
    plain = without_marks(text, marks)
    assert len(plain) == len(text)
    assert not citation_marks(plain)


def test_a_citation_is_checked_against_the_unit_that_it_names() -> None:
    response = "The dam was built in 1962 [1]. It has four turbines [1]. It is blue [2]. It is old [9]."
    claims = split_claims(without_marks(response, citation_marks(response)))
    units = (SupportUnit(0, "The dam was built in 1962."), SupportUnit(1, "The dam has four turbines."))
    verdicts = [Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.UNSUPPORTED, Verdict.SUPPORTED]
    checks = check_citations(citation_marks(response), claims, verdicts, [[0], [1], [], [0]], units)
    assert [check.state for check in checks] == [
        CitationState.SUPPORTED,
        CitationState.OTHER_UNIT,
        CitationState.UNSUPPORTED,
        CitationState.NO_SUCH_UNIT,
    ]
    assert checks[1].better_unit == 1


@pytest.mark.parametrize(
    ("text", "language", "support"),
    [
        ("The dam was completed in 1962 and is still in use.", "en", LanguageSupport.FULL),
        ("Wer fahrlässig gegen die Pflicht verstößt, wird nicht bestraft.", "de", LanguageSupport.PARTIAL),
        ("Le samedi, la bibliothèque ferme à 17 heures.", "fr", LanguageSupport.LITERALS),
        ("大会議室の定員は120名です。", "ja", LanguageSupport.LITERALS),
        ("会议室可容纳120人。", "zh", LanguageSupport.LITERALS),
        ("يضم المتحف 340 قطعة", "ar", LanguageSupport.LITERALS),
        ("42", "und", LanguageSupport.FULL),
    ],
)
def test_language(text: str, language: str, support: LanguageSupport) -> None:
    assert detect_language(text) == language
    assert language_support(language) is support


def test_a_number_stands_free_in_text_that_parts_no_words() -> None:
    assert [one.text for one in extract_literals("大会議室の定員は120名です。")] == ["120"]


def test_character_references_are_read_as_characters() -> None:
    text = "spending rose to 4&nbsp;200&nbsp;&euro;, of which 15&#37; is ours"
    found = extract_literals(text)
    assert [text[slice(*one.span)] for one in found] == [one.text for one in found]
    (claim,) = extract_literals("4,200 €")
    assert LiteralIndex([found]).find(claim) is not None


@given(st.text(alphabet=st.sampled_from("a &amp;#37;nbsp;é4,. "), max_size=60))
def test_a_decoded_character_leads_back_to_its_place(text: str) -> None:
    decoded = decode_references(text)
    for position, character in enumerate(decoded.text):
        place = decoded.place(position)
        assert 0 <= place < len(text)
        if text[place] != "&" and "&" not in text:
            assert text[place] == character


@given(
    st.lists(st.sampled_from(["costs 5 euros", "opened in 1932", "a bridge", "and 12%", "of 7 km", ", "]), max_size=12)
)
def test_rules_never_contradict_what_stands_word_for_word(parts: list[str]) -> None:
    text = " ".join(parts).strip() + "."
    assert not any(ruling is not None and ruling.decides for ruling in read(text, (text,)).rulings)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param("The opening date is not mentioned anywhere in the documents.", id="not-mentioned-in"),
        pytest.param("No information about prices was found in the context.", id="no-information"),
        pytest.param("Das Dokument nennt den Preis nicht.", id="german"),
    ],
)
def test_ways_of_saying_that_the_source_is_silent(response):
    claims = telling_claims(split_claims(response))
    unit = SupportUnit(0, "Rooms have a view of the lake.")
    assert answer_kind(claims, "What does a room cost?", [unit]).outcome is Outcome.ABSTAINED


def test_a_denial_about_the_source_itself_is_an_answer():
    claims = telling_claims(split_claims("Das Handbuch ist nicht farbig gedruckt."))
    assert answer_kind(claims, None, [SupportUnit(0, "Das Handbuch ist schwarz-weiß.")]).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("answer", "text", "code", "verdict"),
    [
        pytest.param(
            "The opening was moved to 3 May.",
            "The opening was moved from 3 May to 9 June.",
            RulingCode.EXCHANGED_VALUES,
            Verdict.CONTRADICTED,
            id="start-for-end",
        ),
        pytest.param(
            "The opening was moved to 9 June.", "The opening was moved from 3 May to 9 June.", None, None, id="end"
        ),
        pytest.param("It is open to 9 a.m.", "It is open from 9 a.m. to 5 p.m.", None, None, id="hours-go-nowhere"),
        pytest.param(
            "Take 90 g of butter.",
            "Mix 300 g oats, 2 eggs and 90 g honey. Melt the butter.",
            None,
            None,
            id="item-without-amount",
        ),
        pytest.param(
            "Take 90 g of oats.",
            "Mix 300 g oats, 2 eggs and 90 g honey.",
            RulingCode.EXCHANGED_VALUES,
            Verdict.CONTRADICTED,
            id="amount-of-another-item",
        ),
        pytest.param(
            "Visitors may bring at most 30 bags.",
            "Visitors may bring up to 12 bags.",
            RulingCode.BOUND,
            Verdict.CONTRADICTED,
            id="another-limit",
        ),
        pytest.param(
            "The desk can be reached at 3 p.m.",
            "The desk can be reached from 9 a.m. to 5 p.m.",
            RulingCode.COMPUTED,
            Verdict.SUPPORTED,
            id="inside-the-hours",
        ),
        pytest.param(
            "The desk closes at 3 p.m.", "The desk is open from 9 a.m. to 5 p.m.", None, None, id="not-the-edge"
        ),
    ],
)
def test_values_that_move_limit_or_hold(answer, text, code, verdict):
    ruling = read(answer, (text,)).rulings[0]
    assert (ruling.code if ruling else None, ruling.verdict if ruling else None) == (code, verdict)
