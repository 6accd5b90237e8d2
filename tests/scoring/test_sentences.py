"""A claim beside the sentence that says nearly the same: each rule on examples that it must and must not speak about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.words import lexicon as lexicon_module
from parsers.words.lexicon import base_forms, converse, exclusive, opposite, same_meaning, siblings
from scoring.rag.rulings import RulingCode
from scoring.rag.sentences.reading import SentenceReading, read_claim, source_sentences

CLUB = (
    "Guests may bring dogs. Cats are not admitted. The bar is open on weekdays and closed on Mondays. "
    "Nobody was hurt when the roof leaked. The terrace is the second-largest in town."
)
DEAL = "In May the brewer Halvorsen bought the cider maker Quist. Quist keeps its name."
TRIP = "Petra drove from Linz to Graz and Ivo took the train. Petra is older than Ivo."
RULES = "All members may use the sauna. Trainees and members without a card may not use it."
REPORT = "The pump was replaced first. The test followed on Tuesday, and only then was the valve opened."
PRIZE = "Petra Quist won the 2011 prize in physics. She was born in Graz."
PLANTS = "Mosses spread by spores rather than seeds. Most tolerate frost, but tree mosses do not."
SCHOOL = "Ms Oduya teaches chemistry and Mr Brandt teaches music."
TALK = "Petra: We should wait until spring.\nIvo: I will sell the boat now."
TARIFFS = "Cedar costs $15 a month. Fir costs $40 a month. All tariffs come with mail; chat is only in Fir."
GLUE = "Glue hardens in 60 minutes in the cold. In a heated room it hardens in 20 minutes because it dries faster."
LEDGER = "Sales rose to 2 million euros in May, while wages fell to 1 million euros."
CHORES = "Irma will write the leaflet by Friday. Jakob will print the posters by Monday."
PIER = "The pier was designed by Lotte Hahn and built by the firm Marten."
WIKI = "Members can edit pages of others; guests cannot."
LAMP = "The lamp is under the blue shelf."
HOUSE = "Die Küche ist täglich geöffnet. Das Rauchen ist nicht gestattet."


def read(claim: str, *texts: str, question: str | None = None, language: str = "en") -> SentenceReading:
    return read_claim(claim, 0, source_sentences(texts), question, language)


@pytest.mark.parametrize(
    ("claim", "text", "code"),
    [
        pytest.param("Cats are admitted.", CLUB, RulingCode.DENIED, id="denied"),
        pytest.param("Guests may not bring dogs.", CLUB, RulingCode.DENIED, id="denies"),
        pytest.param("Two guests were hurt.", CLUB, RulingCode.DENIED, id="nobody"),
        pytest.param("The bar is open on Mondays.", CLUB, RulingCode.OTHER_LINK, id="open-and-closed"),
        pytest.param("The terrace is the largest in town.", CLUB, RulingCode.LOST_LIMIT, id="rank-lost"),
        pytest.param("Quist bought Halvorsen in May.", DEAL, RulingCode.EXCHANGED_ROLES, id="roles"),
        pytest.param("Halvorsen was bought by Quist.", DEAL, RulingCode.EXCHANGED_ROLES, id="roles-passive"),
        pytest.param("Ivo is older than Petra.", TRIP, RulingCode.EXCHANGED_ROLES, id="comparison"),
        pytest.param("Petra drove from Graz to Linz.", TRIP, RulingCode.EXCHANGED_ROLES, id="direction"),
        pytest.param(
            "All members may use the sauna, and so may trainees.", RULES, RulingCode.DENIED_FOR, id="excepted"
        ),
        pytest.param(
            "The valve was opened before the test followed on Tuesday.", REPORT, RulingCode.EXCHANGED_ORDER, id="order"
        ),
        pytest.param("Petra Quist won the prize in chemistry.", PRIZE, RulingCode.OTHER_MEMBER, id="other-science"),
        pytest.param("Petra Quist was born in Linz.", PRIZE, RulingCode.OTHER_NAME, id="other-birthplace"),
        pytest.param("Mosses spread by seeds.", PLANTS, RulingCode.DENIED, id="rather-than"),
        pytest.param("Tree mosses tolerate frost.", PLANTS, RulingCode.DENIED, id="elliptic"),
        pytest.param("Mr Brandt teaches chemistry.", SCHOOL, RulingCode.OTHER_LINK, id="who-teaches-what"),
        pytest.param("Ivo said that they should wait until spring.", TALK, RulingCode.OTHER_SPEAKER, id="speaker"),
        pytest.param("Cedar costs $40 a month.", TARIFFS, RulingCode.OTHER_LINK, id="value-of-another-row"),
        pytest.param(
            "Glue hardens in 20 minutes in the cold.", GLUE, RulingCode.OTHER_LINK, id="value-of-another-place"
        ),
        pytest.param("Wages were 2 million euros.", LEDGER, RulingCode.OTHER_LINK, id="value-of-another-clause"),
        pytest.param("The leaflet is due on Monday.", CHORES, RulingCode.OTHER_LINK, id="weekday-of-another-row"),
        pytest.param("Irma is going to print the posters.", CHORES, RulingCode.OTHER_LINK, id="task-of-another"),
        pytest.param(
            "Ivo is 12 years old.", "Petra is 12 years old and Ivo is 9 years old.", RulingCode.OTHER_NAME, id="age"
        ),
        pytest.param("Marten designed the pier.", PIER, RulingCode.OTHER_LINK, id="agent-of-another-verb"),
        pytest.param("Water is included.", "Heating is included, water is not.", RulingCode.DENIED, id="bare-not"),
        pytest.param("Guests are able to edit pages.", WIKI, RulingCode.DENIED, id="bare-cannot"),
        pytest.param("Chat is available with Cedar.", TARIFFS, RulingCode.OTHER_NAME, id="only-in-another"),
        pytest.param("All pupils arrive by bus.", "Most pupils come by bus.", RulingCode.LOST_LIMIT, id="all-of-most"),
        pytest.param(
            "Sand the board after you paint it.",
            "Sand the board before you paint it.",
            RulingCode.EXCHANGED_ORDER,
            id="after-for-before",
        ),
        pytest.param(
            "On Saturday the pool closes at 9 p.m.",
            "The pool is open Monday to Friday from 8 a.m. to 9 p.m. and on Saturdays from 11 a.m. to 5 p.m.",
            RulingCode.OTHER_LINK,
            id="hours-of-another-day",
        ),
        pytest.param("The lamp is below the green shelf.", LAMP, RulingCode.OTHER_MEMBER, id="below-is-under"),
        pytest.param("Das Rauchen ist gestattet.", HOUSE, RulingCode.DENIED, id="german-denied"),
        pytest.param("Die Küche ist geschlossen.", HOUSE, None, id="german-opposite-of-part"),
    ],
)
def test_what_a_claim_has_otherwise(claim, text, code):
    language = "de" if text is HOUSE else "en"
    found = read(claim, text, language=language)
    assert (found.contrast.code if found.contrast else None) is code
    if code is not None:
        place = found.contrast.stands.span
        assert text[slice(*place)] == found.contrast.stands.text
        assert not found.restated


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        pytest.param("Cats are not allowed.", CLUB, id="synonym-of-the-denied"),
        pytest.param("Dogs may be brought by guests.", CLUB, id="passive"),
        pytest.param("Quist was bought by Halvorsen in May.", DEAL, id="roles-kept"),
        pytest.param("Petra Quist won the prize in physics in 2011.", PRIZE, id="same-words-moved"),
        pytest.param(
            "Smoking is forbidden in the kitchen.", "Smoking is not permitted in the kitchen.", id="negated-opposite"
        ),
        pytest.param("Riverton lost to Oakdale.", "Oakdale beat Riverton on Sunday.", id="converse"),
        pytest.param("Das Rauchen ist verboten.", HOUSE, id="german"),
    ],
)
def test_what_a_source_says_in_other_words(claim, text):
    assert read(claim, text, language="de" if text is HOUSE else "en").restated


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        pytest.param(
            "Fees are refunded if the course is cancelled.",
            "Fees are not refunded unless the course is cancelled.",
            id="unless",
        ),
        pytest.param("The shop does not deliver.", "The shop offers takeaway, but not delivery.", id="both-deny"),
        pytest.param(
            "You can borrow books for four weeks.", "The library lends books for four weeks.", id="two-sides-of-one-act"
        ),
        pytest.param("Members may use the sauna.", RULES, id="excepted-in-part"),
        pytest.param("Lena Ruiz scored.", "Ruiz scored. Lena Ruiz is the captain.", id="one-person"),
        pytest.param("There is no doubt that the shop opens at nine.", "The shop opens at nine.", id="no-negation"),
        pytest.param(
            "The box was delivered without a charger.", "The box holds a charger cable and a manual.", id="without"
        ),
        pytest.param(
            "The cream works against mites.",
            "The cream does not work against ticks, but it works against mites.",
            id="both-ways",
        ),
        pytest.param("The island may be sold.", "The island is a must-see.", id="another-matter"),
        pytest.param("Whales are not fish.", "Whales are mammals. Unlike fish, they breathe air.", id="unlike"),
        pytest.param(
            "No ferry is bigger than the Alma.", "The Alma is the largest ferry.", id="none-bigger-than-the-largest"
        ),
        pytest.param("The shop closes at 4 p.m.", "The shop is open from 9 a.m. to 4 p.m.", id="open-until"),
        pytest.param(
            "The club spent 2 million.", "The club had 5 million. It spent 2 million in May.", id="pronoun-is-the-thing"
        ),
        pytest.param("One of the tariffs costs $40 a month.", TARIFFS, id="some-row"),
        pytest.param("Fir costs $40 a month.", TARIFFS, id="own-row"),
        pytest.param(
            "3. Fold the left flap over.", "2. Cut the card.\n4. Fold the left flap over.", id="number-of-a-step"
        ),
        pytest.param(
            "Passage 2 is about glue.",
            "passage 2: Glue sets. passage 3:1 Glue is about resin.",
            id="number-of-a-passage",
        ),
        pytest.param(
            "Priority 1 calls are answered within half an hour.",
            "Priority 1 calls are answered within 30 minutes. Priority 2 calls are answered within four hours.",
            id="number-of-a-class",
        ),
    ],
)
def test_where_rules_are_silent(claim, text):
    assert read(claim, text).contrast is None


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        pytest.param("Cats are admitted.", "Are cats admitted? Ask at the desk.", id="a-question"),
        pytest.param("The director resigned.", "It is not true that the director resigned.", id="denied-that"),
        pytest.param("The roof leaks.", "There is no evidence that the roof leaks.", id="no-evidence-that"),
        pytest.param("The roof leaks.", "It is a myth that the roof leaks.", id="a-myth"),
        pytest.param("Marten designed the pier.", PIER, id="words-of-two-parts"),
        pytest.param("Wages were 2 million euros.", LEDGER, id="value-of-the-other-part"),
        pytest.param("Paint the board before you sand it.", "Sand the board before you paint it.", id="other-order"),
    ],
)
def test_what_a_source_does_not_say(claim, text):
    assert not read(claim, text).restated


def test_a_long_stretch_is_no_sentence_and_its_words_are_not_known_to_be_all():
    names = " ".join(f"Name{chr(97 + at % 26)}{chr(97 + at // 26)}" for at in range(300))
    source = source_sentences([f"{names}. Cats are not admitted."])
    assert [sentence.text.strip() for sentence in source.sentences] == ["Cats are not admitted."]
    assert not source.complete
    assert read("Cats are admitted in Zurich.", f"{names}. The bar is open.").unknown is None


def test_long_words_are_compared_as_they_are_and_not_kept():
    kept = lexicon_module._base_forms.cache_info().currsize
    found = read("Tom was born in Z" + "x" * 50_000, "Tom was born in Z" + "y" * 50_000 + ".")
    assert found.contrast is None or found.contrast.code is RulingCode.OTHER_NAME
    assert lexicon_module._base_forms.cache_info().currsize - kept < 20
    assert base_forms("A" * 41) == {"a" * 41}


def test_a_contrast_names_the_unit_that_it_stands_in():
    texts = ["Ms Oduya teaches drawing and Mr Brandt teaches sport.", SCHOOL]
    found = read("Mr Brandt teaches chemistry.", *texts)
    assert (found.comparison.unit_index, found.contrast.stands.text) == (1, "Oduya")


def test_what_is_mentioned_is_not_what_the_claim_says_it_is():
    text = "We spent a weekend in Tollby, in the south of Brennick county, by the lake."
    found = read("The capital of Brennick county is Tollby.", text)
    assert (found.absent.text, found.contrast, found.restated) == ("capital", None, False)
    assert read("The lake of Brennick county is Tollby.", text).absent is None


@pytest.mark.parametrize(
    ("claim", "unknown"),
    [
        pytest.param("The brewer keeps a house on the Loire.", "Loire", id="river"),
        pytest.param("The brewer Halvorsen's cider is Quist's.", None, id="possessives"),
        pytest.param("In October it was 40 degrees Fahrenheit.", None, id="month-and-unit"),
    ],
)
def test_a_name_that_the_source_lacks(claim, unknown):
    found = read(claim, DEAL).unknown
    assert (found.text if found else None) == unknown


@pytest.mark.parametrize(
    ("question", "answer", "contrast", "restated"),
    [
        pytest.param("Are cats admitted?", "Yes.", True, False, id="wrong-yes"),
        pytest.param("Are cats admitted?", "No.", False, True, id="right-no"),
        pytest.param("May guests bring dogs?", "No.", True, False, id="wrong-no"),
        pytest.param("May guests bring dogs?", "Yes", False, True, id="right-yes"),
    ],
)
def test_yes_and_no_are_read_with_the_question(question, answer, contrast, restated):
    found = read(answer, CLUB, question=question)
    assert (found.contrast is not None, found.restated) == (contrast, restated)


def test_a_name_answers_who():
    assert read("Petra.", TRIP, question="Who took the train?").contrast is not None
    assert read("Ivo.", TRIP, question="Who took the train?").contrast is None


def test_other_languages_are_left_alone():
    assert read("Les chats sont admis.", "Les chats ne sont pas admis.", language="fr") == SentenceReading(None, False)


def test_relations_of_words():
    assert base_forms("refunded") >= {"refund"}
    assert base_forms("best") >= {"good"}
    assert same_meaning("hurt", "injured")
    assert same_meaning("approval", "approve")
    assert opposite("paid", "unpaid")
    assert not same_meaning("paid", "unpaid")
    assert exclusive("second", "minute")
    assert siblings("physics", "chemistry")
    assert converse("beat", "lost")


SENTENCES = st.lists(
    st.sampled_from(
        [*CLUB.split(". "), *TRIP.split(". "), *PLANTS.split(". "), *SCHOOL.split(". "), *DEAL.split(". ")]
    ),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(SENTENCES, st.data())
def test_a_sentence_of_the_source_is_never_contradicted(sentences, data):
    """Law: what the source says word for word no rule speaks against, whatever stands beside it."""
    sentences = [sentence.rstrip(".") + "." for sentence in sentences]
    said = data.draw(st.sampled_from(sentences))
    assert read(said, " ".join(sentences)).contrast is None


@given(st.text(max_size=200), st.text(max_size=300), st.text(max_size=40))
def test_any_text_can_be_read(claim, text, question):
    found = read(claim, text, question=question)
    assert not (found.restated and found.contrast)
