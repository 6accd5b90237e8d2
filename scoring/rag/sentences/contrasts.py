"""All rules on a claim beside one sentence, in the order in which they are tried. A rule is certain or silent."""

from __future__ import annotations

from collections.abc import Callable

from scoring.rag.sentences.align import Comparison
from scoring.rag.sentences.attachments import other_link, other_subject
from scoring.rag.sentences.grounds import Contrast
from scoring.rag.sentences.limits import all_of_most, lost_rank, only_one
from scoring.rag.sentences.order import exchanged_sides
from scoring.rag.sentences.polarity import denied_for, nobody_did, other_side, polarity
from scoring.rag.sentences.roles import exchanged_roles, exchanged_slots
from scoring.rag.sentences.slots import other_member, other_name, other_slot

ContrastRule = Callable[[Comparison], Contrast | None]
CONTRASTS: tuple[ContrastRule, ...] = (
    lost_rank,
    all_of_most,
    only_one,
    exchanged_sides,
    exchanged_roles,
    other_side,
    nobody_did,
    polarity,
    denied_for,
    other_link,
    other_subject,
    exchanged_slots,
    other_member,
    other_name,
    other_slot,
)
FREE_ORDER_CONTRASTS: tuple[ContrastRule, ...] = (nobody_did, polarity, other_member)
"""Where order does not say who did it to whom, and every noun has a capital: German."""
