"""The table of graders: their options, whether they can fail, and how one runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from serving.api.errors import ValidationFailedError
from serving.evals.answers import Answer
from serving.evals.cases import Case, GraderSpec
from serving.evals.graders import models, retrieval, text
from serving.evals.graders.types import AsyncGrader, Grade, PureGrader, Services
from serving.evals.reading import Fields

_Check = Callable[[Fields], None]


@dataclass(frozen=True)
class Grader:
    """``needs_answer`` False: it looks at what was retrieved, so a retrieval track runs it without a model."""

    check: _Check
    pure: PureGrader | None = None
    asks: AsyncGrader | None = None
    needs_answer: bool = True


def _text(fields: Fields) -> None:
    if not fields.text("text").strip():
        raise ValidationFailedError(f"{fields.where}.text: is blank, so the grader could not fail")
    fields.take("case_sensitive", bool, False)


def _pattern(fields: Fields) -> None:
    pattern = fields.text("pattern")
    try:
        matches_nothing = re.compile(pattern).search("") is not None
    except re.error as error:
        raise ValidationFailedError(f"{fields.where}.pattern: {error}") from None
    if matches_nothing:
        raise ValidationFailedError(f"{fields.where}.pattern: matches the empty text, so the grader could not fail")


def _schema(fields: Fields) -> None:
    try:
        Draft202012Validator.check_schema(fields.take("schema", dict))
    except SchemaError as error:
        raise ValidationFailedError(f"{fields.where}.schema: {error.message}") from None


def _numeric(fields: Fields) -> None:
    fields.number("value")
    fields.number("tolerance", 0.0, 0.0)


def _tool(fields: Fields) -> None:
    fields.text("name")
    fields.take("arguments", dict, {})


def _retrieval(fields: Fields) -> None:
    fields.number("k", 10, 1)
    fields.number("at_least", 1.0, 0.0)


def _citation(fields: Fields) -> None:
    if fields.text("pattern", None) is not None:
        fields.text("pattern", None)


def _groundedness(fields: Fields) -> None:
    fields.one_of("fails_from", ("red", "amber"), "red")
    fields.number("at_least", None, 0.0)


def _similarity(fields: Fields) -> None:
    fields.text("text", None)
    fields.number("at_least", 0.8, 0.0)


def _rubric(fields: Fields) -> None:
    fields.one_of("criterion", tuple(models.CRITERIA), "accuracy")
    fields.text("text", None)
    fields.number("at_least", 7.0, 1.0)


GRADERS: Final[Mapping[str, Grader]] = {
    "exact": Grader(lambda fields: fields.text("text", None), text.exact),
    "contains": Grader(_text, text.contains),
    "not_contains": Grader(_text, text.not_contains),
    "regex": Grader(_pattern, text.regex),
    "json_schema": Grader(_schema, text.json_schema),
    "numeric": Grader(_numeric, text.numeric),
    "tool_call": Grader(_tool, text.tool_call),
    "latency": Grader(lambda fields: fields.number("at_most_ms", ..., 0.0), text.latency),
    "cost": Grader(lambda fields: fields.number("at_most_usd", ..., 0.0), text.cost),
    "hit_at_k": Grader(_retrieval, retrieval.metric("hit_at_k"), needs_answer=False),
    "recall_at_k": Grader(_retrieval, retrieval.metric("recall_at_k"), needs_answer=False),
    "mrr": Grader(_retrieval, retrieval.metric("mrr"), needs_answer=False),
    "ndcg_at_k": Grader(_retrieval, retrieval.metric("ndcg_at_k"), needs_answer=False),
    "citation": Grader(_citation, retrieval.citation),
    "groundedness": Grader(_groundedness, asks=models.groundedness),
    "phantom": Grader(lambda fields: fields.text("language", None), asks=models.phantom),
    "refusal": Grader(lambda fields: fields.take("expected", bool, True), asks=models.refusal),
    "similarity": Grader(_similarity, asks=models.similarity),
    "rubric": Grader(_rubric, asks=models.rubric),
}
"""By the name a case uses. Options are those of the grader's docstring."""


def check_grader(spec: GraderSpec, where: str) -> None:
    """Raise ValidationFailedError for an unknown kind or option, or one with which the grader could never fail."""
    grader = GRADERS.get(spec.kind)
    if grader is None:
        raise ValidationFailedError(f"{where}.kind: no grader is called {spec.kind!r}; known are {', '.join(GRADERS)}")
    fields = Fields(dict(spec.options), where)
    grader.check(fields)
    fields.end()


async def grade_answer(case: Case, answer: Answer, services: Services) -> tuple[Grade, ...]:
    """Every grader's word on one answer, in the order of the case."""
    return tuple([await _grade(spec, case, answer, services) for spec in case.all_graders])


def passes(grades: tuple[Grade, ...], answer: Answer) -> tuple[bool, str]:
    """Whether the case passes, and why not. A failed call, or no grader that applies, never passes."""
    if answer.error is not None:
        return False, f"the call failed: {answer.error}"
    deciding = [grade for grade in grades if not grade.advisory]
    failed = next((grade for grade in deciding if grade.passed is False), None)
    if failed is not None:
        return False, f"{failed.kind}: {failed.reason}"
    if not any(grade.passed for grade in deciding):
        return False, "no grader applies: " + ("; ".join(grade.reason for grade in deciding) or "the case has none")
    return True, "every grader that applies passes"


async def _grade(spec: GraderSpec, case: Case, answer: Answer, services: Services) -> Grade:
    grader = GRADERS[spec.kind]
    if answer.error is not None:
        return Grade(spec.kind, None, f"the call failed: {answer.error}", None, spec.advisory)
    options: Mapping[str, Any] = spec.options
    if grader.pure is not None:
        verdict = grader.pure(options, case, answer)
    elif grader.asks is not None:
        verdict = await grader.asks(options, case, answer, services)
    else:
        raise AssertionError(f"grader {spec.kind} has no implementation")
    return Grade(spec.kind, verdict.passed, verdict.reason, verdict.value, spec.advisory)
