"""Checkers that need no model, in the environment that has them: JSON lines on stdin, one line of scores for each on stdout.

A score is high where the answer looks grounded. Ragas' overlap metrics compare with a reference; here that is the context.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any


def checkers() -> dict[str, Callable[[dict[str, Any]], float]]:
    """By name; each takes a row with ``context``, ``question`` and ``response``."""
    import corroborate
    from ragas.metrics.collections import CHRFScore, NonLLMStringSimilarity, RougeScore

    def corroborated(row: dict[str, Any]) -> float:
        report = corroborate.check_answer(row["question"] or "", [row["context"]], row["response"])
        return 1.0 if report.ok() else 0.0

    def against_context(metric: Any) -> Callable[[dict[str, Any]], float]:
        return lambda row: float(asyncio.run(metric.ascore(reference=row["context"], response=row["response"])).value)

    return {
        "ragas RougeScore, precision": against_context(RougeScore(rouge_type="rouge1", mode="precision")),
        "ragas CHRFScore": against_context(CHRFScore()),
        "ragas NonLLMStringSimilarity": against_context(NonLLMStringSimilarity()),
        "corroborate": corroborated,
    }


def main() -> None:
    """Score every line."""
    every = checkers()
    for line in sys.stdin:
        row = json.loads(line)
        print(json.dumps({name: check(row) for name, check in every.items()}), flush=True)


if __name__ == "__main__":
    main()
