"""Graders of what was retrieved. They judge no answer, and run for a retrieval track without any model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from scoring.evals.statistics import hit_at_k, ndcg_at_k, recall_at_k, reciprocal_rank
from serving.evals.answers import Answer
from serving.evals.cases import Case
from serving.evals.graders.types import Options, PureGrader, Verdict

_DEFAULT_K: Final = 10
_CITATION: Final = r"\[([^\[\]\s]{1,128})\]"
"""A cited document: "[policy-7]"; ``pattern`` of the options replaces it, its first group is the id."""
_Metric = Callable[[list[str], frozenset[str], int], float]
_METRICS: Final[dict[str, tuple[_Metric, float]]] = {
    "hit_at_k": (hit_at_k, 1.0),
    "recall_at_k": (recall_at_k, 1.0),
    "mrr": (lambda results, relevant, _: reciprocal_rank(results, relevant), 0.5),
    "ndcg_at_k": (ndcg_at_k, 0.5),
}
"""Each metric and the value from which a case passes unless ``at_least`` says another."""


def metric(name: str) -> PureGrader:
    """A grader of one metric: ``k`` (10), ``at_least``."""
    measure, usual = _METRICS[name]

    def grade(options: Options, case: Case, answer: Answer) -> Verdict:
        relevant = frozenset(one.document_id for one in case.relevant_docs)
        if not relevant:
            return Verdict(None, "the case names no relevant document")
        k, least = int(options.get("k", _DEFAULT_K)), float(options.get("at_least", usual))
        results = [one.document_id for one in answer.retrieved]
        value = measure(results, relevant, k)
        return Verdict(
            value >= least, f"{name} is {value:.3f} over {len(results)} results (k={k}); at least {least:g}", value
        )

    return grade


def citation(options: Options, case: Case, answer: Answer) -> Verdict:
    """``pattern``: every document that the answer cites is a relevant one, and it cites at least one."""
    relevant = {one.document_id for one in case.relevant_docs}
    if not relevant:
        return Verdict(None, "the case names no relevant document")
    cited = list(dict.fromkeys(re.findall(options.get("pattern", _CITATION), answer.text)))
    if not cited:
        return Verdict(False, "the answer cites nothing")
    wrong = [one for one in cited if one not in relevant]
    return Verdict(not wrong, f"cites {', '.join(wrong)}, not relevant" if wrong else f"cites {', '.join(cited)}")
