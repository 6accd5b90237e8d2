"""Which column is the question, the context, the answer: guessed from their names, and said, so that one can object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from groundlane.cli.common import EXIT_USAGE, CommandError

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "answer": (
        "response_text", "response", "answer", "generated_answer", "model_answer", "output", "model_output", "actual_output",
        "completion", "prediction", "generated_text", "generation", "llm_output", "hypothesis", "summary", "reply", "claim",
    ),
    "context": (
        "raw_context", "support_units", "retrieved_contexts", "contexts", "context", "retrieval_context", "retrieved_context",
        "retrieved_documents", "retrieved_docs", "documents", "docs", "retrieved_passages", "passages", "passage",
        "retrieved_chunks", "chunks", "sources", "source", "source_text", "source_info", "evidence", "knowledge",
        "search_results", "facts", "grounding", "premise", "article", "document", "background",
    ),
    "question": (
        "query_text", "question", "query", "user_input", "user_query", "user_question", "question_text", "prompt", "input",
        "instruction",
    ),
}  # fmt: skip
"""Names by role, the most telling first; case, hyphens and blanks do not matter."""
_ENDINGS: Final = ("answer", "response", "output", "completion", "summary")
"""``rag_answer`` is taken for the answer where no better name is there."""
_NOT_THE_MODELS: Final = (
    "reference",
    "gold",
    "expected",
    "ground",
    "correct",
    "right",
    "wrong",
    "human",
    "ideal",
    "target",
    "hallucinated",
)
"""Not ``reference_answer``: that is what somebody else said."""
_LABELS: Final = (
    "hallucinated",
    "hallucination",
    "is_hallucination",
    "is_hallucinated",
    "label",
    "grounded",
    "is_grounded",
    "faithful",
    "is_faithful",
)
_YES_IS_GROUNDED: Final = frozenset(
    f"{start}{word}" for start in ("", "is_") for word in ("grounded", "faithful", "supported", "consistent", "factual")
)
"""Label columns whose ``true`` praises the answer; of any other it says that the answer is hallucinated."""


@dataclass(frozen=True)
class Column:
    """A column and its role. ``guessed``: nobody named it; ``others``: columns that could be meant as well."""

    role: str
    name: str
    guessed: bool
    others: tuple[str, ...] = ()

    def line(self) -> str:
        """As it is said to a person: ``answer: column 'response' (guessed; also possible: 'output')``."""
        if not self.guessed:
            return f"{self.role}: column {self.name!r}"
        also = f"; also possible: {', '.join(map(repr, self.others))}" if self.others else ""
        return f"{self.role}: column {self.name!r} (guessed{also})"


@dataclass(frozen=True)
class Columns:
    """The columns that are read; ``question`` may be missing."""

    answer: Column
    context: Column
    question: Column | None

    @property
    def read(self) -> tuple[Column, ...]:
        """Those that are there."""
        return tuple(column for column in (self.question, self.context, self.answer) if column is not None)


def map_columns(names: Sequence[str], chosen: Mapping[str, str | None]) -> Columns:
    """The columns among ``names``; ``chosen`` has those that a flag names, by role.

    Raises CommandError where a named column does not exist, or answer or context cannot be told.
    """
    for role, name in chosen.items():
        if name is not None and name not in names:
            raise CommandError(f"--{role} {name!r}: there is no such column; there are {_listed(names)}", EXIT_USAGE)
    taken = {name for name in chosen.values() if name is not None}
    found: dict[str, Column | None] = {}
    for role in ROLES:
        column = _column(role, names, chosen.get(role), taken)
        found[role] = column
        taken |= {column.name} if column else set()
    answer, context = found["answer"], found["context"]
    if answer is None or context is None:
        role = "answer" if answer is None else "context"
        raise CommandError(
            f"no column looks like the {role}: name it with --{role} COLUMN. There are {_listed(names)}", EXIT_USAGE
        )
    return Columns(answer, context, found["question"])


def looks_like_labels(names: Sequence[str]) -> str | None:
    """A column that may hold human labels."""
    return next((name for wanted in _LABELS for name in names if plain(name) == wanted), None)


def asks_for_grounded(name: str) -> bool:
    """Whether a column of labels asks if the answer is grounded, and not if it is hallucinated."""
    return plain(name) in _YES_IS_GROUNDED


def plain(name: str) -> str:
    """A column's name in one spelling: ``Retrieved-Contexts`` and ``retrievedContexts`` are ``retrieved_contexts``."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s\-.]+", "_", split).lower()


def _column(role: str, names: Sequence[str], chosen: str | None, taken: set[str]) -> Column | None:
    if chosen is not None:
        return Column(role, chosen, guessed=False)
    candidates = [name for wanted in ROLES[role] for name in names if plain(name) == wanted and name not in taken]
    if not candidates and role == "answer":
        candidates = [name for name in names if name not in taken and _ends_like_an_answer(plain(name))]
        if len(candidates) > 1:
            return None
    return Column(role, candidates[0], True, tuple(candidates[1:])) if candidates else None


def _ends_like_an_answer(name: str) -> bool:
    first, _, _ = name.partition("_")
    return name.endswith(tuple(f"_{ending}" for ending in _ENDINGS)) and first not in _NOT_THE_MODELS


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) if names else "no columns"
