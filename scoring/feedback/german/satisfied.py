"""German: said outcomes, enough by themselves if nothing in the turn complains or asks on. Each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.german.parts import ES
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

SATISFIED_RULES: Final = (
    Rule(
        "de.worked",
        Kind.SATISFIED,
        words(
            rf"(?:(?:jetzt|nun|super|ja|danke|ah|ok)[,.!]* )*+(?:(?:{ES}|alles|die tests"
            r"|alle tests)(?: \w+)?? )?(?:(?:funktioniert|geht|klappt|läuft|kompiliert"
            r"|passt)(?:e)?(?: (?:es|das|alles|jetzt|nun|wieder|super|perfekt|einwandfrei"
            r"|wunderbar|prima))*|hat (?:es )?(?:geklappt|funktioniert|geholfen)"
            r"|ist (?:jetzt )?(?:gelöst|behoben))(?=[,.! ]|$)"
        ),
        0.9,
        "Jetzt funktioniert es, danke!",
    ),
    Rule(
        "de.needed",
        Kind.SATISFIED,
        words(
            r"(?:ja,? )?(?:das (?:ist|war) )?genau (?:das|was|so|danach"
            r"|richtig)(?: ist es)?(?:,? (?:was )?(?:habe |hatte )?ich (?:gesucht|gebraucht"
            r"|gemeint|brauch\w*|wollte|wissen)\w*(?: habe)?)?|.*beantwortet meine frage(?! nicht)"
        ),
        0.9,
        "Genau das habe ich gesucht.",
    ),
    Rule(
        "de.helped",
        Kind.SATISFIED,
        words(
            r"(?:das )?(?:hat|hilft)(?: mir| uns)? (?:sehr |wirklich |schon |enorm "
            r"|echt )*+(?:geholfen|weiter|weitergeholfen)|(?:sehr |wirklich |super "
            r"|echt )?hilfreich"
        ),
        0.88,
        "Das hat mir sehr geholfen",
    ),
    Rule(
        "de.understood",
        Kind.SATISFIED,
        words(
            r"(?:(?:ah+|ach so|okay|ok|jetzt|nun)[,!]? )*+(?:verstehe ich(?: es| das)?"
            r"|(?:habe? ich(?: es| das)? )?verstanden|verstehe|ist (?:es |mir "
            r"|das )?(?:jetzt )?klar|(?:das )?(?:macht|ergibt) (?:jetzt |nun )?sinn|gefunden"
            r"|alles klar)"
        ),
        0.82,
        "Ah, jetzt verstehe ich es.",
    ),
    Rule(
        "de.like",
        Kind.SATISFIED,
        words(
            r"(?:so |das )?gefällt (?:es )?mir(?: (?:sehr|gut|richtig))*|(?:das (?:ist"
            r"|war) )?(?:gar )?nicht schlecht|(?:das nehme ich|so passt es|passt so)"
            r"|viel besser(?: so)?|das ist (?:sehr |wirklich |richtig )?(?:gut|toll|super|perfekt"
            r"|klasse|prima|besser|schön)"
        ),
        0.85,
        "Gefällt mir sehr gut!",
    ),
    Rule(
        "de.right",
        Kind.SATISFIED,
        words(r"(?:richtig|korrekt|stimmt(?: genau)?)(?=[,.!]|$)|(?:du hast" r"|sie haben) recht\b(?! auf)"),
        0.8,
        "Richtig, danke für die schnelle Antwort",
    ),
    Rule(
        "de.all_done",
        Kind.SATISFIED,
        words(
            r"(?:nein[,.]? )?(?:das ist es(?=[,.!]|$)|das (?:war|ist|wär\w*) (?:dann )?alles"
            r"|keine (?:weiteren )?fragen(?: mehr)?)"
        ),
        0.78,
        "Nein, das war alles. Danke!",
    ),
)
