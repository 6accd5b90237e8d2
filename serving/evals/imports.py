"""Cases from elsewhere: JSON lines of ours, promptfoo's YAML, OpenAI evals' samples. All become DRAFT cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from serving.api.errors import ValidationFailedError
from serving.evals.cases import Case, read_case
from serving.evals.reading import read_json_lines, read_yaml

_VARIABLE: Final = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")

_PROMPTFOO: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "equals": lambda one: {"kind": "exact", "text": str(one["value"])},
    "contains": lambda one: {"kind": "contains", "text": str(one["value"]), "case_sensitive": True},
    "icontains": lambda one: {"kind": "contains", "text": str(one["value"])},
    "not-contains": lambda one: {"kind": "not_contains", "text": str(one["value"]), "case_sensitive": True},
    "not-icontains": lambda one: {"kind": "not_contains", "text": str(one["value"])},
    "regex": lambda one: {"kind": "regex", "pattern": str(one["value"])},
    "is-json": lambda one: {"kind": "json_schema", "schema": one.get("value") or {}},
    "similar": lambda one: {
        "kind": "similarity",
        "text": str(one["value"]),
        "at_least": float(one.get("threshold", 0.75)),
    },
    "llm-rubric": lambda one: {"kind": "rubric", "text": str(one["value"])},
    "latency": lambda one: {"kind": "latency", "at_most_ms": float(one["threshold"])},
    "cost": lambda one: {"kind": "cost", "at_most_usd": float(one["threshold"])},
}
"""promptfoo's assertion types that have a grader here. Others are named in the import's warnings and left out."""


def import_cases(path: Path) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases of a file, and warnings about what has no counterpart here. The format is told by its content.

    Raises ValidationFailedError for a file that is none of the three.
    """
    if path.suffix in {".yaml", ".yml"}:
        return from_promptfoo(read_yaml(path), path.stem)
    lines = [value for _, value in read_json_lines(path)]
    if lines and all(isinstance(one, Mapping) and "input" in one and "ideal" in one for one in lines):
        return from_openai_evals(lines, path.stem), ()
    return tuple(read_case(value, f"{path.name} case {number}") for number, value in enumerate(lines, 1)), ()


def export_cases(cases: Sequence[Case]) -> bytes:
    """JSON lines that :func:`import_cases` reads again."""
    return b"".join(orjson.dumps(case.view()) + b"\n" for case in cases)


def from_openai_evals(samples: Sequence[Mapping[str, Any]], name: str) -> tuple[Case, ...]:
    """Samples ``{"input": messages, "ideal": text or texts}``: the ideal is what the answer must contain."""
    found = []
    for number, sample in enumerate(samples, 1):
        ideal = sample["ideal"]
        options = ideal if isinstance(ideal, list) else [ideal]
        if not options or not all(isinstance(one, str) and one.strip() for one in options):
            raise ValidationFailedError(f"sample {number}: ideal is a text, or a list of texts")
        grader = {"kind": "contains", "text": options[0], "case_sensitive": True}
        if len(options) > 1:
            grader = {"kind": "regex", "pattern": "|".join(re.escape(one) for one in options)}
        document = {
            "task_id": f"{name}-{number}",
            "input_messages": sample["input"],
            "reference_answer": options[0],
            "graders": [grader],
        }
        found.append(read_case(document, f"sample {number}"))
    return tuple(found)


def from_promptfoo(document: Any, name: str) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The tests of a promptfoo configuration, each with its first prompt filled in."""
    if not isinstance(document, Mapping) or not isinstance(document.get("tests"), list):
        raise ValidationFailedError(f"{name}: a promptfoo configuration has a list of tests")
    prompts = [one for one in _list(document.get("prompts"), f"{name}: prompts") if isinstance(one, str)]
    template = prompts[0] if prompts else "{{question}}"
    default = _object(document.get("defaultTest"), f"{name}: defaultTest")
    cases, warnings = [], []
    for number, given in enumerate(document["tests"], 1):
        where = f"test {number}"
        test = _object(given, where)
        variables = {**_object(default.get("vars"), f"{where}: vars"), **_object(test.get("vars"), f"{where}: vars")}
        graders = []
        for one in [*_list(default.get("assert"), f"{where}: assert"), *_list(test.get("assert"), f"{where}: assert")]:
            assertion = _object(one, f"{where}: assert")
            convert = _PROMPTFOO.get(str(assertion.get("type")))
            if convert is None:
                warnings.append(f"{where}: assertion {assertion.get('type')!r} has no grader here and was left out")
            else:
                graders.append(_converted(convert, assertion, where))
        case = {
            "task_id": f"{name}-{number}",
            "input_messages": _fill(template, variables),
            "expected_behavior": str(test.get("description") or ""),
            "graders": graders,
        }
        cases.append(read_case(case, where))
    return tuple(cases), tuple(warnings)


def _converted(
    convert: Callable[[Mapping[str, Any]], dict[str, Any]], assertion: Mapping[str, Any], where: str
) -> dict[str, Any]:
    kind = assertion["type"]
    try:
        return convert(assertion)
    except KeyError as error:
        raise ValidationFailedError(f"{where}: assertion {kind!r} needs {error.args[0]!r}") from None
    except (TypeError, ValueError) as error:
        raise ValidationFailedError(f"{where}: assertion {kind!r}: {error}") from None


def _object(value: Any, where: str) -> Mapping[str, Any]:
    """``value``, an empty one for null. Raises ValidationFailedError for what is no object."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValidationFailedError(f"{where}: expected an object, not {type(value).__name__}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    """``value``, an empty one for null. Raises ValidationFailedError for what is no list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValidationFailedError(f"{where}: expected a list, not {type(value).__name__}")
    return value


def _fill(template: str, variables: Mapping[str, Any]) -> str:
    return _VARIABLE.sub(lambda found: str(variables.get(found.group(1), found.group())), template)
