"""Parts of German patterns that several rules share."""

from __future__ import annotations

from typing import Final

ES: Final = (
    r"(?:das|es|dies|diese|das hier|die (?:antwort|lösung|seite|nummer|abfrage|funktion"
    r"|zusammenfassung|übersetzung)|der (?:link|code|test|fehler|befehl|text|button"
    r"|vorschlag)|dein(?:e|er)? \w+|ihre? \w+)"
)
"""What a complaint about the answer has as its subject. "Das Gerät" is not in it: that is the user's story."""
ADVERB: Final = (
    r"(?:(?: immer noch| noch immer| noch| leider| aber| ja| doch| so| auch| jetzt"
    r"| einfach| wirklich| überhaupt| gar| alles| trotzdem| nun| mir| mich| immer| viel"
    r"| etwas| ganz| komplett| völlig)*+)"
)
