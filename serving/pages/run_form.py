"""What the form of a new run holds: read into a draft, filled in from an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from serving.api.errors import ValidationFailedError
from serving.evals.run_types import RunDraft

KINDS: Final = {
    "openai": "an OpenAI-compatible endpoint",
    "http": "your application over HTTP",
    "recorded": "recorded answers",
}
FIELDS: Final[Mapping[str, str]] = {
    "suite": "",
    "experiment_name": "",
    "kind": "openai",
    "base_url": "",
    "model": "",
    "key_env": "",
    "instructions": "",
    "temperature": "",
    "max_tokens": "",
    "input_usd": "",
    "output_usd": "",
    "url": "",
    "body": '{"question": "{{question}}"}',
    "answer": "answer",
    "retrieved": "",
    "answers": "",
    "percent": "100",
    "repeats": "1",
    "concurrency": "4",
    "budget_usd": "",
    "judge_base_url": "",
    "judge_model": "",
    "judge_key_env": "",
}
"""Every field with what an empty form shows."""
_OPENAI: Final = ("base_url", "model", "key_env", "instructions")
_PRICES: Final = ("temperature", "input_usd", "output_usd")


def filled(form: Mapping[str, str]) -> dict[str, str]:
    """Every field of the form, those that did not come as an empty form shows them."""
    return {name: form.get(name, shown) for name, shown in FIELDS.items()}


def draft_of(form: Mapping[str, str], confirm: bool = False) -> RunDraft:
    """The run that a form asks for. Raises ValidationFailedError in the words of the form."""
    given = {name: value.replace("\r\n", "\n").strip() for name, value in filled(form).items()}
    if len(given["suite"]) != 64:
        raise ValidationFailedError("Choose a suite")
    return RunDraft(
        suite_hash=given["suite"],
        target=_target(given),
        judge=_judge(given),
        sample=_number(given, "percent", "Share of the cases in percent", 1, 100) / 100.0,
        repeats=_whole(given, "repeats", "Times each is asked", 100),
        budget_usd=_optional(given, "budget_usd", "Budget in US$", 0.000001),
        concurrency=_whole(given, "concurrency", "Calls at the same time", 32),
        experiment_name=_name(given["experiment_name"]),
        confirm=confirm,
    )


def form_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """The form of a run like an earlier one. Recorded answers are not shown again: there may be thousands."""
    target: Mapping[str, Any] = plan["target"]
    judge: Mapping[str, Any] = plan.get("judge") or {}
    found = {
        "kind": target.get("kind"),
        **{name: target.get(name) for name in (*_OPENAI, *_PRICES, "max_tokens", "url", "answer", "retrieved")},
        "body": None if "body" not in target else orjson.dumps(target["body"]).decode(),
        "experiment_name": plan.get("experiment_name"),
        "percent": f"{100 * float(plan['sample']):g}",
        "repeats": plan["repeats"],
        "concurrency": plan["concurrency"],
        "budget_usd": plan.get("budget_usd"),
        **{f"judge_{name}": judge.get(name) for name in ("base_url", "model", "key_env")},
    }
    return filled({name: str(value) for name, value in found.items() if value is not None})


def _target(given: Mapping[str, str]) -> dict[str, Any]:
    kind = given["kind"]
    if kind == "openai":
        prices = {name: _optional(given, name, name.replace("_", " "), 0.0) for name in _PRICES}
        tokens = _whole(given, "max_tokens", "Longest answer in tokens", 1_000_000) if given["max_tokens"] else None
        found = {**{name: given[name] or None for name in _OPENAI}, **prices, "max_tokens": tokens}
        return {"kind": kind, **{name: value for name, value in found.items() if value is not None}}
    if kind == "http":
        named = {name: given[name] for name in ("url", "answer", "retrieved") if given[name]}
        return {"kind": kind, **named, "body": _json(given["body"], "Body")}
    if kind == "recorded":
        lines = [line for line in given["answers"].splitlines() if line.strip()]
        if not lines:
            raise ValidationFailedError("Paste recorded answers, one JSON object a line")
        return {
            "kind": kind,
            "answers": [_json(line, f"Recorded answers, line {at}") for at, line in enumerate(lines, 1)],
        }
    raise ValidationFailedError(f"kind: {kind[:32]!r} is none of {', '.join(KINDS)}")


def _judge(given: Mapping[str, str]) -> dict[str, Any] | None:
    named = {name: given[f"judge_{name}"] for name in ("base_url", "model", "key_env") if given[f"judge_{name}"]}
    return named or None


def _json(text: str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"{what}: no JSON: {error}") from None


def _name(text: str) -> str | None:
    if len(text) > 128 or not text.isprintable():
        raise ValidationFailedError("Name of the experiment: has at most 128 printable characters")
    return text or None


def _optional(given: Mapping[str, str], name: str, what: str, least: float) -> float | None:
    return _number(given, name, what, least, 1e9) if given[name] else None


def _whole(given: Mapping[str, str], name: str, what: str, most: int) -> int:
    value = _number(given, name, what, 1, most)
    if value != int(value):
        raise ValidationFailedError(f"{what}: {given[name][:32]!r} is no whole number")
    return int(value)


def _number(given: Mapping[str, str], name: str, what: str, least: float, most: float) -> float:
    try:
        value = float(given[name])
    except ValueError:
        raise ValidationFailedError(f"{what}: {given[name][:32]!r} is no number") from None
    if not least <= value <= most:
        raise ValidationFailedError(f"{what}: is {least:g} to {most:g}")
    return value
