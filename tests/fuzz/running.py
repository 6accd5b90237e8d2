"""One input through one target, within its steps; inputs as files of the corpus and back."""

from __future__ import annotations

import ast
import hashlib
import warnings
from pathlib import Path
from typing import Any, Final

from tests.fuzz.budget import step_budget
from tests.fuzz.targets import Target

CORPUS: Final = Path(__file__).parent / "corpus"
_FIXED_STEPS: Final = 1_000_000
"""What an empty input may cost: tables are built and patterns compiled when they are first needed."""


def check(target: Target, given: Any) -> None:
    """Raises what the target raises, StepsExceededError where it takes too many steps."""
    with warnings.catch_warnings(), step_budget(_FIXED_STEPS + target.steps_per_character * size(given)):
        warnings.simplefilter("ignore", SyntaxWarning)
        target.run(given)


def size(given: Any) -> int:
    """Characters or bytes of an input, those of its parts together."""
    if isinstance(given, str | bytes):
        return len(given)
    return len(repr(given))


def corpus() -> list[tuple[str, Path]]:
    """(target, file) of every input that once failed."""
    return [(path.parent.name, path) for path in sorted(CORPUS.glob("*/*.txt"))]


def read_input(path: Path) -> Any:
    """The input of a file: a Python literal."""
    return ast.literal_eval(path.read_text(encoding="utf-8"))


def keep_input(target: str, given: Any) -> Path:
    """Write an input into the corpus; the same input has the same file."""
    written = ascii(given)
    path = CORPUS / target / f"{hashlib.sha256(written.encode()).hexdigest()[:12]}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written + "\n", encoding="utf-8")
    return path
