"""English reactions."""

from __future__ import annotations

from typing import Final

from scoring.feedback.english.correction import CORRECTION_RULES
from scoring.feedback.english.failure import FAILURE_RULES
from scoring.feedback.english.incomplete import INCOMPLETE_RULES
from scoring.feedback.english.rejection import REJECTION_RULES
from scoring.feedback.english.repeat import REPEAT_RULES
from scoring.feedback.english.sarcasm import SARCASM_RULES
from scoring.feedback.english.satisfied import SATISFIED_RULES
from scoring.feedback.english.words import FILLERS, OPENERS, PRAISE, THANKS
from scoring.feedback.rules import Language

ENGLISH: Final = Language(
    complaints=(*REJECTION_RULES, *CORRECTION_RULES, *INCOMPLETE_RULES, *FAILURE_RULES, *SARCASM_RULES, *REPEAT_RULES),
    outcomes=SATISFIED_RULES,
    openers=OPENERS,
    praise=PRAISE,
    thanks=THANKS,
    fillers=FILLERS,
)
"""All that is known of reactions in English."""

__all__ = ["ENGLISH"]
