"""German: it was tried and did not work. Read from top to bottom, the strongest hit wins; each example is a test."""

from __future__ import annotations

from typing import Final

from scoring.feedback.german.parts import ADVERB, ES
from scoring.feedback.rules import Rule, words
from scoring.feedback.types import SuggestionKind as Kind

FAILURE_RULES: Final = (
    Rule(
        "de.not_working",
        Kind.FAILURE,
        words(
            rf"(?:(?:{ES}|das|\w+en) )?(?:funktioniert|geht|klappt|läuft|kompiliert|startet|lädt"
            rf"|passt|baut|reagiert|öffnet)(?: sich)?{ADVERB} (?:nicht|nie|nirgends)\b"
        ),
        0.92,
        "Funktioniert nicht.",
    ),
    Rule(
        "de.still_failing",
        Kind.FAILURE,
        words(
            rf"{ES} (?:schlägt|stürzt|bricht|wirft|hängt){ADVERB} \w+|(?:bei mir )?(?:kommt"
            r"|kommen|erscheint|bekomme ich|ich bekomme|ich kriege"
            rf"|ich erhalte){ADVERB} (?:eine?n? )?(?:\w+ )?(?:fehler|fehlermeldung|error"
            r"|exception)\w*"
        ),
        0.88,
        "Der Test schlägt immer noch fehl",
    ),
    Rule(
        "de.still_there",
        Kind.FAILURE,
        words(
            r"(?:der|die|das) \w+ ist (?:immer noch|noch immer|weiterhin|noch) (?:da|falsch|leer"
            r"|rot|nicht)\b|.*\b(?:wird|wurde) (?:nicht (?:akzeptiert|erkannt|gefunden|angenommen)"
            r"|abgelehnt)\b"
        ),
        0.85,
        "Code wird nicht akzeptiert",
    ),
    Rule(
        "de.same_problem",
        Kind.FAILURE,
        words(
            r"(?:immer noch |noch immer |wieder |leider |es ist |ich (?:habe"
            r"|bekomme) )*+(?:derselbe|dasselbe|der gleiche|das gleiche|denselben"
            r"|den gleichen) (?:fehler|problem|ergebnis|meldung)\b"
        ),
        0.9,
        "Immer noch derselbe Fehler.",
    ),
    Rule(
        "de.tried",
        Kind.FAILURE,
        words(
            r".*\b(?:habe?|hatte) (?:ich )?(?:schon |bereits |auch )?(?:probiert|versucht"
            r"|ausprobiert)\b|.*\b(?:passiert|geschieht|ändert sich) (?:gar |aber |einfach "
            r"|leider )*+nichts\b|ohne erfolg\b"
        ),
        0.85,
        "Hab ich probiert, passiert nichts",
    ),
    Rule(
        "de.no_use",
        Kind.FAILURE,
        words(
            r".*\b(?:hat|hatte|brachte|bringt) (?:leider |auch |gar "
            r"|überhaupt )*+nichts(?: gebracht| geändert| genützt)?\b|(?:der|die|das"
            r"|mein\w*) \w+ \w+ (?:immer noch|weiterhin|noch immer)\b"
        ),
        0.85,
        "Neustart hat nichts gebracht",
    ),
    Rule(
        "de.broken",
        Kind.FAILURE,
        words(
            rf"{ES} (?:führt ins leere|ist{ADVERB} (?:kaputt|tot|defekt|abgelaufen|ungültig|leer"
            r"|langsamer|schlimmer|schlechter))|dauert (?:jetzt|nun) (?:doppelt|noch|viel)\b"
            r"|(?:jetzt|nun) ist (?:es |alles |mein \w+ )?(?:noch |jetzt )*+(?:langsamer|schlimmer"
            r"|kaputt|weg|schlechter|gelöscht|leer)|das ist kein[e]? (?:gültige[rs]?"
            r"|valide[rs]?) \w+"
        ),
        0.9,
        "Der Link führt ins Leere.",
    ),
)
