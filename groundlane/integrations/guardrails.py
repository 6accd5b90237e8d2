"""A validator for Guardrails AI: an answer against its context, without a judge model.

guard = Guard().use(GroundedAnswer(Groundlane(), on_fail="exception"))
guard.validate(answer, metadata={"context": documents, "question": question})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from guardrails.classes.validation.validation_result import ErrorSpan
from guardrails.validator_base import FailResult, PassResult, ValidationResult, Validator, register_validator

from groundlane.integrations.policy import NO_EVIDENCE, Policy, claim_fault, summary, units_of, unscored
from groundlane.results import Claim, Score
from groundlane.sync import Groundlane


@register_validator(name="groundlane/grounded_answer", data_type="string")
class GroundedAnswer(Validator):
    """Fails where the policy refuses the answer.

    Evidence is ``metadata["context"]``, a text or a list of texts, the question ``metadata["question"]``. Without evidence the
    answer is not scored and passes. ``error_spans`` are the characters of the refused claims; ``on_fail="fix"`` takes these
    claims out, where something is left then. The result's ``metadata`` has the score either way. Raises a GroundlaneError
    where the server cannot be reached.
    """

    def __init__(
        self,
        client: Groundlane,
        policy: Policy | None = None,
        on_fail: str | Callable[[Any, FailResult], Any] | None = None,
    ) -> None:
        # Not handed on: Guardrails keeps what a validator is made of as JSON, and a client is none.
        super().__init__(on_fail=on_fail)
        self._client = client
        self._policy = policy or Policy()

    def _validate(self, value: Any, metadata: Mapping[str, Any]) -> ValidationResult:
        units = units_of(_texts(metadata.get("context")))
        if not units or not str(value).strip():
            return PassResult(metadata=unscored(NO_EVIDENCE))
        question = metadata.get("question")
        extra: dict[str, Any] = {"query_text": question} if question else {}
        score = self._client.rag(response_text=str(value), support_units=units, **extra)
        faults = self._policy.faults(score)
        if not faults:
            return PassResult(metadata=summary(score, faults))
        refused = _refused(score, self._policy)
        return FailResult(
            error_message="; ".join(faults),
            fix_value=_without(str(value), refused),
            error_spans=[
                ErrorSpan(start=claim.char_start, end=claim.char_end, reason=claim_fault(claim)) for claim in refused
            ],
            metadata=summary(score, faults),
        )


def _texts(context: str | Sequence[str] | None) -> Sequence[str]:
    return [context] if isinstance(context, str) else context or ()


def _refused(score: Score, policy: Policy) -> list[Claim]:
    return [claim for claim in score.claims if claim.verdict in policy.verdicts]


def _without(answer: str, refused: Sequence[Claim]) -> str | None:
    """The answer without these claims; None where none is to blame by itself, or nothing would be left."""
    kept, position = [], 0
    for claim in sorted(refused, key=lambda claim: claim.char_start):
        kept.append(answer[position : claim.char_start].strip())
        position = max(position, claim.char_end)
    kept.append(answer[position:].strip())
    left = " ".join(piece for piece in kept if piece)
    return left if refused and left else None
