"""Every pattern of the packages against texts built from its own parts: none takes more than linear time.

Each repetition in a pattern is repeated thousands of times, after what the pattern wants before it and before an end
that does not fit. Eight times the text may take up to 24 times the CPU time, where a quadratic pattern takes 64; what
takes under 8 milliseconds at the larger size is not worth a ratio (a quadratic one takes more than 30).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from scoring.feedback.rules import Rule
from tests.pattern_attacks import attacks

ROOT = Path(__file__).parents[1]
PACKAGES = ("parsers", "scoring", "serving")
SIZE = 4096
SUSPECT_S = 0.008
CPU_LIMIT_S = 1.0
LEFT_OUT = ("serving.store.migrations.env", "parsers.builtins.generators")
"""Alembic's own entry point, which runs only inside a migration; and what writes our data from the documentation of others."""

Work = Callable[[str], object]


class _TooLongError(Exception):
    pass


def _modules(package: str) -> Iterator[Any]:
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not found.name.startswith(LEFT_OUT):
            yield importlib.import_module(found.name)


def _patterns_in(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """(name, pattern, whether it must begin the text) of a module-level value: alone, in tables, in frozen dataclasses."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield name, value, False
    elif isinstance(value, Rule):
        yield f"{name}:{value.name}", value.pattern, value.anchored
    elif depth < 4 and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _patterns_in(inner, f"{name}[{key!r}]", depth + 1)
    elif depth < 4 and isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        for index, inner in enumerate(value):
            yield from _patterns_in(inner, f"{name}[{index}]", depth + 1)
    elif depth < 4 and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _patterns_in(getattr(value, field.name, None), f"{name}.{field.name}", depth + 1)


def _used_from_the_start(name: str, sources: str) -> bool:
    """Whether all code that names the pattern calls ``match`` or ``fullmatch``, which look at one place only."""
    word = re.escape(name.rpartition(".")[2])
    calls = set(re.findall(rf"\b{word}\.(match|fullmatch|search|finditer|findall|subn?|split)\(", sources))
    return bool(calls) and calls <= {"match", "fullmatch"}


def _works(package: str) -> dict[str, tuple[re.Pattern[str], Work]]:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / package).rglob("*.py"))
    found: dict[tuple[str, int], tuple[str, re.Pattern[str], Work]] = {}
    for module in _modules(package):
        for key, value in vars(module).items():
            for name, pattern, anchored in _patterns_in(value, f"{module.__name__}.{key}"):
                from_start = anchored or _used_from_the_start(name, sources)
                work = pattern.match if from_start else _all_of(pattern)
                found.setdefault((pattern.pattern, pattern.flags), (name, pattern, work))
    return {name: (pattern, work) for name, pattern, work in found.values()}


def _all_of(pattern: re.Pattern[str]) -> Work:
    def work(text: str) -> object:
        return sum(1 for _ in pattern.finditer(text))

    return work


def _seconds(work: Work, text: str, repeats: int) -> float:
    """The least CPU time of ``repeats`` runs; CPU_LIMIT_S for a run that is stopped there."""
    best = CPU_LIMIT_S
    try:
        for _ in range(repeats):
            signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
            started_s = time.thread_time()
            work(text)
            best = min(best, time.thread_time() - started_s)
    except _TooLongError:
        return best
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return best


def _grows_too_fast(work: Work, start: str, body: str, end: str) -> bool:
    large, small = (start + body * (size // len(body) + 1) + end for size in (SIZE, SIZE // 8))
    first_s = _seconds(work, large, 1)
    if first_s < SUSPECT_S or first_s >= CPU_LIMIT_S:
        return first_s >= CPU_LIMIT_S
    return _seconds(work, large, 3) > max(SUSPECT_S, 24 * _seconds(work, small, 5))


@pytest.fixture
def stopwatch() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGPROF, before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.usefixtures("stopwatch")
def test_no_pattern_takes_more_than_linear_time(package: str) -> None:
    works = _works(package)
    assert len(works) > 20
    slow = []
    for name, (pattern, work) in works.items():
        for start, body, end in attacks(pattern):
            if _grows_too_fast(work, start, body, end):
                slow.append(f"{name}: {start[-40:]!r} + {body[:40]!r} * n + {end!r}")
                break
    assert not slow, "\n".join(slow)


@pytest.mark.usefixtures("stopwatch")
@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(?:a|a)*b", id="exponential"),
        pytest.param(r"x\s*\s*y", id="two-runs-of-blanks"),
        pytest.param(r"[.!]+$", id="searched-run"),
        pytest.param(r"(?:\w+ )*\w+ (?:is|was) wrong", id="words"),
    ],
)
def test_a_slow_pattern_is_found(pattern: str) -> None:
    compiled = re.compile(pattern)
    assert any(_grows_too_fast(_all_of(compiled), *attack) for attack in attacks(compiled))
