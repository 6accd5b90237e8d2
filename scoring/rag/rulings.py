"""What a rule says of a claim, before any model is asked. Rules are certain or silent; see :mod:`scoring.rag.value_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scoring.types import Span, Verdict


class RulingCode(StrEnum):
    """Which rule spoke."""

    OTHER_VALUE = "other_value"  # "1,490 metres" where the source says 1,149 metres of the same thing
    EXCHANGED_VALUES = "exchanged_values"  # two values of the source, each said of the other's fact
    OTHER_PLACE = "other_place"  # the value of another row or region: "30 days" of Europe, said of the Americas
    ABSENT_ITEM = "absent_item"  # an item of a long list that the source does not have
    DISAGREEMENT = "disagreement"  # "all manuals agree" where two passages differ
    COMPUTED = "computed"  # a sum, difference, average or count that does, or does not, compute
    BOUND = "bound"  # "more than 1,000" where the source says 1,149
    DENIED = "denied"  # "are refunded" where the source says "are not refunded", "open" where it says "closed"
    EXCHANGED_ROLES = "exchanged_roles"  # "Brix acquired Halden" where the source says "Halden bought Brix"
    OTHER_MEMBER = "other_member"  # another member of a class in the same slot: "in Chemistry" for "in Physics"
    OTHER_NAME = "other_name"  # another name in the same slot: "Tom proposed it" for "Anna proposed it"
    EXCHANGED_ORDER = "exchanged_order"  # "before the test" where the source says that the test came first
    OTHER_SPEAKER = "other_speaker"  # what one speaker said, said of another
    OTHER_SLOT = "other_slot"  # "hangs in the reading room" where the source says "in the porter's lodge"
    ABSENT_ATTRIBUTE = "absent_attribute"  # "the capital is Quillby" where Quillby is mentioned and no capital
    OTHER_LINK = "other_link"  # "open on Sundays" where the source says "open on weekdays and closed on Sundays"
    DENIED_FOR = "denied_for"  # "so may trainees" where the source says "trainees may not"
    LOST_LIMIT = "lost_limit"  # "the largest city" for "the third-largest city"
    RESTATED = "restated"  # one sentence of the source says all of it, in the same words or synonyms
    ABSTENTION = "abstention"  # "the documents do not say": whether they do


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule's word on one claim. ``source_value``: what stands in the source instead, at ``span`` of unit ``unit_index``.

    ``literal_span``: the characters of the response that the rule is about.
    """

    code: RulingCode
    verdict: Verdict
    reason: str
    literal_span: Span
    source_value: str | None = None
    unit_index: int | None = None
    span: Span | None = None

    @property
    def decides(self) -> bool:
        """Whether the verdict stands whatever the models say; a value that computes only lifts its alarm."""
        return self.verdict is not Verdict.SUPPORTED or self.code is RulingCode.ABSTENTION
