"""Graders of the answer's text, pure. Each one's options are in its docstring."""

from __future__ import annotations

import math
import re
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from parsers.values.literals import extract_literals
from parsers.values.types import Quantity
from serving.evals.answers import Answer
from serving.evals.cases import Case
from serving.evals.graders.types import Options, Verdict

_SHOWN = 80


def exact(options: Options, case: Case, answer: Answer) -> Verdict:
    """``text`` (the reference answer without it): the whole answer, white space at the ends aside."""
    wanted = str(options.get("text") or case.reference_answer or "").strip()
    same = answer.text.strip() == wanted
    return Verdict(
        same, "the answer is as expected" if same else f"expected {_short(wanted)}, got {_short(answer.text)}"
    )


def contains(options: Options, case: Case, answer: Answer) -> Verdict:
    """``text``, ``case_sensitive`` (false): occurs in the answer."""
    found = _find(options, answer)
    return Verdict(found, f"{_short(options['text'])} {'is' if found else 'is not'} in the answer")


def not_contains(options: Options, case: Case, answer: Answer) -> Verdict:
    """``text``, ``case_sensitive`` (false): does not occur in the answer."""
    found = _find(options, answer)
    return Verdict(not found, f"{_short(options['text'])} {'is' if found else 'is not'} in the answer")


def regex(options: Options, case: Case, answer: Answer) -> Verdict:
    """``pattern``: found in the answer (Python's re, searched in the first 64,000 characters)."""
    match = re.search(options["pattern"], answer.text[:64_000])
    return Verdict(
        match is not None, f"the pattern {'matches ' + _short(match.group()) if match else 'matches nothing'}"
    )


def json_schema(options: Options, case: Case, answer: Answer) -> Verdict:
    """``schema``: the answer is JSON, alone or in one code fence, and valid by it (draft 2020-12)."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*", answer.text, re.DOTALL)
    try:
        value: Any = orjson.loads(fenced.group(1) if fenced else answer.text)
    except orjson.JSONDecodeError as error:
        return Verdict(False, f"the answer is not JSON: {error}")
    fault = next(iter(Draft202012Validator(dict(options["schema"])).iter_errors(value)), None)
    if fault is None:
        return Verdict(True, "the answer is valid by the schema")
    return Verdict(False, f"{fault.json_path}: {_short(fault.message)}")


def numeric(options: Options, case: Case, answer: Answer) -> Verdict:
    """``value``, ``tolerance`` (0): some number of the answer is within the tolerance.

    Numbers are read as the rag lane does ("1.234,5", "12 million"), and as written: 5 km is 5 and 5,000.
    """
    wanted, tolerance = float(options["value"]), float(options.get("tolerance", 0.0))
    numbers = _numbers(answer.text)
    if not numbers:
        return Verdict(False, f"the answer has no number; expected {wanted:g}")
    nearest = min(numbers, key=lambda number: abs(number - wanted))
    near = abs(nearest - wanted) <= tolerance or math.isclose(nearest, wanted, rel_tol=1e-12)
    return Verdict(near, f"the nearest number is {nearest:g}; expected {wanted:g} ± {tolerance:g}", nearest)


def latency(options: Options, case: Case, answer: Answer) -> Verdict:
    """``at_most_ms``."""
    return _at_most(answer.latency_ms, float(options["at_most_ms"]), "latency", "ms")


def cost(options: Options, case: Case, answer: Answer) -> Verdict:
    """``at_most_usd``."""
    return _at_most(answer.cost_usd, float(options["at_most_usd"]), "cost", "USD")


def tool_call(options: Options, case: Case, answer: Answer) -> Verdict:
    """``name``, ``arguments`` ({}): a call of that tool whose arguments hold these values. Names as OpenAI writes calls."""
    wanted = dict(options.get("arguments") or {})
    seen = []
    for call in answer.tool_calls:
        function = call.get("function") or call
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):
            try:
                arguments = orjson.loads(arguments)
            except orjson.JSONDecodeError:
                seen.append(f"{function.get('name')} with arguments that are not JSON")
                continue
        seen.append(str(function.get("name")))
        if function.get("name") == options["name"] and isinstance(arguments, dict):
            wrong = [name for name, value in wanted.items() if arguments.get(name) != value]
            if not wrong:
                return Verdict(True, f"{options['name']} was called as expected")
            seen[-1] += f" with another {', '.join(wrong)}"
    return Verdict(False, f"expected a call of {options['name']}; seen: {', '.join(seen) or 'no call'}")


def _numbers(answer: str) -> list[float]:
    read = [value.value for one in extract_literals(answer) for value in one.values if isinstance(value, Quantity)]
    written = [
        float(found.replace(",", "")) for found in re.findall(r"(?<![\w.])-?\d{1,15}(?:,\d{3})*(?:\.\d+)?", answer)
    ]
    return [*read, *written]


def _find(options: Options, answer: Answer) -> bool:
    wanted, text = str(options["text"]), answer.text
    if options.get("case_sensitive"):
        return wanted in text
    return " ".join(wanted.casefold().split()) in " ".join(text.casefold().split())


def _at_most(value: float | None, limit: float, name: str, unit: str) -> Verdict:
    if value is None:
        return Verdict(None, f"{name} was not recorded")
    return Verdict(value <= limit, f"{name} is {value:g} {unit}; the limit is {limit:g}", value)


def _short(text: Any) -> str:
    shown = " ".join(str(text).split())
    return repr(shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…")
