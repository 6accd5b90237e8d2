"""What a run is asked to do, read from JSON values; and what it will cost, before it begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring.evals.statistics import cases_needed, smallest_visible_effect
from serving.api.errors import ForbiddenError, ValidationFailedError
from serving.evals.answers import read_answer
from serving.evals.cases import Case
from serving.evals.reading import Fields
from serving.evals.targets.egress import EgressPolicy
from serving.evals.targets.http import HttpSettings, HttpTarget, OpenAISettings, OpenAITarget
from serving.evals.targets.recorded import RecordedTarget
from serving.evals.targets.types import Target

_CHARACTERS_A_TOKEN: Final = 4
_ANSWER_TOKENS: Final = 400
"""Tokens of an answer where no max_tokens is set: an assumption, and the estimate says so."""
_LONGEST_S: Final = 100.0
"""A call's longest time on the server: with its retries it stays inside the time that a job's request has."""
_USUAL_DISCORDANT: Final = 0.1


@dataclass(frozen=True)
class Rules:
    """What the operator allows."""

    egress: EgressPolicy
    key_variables: Collection[str]


def make_target(value: Any, rules: Rules, instructions: str | None = None, where: str = "target") -> Target:
    """The target of a run. Raises ValidationFailedError naming the field, ForbiddenError for a host or key not listed."""
    fields = Fields(value, where)
    kind = fields.one_of("kind", ("openai", "http", "recorded"))
    if kind == "recorded":
        target: Target = _recorded(fields)
    elif kind == "openai":
        target = OpenAITarget(openai_settings(fields, rules, instructions), rules.egress)
    else:
        target = HttpTarget(_http_settings(fields, rules), rules.egress)
    fields.end()
    return target


def openai_settings(fields: Fields, rules: Rules, instructions: str | None = None) -> OpenAISettings:
    """The settings of an OpenAI-compatible endpoint."""
    return OpenAISettings(
        base_url=fields.text("base_url"),
        model=fields.text("model"),
        key_env=_variable(fields.text("key_env", None), rules, fields.where),
        temperature=fields.number("temperature", None, 0.0),
        max_tokens=fields.take("max_tokens", int, None),
        stream=fields.take("stream", bool, False),
        timeout_s=_timeout(fields),
        input_usd=fields.number("input_usd", 0.0, 0.0),
        output_usd=fields.number("output_usd", 0.0, 0.0),
        instructions=fields.text("instructions", instructions),
    )


@dataclass(frozen=True)
class Estimate:
    """What a run will do. ``cost_usd`` is from characters and assumed answers, so a size and no bill."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    smallest_visible: float

    def view(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": round(self.cost_usd, 6),
            "assumptions": f"{_CHARACTERS_A_TOKEN} characters a token; {_ANSWER_TOKENS} tokens an answer without max_tokens",
            "smallest_visible_difference": self.smallest_visible,
            "cases_needed": {f"{effect:g}": cases_needed(effect, _USUAL_DISCORDANT) for effect in (0.1, 0.05, 0.03)},
        }


def estimate(cases: Sequence[Case], repeats: int, target: Mapping[str, Any]) -> Estimate:
    """Calls, tokens and cost of a run, and the smallest difference it will show at 10% discordant cases, 80% power."""
    visible = smallest_visible_effect(len(cases), _USUAL_DISCORDANT)
    if target.get("kind") == "recorded":
        return Estimate(0, 0, 0, 0.0, visible)
    calls = len(cases) * repeats
    characters = sum(len(str(message.get("content", ""))) for case in cases for message in case.input_messages)
    characters += len(str(target.get("instructions") or "")) * len(cases)
    read = characters * repeats // _CHARACTERS_A_TOKEN
    written = calls * int(target.get("max_tokens") or _ANSWER_TOKENS)
    usd = (read * float(target.get("input_usd") or 0.0) + written * float(target.get("output_usd") or 0.0)) / 1e6
    return Estimate(calls, read, written, usd, visible)


def _recorded(fields: Fields) -> RecordedTarget:
    found = {}
    for index, value in enumerate(fields.take("answers", list)):
        where = f"{fields.where}.answers[{index}]"
        one = Fields(value, where)
        key = (one.text("task_id"), one.take("repeat", int, 0))
        if key in found:
            raise ValidationFailedError(f"{where}: task {key[0]!r}, repeat {key[1]}, was recorded before")
        found[key] = read_answer(one.rest(), where)
    return RecordedTarget(found)


def _http_settings(fields: Fields, rules: Rules) -> HttpSettings:
    headers = fields.take("header_env", dict, {})
    for name, variable in headers.items():
        _variable(str(variable), rules, f"{fields.where}.header_env.{name}")
    return HttpSettings(
        url=fields.text("url"),
        body=fields.take("body", dict),
        answer=fields.text("answer", "answer"),
        retrieved=fields.text("retrieved", None),
        tool_calls=fields.text("tool_calls", None),
        header_env={str(name): str(variable) for name, variable in headers.items()},
        timeout_s=_timeout(fields),
    )


def _variable(name: str | None, rules: Rules, where: str) -> str | None:
    """A variable that the operator listed; else a run could read any secret of the server's environment."""
    if name is not None and name not in rules.key_variables:
        raise ForbiddenError(
            f"{where}: the environment variable {name} is not listed", "List it in evals.key_variables."
        )
    return name


def _timeout(fields: Fields) -> float:
    seconds = float(fields.number("timeout_s", 25.0, 0.1))
    if seconds > _LONGEST_S:
        raise ValidationFailedError(f"{fields.where}.timeout_s: is at most {_LONGEST_S:g}")
    return seconds
