"""Reading values from JSON and YAML documents that people wrote, with errors that name the field."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from serving.api.errors import ValidationFailedError

_MOST_NAME: Final = 64


def sha256_of(value: Any) -> str:
    """SHA-256 of canonical JSON: sorted keys, no white space; equal values have equal hashes. 64 hex digits."""
    try:
        return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except (orjson.JSONEncodeError, UnicodeEncodeError) as error:
        raise ValidationFailedError(f"a value cannot be written as JSON: {error}") from None


class Fields:
    """One JSON object whose fields are taken one by one; :meth:`end` refuses those that nobody took."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise ValidationFailedError(f"{where}: expected an object, not {type(value).__name__}")
        self._left = {str(key): item for key, item in value.items()}
        self._known: set[str] = set()
        self.where = where

    def take(self, name: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
        """The field's value, of ``kind``; ``default`` when it is absent or null. Raises ValidationFailedError."""
        self._known.add(name)
        value = self._left.pop(name, None)
        if value is None:
            if default is ...:
                raise ValidationFailedError(f"{self.where}.{name}: is required")
            return default
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(one.__name__ for one in kinds)
            raise ValidationFailedError(f"{self.where}.{name}: expected {names}, not {type(value).__name__}")
        return value

    def text(self, name: str, default: Any = ...) -> Any:
        """A string field."""
        return self.take(name, str, default)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; absent is empty."""
        values = self.take(name, list, [])
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise ValidationFailedError(f"{self.where}.{name}[{index}]: expected str, not {type(value).__name__}")
        return tuple(values)

    def number(self, name: str, default: Any = ..., least: float | None = None) -> Any:
        """A number, at least ``least``."""
        value = self.take(name, (int, float), default)
        if least is not None and value is not None and value < least:
            raise ValidationFailedError(f"{self.where}.{name}: is at least {least:g}")
        return value

    def one_of(self, name: str, allowed: Collection[str], default: Any = ...) -> Any:
        """A string among ``allowed``."""
        value = self.text(name, default)
        if value is not None and value not in allowed:
            raise ValidationFailedError(f"{self.where}.{name}: {value!r} is none of {', '.join(allowed)}")
        return value

    def rest(self) -> dict[str, Any]:
        """What nobody took."""
        return self._left

    def end(self) -> None:
        """Raise ValidationFailedError naming a field that is unknown, and the nearest known one."""
        for name in self._left:
            if len(name) > _MOST_NAME:  # comparing it would cost more than reading it
                raise ValidationFailedError(f"{self.where}: unknown field, whose name has {len(name)} characters")
            near = get_close_matches(name, self._known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValidationFailedError(f"{self.where}.{name}: unknown field{hint}")


def read_json_lines(path: Path) -> list[tuple[int, Any]]:
    """Values of the lines that are not blank, with their numbers. Raises ValidationFailedError naming the line."""
    found = []
    for number, line in enumerate(_text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append((number, orjson.loads(line)))
        except orjson.JSONDecodeError as error:
            raise ValidationFailedError(f"{path.name} line {number}: not JSON: {error}") from None
    return found


def read_yaml(path: Path) -> Any:
    """The document of a YAML file. Raises ValidationFailedError when it is none."""
    try:
        return yaml.safe_load(_text_of(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist, 2026-02-31
        raise ValidationFailedError(f"{path.name}: not YAML: {error}") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValidationFailedError(f"{path.name}: not UTF-8 at byte {error.start}") from None
