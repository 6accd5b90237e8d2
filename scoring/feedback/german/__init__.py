"""German reactions."""

from __future__ import annotations

from typing import Final

from scoring.feedback.german.correction import CORRECTION_RULES
from scoring.feedback.german.failure import FAILURE_RULES
from scoring.feedback.german.incomplete import INCOMPLETE_RULES
from scoring.feedback.german.rejection import REJECTION_RULES
from scoring.feedback.german.repeat import REPEAT_RULES
from scoring.feedback.german.sarcasm import SARCASM_RULES
from scoring.feedback.german.satisfied import SATISFIED_RULES
from scoring.feedback.german.words import FILLERS, OPENERS, PRAISE, THANKS
from scoring.feedback.rules import Language

GERMAN: Final = Language(
    complaints=(*REJECTION_RULES, *CORRECTION_RULES, *INCOMPLETE_RULES, *FAILURE_RULES, *SARCASM_RULES, *REPEAT_RULES),
    outcomes=SATISFIED_RULES,
    openers=OPENERS,
    praise=PRAISE,
    thanks=THANKS,
    fillers=FILLERS,
)
"""All that is known of reactions in German."""

__all__ = ["GERMAN"]
