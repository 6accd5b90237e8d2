"""A Python function as target, in the command line only: a server never imports what a request names."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import time
from collections.abc import Callable
from typing import Any

from serving.api.errors import ValidationFailedError
from serving.evals.answers import Answer, read_answer
from serving.evals.cases import Case
from serving.evals.reading import sha256_of


class CallableTarget:
    """``function(case)`` gets the case as JSON values and returns a text or an object as recorded answers have them."""

    def __init__(self, name: str, function: Callable[[dict[str, Any]], Any]) -> None:
        self._name, self._function = name, function

    @property
    def identity(self) -> str:
        """The hash of the function's name and source."""
        try:
            source = inspect.getsource(self._function)
        except (OSError, TypeError):
            source = ""
        return sha256_of([self._name, source])

    @property
    def paid(self) -> bool:
        """It may call whatever it likes."""
        return True

    async def answer(self, case: Case, repeat: int) -> Answer:
        """What the function returns; what it raises is the answer's error."""
        started_s = time.perf_counter()
        try:
            value = await asyncio.to_thread(self._function, case.view())
            if inspect.isawaitable(value):
                value = await value
            found = read_answer(value, self._name)
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            OSError,
            RuntimeError,
            TypeError,
            ValueError,
            ValidationFailedError,
        ) as error:
            return Answer("", error=f"{type(error).__name__}: {error}")
        if found.latency_ms is None:
            fields = {name: getattr(found, name) for name in Answer.__dataclass_fields__}
            return Answer(**{**fields, "latency_ms": (time.perf_counter() - started_s) * 1000.0})
        return found

    async def close(self) -> None:
        """Nothing is open."""


def load_callable(name: str) -> CallableTarget:
    """The function ``module:function``. Raises ValidationFailedError when there is none."""
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ValidationFailedError(f"{name!r}: name a function as module:function")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValidationFailedError(f"{name}: {error}") from None
    if not callable(function):
        raise ValidationFailedError(f"{name}: is no function")
    return CallableTarget(name, function)
