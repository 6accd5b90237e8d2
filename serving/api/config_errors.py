"""What is wrong with a configuration, said with the dotted key, the reason and the nearest known key."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError


class ConfigError(ValueError):
    """The configuration cannot be used; nothing was started. ``key`` is dotted (``server.port``)."""

    def __init__(self, key: str, reason: str, hint: str | None = None) -> None:
        super().__init__(key, reason, hint)
        self.key = key
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.key}: {self.reason}" if self.key else self.reason
        return f"{text}. {self.hint}" if self.hint else text


def explain(error: ValidationError, root: type[BaseModel], variables: Mapping[str, str]) -> ConfigError:
    """The first fault as one ConfigError; further faults are counted in the hint.

    ``variables`` maps dotted keys to the environment variables that set them.
    """
    faults = error.errors(include_url=False)
    fault = faults[0]
    context = fault.get("ctx") or {}
    parts = [str(part) for part in fault["loc"]]
    if fault["type"] == "impossible":
        parts += str(context["key"]).split(".")
        reason = str(context["reason"])
    elif fault["type"] == "extra_forbidden":
        reason = "unknown key"
    elif fault["type"] == "missing":
        reason = "this key is required"
    else:
        reason = f"{fault['msg']}, not {fault['input']!r}"
    key = ".".join(parts)
    hints = []
    if fault["type"] == "extra_forbidden":
        hints.append(_nearest(parts, root))
    if key in variables:
        hints.append(f"It was set by the environment variable {variables[key]}.")
    if len(faults) > 1:
        hints.append(f"{len(faults) - 1} more to correct: {', '.join(_dotted(each['loc']) for each in faults[1:4])}.")
    return ConfigError(key, reason, " ".join(hints) or None)


def field_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted keys of every field, depth first; a list's items are written ``NAME.0``."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path
        child, is_list = child_model(field.annotation)
        if child is not None:
            yield from field_paths(child, f"{path}.0." if is_list else f"{path}.")


def child_model(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """The section that a field holds, if it holds one, and whether it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return child_model(arguments[0])[0], True
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            child, is_list = child_model(argument)
            if child is not None:
                return child, is_list
    return None, False


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _nearest(parts: list[str], root: type[BaseModel]) -> str:
    """A sentence with the nearest known key: among the siblings first, then anywhere."""
    section, leaf = parts[:-1], parts[-1]
    pattern = [("0" if part.isdigit() else part) for part in section]
    paths = [path.split(".") for path in field_paths(root)]
    siblings = [path[-1] for path in paths if path[:-1] == pattern]
    close = difflib.get_close_matches(leaf, siblings, n=1)
    if close:
        return f"Did you mean {'.'.join([*section, close[0]])}?"
    elsewhere = difflib.get_close_matches(leaf, sorted({path[-1] for path in paths}), n=1, cutoff=0.8)
    if elsewhere:
        return f"Did you mean {next('.'.join(path) for path in paths if path[-1] == elsewhere[0])}?"
    return f"Known keys here: {', '.join(siblings)}." if siblings else "This section has no keys."
